//! `io` and `os`: what a definition gets of the world outside, which is hardly anything.

use super::date::{date, time};
use super::library;
use crate::front::torch::interp::{Args, Lua, Native, Results, Userdata, Value};

pub(super) fn install(lua: &mut Lua) {
    let io = library(
        lua,
        "io",
        &[("write", write), ("flush", |_, _| Ok(vec![Value::Bool(true)])), ("type", type_of)],
    );
    refuse(lua, "io", &["open", "popen", "lines", "read", "input", "tmpfile", "close"]);
    let [methods, metatable] = [(); 2].map(|()| lua.table());
    methods.set_field("write", Native::value("write", write_method));
    for name in ["flush", "close", "setvbuf"] {
        methods.set_field(name, Native::value(name, |_, _| Ok(vec![Value::Bool(true)])));
    }
    for name in ["read", "lines", "seek"] {
        methods.set_field(name, refusal(format!("file:{name}")));
    }
    metatable.set_field("__index", methods);
    metatable.set_field("__tostring", Native::value("tostring", file_text));
    for name in ["stdin", "stdout", "stderr"] {
        io.set_field(name, Userdata::value(lua, false, Some(metatable.clone())));
    }
    io.set_field("output", Native::value("output", output));

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
            ("getenv", environment),
            ("execute", execute),
        ],
    );
    refuse(lua, "os", &["exit", "remove", "rename", "tmpname", "setlocale"]);

    for name in ["dofile", "loadfile"] {
        lua.globals().set_field(name, refusal(name.into()));
    }
}

/// Fills the rest of a library with functions that say why they do nothing.
pub(super) fn refuse(lua: &mut Lua, library: &str, names: &[&str]) {
    let Value::Table(table) = lua.globals().field(library) else { return };
    for name in names {
        table.set_field(name, refusal(format!("{library}.{name}")));
    }
}

/// `os.getenv(name)`: what paths are made of is there and leads nowhere, nothing else is.
fn environment(lua: &mut Lua, args: &Args) -> Results {
    let value = match &*args.string(lua, 0)?.to_str() {
        "HOME" => "/home/user".into(),
        "USER" => "user".into(),
        _ => Value::Nil,
    };
    Ok(vec![value])
}

/// `os.execute(command)`: a folder for what a program writes is not made, since nothing is written; else an error.
fn execute(lua: &mut Lua, args: &Args) -> Results {
    if !args.is_none(0) && args.string(lua, 0)?.to_str().trim_start().starts_with("mkdir ") {
        return Ok(vec![Value::Number(0.0)]);
    }
    lua.call(&refusal("os.execute".into()), vec![])
}

/// `tostring` of an open file.
fn file_text(lua: &mut Lua, args: &Args) -> Results {
    let value = args.get(0);
    let text = match &value {
        Value::Object(object) => object.clone().to_text(lua)?,
        _ => return Err(args.wrong_type(lua, 0, "userdata")),
    };
    let address = text.to_str().rsplit(' ').next().unwrap_or_default().to_owned();
    Ok(vec![format!("file ({address})").as_str().into()])
}

/// `io.output()`: what `io.write` writes to.
fn output(lua: &mut Lua, args: &Args) -> Results {
    match lua.globals().field("io") {
        Value::Table(io) if args.is_none(0) => Ok(vec![io.field("stdout")]),
        _ => Err(lua.error(NO_FILES)),
    }
}

const NO_FILES: &str =
    "'io.output' is not available: a definition runs without files, processes and threads";

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
    Ok(vec![Value::Bool(true)])
}
