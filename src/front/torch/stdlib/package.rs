//! `require` and `package`: modules that Rust registered, and Lua files that the caller's resolver finds.

use super::fill;
use crate::front::torch::interp::{Args, Lua, Results, Table, Value};

pub(super) fn install(lua: &mut Lua) {
    let package = lua.table();
    let loaded = lua.table();
    for name in ["string", "table", "math", "bit", "io", "os", "debug", "coroutine", "jit", "_G"] {
        loaded.set_field(name, lua.globals().field(name));
    }
    loaded.set_field("package", package.clone());
    package.set_field("loaded", loaded);
    package.set_field("preload", lua.table());
    package.set_field("path", "./?.lua");
    package.set_field("cpath", "");
    package.set_field("config", "/\n;\n?\n!\n-\n");
    let globals = lua.globals().clone();
    globals.set_field("package", package);
    fill(&globals, &[("require", require)]);
}

/// `package.loaded` or `package.preload`, whatever a script has done to them.
fn part(lua: &Lua, name: &str) -> Option<Table> {
    match lua.globals().field("package") {
        Value::Table(package) => match package.field(name) {
            Value::Table(table) => Some(table),
            _ => None,
        },
        _ => None,
    }
}

fn require(lua: &mut Lua, args: &Args) -> Results {
    let name = args.string(lua, 0)?;
    let is_path = name.to_str().starts_with("./") || name.to_str().starts_with("../");
    // The same path names other files elsewhere.
    let place = if is_path { lua.find_file(&name.to_str()) } else { None };
    let key = match place {
        Some((path, _)) => path.to_string_lossy().as_ref().into(),
        None => Value::String(name.clone()),
    };
    let Some(loaded) = part(lua, "loaded") else {
        return Err(lua.error("'package.loaded' must be a table"));
    };
    match loaded.get(&key) {
        Value::Nil => {}
        Value::Bool(false) => {
            return Err(
                lua.error(&format!("loop or previous error loading module '{}'", name.to_str()))
            );
        }
        module => return Ok(vec![module]),
    }
    let loader = find_loader(lua, &name.to_str(), &key)?;
    loaded.set(key.clone(), Value::Bool(false));
    let result = lua.call(&loader, vec![key.clone()]);
    let value = match result {
        Ok(values) => values.into_iter().next().unwrap_or_default(),
        Err(error) => {
            loaded.set(key, Value::Nil);
            return Err(error);
        }
    };
    if !value.is_nil() {
        loaded.set(key.clone(), value);
    } else if matches!(loaded.get(&key), Value::Bool(false)) {
        loaded.set(key.clone(), Value::Bool(true));
    }
    Ok(vec![loaded.get(&key)])
}

fn find_loader(
    lua: &mut Lua,
    name: &str,
    key: &Value,
) -> Result<Value, crate::front::torch::interp::LuaError> {
    let preloaded = part(lua, "preload").map_or(Value::Nil, |preload| preload.get(key));
    if !preloaded.is_nil() {
        return Ok(preloaded);
    }
    if let Some(loader) = lua.optional.get(name)
        && lua.protected == 0
    {
        return Ok(loader.clone());
    }
    let Some((path, text)) = lua.find_file(name) else {
        let message = format!(
            "module '{name}' not found:\nit is no package that cortado knows, and no file in the definition's folder"
        );
        return Err(lua.error(&message));
    };
    lua.reserve_here(24 * text.len())?;
    lua.work(2000 + 50 * text.len())?;
    lua.load(path, &text).map_err(|errors| match errors.first() {
        Some(error) => lua.complaint(error.diagnostic()),
        None => lua.error(&format!("error loading module '{name}'")),
    })
}
