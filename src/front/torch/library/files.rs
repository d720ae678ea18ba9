//! `dofile`, `loadfile` and `paths.filep`: other Lua files of the definition, by path instead of by name.

use std::path::PathBuf;

use crate::front::torch::interp::{Args, Lua, LuaResult, Results, Value};

/// The path and text of a Lua file; `None` for other files.
fn find(lua: &Lua, path: &str) -> Option<(PathBuf, String)> {
    if path.ends_with(".lua") { lua.find_file(path) } else { None }
}

/// The function of another file of the definition.
fn load(lua: &mut Lua, args: &Args) -> LuaResult<Value> {
    let path = args.string(lua, 0)?.to_str().into_owned();
    let Some((place, text)) = find(lua, &path) else {
        return Err(lua.error(&format!("cannot open '{path}': no such Lua file of the definition")));
    };
    // As for `require`: a text costs more than its bytes.
    lua.reserve_here(24 * text.len())?;
    lua.work(2000 + 50 * text.len())?;
    lua.load(place, &text).map_err(|errors| match errors.first() {
        Some(error) => lua.complaint(error.diagnostic()),
        None => lua.error(&format!("cannot read '{path}'")),
    })
}

/// Runs another file of the definition; what it returns.
pub(super) fn run_file(lua: &mut Lua, args: &Args) -> Results {
    let chunk = load(lua, args)?;
    lua.call(&chunk, vec![])
}

/// `loadfile(path)`: the function of another file of the definition, or nil and a message.
pub(super) fn load_file(lua: &mut Lua, args: &Args) -> Results {
    match load(lua, args) {
        Ok(chunk) => Ok(vec![chunk]),
        Err(error) if error.is_catchable() => Ok(vec![Value::Nil, error.into_value()]),
        Err(error) => Err(error),
    }
}

/// Whether there is such a Lua file.
pub(super) fn is_file(lua: &mut Lua, args: &Args) -> Results {
    let path = args.string(lua, 0)?.to_str().into_owned();
    lua.work(1000)?;
    Ok(vec![Value::Bool(find(lua, &path).is_some())])
}
