//! The library of coroutines.

use super::library;
use crate::front::torch::interp::{Args, Lua, LuaResult, Native, Results, Thread, Value};
use std::rc::Rc;

pub(super) fn install(lua: &mut Lua) {
    library(
        lua,
        "coroutine",
        &[
            ("create", create),
            ("isyieldable", |lua, _| Ok(vec![lua.may_yield().into()])),
            ("resume", resume),
            ("running", running),
            ("status", |lua, args| Ok(vec![lua.status(&thread(lua, args)?).into()])),
            ("wrap", wrap),
            ("yield", |lua, args| lua.suspend(args.0.clone())),
        ],
    );
}

fn thread(lua: &Lua, args: &Args) -> LuaResult<Rc<Thread>> {
    let thread = args.0.first().and_then(Thread::of);
    thread.ok_or_else(|| lua.bad_argument(0, "coroutine expected"))
}

fn running(lua: &mut Lua, _: &Args) -> Results {
    Ok(vec![lua.running().map_or(Value::Nil, |thread| Value::Object(thread))])
}

fn create(lua: &mut Lua, args: &Args) -> Results {
    let function = args.function(lua, 0)?;
    Ok(vec![lua.coroutine(function)?])
}

fn resume(lua: &mut Lua, args: &Args) -> Results {
    let thread = thread(lua, args)?;
    match lua.resume(&thread, args.rest(1).to_vec()) {
        Ok(mut values) => {
            values.insert(0, Value::Bool(true));
            Ok(values)
        }
        Err(error) if error.is_catchable() => Ok(vec![Value::Bool(false), error.into_value()]),
        Err(error) => Err(error),
    }
}

fn wrap(lua: &mut Lua, args: &Args) -> Results {
    let function = args.function(lua, 0)?;
    let coroutine = lua.coroutine(function)?;
    Ok(vec![Native::value("wrap", move |lua, args| match Thread::of(&coroutine) {
        Some(thread) => match lua.resume(&thread, args.0.clone()) {
            // The place of the call comes before a message, as in Lua.
            Err(error) if error.is_catchable() => Err(lua.error_of_level(error.into_value(), 1)),
            results => results,
        },
        None => Ok(vec![]),
    })])
}
