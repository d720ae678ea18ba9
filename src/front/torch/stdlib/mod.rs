//! The standard library of Lua 5.1 as LuaJIT has it, as far as the cage allows.

mod base;
mod bit;
mod coroutine;
mod date;
mod debug;
mod dump;
mod format;
mod math;
mod outside;
mod package;
mod pattern;
mod sort;
mod string;
mod table;

use super::interp::{Args, Lua, Native, Results, Table};

/// Puts every library into the globals of a new interpreter.
pub(super) fn install(lua: &mut Lua) {
    base::install(lua);
    string::install(lua);
    table::install(lua);
    math::install(lua);
    bit::install(lua);
    outside::install(lua);
    debug::install(lua);
    coroutine::install(lua);
    package::install(lua);
}

type Function = fn(&mut Lua, &Args) -> Results;

/// Fills a table with native functions.
fn fill(table: &Table, functions: &[(&'static str, Function)]) {
    for &(name, function) in functions {
        table.set_field(name, Native::value(name, function));
    }
}

/// A new global table of native functions.
fn library(lua: &mut Lua, name: &str, functions: &[(&'static str, Function)]) -> Table {
    let table = lua.table();
    fill(&table, functions);
    lua.globals().set_field(name, table.clone());
    table
}
