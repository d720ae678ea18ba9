//! Arithmetic.

use super::{Args, Maybe, Outcome, Python, Set, Value};
use crate::diag::{Diagnostic, W0805};
use crate::front::python::ast::{Binary, Unary};
use crate::source::Span;
use indexmap::IndexMap;
use std::cell::RefCell;
use std::rc::Rc;

impl Python {
    /// `left op right`.
    pub fn binary(&mut self, operator: Binary, left: &Value, right: &Value, at: Span) -> Outcome {
        match (left, right) {
            (Value::Float(a), Value::Float(b)) => return self.floats(operator, *a, *b, at),
            (Value::Float(a), b) => {
                if let Some(b) = b.as_f64() {
                    return self.floats(operator, *a, b, at);
                }
            }
            (a, Value::Float(b)) => {
                if let Some(a) = a.as_f64() {
                    return self.floats(operator, a, *b, at);
                }
            }
            (a, b) => {
                if let (Some(x), Some(y)) = (a.as_int(), b.as_int()) {
                    let both = matches!((a, b), (Value::Bool(_), Value::Bool(_)));
                    return self.integers(operator, x, y, both, at);
                }
            }
        }
        if let Some(result) = self.own_operator(operator, left, right, at)? {
            return Ok(result);
        }
        if let Some(result) = self.of_containers(operator, left, right, at)? {
            return Ok(result);
        }
        let (a, b) = (self.type_name(left), self.type_name(right));
        let symbol = operator.symbol();
        let symbol = if operator == Binary::Power { "** or pow()" } else { symbol };
        let message = match (left, right, operator) {
            (Value::Str(_), _, Binary::Add) => {
                format!("can only concatenate str (not \"{b}\") to str")
            }
            (Value::List(_), _, Binary::Add) => {
                format!("can only concatenate list (not \"{b}\") to list")
            }
            (Value::Tuple(_), _, Binary::Add) => {
                format!("can only concatenate tuple (not \"{b}\") to tuple")
            }
            (Value::Str(_) | Value::List(_) | Value::Tuple(_), _, Binary::Multiply) => {
                format!("can't multiply sequence by non-int of type '{b}'")
            }
            (_, Value::Str(_) | Value::List(_) | Value::Tuple(_), Binary::Multiply) => {
                format!("can't multiply sequence by non-int of type '{a}'")
            }
            _ => format!("unsupported operand type(s) for {symbol}: '{a}' and '{b}'"),
        };
        Err(self.type_error(at, message))
    }

    /// The operator as a native or an object of the definition defines it.
    fn own_operator(&mut self, operator: Binary, left: &Value, right: &Value, at: Span) -> Maybe {
        for (object, other, reflected) in [(left, right, false), (right, left, true)] {
            match object {
                Value::Native(native) => {
                    let result = native.clone().binary(self, operator, other, reflected, at)?;
                    if result.is_some() {
                        return Ok(result);
                    }
                }
                Value::Instance(_) => {
                    let r = if reflected { "r" } else { "" };
                    let name = format!("__{r}{}__", operator.method());
                    let mut method = self.find_special(object, &name)?;
                    if method.is_none() && matches!(operator, Binary::Divide | Binary::OldDivide) {
                        method = self.find_special(object, &format!("__{r}div__"))?;
                    }
                    if let Some(method) = method {
                        let result = self.call(&method, Args::new([other.clone()], at))?;
                        if !matches!(result, Value::NotImplemented) {
                            return Ok(Some(result));
                        }
                    }
                }
                _ => {}
            }
        }
        let (inner_left, inner_right) = (Self::inner(left), Self::inner(right));
        if !inner_left.is(left) || !inner_right.is(right) {
            return self.binary(operator, inner_left, inner_right, at).map(Some);
        }
        Ok(None)
    }

    fn floats(&mut self, operator: Binary, a: f64, b: f64, at: Span) -> Outcome {
        let by_zero = |py: &mut Python, what: &str| Err(py.error("ZeroDivisionError", at, what));
        Ok(Value::Float(match operator {
            Binary::Add => a + b,
            Binary::Subtract => a - b,
            Binary::Multiply => a * b,
            Binary::Divide | Binary::OldDivide if b == 0.0 => {
                return by_zero(self, "float division by zero");
            }
            Binary::Divide | Binary::OldDivide => a / b,
            Binary::FloorDivide if b == 0.0 => {
                return by_zero(self, "float floor division by zero");
            }
            Binary::FloorDivide => {
                let rest = modulo(a, b);
                let quotient = ((a - rest) / b).round();
                if quotient == 0.0 { 0.0f64.copysign(a / b) } else { quotient }
            }
            Binary::Modulo if b == 0.0 => return by_zero(self, "float modulo"),
            Binary::Modulo => modulo(a, b),
            Binary::Power if a == 0.0 && b < 0.0 => {
                return by_zero(self, "0.0 cannot be raised to a negative power");
            }
            Binary::Power if a < 0.0 && b.fract() != 0.0 && b.is_finite() => {
                return Err(self.value_error(at, "a negative number to a broken power is complex"));
            }
            Binary::Power => {
                let result = a.powf(b);
                if result.is_infinite() && a.is_finite() && b.is_finite() {
                    return Err(self.error("OverflowError", at, "Numerical result out of range"));
                }
                result
            }
            _ => {
                let symbol = operator.symbol();
                let message =
                    format!("unsupported operand type(s) for {symbol}: 'float' and 'float'");
                return Err(self.type_error(at, message));
            }
        }))
    }

    fn integers(&mut self, operator: Binary, a: i64, b: i64, both_bool: bool, at: Span) -> Outcome {
        let divides = matches!(
            operator,
            Binary::Divide | Binary::OldDivide | Binary::FloorDivide | Binary::Modulo
        );
        if divides && b == 0 {
            let message = match operator {
                Binary::Divide => "division by zero",
                Binary::Modulo => "integer modulo by zero",
                _ => "integer division or modulo by zero",
            };
            return Err(self.error("ZeroDivisionError", at, message));
        }
        let result = match operator {
            Binary::Add => a.checked_add(b),
            Binary::Subtract => a.checked_sub(b),
            Binary::Multiply => a.checked_mul(b),
            Binary::Divide => return Ok(Value::Float(a as f64 / b as f64)),
            Binary::OldDivide => {
                let quotient = floor_divide(a, b);
                if modulo_of(a, b) != Some(0) && !self.is_internal(at) && self.divisions.insert(at)
                {
                    self.warn_of_division(a, b, quotient, at);
                }
                quotient
            }
            Binary::FloorDivide => floor_divide(a, b),
            Binary::Modulo => modulo_of(a, b),
            Binary::Power if b < 0 => return self.floats(operator, a as f64, b as f64, at),
            Binary::Power => u32::try_from(b).ok().and_then(|b| a.checked_pow(b)).or(match a {
                0 | 1 => Some(a),
                -1 => Some(if b % 2 == 0 { 1 } else { -1 }),
                _ => None,
            }),
            Binary::LeftShift | Binary::RightShift if b < 0 => {
                return Err(self.value_error(at, "negative shift count"));
            }
            Binary::LeftShift if a == 0 => Some(0),
            Binary::LeftShift => {
                let shifted = u32::try_from(b).ok().and_then(|b| a.checked_shl(b));
                shifted.filter(|shifted| shifted >> b == a)
            }
            Binary::RightShift => Some(a >> b.min(63)),
            Binary::BitAnd | Binary::BitOr | Binary::BitXor if both_bool => {
                let (a, b) = (a != 0, b != 0);
                return Ok(Value::Bool(match operator {
                    Binary::BitAnd => a & b,
                    Binary::BitOr => a | b,
                    _ => a ^ b,
                }));
            }
            Binary::BitAnd => Some(a & b),
            Binary::BitOr => Some(a | b),
            Binary::BitXor => Some(a ^ b),
            Binary::MatrixMultiply => {
                let message = "unsupported operand type(s) for @: 'int' and 'int'";
                return Err(self.type_error(at, message));
            }
        };
        match result {
            Some(result) => Ok(Value::Int(result)),
            None => Err(self.overflow(at)),
        }
    }

    pub fn overflow(&mut self, at: Span) -> super::PyError {
        let message = "the integer is too large: integers of definitions have 64 bits";
        self.error("OverflowError", at, message)
    }

    fn warn_of_division(&mut self, a: i64, b: i64, quotient: Option<i64>, at: Span) {
        let quotient = quotient.unwrap_or(0);
        let exact = super::show::float_repr(a as f64 / b as f64);
        let message = format!("`{a} / {b}` is {quotient} in Python 2 and {exact} in Python 3");
        let warning = Diagnostic::new(&W0805, at, message)
            .here(format!("divided as in Python 2, for which DIGITS was written: {quotient}"))
            .help(
                "write `//` to drop the remainder, or make one of the numbers a float to keep it",
            );
        self.warnings.report(warning);
    }

    fn of_containers(&mut self, operator: Binary, left: &Value, right: &Value, at: Span) -> Maybe {
        Ok(Some(match (operator, left, right) {
            (Binary::Add, Value::Str(a), Value::Str(b)) => {
                self.allocate(a.len() + b.len(), at)?;
                self.new_str([&**a, &**b].concat(), at)?
            }
            (Binary::Modulo, Value::Str(template), _) => {
                let text = self.percent(template, right, at)?;
                self.new_str(text, at)?
            }
            (Binary::Add, Value::List(a), Value::List(b)) => {
                let items = a.0.borrow().iter().chain(b.0.borrow().iter()).cloned().collect();
                self.new_list(items, at)?
            }
            (Binary::Add, Value::Tuple(a), Value::Tuple(b)) => {
                self.new_tuple([&a[..], &b[..]].concat(), at)?
            }
            (
                Binary::Multiply,
                sequence @ (Value::Str(_) | Value::List(_) | Value::Tuple(_)),
                count,
            )
            | (
                Binary::Multiply,
                count,
                sequence @ (Value::Str(_) | Value::List(_) | Value::Tuple(_)),
            ) => {
                let Some(count) = self.to_index(count, at)? else { return Ok(None) };
                self.repeat(sequence, usize::try_from(count).unwrap_or(0), at)?
            }
            (Binary::BitOr, Value::Dict(a), Value::Dict(_)) => {
                let result = super::Dict::new();
                for (key, value) in a.items().into_iter().chain(self.mapping(right, at)?) {
                    self.set_item(&Value::Dict(result.clone()), &key, value, at)?;
                }
                Value::Dict(result)
            }
            (
                Binary::BitAnd | Binary::BitOr | Binary::BitXor | Binary::Subtract,
                Value::Set(a),
                Value::Set(b),
            ) => {
                self.room(4 * (a.len() + b.len()), at)?;
                self.combine(operator, a, b)
            }
            _ => return Ok(None),
        }))
    }

    /// `a & b`, `a | b`, `a ^ b`, `a - b` of sets.
    pub fn combine(&self, operator: Binary, a: &Set, b: &Set) -> Value {
        let (first, second) = (a.entries.borrow(), b.entries.borrow());
        let own = first.iter().filter(|(key, _)| match operator {
            Binary::BitAnd => second.contains_key(*key),
            Binary::BitOr => true,
            _ => !second.contains_key(*key),
        });
        let adds = matches!(operator, Binary::BitOr | Binary::BitXor);
        let others = second.iter().filter(|(key, _)| adds && !first.contains_key(*key));
        let pair = |(key, value): (&super::Key, &Value)| (key.clone(), value.clone());
        let entries: IndexMap<_, _> = own.map(pair).chain(others.map(pair)).collect();
        Value::Set(Rc::new(Set { entries: RefCell::new(entries), frozen: a.frozen }))
    }

    fn repeat(&mut self, sequence: &Value, count: usize, at: Span) -> Outcome {
        match sequence {
            Value::Str(text) => {
                let bytes = text.len().saturating_mul(count);
                self.allocate(bytes, at)?;
                self.work(bytes / 64, at)?;
                Ok(text.repeat(count).into())
            }
            Value::List(list) => {
                let items = list.0.borrow().clone();
                self.room(items.len().saturating_mul(count), at)?;
                let mut all = Vec::with_capacity(items.len() * count);
                (0..count).for_each(|_| all.extend(items.iter().cloned()));
                Ok(Value::list(all))
            }
            Value::Tuple(items) => {
                self.room(items.len().saturating_mul(count), at)?;
                let mut all = Vec::with_capacity(items.len() * count);
                (0..count).for_each(|_| all.extend(items.iter().cloned()));
                Ok(Value::tuple(all))
            }
            _ => Ok(Value::None),
        }
    }

    /// `left op= right`: lists, dicts and sets change themselves.
    pub(super) fn in_place(
        &mut self,
        operator: Binary,
        left: &Value,
        right: &Value,
        at: Span,
    ) -> Outcome {
        match (operator, left) {
            (Binary::Add, Value::List(list)) => {
                let items = self.iterate(right, at)?;
                self.room(items.len(), at)?;
                list.0.borrow_mut().extend(items);
                Ok(left.clone())
            }
            (Binary::BitOr, Value::Dict(_)) => {
                for (key, value) in self.mapping(right, at)? {
                    self.set_item(left, &key, value, at)?;
                }
                Ok(left.clone())
            }
            (
                Binary::BitAnd | Binary::BitOr | Binary::BitXor | Binary::Subtract,
                Value::Set(set),
            ) if !set.frozen => {
                let result = self.binary(operator, left, right, at)?;
                if let Value::Set(result) = &result {
                    let entries = result.entries.borrow().clone();
                    *set.entries.borrow_mut() = entries;
                }
                Ok(left.clone())
            }
            (_, Value::Instance(_)) => {
                let name = format!("__i{}__", operator.method());
                if let Some(method) = self.find_special(left, &name)? {
                    let result = self.call(&method, Args::new([right.clone()], at))?;
                    if !matches!(result, Value::NotImplemented) {
                        return Ok(result);
                    }
                }
                self.binary(operator, left, right, at)
            }
            _ => self.binary(operator, left, right, at),
        }
    }

    /// `op value`.
    pub fn unary(&mut self, operator: Unary, value: &Value, at: Span) -> Outcome {
        match (operator, value) {
            (Unary::Not, _) => return Ok(Value::Bool(!self.truth(value, at)?)),
            (Unary::Minus, Value::Float(value)) => return Ok(Value::Float(-value)),
            (Unary::Plus, Value::Float(value)) => return Ok(Value::Float(*value)),
            (_, Value::Native(native)) => {
                if let Some(result) = native.clone().unary(self, operator, at)? {
                    return Ok(result);
                }
            }
            (_, Value::Instance(instance)) => {
                let name = match operator {
                    Unary::Minus => "__neg__",
                    Unary::Plus => "__pos__",
                    _ => "__invert__",
                };
                if let Some(method) = self.find_special(value, name)? {
                    return self.call(&method, Args::new([], at));
                }
                if let Some(payload) = instance.payload.clone() {
                    return self.unary(operator, &payload, at);
                }
            }
            (_, other) => {
                if let Some(value) = other.as_int() {
                    let result = match operator {
                        Unary::Minus => value.checked_neg(),
                        Unary::Plus => Some(value),
                        _ => Some(!value),
                    };
                    return result.map(Value::Int).ok_or_else(|| self.overflow(at));
                }
            }
        }
        let name = self.type_name(value);
        let symbol = operator.symbol();
        Err(self.type_error(at, format!("bad operand type for unary {symbol}: '{name}'")))
    }
}

/// The remainder with the sign of the divisor.
fn modulo(a: f64, b: f64) -> f64 {
    let rest = a % b;
    match rest != 0.0 && (rest < 0.0) != (b < 0.0) {
        true => rest + b,
        false if rest == 0.0 => 0.0f64.copysign(b),
        false => rest,
    }
}

fn floor_divide(a: i64, b: i64) -> Option<i64> {
    let quotient = a.checked_div(b)?;
    Some(if a % b != 0 && (a < 0) != (b < 0) { quotient - 1 } else { quotient })
}

fn modulo_of(a: i64, b: i64) -> Option<i64> {
    let rest = a.checked_rem(b).or(Some(0))?;
    Some(if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest })
}
