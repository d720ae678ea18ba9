//! `string.dump`: a function as an opaque text, from which `load` makes it again within the same run.
//!
//! There is no bytecode: the text names the code, which the interpreter keeps.

use crate::front::torch::interp::{Args, Closure, Lua, Proto, Results, Table, Value};
use std::cell::RefCell;
use std::rc::Rc;

/// The code of dumped functions, in the order in which it was dumped first.
#[derive(Default)]
struct Dumped(RefCell<Vec<Rc<Proto>>>);

const MARK: &[u8] = b"\x1bcortado ";

pub(super) fn dump(lua: &mut Lua, args: &Args) -> Results {
    let Value::Function(closure) = args.function(lua, 0)? else {
        return Err(lua.error("unable to dump given function"));
    };
    let dumped = lua.state(|_| Dumped::default());
    let mut list = dumped.0.borrow_mut();
    lua.work(16 + list.len() / 4)?;
    let known = list.iter().position(|proto| Rc::ptr_eq(proto, &closure.proto));
    let at = known.unwrap_or(list.len());
    if known.is_none() {
        list.push(closure.proto.clone());
    }
    Ok(vec![lua.string([MARK, at.to_string().as_bytes()].concat()).into()])
}

/// The function of a dumped text, its captured variables nil; `None` if the text is none.
pub(super) fn load(lua: &mut Lua, text: &[u8], environment: Option<Table>) -> Option<Value> {
    let at = std::str::from_utf8(text.strip_prefix(MARK)?).ok()?;
    let at: usize = at.parse().ok()?;
    let proto = lua.state(|_| Dumped::default()).0.borrow().get(at)?.clone();
    let upvalues = proto.upvalues.iter().map(|_| Rc::default()).collect();
    let environment = environment.unwrap_or_else(|| lua.globals().clone());
    Some(Value::Function(Closure::new(&lua.heap, proto, upvalues, environment)))
}
