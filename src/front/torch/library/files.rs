//! `paths.dofile` and `paths.filep`: other Lua files of the definition's folder, by path instead of by name.

use crate::front::torch::interp::{Args, Lua, LuaError, Results, Value};

/// A path as the name that the resolver knows; `None` for what is no Lua file.
fn module_name(path: &str) -> Option<String> {
    let path = path.strip_prefix("./").unwrap_or(path);
    path.strip_suffix(".lua").map(str::to_owned)
}

/// Runs another file of the definition; what it returns.
pub(super) fn run_file(lua: &mut Lua, args: &Args) -> Results {
    let path = args.string(lua, 0)?.to_str().into_owned();
    let name = module_name(&path);
    let found = name.and_then(|name| lua.resolve(&name));
    let Some((place, text)) = found else {
        return Err(lua.error(&format!("cannot open '{path}': no such Lua file of the definition")));
    };
    // As for `require`: a text costs more than its bytes.
    lua.reserve_here(24 * text.len())?;
    lua.work(2000 + 50 * text.len())?;
    let chunk = lua.load(place, &text).map_err(|errors| match errors.first() {
        Some(error) => lua.complaint(error.diagnostic()),
        None => lua.error(&format!("cannot read '{path}'")),
    })?;
    lua.call(&chunk, vec![])
}

/// Whether there is such a Lua file.
pub(super) fn is_file(lua: &mut Lua, args: &Args) -> Result<Vec<Value>, LuaError> {
    let path = args.string(lua, 0)?.to_str().into_owned();
    lua.work(1000)?;
    let name = module_name(&path);
    let found = name.and_then(|name| lua.resolve(&name));
    Ok(vec![Value::Bool(found.is_some())])
}
