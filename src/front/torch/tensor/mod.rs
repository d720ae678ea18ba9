//! Torch's tensors and storages as Lua values, and the functions of the `torch` table about them.
//!
//! A definition makes tensors to hold first values of parameters and to compute with a few numbers. Parameters are large
//! and mostly filled by a distribution, so a [`Storage`] holds *recipes* until single elements are written
//! ([`recipe`]); everything else works on numbers, row after row, and pays for them.
//!
//! ```text
//!  kind ─ recipe ─ layout ─▶ storage ─▶ view (Tensor) ─▶ arguments ─▶ construct, fill, shape, pointwise, compare,
//!                                                                    reduce, order, select, join, linear ─▶ object
//! ```

mod arguments;
mod compare;
mod construct;
mod decompose;
mod fill;
mod kind;
mod late;
mod layout;
mod linear;
mod object;
mod order;
mod pointwise;
mod print;
mod recipe;
mod reduce;
mod select;
mod shape;
mod state;
mod storage;
#[cfg(test)]
mod tests;
mod twister;
mod unread;
mod view;

pub use kind::Kind;
pub use late::LateNumber;
pub use layout::Layout;
pub use storage::Storage;
pub use unread::UnreadFile;
pub use view::{First, Tensor};

use crate::front::torch::interp::{Args, Lua, Native, Results, Table, Value};
use state::State;

/// A native function with its name.
type Function = (&'static str, fn(&mut Lua, &Args) -> Results);

/// A native function that is also a method: `true` says that it was called as one, which then changes its receiver.
type Operation = (&'static str, fn(&mut Lua, &Args, bool) -> Results);

/// Makes the table `torch` with the functions about tensors, as a global and as a module. Called again, it gives the
/// same table.
pub fn install(lua: &mut Lua) -> Table {
    let torch = match lua.globals().field("torch") {
        Value::Table(torch) => torch,
        _ => lua.table(),
    };
    lua.globals().set_field("torch", torch.clone());
    lua.set_module("torch", torch.clone());
    construct::install(lua, &torch);
    for &(name, function) in FUNCTIONS.iter().flat_map(|list| list.iter()) {
        let native =
            Native::value(name, move |lua, args| State::call(lua, (name, false), args, function));
        torch.set_field(name, native);
    }
    for &(name, function) in OPERATIONS.iter().flat_map(|list| list.iter()) {
        let native = Native::value(name, move |lua, args| {
            State::call(lua, (name, false), args, |lua, args| function(lua, args, false))
        });
        torch.set_field(name, native);
    }
    let globals = lua.globals().clone();
    if let Value::Table(table) = globals.field("table") {
        table.set_field("unpack", globals.field("unpack"));
    }
    torch
}

/// The table of the methods of all tensors, to which a definition may add.
pub fn methods(lua: &mut Lua) -> Table {
    State::of(lua).methods.clone()
}

/// Lets functions be asked about operators on tensors, about assignments to parts of them and about calls of their
/// functions before they are carried out; `None` ends it.
pub fn follow_operators(lua: &mut Lua, followers: Option<state::Followers>) {
    State::of(lua).followers.replace(followers);
}

/// Functions of the table `torch`.
const FUNCTIONS: &[&[Function]] = &[construct::FUNCTIONS, fill::FUNCTIONS, order::FUNCTIONS];

/// Functions of the table `torch` that are methods as well.
const OPERATIONS: &[&[Operation]] = &[
    compare::OPERATIONS,
    decompose::OPERATIONS,
    linear::OPERATIONS,
    order::OPERATIONS,
    pointwise::OPERATIONS,
    reduce::OPERATIONS,
    select::OPERATIONS,
    shape::OPERATIONS,
];

/// Methods of tensors only.
const METHODS: &[&[Function]] =
    &[fill::METHODS, pointwise::METHODS, select::METHODS, shape::METHODS];
