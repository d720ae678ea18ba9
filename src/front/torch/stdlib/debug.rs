//! `debug`: the calls in progress, where functions are written, and the variables that they have captured.

use super::outside::refuse;
use super::{base, library};
use crate::front::torch::interp::{
    Args, Level, Lua, LuaResult, LuaStr, Native, Results, Table, Thread, Value,
};
use crate::source::FileId;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

pub(super) fn install(lua: &mut Lua) {
    let registry = lua.table();
    let debug = library(
        lua,
        "debug",
        &[
            ("getfenv", base::get_environment),
            ("gethook", |_, _| Ok(vec![])),
            ("getinfo", info),
            ("getmetatable", |lua, args| Ok(vec![base::metatable(lua, &args.any(lua, 0)?).into()])),
            ("getupvalue", get_upvalue),
            ("setfenv", base::set_environment),
            ("sethook", set_hook),
            ("setmetatable", set_metatable),
            ("setupvalue", set_upvalue),
            ("traceback", traceback),
        ],
    );
    let get = move |_: &mut Lua, _: &Args| Ok(vec![registry.clone().into()]);
    debug.set_field("getregistry", Native::value("getregistry", get));
    refuse(lua, "debug", &["debug"]);
    for name in ["getlocal", "setlocal"] {
        let message = format!(
            "'debug.{name}' is not available: the variables of calls in progress are not shown"
        );
        debug.set_field(name, Native::value(name, move |lua, _| Err(lua.error(&message))));
    }
}

/// The full names of chunks that `load` has made, beside the shortened ones of messages.
#[derive(Default)]
struct ChunkNames(RefCell<HashMap<FileId, LuaStr>>);

/// Keeps the name that `load` was given for a chunk.
pub(super) fn name_chunk(lua: &mut Lua, file: FileId, name: LuaStr) {
    lua.state(|_| ChunkNames::default()).0.borrow_mut().insert(file, name);
}

/// Calls that a trace shows at its beginning and at its end.
const FIRST: usize = 11;
const LAST: usize = 10;

/// `debug.traceback(coroutine, message, level)`, all of which may be left out.
fn traceback(lua: &mut Lua, args: &Args) -> Results {
    let thread = args.0.first().and_then(Thread::of);
    let at = usize::from(thread.is_some());
    let message = args.get(at);
    let mut text = match message.to_text() {
        Some(message) => [&message, &b"\n"[..]].concat(),
        None if args.0.len() <= at => vec![],
        // Also where it is nil.
        None => return Ok(vec![message]),
    };
    text.extend_from_slice(b"stack traceback:");
    let first = args.integer_or(lua, at + 1, 1 - at as i64)?.max(0) as usize;
    let level = |lua: &Lua, level| match &thread {
        Some(thread) => lua.level_of(thread, level),
        None => lua.level(level),
    };
    let count = lua.levels(thread.as_deref()).saturating_sub(first);
    lua.work(16 * count.min(FIRST + LAST) + 16)?;
    // Below the main chunk there is what has called it.
    let bottom = usize::from(thread.is_none() && lua.running().is_none());
    let last = FIRST.max(count.saturating_sub(LAST - bottom));
    for at in (0..count.min(FIRST)).chain(last..count) {
        if at == last && FIRST < last {
            text.extend_from_slice(b"\n\t...");
        }
        let described = level(lua, first + at).map(|level| place_of(lua, &level));
        text.extend_from_slice(b"\n\t");
        text.extend_from_slice(described.unwrap_or_default().as_bytes());
    }
    if bottom == 1 {
        text.extend_from_slice(b"\n\t[C]: ?");
    }
    Ok(vec![lua.string(text).into()])
}

/// A line of a trace.
fn place_of(lua: &Lua, level: &Level) -> String {
    let Value::Function(closure) = &level.function else {
        return match &level.name {
            Some((_, name)) => format!("[C]: in function '{name}'"),
            None => "[C]: ?".into(),
        };
    };
    let span = closure.proto.span;
    let file = lua.sources.file(span.file);
    let path = file.path.display();
    let line = level.line.map_or(String::new(), |line| format!("{line}:"));
    match &level.name {
        _ if closure.proto.is_main => format!("{path}:{line} in main chunk"),
        Some((_, name)) => format!("{path}:{line} in function '{name}'"),
        None => {
            let first = file.line_column(span.start as usize).0;
            format!("{path}:{line} in function <{path}:{first}>")
        }
    }
}

/// `debug.getinfo(function or level, what)`: where the function is written and where it stands.
fn info(lua: &mut Lua, args: &Args) -> Results {
    let value = args.get(0);
    let level = match &value {
        Value::Function(_) | Value::Native(_) => {
            Level { function: value.clone(), line: None, name: None }
        }
        _ => {
            let Some(level) = value.to_number() else {
                return Err(lua.bad_argument(0, "function or level expected"));
            };
            if level < 0.0 {
                return Ok(vec![Value::Nil]);
            }
            let Some(active) = lua.level(level as usize) else { return Ok(vec![Value::Nil]) };
            active
        }
    };
    let what = if args.is_none(1) { "flnSu".into() } else { args.string(lua, 1)? };
    let table = lua.table();
    for option in what.iter() {
        match option {
            b'f' => table.set_field("func", level.function.clone()),
            b'l' => {
                table.set_field("currentline", level.line.map_or(-1.0, |line| line as f64));
            }
            b'n' => {
                let (kind, name) = level.name.clone().unwrap_or_default();
                table.set_field("namewhat", kind.as_str());
                if !name.is_empty() {
                    table.set_field("name", name.as_str());
                }
            }
            b'S' => source(lua, &level.function, &table),
            b'u' => captured(&level.function, &table),
            b'L' => {}
            _ => return Err(lua.bad_argument(1, "invalid option")),
        }
    }
    Ok(vec![table.into()])
}

fn captured(function: &Value, table: &Table) {
    let (upvalues, parameters, is_vararg) = match function {
        Value::Function(closure) => {
            let proto = &closure.proto;
            (proto.upvalues.len(), proto.parameters.len(), proto.is_vararg)
        }
        _ => (0, 0, true),
    };
    table.set_field("nups", upvalues);
    table.set_field("nparams", parameters);
    table.set_field("isvararg", is_vararg);
}

fn source(lua: &mut Lua, function: &Value, table: &Table) {
    let Value::Function(closure) = function else {
        table.set_field("source", "=[C]");
        table.set_field("short_src", "[C]");
        table.set_field("what", "C");
        table.set_field("linedefined", -1.0);
        table.set_field("lastlinedefined", -1.0);
        return;
    };
    let (span, is_main) = (closure.proto.span, closure.proto.is_main);
    let names = lua.state(|_| ChunkNames::default());
    let file = lua.sources.file(span.file);
    let path = file.path.to_string_lossy();
    let source = match names.0.borrow().get(&span.file) {
        Some(name) => name.clone(),
        None => LuaStr::from(format!("@{path}").as_str()),
    };
    let [first, last] = [span.start, span.end].map(|at| file.line_column(at as usize).0);
    table.set_field("source", source);
    table.set_field("short_src", &*path);
    table.set_field("what", if is_main { "main" } else { "Lua" });
    table.set_field("linedefined", if is_main { 0 } else { first });
    table.set_field("lastlinedefined", last);
}

/// The name and the variable of an upvalue, counted from 1.
type Upvalue = (Value, Option<Rc<RefCell<Value>>>);

fn upvalue(lua: &Lua, args: &Args) -> LuaResult<Upvalue> {
    let (function, at) = (args.function(lua, 0)?, args.integer(lua, 1)?);
    let Value::Function(closure) = function else { return Ok((Value::Nil, None)) };
    let at = usize::try_from(at - 1).unwrap_or(usize::MAX);
    let variable = closure.upvalues.borrow().get(at).cloned();
    let name = closure.proto.upvalue_names.get(at).map(|name| Value::from(&**name));
    Ok((name.unwrap_or_default(), variable))
}

fn get_upvalue(lua: &mut Lua, args: &Args) -> Results {
    let (name, variable) = upvalue(lua, args)?;
    Ok(variable.map_or(vec![], |variable| vec![name, variable.borrow().clone()]))
}

fn set_upvalue(lua: &mut Lua, args: &Args) -> Results {
    let value = args.any(lua, 2)?;
    let (name, variable) = upvalue(lua, args)?;
    let Some(variable) = variable else { return Ok(vec![]) };
    let _old = variable.replace(value);
    Ok(vec![name])
}

/// Only the metatables of tables change; those of userdata are what they were made with.
fn set_metatable(lua: &mut Lua, args: &Args) -> Results {
    let metatable = match args.0.get(1) {
        Some(Value::Nil) => None,
        Some(Value::Table(metatable)) => Some(metatable.clone()),
        _ => return Err(lua.bad_argument(1, "nil or table expected")),
    };
    args.table(lua, 0)?.set_metatable(metatable);
    Ok(vec![Value::Bool(true)])
}

/// There are no hooks, so only what removes them is done.
fn set_hook(lua: &mut Lua, args: &Args) -> Results {
    if args.is_none(0) {
        return Ok(vec![]);
    }
    args.string(lua, 1)?;
    args.function(lua, 0)?;
    Err(lua.error("'debug.sethook' is not available: a definition runs without hooks"))
}
