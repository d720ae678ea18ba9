//! Numbers that are known only when the network runs, such as the sum of a tensor that depends on the input.
//!
//! `type()` calls them numbers. Arithmetic on them is written down like that on tensors while a module is followed; what
//! must know them at once, such as a comparison, is refused.

use super::state::State;
use super::view::Tensor;
use crate::front::torch::interp::{Arithmetic, Lua, LuaError, LuaResult, LuaStr, Object, Value};
use crate::source::Span;
use std::rc::Rc;

/// A number that is the only element of a tensor.
pub struct LateNumber {
    /// The tensor.
    pub tensor: Value,
}

impl LateNumber {
    /// The number that a tensor of one element will have; `None` for other values.
    pub fn of(tensor: Value) -> Option<Value> {
        let lone = tensor.object::<Tensor>().is_some_and(|tensor| tensor.numel() == 1);
        lone.then(|| Value::Object(Rc::new(LateNumber { tensor })))
    }
}

/// What asks for the number at once.
fn refused(lua: &Lua, what: &str, span: Span) -> LuaError {
    lua.error_at(span, format!("{what} needs numbers that are known only when the network runs"))
}

/// A comparison, where what is followed knows its outcome.
fn decided(
    lua: &mut Lua,
    operator: &str,
    operands: (&Value, &Value),
    span: Span,
) -> LuaResult<bool> {
    match State::followed(lua, operator, operands, span)? {
        Some(outcome) => Ok(outcome.is_truthy()),
        None => Err(refused(lua, "a comparison", span)),
    }
}

impl Object for LateNumber {
    fn lua_type(&self) -> &'static str {
        "number"
    }

    fn described_type(&self) -> &'static str {
        "one that is known only when the network runs"
    }

    fn type_name(&self) -> String {
        self.described_type().to_owned()
    }

    fn arithmetic(
        self: Rc<Self>,
        lua: &mut Lua,
        operator: Arithmetic,
        left: &Value,
        right: &Value,
        span: Span,
    ) -> LuaResult<Value> {
        match State::followed(lua, operator.word(), (left, right), span)? {
            Some(result) => Ok(result),
            None => Err(refused(lua, "arithmetic outside of the module", span)),
        }
    }

    fn concat(
        self: Rc<Self>,
        lua: &mut Lua,
        _left: &Value,
        _right: &Value,
        span: Span,
    ) -> LuaResult<Value> {
        Err(refused(lua, "a text", span))
    }

    fn less(
        self: Rc<Self>,
        lua: &mut Lua,
        left: &Value,
        right: &Value,
        or_equal: bool,
        span: Span,
    ) -> LuaResult<bool> {
        decided(lua, if or_equal { "at_most" } else { "less" }, (left, right), span)
    }

    fn equals(self: Rc<Self>, lua: &mut Lua, other: &Value, span: Span) -> LuaResult<bool> {
        let number = other.object::<LateNumber>().is_some() || matches!(other, Value::Number(_));
        match number {
            true => decided(lua, "equal", (&Value::Object(self), other), span),
            false => Ok(false),
        }
    }

    fn to_text(self: Rc<Self>, lua: &mut Lua) -> LuaResult<LuaStr> {
        Ok(lua.string(b"(a number of the running network)".to_vec()))
    }
}
