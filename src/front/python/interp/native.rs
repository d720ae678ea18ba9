//! The extension point: values whose behaviour is written in Rust, such as symbolic tensors, scopes and arg_scopes.

use super::Python;
use super::class::Class;
use super::error::{Maybe, Outcome};
use super::function::Args;
use super::value::Value;
use crate::front::python::ast::{Binary, Compare, Unary};
use crate::source::Span;
use std::any::Any;
use std::rc::Rc;

/// A value of a type that Rust defines. Every method receives the interpreter, to call back functions and to raise
/// errors, and the place of the operation. The defaults raise what Python raises for a value that cannot do it;
/// `Ok(None)` means that as well where a method returns an option.
///
/// [`Value::as_native`] gives back the Rust type. Two natives are equal and the same key where they are the same object.
/// A native that owns values in chains of any length frees them by [`bury`](super::bury).
pub trait Native: Any {
    /// The name of the type, such as `Tensor`; for messages and `repr`.
    fn type_name(&self) -> String;

    /// Whether it stands for something outside of the definition's cage, of which classes may say that they inherit.
    fn is_outside(&self) -> bool {
        false
    }

    /// What `type()` gives and `isinstance` asks for; `None` for types that no definition can name.
    fn class(&self, _py: &mut Python) -> Option<Rc<Class>> {
        None
    }

    /// The names of attributes, for advice, `dir` and `from object import *`, as far as they are known.
    fn names(&self) -> Vec<String> {
        vec![]
    }

    /// `object.name`; `Ok(None)` raises AttributeError.
    fn get_attribute(self: Rc<Self>, _py: &mut Python, _name: &str, _at: Span) -> Maybe {
        Ok(None)
    }

    /// `object.name = value`; `Ok(false)` raises AttributeError.
    fn set_attribute(
        self: Rc<Self>,
        _py: &mut Python,
        _name: &str,
        _value: Value,
        _at: Span,
    ) -> Outcome<bool> {
        Ok(false)
    }

    /// `object(…)`; the object itself is not among the arguments.
    fn call(self: Rc<Self>, py: &mut Python, _args: Args, at: Span) -> Outcome {
        Err(py.type_error(at, format!("'{}' object is not callable", self.type_name())))
    }

    /// `object op other`, or `other op object` where `reflected`; `Ok(None)` lets the other operand try.
    fn binary(
        self: Rc<Self>,
        _py: &mut Python,
        _operator: Binary,
        _other: &Value,
        _reflected: bool,
        _at: Span,
    ) -> Maybe {
        Ok(None)
    }

    /// `-object`, `+object`, `~object`; `not` asks [`Native::truth`].
    fn unary(self: Rc<Self>, _py: &mut Python, _operator: Unary, _at: Span) -> Maybe {
        Ok(None)
    }

    /// `object op other` for the operators of equality and order, with the object always on the left. `Ok(None)`
    /// compares by identity.
    fn compare(
        self: Rc<Self>,
        _py: &mut Python,
        _operator: Compare,
        _other: &Value,
        _at: Span,
    ) -> Maybe {
        Ok(None)
    }

    /// `item in object`; `Ok(None)` looks through [`Native::iterate`].
    fn contains(
        self: Rc<Self>,
        _py: &mut Python,
        _item: &Value,
        _at: Span,
    ) -> Outcome<Option<bool>> {
        Ok(None)
    }

    /// `object[key]`. A key with commas is a tuple, parts with colons are slices.
    fn get_item(self: Rc<Self>, py: &mut Python, _key: &Value, at: Span) -> Outcome {
        Err(py.type_error(at, format!("'{}' object is not subscriptable", self.type_name())))
    }

    /// `object[key] = value`.
    fn set_item(
        self: Rc<Self>,
        py: &mut Python,
        _key: &Value,
        _value: Value,
        at: Span,
    ) -> Outcome<()> {
        let message = format!("'{}' object does not support item assignment", self.type_name());
        Err(py.type_error(at, message))
    }

    /// `del object[key]`.
    fn delete_item(self: Rc<Self>, py: &mut Python, _key: &Value, at: Span) -> Outcome<()> {
        let message = format!("'{}' object does not support item deletion", self.type_name());
        Err(py.type_error(at, message))
    }

    /// All items, for `for`, unpacking and `list`.
    fn iterate(self: Rc<Self>, py: &mut Python, at: Span) -> Outcome<Vec<Value>> {
        Err(py.type_error(at, format!("'{}' object is not iterable", self.type_name())))
    }

    /// `len(object)`.
    fn len(self: Rc<Self>, py: &mut Python, at: Span) -> Outcome<usize> {
        Err(py.type_error(at, format!("object of type '{}' has no len()", self.type_name())))
    }

    /// `bool(object)`, `if object`, `not object`.
    fn truth(self: Rc<Self>, _py: &mut Python, _at: Span) -> Outcome<bool> {
        Ok(true)
    }

    /// `repr(object)`, and `str(object)` as well.
    fn repr(self: Rc<Self>, _py: &mut Python) -> Outcome<String> {
        Ok(format!("<{} object>", self.type_name()))
    }

    /// `int(object)`, and where an index or a size is wanted; `Ok(None)` raises TypeError.
    fn to_int(self: Rc<Self>, _py: &mut Python, _at: Span) -> Outcome<Option<i64>> {
        Ok(None)
    }

    /// `float(object)`; `Ok(None)` raises TypeError.
    fn to_float(self: Rc<Self>, _py: &mut Python, _at: Span) -> Outcome<Option<f64>> {
        Ok(None)
    }

    /// What `with` does first; gives what stands after `as`.
    fn enter(self: Rc<Self>, py: &mut Python, at: Span) -> Outcome {
        let message =
            format!("'{}' object does not support the context manager protocol", self.type_name());
        Err(py.type_error(at, message))
    }

    /// What `with` does last, also where an error ends it.
    fn exit(self: Rc<Self>) {}
}
