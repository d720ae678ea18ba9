//! Definitions that leave functions and no model: the expression that calls one, and what there is to call.

use std::collections::BTreeSet;

use super::super::lower::{Stop, stop};
use crate::front::torch::interp::{Lua, Native, Table, Value};
use crate::source::Span;

/// More functions are not listed.
const MOST_LISTED: usize = 8;

/// The names of a table's fields.
pub(super) fn names(table: &Table) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut key = Value::Nil;
    while let Some(Some((k, _))) = table.next(&key) {
        if let Value::String(name) = &k {
            names.insert(name.to_str().into_owned());
        }
        key = k;
    }
    names
}

/// What an expression gives after the file: it sees what the file has returned as `M`, the fields of that by their names,
/// and global variables.
pub(super) fn call(lua: &mut Lua, file: &Value, expression: &str) -> Result<Vec<Value>, Stop> {
    let chunk = lua.load("--call", &format!("return {expression}"));
    let chunk = match chunk {
        Ok(chunk) => chunk,
        Err(errors) => match errors.first() {
            Some(error) => return Err(Box::new(error.diagnostic())),
            None => return Ok(vec![]),
        },
    };
    let (environment, meta) = (lua.table(), lua.table());
    let (globals, returned) = (lua.globals().clone(), file.clone());
    environment.set_field("M", file.clone());
    let index = Native::value("__index", move |lua, args| {
        let key = args.get(1);
        let own = match &returned {
            Value::Table(_) => lua.index(&returned, &key, Span::nowhere())?,
            _ => Value::Nil,
        };
        Ok(vec![if own.is_nil() { globals.get(&key) } else { own }])
    });
    meta.set_field("__index", index);
    environment.set_metatable(Some(meta));
    if let Value::Function(closure) = &chunk {
        closure.environment.replace(environment);
    }
    lua.call(&chunk, vec![]).map_err(stop)
}

/// Help that lists the functions that a file leaves, as global variables that were not there before or in the table that
/// it returns, as they are written.
pub(super) fn listed(
    lua: &Lua,
    before: &BTreeSet<String>,
    file: &Value,
    text: &str,
) -> Option<String> {
    let is_function = |table: &Table, name: &str| matches!(table.field(name), Value::Function(_));
    let globals = lua.globals();
    let own = names(globals).into_iter();
    let mut found: Vec<String> =
        own.filter(|name| !before.contains(name) && is_function(globals, name)).collect();
    if let Value::Table(table) = file {
        let fields = names(table).into_iter();
        found.extend(fields.filter(|name| is_function(table, name)));
    }
    found.dedup();
    let places = |name: &String| text.find(&format!("{name}(")).unwrap_or(text.len());
    found.sort_by_key(places);
    let first = found.first()?;
    let listed: Vec<String> =
        found.iter().take(MOST_LISTED).map(|name| format!("`{}`", signature(text, name))).collect();
    let more = if MOST_LISTED < found.len() { ", ..." } else { "" };
    Some(format!(
        "or say what gives the model, `--call '{first}(...)'`; the file has {}{more}",
        listed.join(", ")
    ))
}

/// A function with the names of its parameters, as far as the text shows them.
fn signature(text: &str, name: &str) -> String {
    let written = text.match_indices(name).find_map(|(at, _)| {
        let line = text[..at].rsplit('\n').next().unwrap_or_default();
        let rest = text[at + name.len()..].trim_start();
        let list = match rest.strip_prefix('=') {
            Some(rest) => rest.trim_start().strip_prefix("function")?.trim_start(),
            None if line.contains("function") => rest,
            None => return None,
        };
        let list = list.strip_prefix('(')?;
        let (parameters, _) = list.split_once(')')?;
        (parameters.len() < 100).then_some(parameters)
    });
    format!("{name}({})", written.unwrap_or("..."))
}
