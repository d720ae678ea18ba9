//! Evaluates the expressions of resolved code.

use super::Lua;
use super::calls::Frame;
use super::code::*;

use super::function::{Closure, LuaResult, Results};
use super::operators::NUMBER_TO_TEXT;
use super::table::Table;
use super::value::Value;
use crate::source::Span;
use std::rc::Rc;

impl Lua {
    pub(super) fn expression(&mut self, frame: &mut Frame, expr: &Expr) -> LuaResult<Value> {
        match expr {
            Expr::Nil => Ok(Value::Nil),
            Expr::Bool(value) => Ok(Value::Bool(*value)),
            Expr::Number(value) => Ok(Value::Number(*value)),
            Expr::Text(text) => Ok(Value::String(text.clone())),
            Expr::Slot(at, _) => Ok(frame.locals[*at].clone()),
            Expr::Cell(at, _) => Ok(frame.cells[*at].borrow().clone()),
            Expr::Upvalue(at, _) => Ok(frame.upvalues[*at].borrow().clone()),
            Expr::Global(name, span) => {
                let environment = frame.closure.environment.borrow().clone();
                let value = environment.get(&Value::String(name.clone()));
                if !value.is_nil() || !environment.has_metatable() {
                    return Ok(value);
                }
                self.index(&environment.into(), &Value::String(name.clone()), *span)
            }
            Expr::Vararg => Ok(frame.varargs.first().cloned().unwrap_or_default()),
            Expr::Function(proto) => Ok(self.closure(frame, proto)),
            Expr::Table(constructor) => self.constructor(frame, constructor),
            Expr::Paren(inner) => self.expression(frame, inner),
            Expr::Index(index) => {
                self.step(index.span)?;
                let base = self.expression(frame, &index.base)?;
                let key = self.expression(frame, &index.key)?;
                self.index_named(&base, &key, Some(&index.base), index.span)
            }
            Expr::Call(call) => {
                let (callee, args) = self.prepare_call(frame, call)?;
                let results = self.call_from(callee, args, Some(call.site.clone()))?;
                Ok(results.into_iter().next().unwrap_or_default())
            }
            Expr::And(sides) => {
                let left = self.expression(frame, &sides.0)?;
                if left.is_truthy() { self.expression(frame, &sides.1) } else { Ok(left) }
            }
            Expr::Or(sides) => {
                let left = self.expression(frame, &sides.0)?;
                if left.is_truthy() { Ok(left) } else { self.expression(frame, &sides.1) }
            }
            Expr::Not(operand) => Ok(Value::Bool(!self.expression(frame, operand)?.is_truthy())),
            Expr::Negate(operand, span) => {
                let value = self.expression(frame, operand)?;
                let names = (Some(&**operand), Some(&**operand));
                self.arithmetic_named(super::Arithmetic::Negate, &value, &value, names, *span)
            }
            Expr::Length(operand, span) => {
                let value = self.expression(frame, operand)?;
                self.length(&value, Some(operand), *span)
            }
            Expr::Arithmetic(operator, sides, span) => {
                self.step(*span)?;
                let left = self.expression(frame, &sides.0)?;
                let right = self.expression(frame, &sides.1)?;
                if let (Value::Number(a), Value::Number(b)) = (&left, &right) {
                    return Ok(Value::Number(operator.apply(*a, *b)));
                }
                let names = (Some(&sides.0), Some(&sides.1));
                self.arithmetic_named(*operator, &left, &right, names, *span)
            }
            Expr::Concat(parts, span) => self.concatenation(frame, parts, *span),
            Expr::Equal(sides, wanted, span) => {
                let left = self.expression(frame, &sides.0)?;
                let right = self.expression(frame, &sides.1)?;
                Ok(Value::Bool(self.equals(&left, &right, *span)? == *wanted))
            }
            Expr::Less(sides, or_equal, swapped, span) => {
                let left = self.expression(frame, &sides.0)?;
                let right = self.expression(frame, &sides.1)?;
                let (left, right) = if *swapped { (right, left) } else { (left, right) };
                Ok(Value::Bool(self.less(&left, &right, *or_equal, *span)?))
            }
        }
    }

    /// All values of a list: the last one may be a call or `...` with any number of them.
    pub(super) fn expressions(&mut self, frame: &mut Frame, list: &[Expr]) -> Results {
        let Some((last, first)) = list.split_last() else { return Ok(vec![]) };
        let mut values = Vec::with_capacity(list.len());
        for expr in first {
            values.push(self.expression(frame, expr)?);
        }
        if !last.is_multiple() {
            values.push(self.expression(frame, last)?);
        } else if values.is_empty() {
            return self.multiple(frame, last);
        } else {
            values.extend(self.multiple(frame, last)?);
        }
        Ok(values)
    }

    /// All values of one expression.
    pub(super) fn multiple(&mut self, frame: &mut Frame, expr: &Expr) -> Results {
        match expr {
            Expr::Vararg => {
                self.count(frame.varargs.len() / 4);
                Ok(frame.varargs.clone())
            }
            Expr::Call(call) => {
                let (callee, args) = self.prepare_call(frame, call)?;
                self.call_from(callee, args, Some(call.site.clone()))
            }
            _ => Ok(vec![self.expression(frame, expr)?]),
        }
    }

    /// What is called and with which arguments; a method's object is the first.
    pub(super) fn prepare_call(
        &mut self,
        frame: &mut Frame,
        call: &Call,
    ) -> LuaResult<(Value, Vec<Value>)> {
        let callee = self.expression(frame, &call.callee)?;
        let Some(method) = &call.method else {
            return Ok((callee, self.expressions(frame, &call.arguments)?));
        };
        let key = Value::String(method.clone());
        let function = self.index_named(&callee, &key, Some(&call.callee), call.site.span)?;
        let mut args = vec![callee];
        args.extend(self.expressions(frame, &call.arguments)?);
        Ok((function, args))
    }

    pub(super) fn closure(&mut self, frame: &Frame, proto: &Rc<Proto>) -> Value {
        let upvalues = proto.upvalues.iter().map(|capture| match *capture {
            Capture::Cell(at) => frame.cells[at].clone(),
            Capture::Upvalue(at) => frame.upvalues[at].clone(),
        });
        self.count(4);
        let environment = frame.closure.environment.borrow().clone();
        Value::Function(Closure::new(&self.heap, proto.clone(), upvalues.collect(), environment))
    }

    fn constructor(&mut self, frame: &mut Frame, constructor: &Constructor) -> LuaResult<Value> {
        let table = Table::new(&self.heap);
        self.count(4);
        let mut items = 0;
        for (at, field) in constructor.fields.iter().enumerate() {
            self.step(constructor.span)?;
            match field {
                Field::Item(item) if at + 1 == constructor.fields.len() && item.is_multiple() => {
                    for value in self.multiple(frame, item)? {
                        items += 1;
                        table.set_item(items, value);
                    }
                }
                Field::Item(item) => {
                    items += 1;
                    let value = self.expression(frame, item)?;
                    table.set_item(items, value);
                }
                Field::Keyed(key, value) => {
                    let key = self.expression(frame, key)?;
                    let value = self.expression(frame, value)?;
                    self.check_key(&key, constructor.span)?;
                    table.set(key, value);
                }
            }
        }
        Ok(table.into())
    }

    /// A chain of `..`, which is right-associative: texts are joined at once, metamethods see pairs.
    fn concatenation(&mut self, frame: &mut Frame, parts: &[Expr], span: Span) -> LuaResult<Value> {
        self.step(span)?;
        let mut values = Vec::with_capacity(parts.len());
        for part in parts {
            values.push(self.expression(frame, part)?);
        }
        let texts: Option<Vec<_>> = values.iter().map(Value::to_text).collect();
        if let Some(texts) = texts {
            let length = texts.iter().map(|text| text.len()).sum();
            self.reserve(length, Some(span))?;
            let numbers = values.iter().filter(|value| matches!(value, Value::Number(_))).count();
            self.count(4 + length / 128 + NUMBER_TO_TEXT * numbers);
            let mut joined = Vec::with_capacity(length);
            texts.iter().for_each(|text| joined.extend_from_slice(text));
            return Ok(self.string(joined).into());
        }
        let mut right = values.pop().unwrap_or_default();
        let mut right_name = parts.last();
        for (left, name) in values.iter().zip(parts).rev() {
            right = self.concat(left, &right, (Some(name), right_name), span)?;
            right_name = None;
        }
        Ok(right)
    }
}
