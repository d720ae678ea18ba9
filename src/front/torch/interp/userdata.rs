//! Values that have no behaviour but that of a metatable: what `newproxy` makes, and open files.

use super::Lua;
use super::function::LuaResult;

use super::heap::Heap;
use super::object::Object;
use super::table::Table;
use super::value::{LuaStr, Value};
use std::rc::Rc;

/// Such a value, compared by identity.
pub struct Userdata {
    /// Whether `newproxy` has made it.
    pub is_proxy: bool,
    metatable: Option<Table>,
    serial: u64,
    heap: Heap,
}

const USERDATA_COST: usize = 96;

impl Userdata {
    /// A new one; several may share a metatable.
    pub fn value(lua: &Lua, is_proxy: bool, metatable: Option<Table>) -> Value {
        let (serial, heap) = (lua.heap.next_serial(), lua.heap.clone());
        heap.add(USERDATA_COST);
        Value::Object(Rc::new(Userdata { is_proxy, metatable, serial, heap }))
    }
}

impl Drop for Userdata {
    fn drop(&mut self) {
        self.heap.subtract(USERDATA_COST);
        self.heap.bury(self.metatable.take().into_iter().map(Value::Table));
    }
}

impl Object for Userdata {
    fn type_name(&self) -> String {
        self.lua_type().to_owned()
    }

    fn metatable(&self) -> Option<Option<&Table>> {
        Some(self.metatable.as_ref())
    }

    fn to_text(self: Rc<Self>, lua: &mut Lua) -> LuaResult<LuaStr> {
        Ok(lua.string(format!("userdata: 0x{:08x}", self.serial).into_bytes()))
    }
}
