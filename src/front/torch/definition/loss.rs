//! The loss of a definition without one, as an expression of the caller's.

use super::super::interp::{Lua, Table, Value};
use super::super::library::is_criterion;
use super::super::lower::{Stop, stop};
use crate::diag::{self, Diagnostic};
use crate::source::Span;

/// The criterion that an expression such as `nn.CrossEntropyCriterion()` gives; a class stands for one made without
/// arguments.
pub(super) fn told(lua: &mut Lua, expression: &str) -> Result<Table, Stop> {
    let chunk = lua.load("--loss", &format!("return {expression}"));
    let chunk = chunk.map_err(|errors| match errors.first() {
        Some(error) => Box::new(error.diagnostic()),
        None => no_criterion(lua),
    })?;
    let mut value = lua.call_for_one(&chunk, vec![]).map_err(stop)?;
    if let Value::Table(class) = &value
        && !class.field("__typename").is_nil()
    {
        value = lua.call_for_one(&value, vec![]).map_err(stop)?;
    }
    value.into_table().filter(is_criterion).ok_or_else(|| no_criterion(lua))
}

fn no_criterion(lua: &Lua) -> Stop {
    let file = lua.sources.last_file();
    let place = file.map_or_else(Span::nowhere, |file| Span::new(file, 0, 0));
    let message = "the expression gives no criterion";
    let help = "write it as `nn.CrossEntropyCriterion()` or `nn.MSECriterion()`";
    Box::new(Diagnostic::new(&diag::E0705, place, message).help(help))
}
