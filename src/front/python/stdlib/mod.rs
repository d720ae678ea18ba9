//! The standard library of Python, as far as definitions use it and the cage allows.

mod builtins;
mod collections;
pub mod construct;
mod contexts;
mod dicts;
mod format;
mod lists;
mod math;
mod ordering;
mod outside;
mod sets;
mod strings;
mod written;

use super::interp::{Args, Bound, Class, Module, Outcome, Python, Value};
use std::rc::Rc;

/// Fills the builtins and the modules.
pub(super) fn install(py: &mut Python) {
    builtins::install(py);
    ordering::install(py);
    strings::install(py);
    lists::install(py);
    dicts::install(py);
    sets::install(py);
    math::install(py);
    collections::install(py);
    contexts::install(py);
    written::install(py);
    outside::install(py);
}

/// A package that definitions import beside others and that has no place in a net: what shows, loads and stores.
pub(super) fn outside(name: &str) -> Option<Value> {
    outside::package(name)
}

/// Adds a method of a built-in class: it gets the value itself, also from inside of an object whose class inherits from
/// the built-in one, and the arguments by the names of their parameters.
fn method(
    class: &Rc<Class>,
    name: &'static str,
    parameters: &'static [&'static str],
    run: impl Fn(&mut Python, Value, Bound) -> Outcome + 'static,
) {
    let bound = move |py: &mut Python, mut args: Args| {
        let this = take_self(py, &mut args, name)?;
        let args = args.bind(py, name, parameters)?;
        run(py, this, args)
    };
    class.set(name, Value::method(name, bound));
}

fn take_self(py: &mut Python, args: &mut Args, name: &str) -> Outcome {
    if args.positional.is_empty() {
        let message = format!("unbound method {name}() needs an argument");
        return Err(py.type_error(args.span, message));
    }
    let (this, _) = args.positional.remove(0);
    Ok(Python::inner(&this).clone())
}

/// Adds a function to a module.
fn function(
    module: &Module,
    name: &'static str,
    parameters: &'static [&'static str],
    run: impl Fn(&mut Python, Bound) -> Outcome + 'static,
) {
    let bound = move |py: &mut Python, args: Args| {
        let args = args.bind(py, name, parameters)?;
        run(py, args)
    };
    module.set(name, Value::function(name, bound));
}

/// Adds a function that reads its arguments itself.
fn free_function(module: &Module, name: &'static str, run: fn(&mut Python, Args) -> Outcome) {
    module.set(name, Value::function(name, run));
}
