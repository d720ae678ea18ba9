//! `require` and `package`: modules that Rust registered, and Lua files that the caller's resolver finds.

use super::fill;
use crate::diag::{self, Diagnostic};
use crate::front::torch::interp::{Args, Lua, LuaResult, Results, Table, Value};

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
    globals.set_field("package", package.clone());
    fill(&package, &[("seeall", see_all)]);
    fill(&globals, &[("require", require), ("module", module)]);
}

/// `package.seeall(module)`: names that a module lacks are global ones.
fn see_all(lua: &mut Lua, args: &Args) -> Results {
    let module = args.table(lua, 0)?;
    let metatable = module.metatable().unwrap_or_else(|| lua.table());
    metatable.set_field("__index", lua.globals().clone());
    module.set_metatable(Some(metatable));
    Ok(vec![])
}

/// The table of a name such as `a.b` in the global variables, made where it is not; `None` if something else has the name.
fn space(lua: &Lua, name: &str) -> Option<Table> {
    let mut table = lua.globals().clone();
    for part in name.split('.') {
        table = match table.field(part) {
            Value::Table(inner) => inner,
            Value::Nil => {
                let inner = lua.table();
                table.set_field(part, inner.clone());
                inner
            }
            _ => return None,
        };
    }
    Some(table)
}

/// `module(name, ...)`: the rest of the chunk has its global variables in a table of that name.
fn module(lua: &mut Lua, args: &Args) -> Results {
    let name = args.string(lua, 0)?.to_str().into_owned();
    let Some(loaded) = part(lua, "loaded") else {
        return Err(lua.error("'package.loaded' must be a table"));
    };
    let table = match loaded.field(&name) {
        Value::Table(known) => known,
        _ => match space(lua, &name) {
            Some(made) => made,
            None => return Err(lua.error(&format!("name conflict for module '{name}'"))),
        },
    };
    loaded.set_field(&name, table.clone());
    if table.field("_NAME").is_nil() {
        table.set_field("_M", table.clone());
        table.set_field("_NAME", name.as_str());
        let package = name.rfind('.').map_or("", |at| &name[..=at]);
        table.set_field("_PACKAGE", package);
    }
    let Some(caller) = lua.closure_at_level(1) else {
        return Err(lua.error("'module' not called from a Lua function"));
    };
    let _old = caller.environment.replace(table.clone());
    for option in args.rest(1).iter().filter(|option| option.is_function()) {
        lua.call(option, vec![table.clone().into()])?;
    }
    Ok(vec![])
}

/// `package.loaded` or `package.preload`, whatever a script has done to them.
fn part(lua: &Lua, name: &str) -> Option<Table> {
    lua.globals().field("package").into_table()?.field(name).into_table()
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
    let value = match lua.call_for_one(&loader, vec![key.clone()]) {
        Ok(value) => value,
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

fn find_loader(lua: &mut Lua, name: &str, key: &Value) -> LuaResult<Value> {
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
        let file = name.replace('.', "/");
        let message = format!(
            "module '{name}' not found:\n\tno field package.preload['{name}']\n\tno file './{file}.lua'\n\tno file \
             './{file}/init.lua'\n\tno package that cortado knows"
        );
        let Some(span) = lua.call_span() else { return Err(lua.error(&message)) };
        let d = Diagnostic::new(&diag::E0701, span, format!("module '{name}' not found"));
        let help = format!(
            "put `{file}.lua` beside the definition, or take the line out if only training needs it"
        );
        return Err(lua.error_as(&message, d.help(help)));
    };
    lua.reserve_here(24 * text.len())?;
    lua.work(2000 + 50 * text.len())?;
    lua.load(path, &text).map_err(|errors| match errors.first() {
        Some(error) => lua.complaint(error.diagnostic()),
        None => lua.error(&format!("error loading module '{name}'")),
    })
}
