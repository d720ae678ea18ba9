//! Generators' own methods, and modules that do nothing here.

use super::method;
use crate::front::python::interp::{Args, Class, Maybe, Module, Native, Outcome, Python, Value};
use crate::source::Span;
use std::rc::Rc;

pub(super) fn install(py: &mut Python) {
    for name in ["iterator", "generator"] {
        methods(&py.builtin_class(name));
    }
    for name in ["warnings", "abc", "typing"] {
        py.add_module(name, Value::native(Silent { name }));
    }
    let string = Module::new("string");
    string.set("ascii_lowercase", "abcdefghijklmnopqrstuvwxyz");
    string.set("ascii_uppercase", "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    string.set("ascii_letters", "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
    string.set("digits", "0123456789");
    py.add_module("string", Value::Module(string));
}

/// The methods of an iterator.
fn methods(iterator: &Rc<Class>) {
    for name in ["__next__", "next"] {
        let run = move |py: &mut Python, mut args: Args| {
            let this = super::take_self(py, &mut args, name)?;
            let next = py.next(&this, args.span)?;
            or_stop(py, next, args.span)
        };
        iterator.set(name, Value::method(name, run));
    }
    method(iterator, "__iter__", &[], |_, this, _| Ok(this));
    method(iterator, "close", &[], |py, this, args| {
        let Value::Iter(iter) = &this else { return Ok(Value::None) };
        py.close(iter, args.span).map(|()| Value::None)
    });
    method(iterator, "send", &["value"], |py, this, args| {
        let Value::Iter(iter) = &this else { return Ok(Value::None) };
        let next = py.resume(iter, Ok(args.get("value")), args.span)?;
        or_stop(py, next, args.span)
    });
    method(iterator, "throw", &["type", "value?", "traceback?"], |py, this, args| {
        let value = args.some("value").unwrap_or_else(|| args.get("type"));
        let error = py.error_again(value, args.span)?;
        let Value::Iter(iter) = &this else { return Ok(Value::None) };
        let next = py.resume(iter, Err(error), args.span)?;
        or_stop(py, next, args.span)
    });
}

/// What `next` gives: an item, or at the end a `StopIteration` with what a generator returned.
pub(super) fn or_stop(py: &mut Python, next: Option<Value>, at: Span) -> Outcome {
    let Some(value) = next else {
        let class = Value::Class(py.builtin_class("StopIteration"));
        let returned = std::mem::take(&mut py.returned);
        let exception =
            py.call(&class, Args::new((!returned.is_none()).then_some(returned), at))?;
        return Err(py.raised(exception, at)?);
    };
    Ok(value)
}

/// A module whose functions have no effect on a network: what it is asked for does nothing.
struct Silent {
    name: &'static str,
}

impl Native for Silent {
    fn type_name(&self) -> String {
        "module".into()
    }

    fn get_attribute(self: Rc<Self>, py: &mut Python, name: &str, _at: Span) -> Maybe {
        Ok(Some(match (self.name, name) {
            ("abc", "abstractmethod" | "abstractproperty" | "abstractclassmethod") => {
                let is_property = name == "abstractproperty";
                Value::function("abstractmethod", move |py: &mut Python, args: Args| {
                    let function = args.bind(py, "abstractmethod", &["function"])?.get("function");
                    let property = Value::Class(py.types.property.clone());
                    match is_property {
                        true => py.call(&property, Args::new([function], Span::nowhere())),
                        false => Ok(function),
                    }
                })
            }
            ("abc", "ABC" | "ABCMeta") => Value::Class(py.types.object.clone()),
            ("typing", _) => Value::Class(py.types.object.clone()),
            _ => Value::function("nothing", |_, _| Ok(Value::None)),
        }))
    }
}
