//! `io`, `os` and `debug`: what a definition gets of the world outside, which is hardly anything.

use super::library;
use crate::front::torch::interp::{Args, Lua, Native, Results, Value};

pub(super) fn install(lua: &mut Lua) {
    let io = library(lua, "io", &[("write", write), ("flush", |_, _| Ok(vec![Value::Bool(true)]))]);
    refuse(lua, "io", &["open", "popen", "lines", "read", "input", "output", "tmpfile", "close"]);
    let stdout = lua.table();
    stdout.set_field("write", Native::value("write", write_method));
    for name in ["flush", "close", "setvbuf"] {
        stdout.set_field(name, Native::value(name, |_, _| Ok(vec![Value::Bool(true)])));
    }
    let stdin = lua.table();
    for name in ["read", "lines", "close"] {
        stdin.set_field(name, refusal(format!("io.stdin:{name}")));
    }
    io.set_field("stdin", stdin);
    io.set_field("stdout", stdout.clone());
    io.set_field("stderr", stdout);

    library(
        lua,
        "os",
        &[
            ("clock", |_, _| Ok(vec![Value::Number(0.0)])),
            ("time", |_, _| Ok(vec![Value::Number(0.0)])),
            ("difftime", |lua, args| {
                Ok(vec![(args.number(lua, 0)? - args.number(lua, 1)?).into()])
            }),
            ("date", |_, _| Ok(vec!["Thu Jan  1 00:00:00 1970".into()])),
            ("getenv", |_, _| Ok(vec![Value::Nil])),
        ],
    );
    refuse(lua, "os", &["execute", "exit", "remove", "rename", "tmpname", "setlocale"]);

    library(lua, "debug", &[("traceback", traceback)]);
    refuse(lua, "string", &["dump"]);
    refuse(lua, "debug", &["getinfo", "getlocal", "sethook", "getregistry", "setmetatable"]);
    for name in ["dofile", "loadfile"] {
        lua.globals().set_field(name, refusal(name.into()));
    }
}

/// Fills the rest of a library with functions that say why they do nothing.
fn refuse(lua: &mut Lua, library: &str, names: &[&str]) {
    let Value::Table(table) = lua.globals().field(library) else { return };
    for name in names {
        table.set_field(name, refusal(format!("{library}.{name}")));
    }
}

fn refusal(name: String) -> Value {
    let message = format!(
        "'{name}' is not available: a definition runs without files, processes and threads"
    );
    Native::value(name, move |lua, _| Err(lua.error(&message)))
}

fn write(lua: &mut Lua, args: &Args) -> Results {
    for at in 0..args.len() {
        let text = args.string(lua, at)?;
        lua.print(&text)?;
    }
    Ok(vec![Value::Bool(true)])
}

fn write_method(lua: &mut Lua, args: &Args) -> Results {
    for at in 1..args.len() {
        let text = args.string(lua, at)?;
        lua.print(&text)?;
    }
    Ok(vec![args.get(0)])
}

fn traceback(lua: &mut Lua, args: &Args) -> Results {
    if args.is_none(0) { Ok(vec!["stack traceback:".into()]) } else { Ok(vec![args.any(lua, 0)?]) }
}
