//! Iterators: the state of what `for`, `zip`, `map` and generator expressions go through.

use super::Python;
use super::calls::Active;
use super::error::{Outcome, PyError};
use super::value::{Value, bury};
use crate::source::Span;
use std::cell::RefCell;
use std::rc::Rc;

/// An iterator.
pub struct Iter {
    /// The name of its type, such as `zip`.
    pub name: &'static str,
    state: RefCell<State>,
}

enum State {
    Ready(Box<dyn Step>),
    Running,
    Ended,
}

/// What an iterator does for its next item.
pub trait Step {
    /// The next item, or `None` at the end, after which it is not asked again.
    fn next(&mut self, py: &mut Python, at: Span) -> Outcome<Option<Value>>;

    /// The values it holds, to be freed without recursion.
    fn release(&mut self) -> Vec<Value>;

    /// Makes the next step raise an exception where a generator stands.
    fn throw(&mut self, _error: PyError) {}
}

/// An iterator made of values and a function of them.
struct Held<F> {
    values: Vec<Value>,
    step: F,
}

impl<F: FnMut(&mut Python, &[Value], Span) -> Outcome<Option<Value>>> Step for Held<F> {
    fn next(&mut self, py: &mut Python, at: Span) -> Outcome<Option<Value>> {
        (self.step)(py, &self.values, at)
    }

    fn release(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.values)
    }
}

impl Python {
    /// An iterator with its own state.
    pub fn iterator(name: &'static str, state: impl Step + 'static) -> Value {
        let state = RefCell::new(State::Ready(Box::new(state)));
        Value::Iter(Rc::new(Iter { name, state }))
    }

    /// An iterator over what a function makes of some values; the function itself holds none.
    pub fn iterator_of(
        name: &'static str,
        values: Vec<Value>,
        step: impl FnMut(&mut Python, &[Value], Span) -> Outcome<Option<Value>> + 'static,
    ) -> Value {
        Self::iterator(name, Held { values, step })
    }

    /// The next item of an iterator, or `None` at its end.
    pub fn next(&mut self, iter: &Value, at: Span) -> Outcome<Option<Value>> {
        let Value::Iter(iter) = iter else { return self.next_of(iter, at) };
        let state = iter.state.replace(State::Running);
        let mut step = match state {
            State::Ready(step) => step,
            State::Ended => {
                iter.state.replace(State::Ended);
                return Ok(None);
            }
            State::Running => return Err(self.value_error(at, "generator already executing")),
        };
        if !self.stack.has_room() || self.limits.calls <= self.frames.len() {
            iter.state.replace(State::Ready(step));
            return Err(self.error("RecursionError", at, "maximum recursion depth exceeded"));
        }
        // What a generator of the library does is done where the definition asks for it.
        self.frames.push(Active { function: None, span: at });
        let result = self.work(1, at).and_then(|()| step.next(self, at));
        self.frames.pop();
        match result {
            Ok(Some(value)) => {
                iter.state.replace(State::Ready(step));
                Ok(Some(value))
            }
            ended => {
                bury(step.release());
                iter.state.replace(State::Ended);
                ended
            }
        }
    }

    /// Raises an exception where a generator stands; what it yields next, or `None` at its end.
    pub fn throw(&mut self, iter: &Rc<Iter>, error: PyError, at: Span) -> Outcome<Option<Value>> {
        if let State::Ready(step) = &mut *iter.state.borrow_mut() {
            step.throw(error);
        }
        self.next(&Value::Iter(iter.clone()), at)
    }
}

impl Drop for Iter {
    fn drop(&mut self) {
        if let State::Ready(step) = self.state.get_mut() {
            bury(step.release());
        }
    }
}
