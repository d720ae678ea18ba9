//! Runs the statements of resolved code.

use super::Lua;
use super::calls::Frame;
use super::code::*;
use super::function::LuaResult;

use super::value::Value;
use crate::source::Span;
use std::rc::Rc;

/// How a statement ended.
pub(super) enum Flow {
    Next,
    Break,
    Goto(usize),
    Return(Vec<Value>),
    /// A call that replaces the frame.
    Tail(Box<(Value, Vec<Value>, Rc<Site>)>),
}

impl Lua {
    pub(super) fn block(&mut self, frame: &mut Frame, block: &Block) -> LuaResult<Flow> {
        let mut at = 0;
        while let Some(statement) = block.statements.get(at) {
            at += 1;
            match self.statement(frame, statement)? {
                Flow::Next => {}
                Flow::Goto(label) => match block.labels.iter().find(|(known, _)| *known == label) {
                    Some(&(_, target)) => {
                        self.step(statement.span)?;
                        at = target;
                    }
                    None => return Ok(Flow::Goto(label)),
                },
                other => return Ok(other),
            }
        }
        Ok(Flow::Next)
    }

    fn statement(&mut self, frame: &mut Frame, statement: &Statement) -> LuaResult<Flow> {
        self.at = Some(statement.span);
        self.step(statement.span)?;
        match &statement.kind {
            StatementKind::Local(variables, values) => self.local(frame, variables, values)?,
            StatementKind::LocalFunction(variable, proto) => {
                frame.declare(*variable, Value::Nil);
                let closure = self.closure(frame, proto);
                match *variable {
                    Variable::Slot(at) => frame.locals[at] = closure,
                    Variable::Cell(at) => *frame.cells[at].borrow_mut() = closure,
                }
            }
            StatementKind::AssignOne(target, value) => {
                self.assign_one(frame, target, value, statement.span)?
            }
            StatementKind::Assign(targets, values) => {
                self.assign(frame, targets, values, statement.span)?
            }
            StatementKind::Call(call) => {
                self.multiple(frame, call)?;
            }
            StatementKind::Do(body) => {
                let flow = self.block(frame, body);
                frame.forget(body);
                return flow;
            }
            StatementKind::While(condition, body) => {
                while self.expression(frame, condition)?.is_truthy() {
                    self.step(statement.span)?;
                    match self.block(frame, body)? {
                        Flow::Next => {}
                        Flow::Break => break,
                        other => return Ok(other),
                    }
                }
                frame.forget(body);
            }
            StatementKind::Repeat(body, condition) => {
                loop {
                    self.step(statement.span)?;
                    match self.block(frame, body)? {
                        Flow::Next => {}
                        Flow::Break => break,
                        other => return Ok(other),
                    }
                    if self.expression(frame, condition)?.is_truthy() {
                        break;
                    }
                }
                frame.forget(body);
            }
            StatementKind::If(arms, otherwise) => {
                for (condition, body) in arms {
                    if self.expression(frame, condition)?.is_truthy() {
                        return self.block(frame, body);
                    }
                }
                if let Some(body) = otherwise {
                    return self.block(frame, body);
                }
            }
            StatementKind::NumericFor { variable, start, limit, step, body } => {
                let range = (start, limit, step.as_ref());
                return self.numeric_for(frame, *variable, range, body, statement.span);
            }
            StatementKind::GenericFor(variables, values, body) => {
                return self.generic_for(frame, variables, values, body, statement.span);
            }
            StatementKind::Return(values) => {
                return Ok(Flow::Return(self.expressions(frame, values)?));
            }
            StatementKind::TailCall(call) => {
                let (callee, args) = self.prepare_call(frame, call)?;
                return Ok(Flow::Tail(Box::new((callee, args, call.site.clone()))));
            }
            StatementKind::Break => return Ok(Flow::Break),
            StatementKind::Goto(label) => return Ok(Flow::Goto(*label)),
            StatementKind::Nothing => {}
        }
        Ok(Flow::Next)
    }

    fn local(
        &mut self,
        frame: &mut Frame,
        variables: &[Variable],
        values: &[Expr],
    ) -> LuaResult<()> {
        if let ([variable], [value]) = (variables, values) {
            let value = self.expression(frame, value)?;
            frame.declare(*variable, value);
            return Ok(());
        }
        let mut values = self.expressions(frame, values)?.into_iter();
        for &variable in variables {
            frame.declare(variable, values.next().unwrap_or_default());
        }
        Ok(())
    }

    fn assign_one(
        &mut self,
        frame: &mut Frame,
        target: &Target,
        value: &Expr,
        span: Span,
    ) -> LuaResult<()> {
        let Target::Index(index) = target else {
            let value = self.expression(frame, value)?;
            return self.store(frame, target, value, span);
        };
        let base = self.expression(frame, &index.base)?;
        let key = self.expression(frame, &index.key)?;
        let value = self.expression(frame, value)?;
        self.set_index_named(&base, key, value, Some(&index.base), index.span)
    }

    /// Places are evaluated before values, and stored from the right to the left, as Lua does.
    fn assign(
        &mut self,
        frame: &mut Frame,
        targets: &[Target],
        values: &[Expr],
        span: Span,
    ) -> LuaResult<()> {
        let mut places = vec![];
        for target in targets {
            places.push(match target {
                Target::Index(index) => {
                    let base = self.expression(frame, &index.base)?;
                    Some((base, self.expression(frame, &index.key)?))
                }
                _ => None,
            });
        }
        let mut values = self.expressions(frame, values)?;
        values.resize(targets.len(), Value::Nil);
        for ((target, place), value) in targets.iter().zip(places).zip(values).rev() {
            match (target, place) {
                (Target::Index(index), Some((base, key))) => {
                    self.set_index_named(&base, key, value, Some(&index.base), index.span)?;
                }
                _ => self.store(frame, target, value, span)?,
            }
        }
        Ok(())
    }

    fn store(
        &mut self,
        frame: &mut Frame,
        target: &Target,
        value: Value,
        span: Span,
    ) -> LuaResult<()> {
        match target {
            Target::Slot(at) => frame.locals[*at] = value,
            Target::Cell(at) => {
                let _old = frame.cells[*at].replace(value);
            }
            Target::Upvalue(at) => {
                let _old = frame.upvalues[*at].replace(value);
            }
            Target::Global(name) => {
                let environment = frame.closure.environment.borrow().clone();
                if environment.has_metatable() {
                    return self.set_index(&environment.into(), name.clone().into(), value, span);
                }
                environment.set(name.clone().into(), value);
            }
            Target::Index(_) => {}
        }
        Ok(())
    }

    fn numeric_for(
        &mut self,
        frame: &mut Frame,
        variable: Variable,
        range: (&Expr, &Expr, Option<&Expr>),
        body: &Block,
        span: Span,
    ) -> LuaResult<Flow> {
        let start = self.expression(frame, range.0)?;
        let limit = self.expression(frame, range.1)?;
        let step = match range.2 {
            Some(step) => self.expression(frame, step)?,
            None => Value::Number(1.0),
        };
        let number = |value: Value, what: &str| match value.to_number() {
            Some(number) => Ok(number),
            None => Err(self.error_at(span, format!("'for' {what} must be a number"))),
        };
        let start = number(start, "initial value")?;
        let (limit, step) = (number(limit, "limit")?, number(step, "step")?);
        let mut current = start;
        while if 0.0 <= step { current <= limit } else { limit <= current } {
            self.step(span)?;
            frame.declare(variable, Value::Number(current));
            match self.block(frame, body)? {
                Flow::Next => {}
                Flow::Break => break,
                other => return Ok(other),
            }
            current += step;
        }
        frame.forget(body);
        Ok(Flow::Next)
    }

    fn generic_for(
        &mut self,
        frame: &mut Frame,
        variables: &[Variable],
        values: &[Expr],
        body: &Block,
        span: Span,
    ) -> LuaResult<Flow> {
        let mut initial = self.expressions(frame, values)?.into_iter();
        let iterator = initial.next().unwrap_or_default();
        let state = initial.next().unwrap_or_default();
        let mut control = initial.next().unwrap_or_default();
        let site = Rc::new(Site { span, name: None });
        loop {
            let args = vec![state.clone(), control];
            let results = self.call_from(iterator.clone(), args, Some(site.clone()))?;
            control = results.first().cloned().unwrap_or_default();
            if control.is_nil() {
                frame.forget(body);
                return Ok(Flow::Next);
            }
            let mut results = results.into_iter();
            for &variable in variables {
                frame.declare(variable, results.next().unwrap_or_default());
            }
            match self.block(frame, body)? {
                Flow::Next => {}
                Flow::Break => {
                    frame.forget(body);
                    return Ok(Flow::Next);
                }
                other => return Ok(other),
            }
        }
    }
}
