//! Generators: expressions in parentheses with `for`, and functions with `yield`, which stop anywhere on stacks of their
//! own and go on from there.

use super::exec::{Flow, Frame};
use super::iterator::Step;
use super::{Maybe, Outcome, PyError, Python, Value};
use crate::front::cage::{COROUTINE_STACK, RESERVE, Stack};
use crate::front::python::ast::{Clause, Comprehension, Function};
use crate::source::Span;
use corosensei::stack::{DefaultStack, Stack as _};
use corosensei::{Coroutine, CoroutineResult, Yielder};
use std::cell::RefCell;
use std::rc::Rc;

/// How far the clauses of a comprehension are.
pub(super) struct Clauses {
    /// The iterators of the `for` clauses that are running, with the number of the clause.
    running: Vec<(usize, Value)>,
}

impl Clauses {
    /// At the beginning, with the iterator of the first clause.
    pub fn new(first: Value) -> Self {
        Clauses { running: vec![(0, first)] }
    }

    /// Goes on to the next element; false at the end.
    pub fn advance(
        &mut self,
        py: &mut Python,
        frame: &mut Frame,
        comprehension: &Comprehension,
        at: Span,
    ) -> Outcome<bool> {
        let clauses = &comprehension.clauses;
        'values: loop {
            let Some((at_clause, iter)) = self.running.last().cloned() else { return Ok(false) };
            py.work(1, at)?;
            let Some(value) = py.next(&iter, at)? else {
                self.running.pop();
                continue;
            };
            if let Clause::For(target, _) = &clauses[at_clause] {
                py.assign(frame, target, value)?;
            }
            for (i, clause) in clauses.iter().enumerate().skip(at_clause + 1) {
                match clause {
                    Clause::If(condition) => {
                        if !py.condition(frame, condition)? {
                            continue 'values;
                        }
                    }
                    Clause::For(_, iterable) => {
                        let values = py.eval(frame, iterable)?;
                        self.running.push((i, py.iter(&values, iterable.span)?));
                        continue 'values;
                    }
                }
            }
            return Ok(true);
        }
    }
}

struct Expression {
    frame: Frame,
    comprehension: Rc<Comprehension>,
    clauses: Clauses,
}

impl Step for Expression {
    fn next(&mut self, py: &mut Python, at: Span) -> Maybe {
        if !self.clauses.advance(py, &mut self.frame, &self.comprehension, at)? {
            return Ok(None);
        }
        py.eval(&mut self.frame, &self.comprehension.element).map(Some)
    }

    fn release(&mut self) -> Vec<Value> {
        self.clauses.running.drain(..).map(|(_, iter)| iter).collect()
    }
}

/// The bytes of a generator's stack that are paid for when it is made, and by which it is paid for as it grows.
const GROWTH: usize = 64 << 10;
/// Generators that run within each other, whose stacks all count; half of CPython's bound of recursion.
const MOST_WITHIN: usize = 500;

/// What a generator is resumed with: the interpreter, or none if it is to end; what `yield` gives there, or raises.
type Given = (Option<Python>, Outcome);
type Hand = Yielder<Given, (Python, Value)>;
type Routine = Coroutine<Given, (Python, Value), (Python, Outcome)>;

/// Stacks of generators that have ended, each with how far it is paid for.
#[derive(Default)]
pub(super) struct Stacks(RefCell<Vec<(DefaultStack, Stack)>>);

/// A generator that runs.
pub(super) struct Active {
    /// Its end of the coroutine.
    hand: *const Hand,
    /// How many exceptions others handle.
    handling: usize,
}

/// A function that stops at every `yield`. It has a stack of its own, to which the interpreter is handed while it runs.
struct Generator {
    state: State,
    /// What `yield` gives where it stands, or raises.
    given: Outcome,
    stacks: Rc<Stacks>,
}

enum State {
    Fresh(Frame, Rc<Function>),
    /// With how far its stack is paid for.
    Suspended(Box<Routine>, Stack),
    Ended,
}

impl Step for Generator {
    fn next(&mut self, py: &mut Python, at: Span) -> Maybe {
        if MOST_WITHIN <= py.generators.len() {
            return Err(py.error("RecursionError", at, "maximum recursion depth exceeded"));
        }
        let given = std::mem::replace(&mut self.given, Ok(Value::None));
        let (mut routine, stack) = match std::mem::replace(&mut self.state, State::Ended) {
            State::Suspended(routine, stack) => (routine, stack),
            State::Ended => return Ok(None),
            State::Fresh(frame, code) => {
                if !given.clone()?.is_none() {
                    let message = "can't send non-None value to a just-started generator";
                    return Err(py.type_error(at, message));
                }
                let (memory, stack) = py.stack_of_generator(at)?;
                (Box::new(routine(memory, frame, code)), stack)
            }
        };
        py.generators.push(Active { hand: std::ptr::null(), handling: py.handling.len() });
        let outside = std::mem::replace(&mut py.stack, stack);
        let handed = py.leave_empty();
        let (python, result) = match routine.resume((Some(handed), given)) {
            CoroutineResult::Yield((python, value)) => {
                self.state = State::Suspended(routine, python.stack);
                (python, Ok(Some(value)))
            }
            CoroutineResult::Return((python, result)) => {
                self.stacks.0.borrow_mut().push((routine.into_stack(), python.stack));
                (python, result.map(|_| None))
            }
        };
        *py = python;
        py.stack = outside;
        py.generators.pop();
        match result {
            // Until Python 3.7 this ended a generator.
            Err(error) if error.is_catchable() && py.is_error(&error, "StopIteration") => Ok(None),
            result => result,
        }
    }

    fn release(&mut self) -> Vec<Value> {
        let state = std::mem::replace(&mut self.state, State::Ended);
        if let State::Suspended(mut routine, stack) = state {
            let ended = routine.resume((None, Ok(Value::None)));
            if let CoroutineResult::Return(_) = ended {
                self.stacks.0.borrow_mut().push((routine.into_stack(), stack));
            }
        }
        vec![]
    }

    fn give(&mut self, given: Outcome) -> Outcome<()> {
        self.given = given;
        Ok(())
    }
}

fn routine(stack: DefaultStack, mut frame: Frame, code: Rc<Function>) -> Routine {
    Coroutine::with_stack(stack, move |hand: &Hand, (python, _): Given| {
        let mut py = python.expect("a generator that has not begun is not ended by its coroutine");
        py.take_hand(hand);
        let result = py.block(&mut frame, &code.body);
        drop(frame);
        py.returned = Value::None;
        let result = result.map(|flow| {
            if let Flow::Return(value) = flow {
                py.returned = value;
            }
            Value::None
        });
        (py, result)
    })
}

impl Drop for Generator {
    fn drop(&mut self) {
        self.release();
    }
}

impl Python {
    pub(super) fn generator_expression(
        &mut self,
        frame: Frame,
        comprehension: Rc<Comprehension>,
        first: Value,
        at: Span,
    ) -> Outcome {
        self.allocate(256, at)?;
        let clauses = Clauses::new(first);
        Ok(Self::iterator("generator", Expression { frame, comprehension, clauses }))
    }

    /// The iterator that the call of a function with `yield` gives.
    pub(super) fn generator(&mut self, frame: Frame, code: Rc<Function>) -> Outcome {
        self.allocate(256, code.span)?;
        let (state, given) = (State::Fresh(frame, code), Ok(Value::None));
        let stacks = self.stacks.clone();
        Ok(Self::iterator("generator", Generator { state, given, stacks }))
    }

    /// `yield value`: gives a value to whoever asked the running generator for one, and waits; what it is sent.
    pub(super) fn suspend(&mut self, value: Value, at: Span) -> Outcome {
        let Some(Active { hand, handling }) = self.generators.last() else {
            return Err(self.error("RuntimeError", at, "'yield' outside of a generator that runs"));
        };
        let (hand, handled) = (*hand, self.handling.split_off(*handling));
        let python = self.leave_empty();
        // SAFETY: this runs on the stack of the innermost generator, whose hand lives at its bottom until it ends.
        let (python, given) = unsafe { &*hand }.suspend((python, value));
        let Some(python) = python else {
            // The interpreter is elsewhere: what is called here returns, and does nothing else.
            return Err(PyError::ended());
        };
        *self = python;
        self.take_hand(hand);
        self.handling.extend(handled);
        given
    }

    /// `yield from values`: what is sent goes to them, if they are a generator, and what it returns is the value.
    pub(super) fn delegate(&mut self, values: &Value, at: Span) -> Outcome {
        let iter = self.iter(values, at)?;
        let mut given = Ok(Value::None);
        loop {
            let next = match &iter {
                Value::Iter(iter) => self.resume(iter, given, at)?,
                other => given.and_then(|_| self.next(other, at))?,
            };
            let Some(value) = next else { return Ok(std::mem::take(&mut self.returned)) };
            given = match self.suspend(value, at) {
                Err(error) if !error.is_catchable() => return Err(error),
                given => given,
            };
        }
    }

    fn take_hand(&mut self, hand: *const Hand) {
        if let Some(active) = self.generators.last_mut() {
            active.hand = hand;
        }
    }

    /// The memory of a stack, and how far calls may use it.
    fn stack_of_generator(&mut self, at: Span) -> Outcome<(DefaultStack, Stack)> {
        let kept = self.stacks.0.borrow_mut().pop();
        if let Some(stack) = kept {
            return Ok(stack);
        }
        self.allocate(GROWTH, at)?;
        let Ok(memory) = DefaultStack::new(COROUTINE_STACK + RESERVE) else {
            return Err(self.limit("there is no memory for another stack".into(), at));
        };
        let (top, bottom) = (memory.base().get(), memory.limit().get());
        Ok((memory, Stack::of_coroutine(top - GROWTH / 2, bottom + RESERVE)))
    }

    /// Pays for more of a generator's stack, as far as it goes.
    #[cold]
    pub(super) fn pay_for_stack(&mut self, at: Span) -> Outcome<()> {
        while !self.stack.has_paid_room() && self.stack.deepen(GROWTH) {
            self.allocate(GROWTH, at)?;
        }
        Ok(())
    }
}
