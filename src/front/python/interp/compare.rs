//! Comparison: by the operators of natives and of the definition's classes, and of built-in values.

use super::calls::Active;
use super::{Args, Outcome, Python, Value};
use crate::front::python::ast::Compare;
use crate::source::Span;
use std::cmp::Ordering;

impl Python {
    /// `left op right`; a native may give something else than a truth value.
    pub fn compare(&mut self, operator: Compare, left: &Value, right: &Value, at: Span) -> Outcome {
        self.work(1, at)?;
        match operator {
            Compare::Is => return Ok(left.is(right).into()),
            Compare::IsNot => return Ok((!left.is(right)).into()),
            Compare::In => return Ok(self.contains(right, left, at)?.into()),
            Compare::NotIn => return Ok((!self.contains(right, left, at)?).into()),
            _ => {}
        }
        if let (Some(a), Some(b)) = (left.as_int(), right.as_int()) {
            return Ok(holds(operator, Some(a.cmp(&b))).into());
        }
        if let (Some(a), Some(b)) = (left.as_f64(), right.as_f64()) {
            return Ok(holds(operator, a.partial_cmp(&b)).into());
        }
        let sides = [(left, right, operator), (right, left, operator.mirrored())];
        for (object, other, operator) in sides {
            match object {
                Value::Native(native) => {
                    if let Some(result) = native.clone().compare(self, operator, other, at)? {
                        return Ok(result);
                    }
                }
                Value::Instance(_) => {
                    let name = match operator {
                        Compare::Equal => "__eq__",
                        Compare::NotEqual => "__ne__",
                        Compare::Less => "__lt__",
                        Compare::LessEqual => "__le__",
                        Compare::Greater => "__gt__",
                        _ => "__ge__",
                    };
                    let mut method = self.find_special(object, name)?;
                    let inverts = method.is_none() && operator == Compare::NotEqual;
                    if inverts {
                        method = self.find_special(object, "__eq__")?;
                    }
                    if let Some(method) = method {
                        let result = self.call(&method, Args::new([other.clone()], at))?;
                        if !matches!(result, Value::NotImplemented) {
                            return match inverts {
                                true => Ok(Value::Bool(!self.truth(&result, at)?)),
                                false => Ok(result),
                            };
                        }
                    }
                }
                _ => {}
            }
        }
        let (left, right) = (Self::inner(left), Self::inner(right));
        match operator {
            Compare::Equal => Ok(self.same(left, right, at)?.into()),
            Compare::NotEqual => Ok((!self.same(left, right, at)?).into()),
            _ => self.order(operator, left, right, at),
        }
    }

    /// `left == right` as a truth value.
    pub fn equal(&mut self, left: &Value, right: &Value, at: Span) -> Outcome<bool> {
        let result = self.compare(Compare::Equal, left, right, at)?;
        self.truth(&result, at)
    }

    /// Compares what is inside of containers, which may be as deep as calls.
    fn inside(
        &mut self,
        at: Span,
        compare: impl FnOnce(&mut Self) -> Outcome<bool>,
    ) -> Outcome<bool> {
        self.deeper(self.frames.len(), at)?;
        self.frames.push(Active { function: None, span: at });
        let result = compare(self);
        self.frames.pop();
        result
    }

    /// Equality of built-in values.
    fn same(&mut self, left: &Value, right: &Value, at: Span) -> Outcome<bool> {
        self.inside(at, |py| py.same_parts(left, right, at))
    }

    fn same_parts(&mut self, left: &Value, right: &Value, at: Span) -> Outcome<bool> {
        Ok(match (left, right) {
            (Value::Str(a), Value::Str(b)) => {
                a.len() == b.len() && {
                    self.work(a.len() / 64, at)?;
                    a == b
                }
            }
            (Value::List(a), Value::List(b)) => {
                let (m, n) = (a.0.borrow().len(), b.0.borrow().len());
                m == n && {
                    let (a, b) = (a.0.borrow().clone(), b.0.borrow().clone());
                    self.same_items(&a, &b, at)?
                }
            }
            (Value::Tuple(a), Value::Tuple(b)) => self.same_items(a, b, at)?,
            (Value::Dict(a), Value::Dict(b)) => {
                if a.len() != b.len() {
                    return Ok(false);
                }
                self.work(a.len() / 4, at)?;
                let entries: Vec<_> =
                    a.entries.borrow().iter().map(|(k, v)| (k.clone(), v.1.clone())).collect();
                for (key, value) in entries {
                    let other = b.entries.borrow().get(&key).map(|(_, value)| value.clone());
                    let Some(other) = other else { return Ok(false) };
                    if !value.is(&other) && !self.equal(&value, &other, at)? {
                        return Ok(false);
                    }
                }
                true
            }
            (Value::Set(a), Value::Set(b)) => {
                a.len() == b.len() && {
                    self.work(a.len(), at)?;
                    let b = b.entries.borrow();
                    a.entries.borrow().keys().all(|key| b.contains_key(key))
                }
            }
            (Value::Range(a), Value::Range(b)) => {
                let (m, n) = (a.len(), b.len());
                m == n && (m == 0 || a.start == b.start && (m == 1 || a.step == b.step))
            }
            (Value::Slice(a), Value::Slice(b)) => {
                self.equal(&a.start, &b.start, at)?
                    && self.equal(&a.stop, &b.stop, at)?
                    && self.equal(&a.step, &b.step, at)?
            }
            (Value::Method(a), Value::Method(b)) => {
                a.function.is(&b.function) && a.object.is(&b.object)
            }
            _ => left.is(right),
        })
    }

    fn same_items(&mut self, a: &[Value], b: &[Value], at: Span) -> Outcome<bool> {
        if a.len() != b.len() {
            return Ok(false);
        }
        self.work(a.len() / 4, at)?;
        for (a, b) in a.iter().zip(b) {
            if !a.is(b) && !self.equal(a, b, at)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// `<`, `<=`, `>` and `>=` of built-in values.
    fn order(&mut self, operator: Compare, left: &Value, right: &Value, at: Span) -> Outcome {
        let (a, b) = match (left, right) {
            (Value::Str(a), Value::Str(b)) => {
                self.work(a.len().min(b.len()) / 64, at)?;
                return Ok(holds(operator, Some(a.cmp(b))).into());
            }
            (Value::Set(a), Value::Set(b)) => {
                self.work(a.len() + b.len(), at)?;
                let (first, second) = (a.entries.borrow(), b.entries.borrow());
                let within = first.keys().all(|key| second.contains_key(key));
                let around = second.keys().all(|key| first.contains_key(key));
                return Ok(Value::Bool(match operator {
                    Compare::Less => within && !around,
                    Compare::LessEqual => within,
                    Compare::Greater => around && !within,
                    _ => around,
                }));
            }
            (Value::List(a), Value::List(b)) => {
                let both = a.0.borrow().len() + b.0.borrow().len();
                self.work(both / 4, at)?;
                (a.0.borrow().clone(), b.0.borrow().clone())
            }
            (Value::Tuple(a), Value::Tuple(b)) => {
                self.work((a.len() + b.len()) / 4, at)?;
                (a.to_vec(), b.to_vec())
            }
            _ => {
                let order = order_of_kinds(left, right).filter(|_| !self.is_three(at));
                if order.is_some() {
                    return Ok(holds(operator, order).into());
                }
                let (a, b) = (self.type_name(left), self.type_name(right));
                let symbol = operator.symbol();
                let message =
                    format!("'{symbol}' not supported between instances of '{a}' and '{b}'");
                return Err(self.type_error(at, message));
            }
        };
        for (x, y) in a.iter().zip(&b) {
            if !x.is(y) && !self.equal(x, y, at)? {
                let decided = |py: &mut Self| {
                    let result = py.compare(operator, x, y, at)?;
                    py.truth(&result, at)
                };
                return self.inside(at, decided).map(Value::Bool);
            }
        }
        Ok(holds(operator, Some(a.len().cmp(&b.len()))).into())
    }

    /// Whether the left value comes first in a sorted list.
    pub fn less(&mut self, left: &Value, right: &Value, at: Span) -> Outcome<bool> {
        let result = self.compare(Compare::Less, left, right, at)?;
        self.truth(&result, at)
    }
}

fn holds(operator: Compare, order: Option<Ordering>) -> bool {
    match (operator, order) {
        (Compare::NotEqual, order) => order != Some(Ordering::Equal),
        (_, None) => false,
        (Compare::Equal, Some(order)) => order.is_eq(),
        (Compare::Less, Some(order)) => order.is_lt(),
        (Compare::LessEqual, Some(order)) => order.is_le(),
        (Compare::Greater, Some(order)) => order.is_gt(),
        (_, Some(order)) => order.is_ge(),
    }
}

/// The order of a number and a function in Python 2, where numbers are below all else: programs that compare a function, and
/// mean what it gives, run there.
fn order_of_kinds(left: &Value, right: &Value) -> Option<std::cmp::Ordering> {
    let is_number = |value: &Value| matches!(value, Value::Int(_) | Value::Float(_));
    let is_function = |value: &Value| {
        matches!(value, Value::Function(_) | Value::NativeFunction(_) | Value::Class(_))
    };
    match (left, right) {
        (a, b) if is_number(a) && is_function(b) => Some(std::cmp::Ordering::Less),
        (a, b) if is_function(a) && is_number(b) => Some(std::cmp::Ordering::Greater),
        _ => None,
    }
}
