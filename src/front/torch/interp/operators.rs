//! Operators with their coercions and metamethods: arithmetic, comparison, concatenation, length, and indexing.

use super::Lua;
use super::code::{Described, Expr, Site};
use super::error::LuaError;
use super::function::LuaResult;
use super::object::Object;
use super::value::{LuaStr, Value};
use crate::source::Span;
use std::rc::Rc;

/// An arithmetic operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the operators")]
pub enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
    Negate,
}

impl Arithmetic {
    /// Its name in a sentence.
    pub fn word(self) -> &'static str {
        match self {
            Arithmetic::Add => "add",
            Arithmetic::Subtract => "subtract",
            Arithmetic::Multiply => "multiply",
            Arithmetic::Divide => "divide",
            Arithmetic::Modulo => "modulo",
            Arithmetic::Power => "power",
            Arithmetic::Negate => "negate",
        }
    }

    /// The name of the metamethod.
    pub fn event(self) -> &'static str {
        match self {
            Arithmetic::Add => "__add",
            Arithmetic::Subtract => "__sub",
            Arithmetic::Multiply => "__mul",
            Arithmetic::Divide => "__div",
            Arithmetic::Modulo => "__mod",
            Arithmetic::Power => "__pow",
            Arithmetic::Negate => "__unm",
        }
    }

    /// The result on numbers.
    #[inline]
    pub fn apply(self, left: f64, right: f64) -> f64 {
        match self {
            Arithmetic::Add => left + right,
            Arithmetic::Subtract => left - right,
            Arithmetic::Multiply => left * right,
            Arithmetic::Divide => left / right,
            Arithmetic::Modulo => left - (left / right).floor() * right,
            Arithmetic::Power => left.powf(right),
            Arithmetic::Negate => -left,
        }
    }
}

/// Tables that `__index` may go through, as in LuaJIT.
const INDEX_CHAIN: usize = 100;

/// Steps that printing a number costs.
pub(super) const NUMBER_TO_TEXT: usize = 16;

impl Lua {
    /// `left op right` with coercions and metamethods.
    pub fn arithmetic(
        &mut self,
        operator: Arithmetic,
        left: &Value,
        right: &Value,
        span: Span,
    ) -> LuaResult<Value> {
        self.arithmetic_named(operator, left, right, (None, None), span)
    }

    pub(super) fn arithmetic_named(
        &mut self,
        operator: Arithmetic,
        left: &Value,
        right: &Value,
        names: (Option<&Expr>, Option<&Expr>),
        span: Span,
    ) -> LuaResult<Value> {
        self.count_text(left, 8);
        self.count_text(right, 8);
        if let (Some(a), Some(b)) = (left.to_number(), right.to_number()) {
            return Ok(Value::Number(operator.apply(a, b)));
        }
        if let Some(object) = either_object(left, right) {
            return object.clone().arithmetic(self, operator, left, right, span);
        }
        let handler = self.binary_metamethod(left, right, operator.event());
        if !handler.is_nil() {
            return self.call_one(&handler, vec![left.clone(), right.clone()], span);
        }
        // LuaJIT blames the right side only if the left one is a number.
        let (guilty, name) = match left.to_number() {
            Some(_) => (right, names.1),
            None => (left, names.0),
        };
        Err(self.operand_error(
            "perform arithmetic on",
            guilty,
            name.and_then(Expr::described),
            span,
        ))
    }

    pub(super) fn operand_error(
        &self,
        action: &str,
        guilty: &Value,
        name: Option<Described>,
        span: Span,
    ) -> LuaError {
        let kind = guilty.type_name();
        self.error_at(
            span,
            match name {
                Some(Described { kind: variable, name }) => {
                    format!("attempt to {action} {variable} '{name}' (a {kind} value)")
                }
                None => format!("attempt to {action} a {kind} value"),
            },
        )
    }

    fn binary_metamethod(&self, left: &Value, right: &Value, event: &str) -> Value {
        match self.metamethod(left, event) {
            Value::Nil => self.metamethod(right, event),
            handler => handler,
        }
    }

    /// A metamethod of a table, a userdata or a string, nil if there is none.
    pub fn metamethod(&self, value: &Value, event: &str) -> Value {
        match value {
            Value::Table(table) => table.metamethod(event),
            Value::String(_) => self.string_metatable.field(event),
            Value::Object(object) => match object.metatable() {
                Some(Some(metatable)) => metatable.field(event),
                _ => Value::Nil,
            },
            _ => Value::Nil,
        }
    }

    fn call_one(&mut self, f: &Value, args: Vec<Value>, span: Span) -> LuaResult<Value> {
        let site = Rc::new(Site { span, name: None });
        Ok(self.call_from(f.clone(), args, Some(site))?.into_iter().next().unwrap_or_default())
    }

    /// `left .. right`.
    pub(super) fn concat(
        &mut self,
        left: &Value,
        right: &Value,
        names: (Option<&Expr>, Option<&Expr>),
        span: Span,
    ) -> LuaResult<Value> {
        if let (Some(a), Some(b)) = (left.to_text(), right.to_text()) {
            self.reserve(a.len() + b.len(), Some(span))?;
            self.count((a.len() + b.len()) / 128);
            return Ok(self.string([&a[..], &b[..]].concat()).into());
        }
        if let Some(object) = either_object(left, right) {
            return object.clone().concat(self, left, right, span);
        }
        let handler = self.binary_metamethod(left, right, "__concat");
        if !handler.is_nil() {
            return self.call_one(&handler, vec![left.clone(), right.clone()], span);
        }
        let (guilty, name) = match left.to_text() {
            Some(_) => (right, names.1),
            None => (left, names.0),
        };
        Err(self.operand_error("concatenate", guilty, name.and_then(Expr::described), span))
    }

    /// `left == right` with `__eq`, which both sides must share.
    pub fn equals(&mut self, left: &Value, right: &Value, span: Span) -> LuaResult<bool> {
        self.count_text(left, 128);
        if left.raw_equals(right) {
            return Ok(true);
        }
        match (left, right) {
            _ if has_metatable(left) && left.type_name() == right.type_name() => {
                let handler = self.metamethod(left, "__eq");
                if handler.is_nil() || !handler.raw_equals(&self.metamethod(right, "__eq")) {
                    return Ok(false);
                }
                let args = vec![left.clone(), right.clone()];
                Ok(self.call_one(&handler, args, span)?.is_truthy())
            }
            (Value::Object(object), other) | (other, Value::Object(object)) => {
                object.clone().equals(self, other, span)
            }
            _ => Ok(false),
        }
    }

    /// `left < right`, or `left <= right` if `or_equal`.
    pub fn less(
        &mut self,
        left: &Value,
        right: &Value,
        or_equal: bool,
        span: Span,
    ) -> LuaResult<bool> {
        match (left, right) {
            (Value::Number(a), Value::Number(b)) => {
                return Ok(if or_equal { a <= b } else { a < b });
            }
            (Value::String(a), Value::String(b)) => {
                self.count_text(left, 128);
                return Ok(if or_equal { a[..] <= b[..] } else { a[..] < b[..] });
            }
            _ => {}
        }
        if let Some(object) = either_object(left, right) {
            return object.clone().less(self, left, right, or_equal, span);
        }
        let event = if or_equal { "__le" } else { "__lt" };
        if has_metatable(left) || has_metatable(right) {
            let handler = self.comparison_handler(left, right, event);
            if !handler.is_nil() {
                let args = vec![left.clone(), right.clone()];
                return Ok(self.call_one(&handler, args, span)?.is_truthy());
            }
            if or_equal {
                let handler = self.comparison_handler(right, left, "__lt");
                if !handler.is_nil() {
                    let args = vec![right.clone(), left.clone()];
                    return Ok(!self.call_one(&handler, args, span)?.is_truthy());
                }
            }
        }
        Err(self.compare_error(left, right, span))
    }

    /// As in Lua 5.1, both sides must have the same metamethod.
    pub(in crate::front::torch) fn comparison_handler(
        &self,
        left: &Value,
        right: &Value,
        event: &str,
    ) -> Value {
        let handler = self.metamethod(left, event);
        match handler.raw_equals(&self.metamethod(right, event)) {
            true => handler,
            false => Value::Nil,
        }
    }

    /// The complaint that two values have no order.
    pub fn compare_error(&self, left: &Value, right: &Value, span: Span) -> LuaError {
        self.error_at(span, compare_message(left, right))
    }

    /// `#value`; `__len` counts for userdata, not for tables, as in Lua 5.1.
    pub(super) fn length(
        &mut self,
        value: &Value,
        name: Option<&Expr>,
        span: Span,
    ) -> LuaResult<Value> {
        match value {
            Value::String(text) => Ok(text.len().into()),
            Value::Table(table) => Ok(table.length().into()),
            Value::Object(object) if object.metatable().is_none() => object.clone().len(self, span),
            _ => match self.metamethod(value, "__len") {
                Value::Nil => {
                    let name = name.and_then(Expr::described);
                    Err(self.operand_error("get length of", value, name, span))
                }
                handler => self.call_one(&handler, vec![value.clone(), Value::Nil], span),
            },
        }
    }

    /// `base[key]` with `__index`.
    pub fn index(&mut self, base: &Value, key: &Value, span: Span) -> LuaResult<Value> {
        self.index_named(base, key, None, span)
    }

    #[inline]
    pub(super) fn index_named(
        &mut self,
        base: &Value,
        key: &Value,
        name: Option<&Expr>,
        span: Span,
    ) -> LuaResult<Value> {
        self.count_text(key, 128);
        if let Value::Table(table) = base {
            let value = table.get(key);
            if !value.is_nil() || !table.has_metatable() {
                return Ok(value);
            }
        }
        self.index_slowly(base, key, name, span)
    }

    fn index_slowly(
        &mut self,
        base: &Value,
        key: &Value,
        name: Option<&Expr>,
        span: Span,
    ) -> LuaResult<Value> {
        let mut current = base.clone();
        for link in 0..INDEX_CHAIN {
            let handler = match &current {
                Value::Table(table) => {
                    let value = table.get(key);
                    let handler = table.metamethod("__index");
                    if !value.is_nil() || handler.is_nil() {
                        return Ok(value);
                    }
                    handler
                }
                Value::Object(object) if object.metatable().is_none() => {
                    return object.clone().index(self, key, span);
                }
                other => self.metamethod(other, "__index"),
            };
            match handler {
                Value::Nil => {
                    let name = name.filter(|_| link == 0).and_then(Expr::described);
                    return Err(self.operand_error("index", &current, name, span));
                }
                handler if handler.is_function() => {
                    return self.call_one(&handler, vec![current, key.clone()], span);
                }
                next => current = next,
            }
        }
        Err(self.error_at(span, "loop in gettable".into()))
    }

    /// `base[key] = value` with `__newindex`.
    pub fn set_index(
        &mut self,
        base: &Value,
        key: Value,
        value: Value,
        span: Span,
    ) -> LuaResult<()> {
        self.set_index_named(base, key, value, None, span)
    }

    pub(super) fn set_index_named(
        &mut self,
        base: &Value,
        key: Value,
        value: Value,
        name: Option<&Expr>,
        span: Span,
    ) -> LuaResult<()> {
        self.count_text(&key, 128);
        let mut current = base.clone();
        for link in 0..INDEX_CHAIN {
            let handler = match &current {
                Value::Table(table) => {
                    let is_plain = !table.has_metatable() || !table.get(&key).is_nil();
                    let handler =
                        if is_plain { Value::Nil } else { table.metamethod("__newindex") };
                    if handler.is_nil() {
                        self.check_key(&key, span)?;
                        table.set(key, value);
                        return Ok(());
                    }
                    handler
                }
                Value::Object(object) if object.metatable().is_none() => {
                    return object.clone().set_index(self, key, value, span);
                }
                other => self.metamethod(other, "__newindex"),
            };
            match handler {
                Value::Nil => {
                    let name = name.filter(|_| link == 0).and_then(Expr::described);
                    return Err(self.operand_error("index", &current, name, span));
                }
                handler if handler.is_function() => {
                    return self.call_one(&handler, vec![current, key, value], span).map(drop);
                }
                next => current = next,
            }
        }
        Err(self.error_at(span, "loop in settable".into()))
    }

    /// Pays for reading a text: a step for so many bytes.
    #[inline]
    fn count_text(&mut self, value: &Value, bytes_a_step: usize) {
        if let Value::String(text) = value {
            self.count(text.len() / bytes_a_step);
        }
    }

    pub(super) fn check_key(&self, key: &Value, span: Span) -> LuaResult<()> {
        match key {
            Value::Nil => Err(self.error_at(span, "table index is nil".into())),
            Value::Number(n) if n.is_nan() => Err(self.error_at(span, "table index is NaN".into())),
            _ => Ok(()),
        }
    }

    /// `tostring(value)`, with `__tostring`.
    pub fn to_text(&mut self, value: &Value) -> LuaResult<LuaStr> {
        let handler = match value {
            Value::Table(_) | Value::Object(_) => self.metamethod(value, "__tostring"),
            _ => Value::Nil,
        };
        if !handler.is_nil() {
            let results = self.call(&handler, vec![value.clone()])?;
            return match results.first().and_then(Value::to_text) {
                Some(text) => Ok(text),
                None => Err(self.error("'tostring' must return a string to 'print'")),
            };
        }
        let text = match value {
            Value::Nil => "nil".into(),
            Value::Bool(b) => b.to_string(),
            Value::Number(n) => {
                self.count(NUMBER_TO_TEXT);
                super::number::format(*n)
            }
            Value::String(s) => return Ok(s.clone()),
            Value::Table(t) => format!("table: 0x{:08x}", t.serial()),
            Value::Function(f) => format!("function: 0x{:08x}", f.serial),
            Value::Native(f) => {
                // The same at every run, as those of other functions are.
                let mix = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
                format!("function: 0x{:08x}", f.name.bytes().fold(0x811c_9dc5, mix))
            }
            Value::Object(object) => return object.clone().to_text(self),
        };
        Ok(self.string(text.into_bytes()))
    }
}

/// What Lua says about two values that have no order.
pub(crate) fn compare_message(left: &Value, right: &Value) -> String {
    let (a, b) = (left.type_name(), right.type_name());
    match a == b {
        true => format!("attempt to compare two {a} values"),
        false => format!("attempt to compare {a} with {b}"),
    }
}

/// The side whose behaviour is Rust's, the left one first.
fn either_object<'v>(left: &'v Value, right: &'v Value) -> Option<&'v Rc<dyn Object>> {
    [left, right].into_iter().find_map(|side| match side {
        Value::Object(object) if object.metatable().is_none() => Some(object),
        _ => None,
    })
}

/// Whether a value may have a metatable of its own.
fn has_metatable(value: &Value) -> bool {
    match value {
        Value::Table(_) => true,
        Value::Object(object) => object.metatable().is_some(),
        _ => false,
    }
}
