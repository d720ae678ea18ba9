//! Iterators: the state of what `for`, `zip`, `map` and generator expressions go through.

use super::Python;
use super::calls::Active;
use super::error::{Maybe, Outcome};
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
    fn next(&mut self, py: &mut Python, at: Span) -> Maybe;

    /// The values it holds, to be freed without recursion.
    fn release(&mut self) -> Vec<Value>;

    /// Says what the `yield` gives where a generator stands, or raises; other iterators end with what is raised.
    fn give(&mut self, given: Outcome) -> Outcome<()> {
        given.map(drop)
    }
}

/// An iterator made of values and a function of them.
struct Held<F> {
    values: Vec<Value>,
    step: F,
}

impl<F: FnMut(&mut Python, &[Value], Span) -> Maybe> Step for Held<F> {
    fn next(&mut self, py: &mut Python, at: Span) -> Maybe {
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
        step: impl FnMut(&mut Python, &[Value], Span) -> Maybe + 'static,
    ) -> Value {
        Self::iterator(name, Held { values, step })
    }

    /// The next item of an iterator, or `None` at its end.
    pub fn next(&mut self, iter: &Value, at: Span) -> Maybe {
        match iter {
            Value::Iter(iter) => self.resume(iter, Ok(Value::None), at),
            other => self.next_of(other, at),
        }
    }

    /// The next item of an iterator, or `None` at its end, when the `yield` of a generator gives or raises something.
    pub fn resume(&mut self, iter: &Rc<Iter>, given: Outcome, at: Span) -> Maybe {
        self.returned = Value::None;
        let state = iter.state.replace(State::Running);
        let mut step = match state {
            State::Ready(step) => step,
            State::Ended => {
                iter.state.replace(State::Ended);
                return given.map(|_| None);
            }
            State::Running => return Err(self.value_error(at, "generator already executing")),
        };
        if let Err(error) = self.deeper(self.frames.len(), at) {
            iter.state.replace(State::Ready(step));
            return Err(error);
        }
        // What a generator of the library does is done where the definition asks for it.
        self.frames.push(Active { function: None, span: at });
        let result = self.work(1, at).and_then(|()| step.give(given));
        let result = result.and_then(|()| step.next(self, at));
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

    /// Ends an iterator: a generator sees a `GeneratorExit` where it stands.
    pub fn close(&mut self, iter: &Rc<Iter>, at: Span) -> Outcome<()> {
        let begun = matches!(&*iter.state.borrow(), State::Ready(_));
        if !begun {
            return Ok(());
        }
        let exit = self.error("GeneratorExit", at, "");
        match self.resume(iter, Err(exit), at) {
            Ok(None) => Ok(()),
            Ok(Some(_)) => Err(self.error("RuntimeError", at, "generator ignored GeneratorExit")),
            Err(error) if self.is_error(&error, "GeneratorExit") => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl Drop for Iter {
    fn drop(&mut self) {
        if let State::Ready(step) = self.state.get_mut() {
            bury(step.release());
        }
    }
}
