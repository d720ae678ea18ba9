//! The extension point: values whose behaviour is written in Rust, such as tensors, layers and criterions.

use super::Lua;

use super::function::{LuaResult, Results};
use super::operators::Arithmetic;
use super::table::Table;
use super::value::{LuaStr, Value};
use crate::source::Span;
use std::any::Any;
use std::rc::Rc;

/// A value of a type that Rust defines. Every method receives the interpreter, to call back functions and to raise
/// errors, and the place of the operation; the defaults raise what Lua raises for a value that cannot do it.
///
/// [`Value::object`] gives back the Rust type.
pub trait Object: Any {
    /// What `type()` says.
    fn lua_type(&self) -> &'static str {
        "userdata"
    }

    /// The type for a complaint that another was expected.
    fn described_type(&self) -> &'static str {
        self.lua_type()
    }

    /// The name of the type, such as `nn.Linear` or `torch.FloatTensor`; for messages and `torch.typename`.
    fn type_name(&self) -> String;

    /// For a value that behaves as its metatable says and not as Rust does, that metatable, if it has one.
    fn metatable(&self) -> Option<Option<&Table>> {
        None
    }

    /// `object[key]`, `object.key`, and the lookup of `object:key()`.
    fn index(self: Rc<Self>, lua: &mut Lua, _key: &Value, span: Span) -> LuaResult<Value> {
        Err(lua.error_at(span, format!("attempt to index a {} value", self.type_name())))
    }

    /// `object[key] = value`.
    fn set_index(
        self: Rc<Self>,
        lua: &mut Lua,
        _key: Value,
        _value: Value,
        span: Span,
    ) -> LuaResult<()> {
        Err(lua.error_at(span, format!("attempt to index a {} value", self.type_name())))
    }

    /// `object(…)`; the object itself is not among the arguments.
    fn call(self: Rc<Self>, lua: &mut Lua, _args: Vec<Value>, span: Option<Span>) -> Results {
        let message = format!("attempt to call a {} value", self.type_name());
        Err(span.map_or_else(|| lua.error(&message), |span| lua.error_at(span, message.clone())))
    }

    /// `left op right` where at least one side is this object; negation has the object on both sides.
    fn arithmetic(
        self: Rc<Self>,
        lua: &mut Lua,
        _operator: Arithmetic,
        _left: &Value,
        _right: &Value,
        span: Span,
    ) -> LuaResult<Value> {
        let message = format!("attempt to perform arithmetic on a {} value", self.type_name());
        Err(lua.error_at(span, message))
    }

    /// `left .. right` where at least one side is this object.
    fn concat(
        self: Rc<Self>,
        lua: &mut Lua,
        _left: &Value,
        _right: &Value,
        span: Span,
    ) -> LuaResult<Value> {
        Err(lua.error_at(span, format!("attempt to concatenate a {} value", self.type_name())))
    }

    /// `left < right`, or `left <= right` if `or_equal`.
    fn less(
        self: Rc<Self>,
        lua: &mut Lua,
        left: &Value,
        right: &Value,
        _or_equal: bool,
        span: Span,
    ) -> LuaResult<bool> {
        Err(lua.compare_error(left, right, span))
    }

    /// `#object`.
    fn len(self: Rc<Self>, lua: &mut Lua, span: Span) -> LuaResult<Value> {
        Err(lua.error_at(span, format!("attempt to get length of a {} value", self.type_name())))
    }

    /// `object == other`; identity was asked before.
    fn equals(self: Rc<Self>, _lua: &mut Lua, _other: &Value, _span: Span) -> LuaResult<bool> {
        Ok(false)
    }

    /// `tostring(object)`.
    fn to_text(self: Rc<Self>, _lua: &mut Lua) -> LuaResult<LuaStr> {
        Ok(self.type_name().as_str().into())
    }

    /// The entry after a key, for `pairs` and `next`; `None` if the object cannot be traversed.
    fn next(&self, _key: &Value) -> Option<Option<(Value, Value)>> {
        None
    }
}
