//! Generators: expressions in parentheses with `for`, and functions with `yield`, which stop in the middle of their
//! statements and go on from there.

use super::exec::{Flow, Frame};
use super::iterator::Step;
use super::{Outcome, PyError, Python, Value, bury};
use crate::front::tensorflow::ast::{
    Block, Clause, Comprehension, Expr, ExprKind, Function, Handler, Statement, StatementKind, Try,
};
use crate::source::Span;
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
    fn next(&mut self, py: &mut Python, at: Span) -> Outcome<Option<Value>> {
        if !self.clauses.advance(py, &mut self.frame, &self.comprehension, at)? {
            return Ok(None);
        }
        py.eval(&mut self.frame, &self.comprehension.element).map(Some)
    }

    fn release(&mut self) -> Vec<Value> {
        self.clauses.running.drain(..).map(|(_, iter)| iter).collect()
    }
}

/// What a statement in which a generator stopped needs to go on.
enum Saved {
    /// The `yield` itself.
    Yield,
    /// The arm of an `if`; the number of arms for `else`.
    Arm(usize),
    /// The body of `while`, or the `else` of a loop.
    Body,
    Otherwise,
    /// The body of `for` with its iterator.
    For(Value),
    /// The body of `with` with its managers.
    With(Vec<Value>),
    /// A part of `try`: with the exception that is handled, or what comes after `finally`.
    Tried,
    Handler(usize, PyError),
    TryOtherwise,
    Finally(Box<Result<Flow, PyError>>),
}

/// How a block of a generator ends.
enum Pause {
    Yielded(Value),
    Done(Flow),
}

struct Running {
    frame: Frame,
    code: Rc<Function>,
    /// The place in each block around the `yield`, outermost last.
    saved: Vec<(usize, Saved)>,
    started: bool,
    /// The exception that is raised where the generator stands.
    thrown: Option<PyError>,
}

impl Step for Running {
    fn next(&mut self, py: &mut Python, _at: Span) -> Outcome<Option<Value>> {
        let code = self.code.clone();
        if !self.started
            && let Some(error) = self.thrown.take()
        {
            return Err(error);
        }
        self.started = true;
        match self.block(py, &code.body)? {
            Pause::Yielded(value) => Ok(Some(value)),
            Pause::Done(_) => Ok(None),
        }
    }

    fn release(&mut self) -> Vec<Value> {
        let held = |saved| match saved {
            Saved::For(iter) => vec![iter],
            Saved::With(managers) => managers,
            _ => vec![],
        };
        self.saved.drain(..).flat_map(|(_, saved)| held(saved)).collect()
    }

    fn throw(&mut self, error: PyError) {
        self.thrown = Some(error);
    }
}

impl Running {
    fn block(&mut self, py: &mut Python, block: &Block) -> Outcome<Pause> {
        let (first, mut saved) = match self.saved.pop() {
            Some((at, saved)) => (at, Some(saved)),
            None => (0, None),
        };
        for (i, statement) in block.iter().enumerate().skip(first) {
            let (pause, state) = self.statement(py, statement, saved.take())?;
            match pause {
                Pause::Yielded(value) => {
                    self.saved.push((i, state.unwrap_or(Saved::Yield)));
                    return Ok(Pause::Yielded(value));
                }
                Pause::Done(Flow::Next) => {}
                Pause::Done(flow) => return Ok(Pause::Done(flow)),
            }
        }
        Ok(Pause::Done(Flow::Next))
    }

    fn yielded(&mut self, py: &mut Python, value: &Option<Box<Expr>>) -> Outcome<Pause> {
        let value = match value {
            Some(value) => py.eval(&mut self.frame, value)?,
            None => Value::None,
        };
        Ok(Pause::Yielded(value))
    }

    /// Runs a statement, from the beginning or from where it stopped; with what to save if it stops.
    fn statement(
        &mut self,
        py: &mut Python,
        statement: &Statement,
        saved: Option<Saved>,
    ) -> Outcome<(Pause, Option<Saved>)> {
        let at = statement.span;
        py.work(1, at)?;
        let thrown = match &saved {
            Some(Saved::Yield) => self.thrown.take(),
            _ => None,
        };
        if let Some(error) = thrown {
            return Err(error);
        }
        let done = |flow| Ok((Pause::Done(flow), None));
        match (&statement.value, saved) {
            (StatementKind::Expression(Expr { value: ExprKind::Yield(value), .. }), None) => {
                Ok((self.yielded(py, value)?, None))
            }
            (StatementKind::Expression(Expr { value: ExprKind::Yield(_), .. }), Some(_)) => {
                done(Flow::Next)
            }
            (StatementKind::Assign(_, Expr { value: ExprKind::Yield(value), .. }), None) => {
                Ok((self.yielded(py, value)?, None))
            }
            (StatementKind::Assign(targets, Expr { value: ExprKind::Yield(_), .. }), Some(_)) => {
                for target in targets {
                    py.assign(&mut self.frame, target, Value::None)?;
                }
                done(Flow::Next)
            }
            (StatementKind::If(arms, otherwise), saved) => {
                let arm = match saved {
                    Some(Saved::Arm(arm)) => arm,
                    _ => {
                        let mut chosen = arms.len();
                        for (i, (condition, _)) in arms.iter().enumerate() {
                            if py.condition(&mut self.frame, condition)? {
                                chosen = i;
                                break;
                            }
                        }
                        chosen
                    }
                };
                let body = arms.get(arm).map_or(otherwise, |(_, body)| body);
                Ok((self.block(py, body)?, Some(Saved::Arm(arm))))
            }
            (StatementKind::While(condition, body, otherwise), saved) => {
                let mut resumed = matches!(saved, Some(Saved::Body));
                if !matches!(saved, Some(Saved::Otherwise)) {
                    while resumed || py.condition(&mut self.frame, condition)? {
                        resumed = false;
                        py.work(1, at)?;
                        match self.block(py, body)? {
                            Pause::Done(Flow::Next | Flow::Continue) => {}
                            Pause::Done(Flow::Break) => return done(Flow::Next),
                            pause => return Ok((pause, Some(Saved::Body))),
                        }
                    }
                }
                Ok((self.block(py, otherwise)?, Some(Saved::Otherwise)))
            }
            (StatementKind::For(target, iterable, body, otherwise), saved) => {
                if matches!(saved, Some(Saved::Otherwise)) {
                    return Ok((self.block(py, otherwise)?, Some(Saved::Otherwise)));
                }
                let (iter, mut resumed) = match saved {
                    Some(Saved::For(iter)) => (iter, true),
                    _ => {
                        let values = py.eval(&mut self.frame, iterable)?;
                        (py.iter(&values, iterable.span)?, false)
                    }
                };
                loop {
                    if !std::mem::take(&mut resumed) {
                        py.work(1, at)?;
                        let Some(value) = py.next(&iter, iterable.span)? else { break };
                        py.assign(&mut self.frame, target, value)?;
                    }
                    match self.block(py, body)? {
                        Pause::Done(Flow::Next | Flow::Continue) => {}
                        Pause::Done(Flow::Break) => return done(Flow::Next),
                        pause => return Ok((pause, Some(Saved::For(iter)))),
                    }
                }
                Ok((self.block(py, otherwise)?, Some(Saved::Otherwise)))
            }
            (StatementKind::With(items, body), saved) => self.with(py, items, body, saved),
            (StatementKind::Try(parts), saved) => self.try_statement(py, parts, saved),
            _ => {
                let flow = py.statement(&mut self.frame, statement)?;
                done(flow)
            }
        }
    }

    /// `with`, which exits the managers that it has entered.
    fn with(
        &mut self,
        py: &mut Python,
        items: &[(Expr, Option<Expr>)],
        body: &Block,
        saved: Option<Saved>,
    ) -> Outcome<(Pause, Option<Saved>)> {
        let (mut managers, mut result) = match saved {
            Some(Saved::With(managers)) => (managers, Ok(())),
            _ => (vec![], Ok(())),
        };
        for (manager, target) in items.iter().skip(managers.len()) {
            result = py.enter_with(&mut self.frame, manager, target, &mut managers);
            if result.is_err() {
                break;
            }
        }
        let mut result = match result.and_then(|()| self.block(py, body)) {
            Ok(Pause::Yielded(value)) => {
                return Ok((Pause::Yielded(value), Some(Saved::With(managers))));
            }
            Ok(Pause::Done(flow)) => Ok(flow),
            Err(error) => Err(error),
        };
        for (manager, (item, _)) in managers.iter().zip(items).rev() {
            result = py.leave(manager, result, item.span);
        }
        Ok((Pause::Done(result?), None))
    }

    fn try_statement(
        &mut self,
        py: &mut Python,
        parts: &Try,
        saved: Option<Saved>,
    ) -> Outcome<(Pause, Option<Saved>)> {
        let (result, place) = match saved {
            Some(Saved::Finally(before)) => return self.finally(py, parts, *before),
            Some(Saved::Handler(at, error)) => {
                (self.handler(py, &parts.handlers[at], &error), Saved::Handler(at, error))
            }
            Some(Saved::TryOtherwise) => (self.block(py, &parts.otherwise), Saved::TryOtherwise),
            _ => match self.block(py, &parts.body) {
                Ok(Pause::Done(Flow::Next)) => {
                    (self.block(py, &parts.otherwise), Saved::TryOtherwise)
                }
                Err(error) if error.is_catchable() => {
                    match py.handler_for(&mut self.frame, &parts.handlers, &error) {
                        Err(other) => (Err(other), Saved::Tried),
                        Ok(None) => (Err(error), Saved::Tried),
                        Ok(Some(at)) => {
                            let result = self.handler(py, &parts.handlers[at], &error);
                            (result, Saved::Handler(at, error))
                        }
                    }
                }
                result => (result, Saved::Tried),
            },
        };
        match result {
            Ok(Pause::Yielded(value)) => Ok((Pause::Yielded(value), Some(place))),
            Ok(Pause::Done(flow)) => self.finally(py, parts, Ok(flow)),
            Err(error) if !error.is_catchable() => Err(error),
            Err(error) => self.finally(py, parts, Err(error)),
        }
    }

    fn handler(&mut self, py: &mut Python, handler: &Handler, error: &PyError) -> Outcome<Pause> {
        py.handling.push(error.clone());
        let result = self.block(py, &handler.body);
        py.handling.pop();
        if !matches!(result, Ok(Pause::Yielded(_))) {
            py.forget_caught(&mut self.frame, handler);
        }
        result
    }

    fn finally(
        &mut self,
        py: &mut Python,
        parts: &Try,
        before: Result<Flow, PyError>,
    ) -> Outcome<(Pause, Option<Saved>)> {
        match self.block(py, &parts.finally)? {
            Pause::Done(Flow::Next) => Ok((Pause::Done(before?), None)),
            Pause::Done(flow) => Ok((Pause::Done(flow), None)),
            Pause::Yielded(value) => {
                Ok((Pause::Yielded(value), Some(Saved::Finally(Box::new(before)))))
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        bury(self.release());
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
        let state = Running { frame, code, saved: vec![], started: false, thrown: None };
        Ok(Self::iterator("generator", state))
    }
}
