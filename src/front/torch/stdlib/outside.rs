//! `io`, `os` and `debug`: what a definition gets of the world outside, which is hardly anything.

use super::date::{date, time};
use super::library;
use crate::front::torch::interp::{Args, Lua, Native, Results, Value};

pub(super) fn install(lua: &mut Lua) {
    let io = library(
        lua,
        "io",
        &[("write", write), ("flush", |_, _| Ok(vec![Value::Bool(true)])), ("type", type_of)],
    );
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
            ("time", time),
            ("difftime", |lua, args| {
                Ok(vec![(args.number(lua, 0)? - args.number(lua, 1)?).into()])
            }),
            ("date", date),
            ("getenv", |_, _| Ok(vec![Value::Nil])),
        ],
    );
    refuse(lua, "os", &["execute", "exit", "remove", "rename", "tmpname", "setlocale"]);

    library(lua, "debug", &[("traceback", traceback), ("getinfo", info)]);
    refuse(lua, "string", &["dump"]);
    refuse(lua, "debug", &["getlocal", "sethook", "getregistry", "setmetatable"]);
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

/// `io.type(value)`: whether it is a file.
fn type_of(lua: &mut Lua, args: &Args) -> Results {
    let value = args.any(lua, 0)?;
    let Value::Table(io) = lua.globals().field("io") else { return Ok(vec![Value::Nil]) };
    let is_file =
        ["stdin", "stdout", "stderr"].iter().any(|name| io.field(name).raw_equals(&value));
    Ok(vec![is_file.then_some("file").into()])
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

/// `debug.getinfo(function or level)`: where the function is written and where it stands. All fields are given,
/// whichever are asked for.
fn info(lua: &mut Lua, args: &Args) -> Results {
    let value = args.any(lua, 0)?;
    let (function, line, name) = match &value {
        Value::Function(_) | Value::Native(_) => (value, None, None),
        _ => {
            let level = usize::try_from(args.integer(lua, 0)?).unwrap_or(usize::MAX);
            let Some(active) = lua.level(level) else { return Ok(vec![Value::Nil]) };
            active
        }
    };
    let table = lua.table();
    let span = match &function {
        Value::Function(closure) => Some(closure.proto.span),
        _ => None,
    };
    let file = span.map(|span| lua.sources.file(span.file));
    let path = file.map(|file| file.path.to_string_lossy().into_owned());
    let lines = span
        .zip(file)
        .map(|(span, file)| [span.start, span.end].map(|at| file.line_column(at as usize).0));
    let is_main = matches!(&function, Value::Function(closure) if closure.proto.is_main);
    let what = if is_main {
        "main"
    } else if span.is_some() {
        "Lua"
    } else {
        "C"
    };
    let source = path.as_ref().map_or("=[C]".to_owned(), |path| format!("@{path}"));
    table.set_field("source", source.as_str());
    table.set_field("short_src", path.as_deref().unwrap_or("[C]"));
    table.set_field("what", what);
    table.set_field("currentline", line.map_or(-1.0, |line| line as f64));
    let [first, last] =
        lines.filter(|_| !is_main).map_or([-1.0; 2], |lines| lines.map(|n| n as f64));
    table.set_field("linedefined", if is_main { 0.0 } else { first });
    table.set_field("lastlinedefined", last);
    let upvalues = match &function {
        Value::Function(closure) => closure.upvalues.borrow().len(),
        _ => 0,
    };
    table.set_field("nups", upvalues);
    let (kind, name) = name.unwrap_or_default();
    table.set_field("namewhat", kind.as_str());
    if !name.is_empty() {
        table.set_field("name", name.as_str());
    }
    table.set_field("func", function);
    Ok(vec![table.into()])
}
