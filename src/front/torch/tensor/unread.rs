//! What stands for the contents of a file that a definition loads: definitions are read without other files' tensors.
//!
//! Whatever is taken out of it is of the same kind; a tensor that copies it keeps its values.

use crate::front::torch::interp::{Lua, LuaResult, Object, Results, Value};
use crate::source::Span;
use std::rc::Rc;

/// The contents of a file, or a part of them.
pub struct UnreadFile;

impl UnreadFile {
    /// As a value of Lua.
    pub fn value() -> Value {
        Value::Object(Rc::new(UnreadFile))
    }

    /// Whether a value is one.
    pub fn is(value: &Value) -> bool {
        value.object::<UnreadFile>().is_some()
    }
}

impl Object for UnreadFile {
    fn type_name(&self) -> String {
        "file that is not read".to_owned()
    }

    fn described_type(&self) -> &'static str {
        "a file that is not read"
    }

    fn index(self: Rc<Self>, _lua: &mut Lua, _key: &Value, _span: Span) -> LuaResult<Value> {
        Ok(UnreadFile::value())
    }

    fn call(self: Rc<Self>, _lua: &mut Lua, _args: Vec<Value>, _span: Option<Span>) -> Results {
        Ok(vec![UnreadFile::value()])
    }
}
