//! The values of Python, and how they are told apart, compared by identity and freed.

use super::class::{Class, Instance};
use super::dict::{Dict, Set};
use super::function::{Function, Method, NativeFunction, Property};
use super::iterator::Iter;
use super::module::Module;
use super::native::Native;
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::ops::Deref;
use std::rc::Rc;

/// A value. Cloning copies a reference, as assignment does in Python.
#[derive(Clone, Default)]
pub enum Value {
    /// `None`.
    #[default]
    None,
    /// `...`.
    Ellipsis,
    /// What an operator's method returns to let the other operand try.
    NotImplemented,
    /// `True` and `False`.
    Bool(bool),
    /// An integer; what does not fit raises OverflowError.
    Int(i64),
    /// A number in double precision.
    Float(f64),
    /// A text; bytes are texts as well.
    Str(Rc<str>),
    /// `[…]`.
    List(Rc<List>),
    /// `(…)`.
    Tuple(Rc<Tuple>),
    /// `{k: v}`, also an OrderedDict or a defaultdict.
    Dict(Rc<Dict>),
    /// `{…}`, also a frozenset.
    Set(Rc<Set>),
    /// `range(…)`.
    Range(Rc<Range>),
    /// `slice(…)`, made by `a[b:c]`.
    Slice(Rc<Slice>),
    /// A function of the definition.
    Function(Rc<Function>),
    /// A function with its first argument.
    Method(Rc<Method>),
    /// A function written in Rust.
    NativeFunction(Rc<NativeFunction>),
    /// A class, of the definition or built in.
    Class(Rc<Class>),
    /// An object of a class of the definition, or an exception.
    Instance(Rc<Instance>),
    /// A module.
    Module(Rc<Module>),
    /// An iterator.
    Iter(Rc<Iter>),
    /// `property`, `staticmethod` or `classmethod`.
    Property(Rc<Property>),
    /// A value whose behaviour is written in Rust.
    Native(Rc<dyn Native>),
}

/// The items of a list.
#[derive(Default)]
pub struct List(pub RefCell<Vec<Value>>);

/// The items of a tuple.
#[derive(Default)]
pub struct Tuple(Vec<Value>);

/// `range(start, stop, step)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of Python")]
pub struct Range {
    pub start: i64,
    pub stop: i64,
    pub step: i64,
}

/// `start:stop:step`; what is absent is None.
#[allow(missing_docs, reason = "the names are those of Python")]
pub struct Slice {
    pub start: Value,
    pub stop: Value,
    pub step: Value,
}

impl Value {
    /// A text.
    pub fn str(text: impl AsRef<str>) -> Value {
        Value::Str(Rc::from(text.as_ref()))
    }

    /// A list.
    pub fn list(items: impl IntoIterator<Item = Value>) -> Value {
        Value::List(Rc::new(List(RefCell::new(items.into_iter().collect()))))
    }

    /// A tuple.
    pub fn tuple(items: impl IntoIterator<Item = Value>) -> Value {
        Value::Tuple(Rc::new(Tuple(items.into_iter().collect())))
    }

    /// A value of a type that Rust defines.
    pub fn native(native: impl Native) -> Value {
        Value::Native(Rc::new(native))
    }

    /// The Rust value inside, if it is of this type.
    pub fn as_native<T: Native>(&self) -> Option<Rc<T>> {
        let Value::Native(native) = self else { return None };
        let any: Rc<dyn Any> = native.clone();
        any.downcast().ok()
    }

    /// Whether it is `None`.
    pub fn is_none(&self) -> bool {
        matches!(self, Value::None)
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&Rc<str>> {
        if let Value::Str(text) = self { Some(text) } else { None }
    }

    /// The integer, if it is one or a Boolean.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Value::Int(value) => Some(*value),
            Value::Bool(value) => Some(i64::from(*value)),
            _ => None,
        }
    }

    /// The number, if it is one or a Boolean.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Float(value) => Some(*value),
            other => other.as_int().map(|value| value as f64),
        }
    }

    /// The items of a list or tuple.
    pub fn as_items(&self) -> Option<Vec<Value>> {
        match self {
            Value::List(list) => Some(list.0.borrow().clone()),
            Value::Tuple(tuple) => Some(tuple.to_vec()),
            _ => None,
        }
    }

    /// `a is b`. Numbers and texts are the same if they are equal and of one type.
    pub fn is(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::None, Value::None)
            | (Value::Ellipsis, Value::Ellipsis)
            | (Value::NotImplemented, Value::NotImplemented) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Int(a), Value::Int(b)) => a == b,
            (Value::Float(a), Value::Float(b)) => a.to_bits() == b.to_bits(),
            (Value::Str(a), Value::Str(b)) => a == b,
            (Value::Tuple(a), Value::Tuple(b)) if a.is_empty() && b.is_empty() => true,
            _ => self.identity().is_some() && self.identity() == other.identity(),
        }
    }

    /// The address of what is compared by identity; `None` for values without one.
    pub fn identity(&self) -> Option<usize> {
        fn address<T: ?Sized>(rc: &Rc<T>) -> Option<usize> {
            Some(Rc::as_ptr(rc).cast::<u8>() as usize)
        }
        match self {
            Value::List(rc) => address(rc),
            Value::Tuple(rc) => address(rc),
            Value::Dict(rc) => address(rc),
            Value::Set(rc) => address(rc),
            Value::Range(rc) => address(rc),
            Value::Slice(rc) => address(rc),
            Value::Function(rc) => address(rc),
            Value::Method(rc) => address(rc),
            Value::NativeFunction(rc) => address(rc),
            Value::Class(rc) => address(rc),
            Value::Instance(rc) => address(rc),
            Value::Module(rc) => address(rc),
            Value::Iter(rc) => address(rc),
            Value::Property(rc) => address(rc),
            Value::Native(rc) => address(rc),
            _ => None,
        }
    }
}

impl Deref for Tuple {
    type Target = [Value];

    fn deref(&self) -> &[Value] {
        &self.0
    }
}

impl Range {
    /// How many numbers there are.
    pub fn len(self) -> usize {
        let (start, stop, step) = (i128::from(self.start), i128::from(self.stop), self.step);
        let distance = if step > 0 { stop - start } else { start - stop };
        let step = i128::from(step.unsigned_abs().max(1));
        usize::try_from((distance.max(0) + step - 1) / step).unwrap_or(usize::MAX)
    }

    /// Whether there is no number.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The number at a place below [`Range::len`].
    pub fn at(self, index: usize) -> i64 {
        self.start.wrapping_add((index as i64).wrapping_mul(self.step))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Value::Int(value)
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Value::Int(value as i64)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Value::Float(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Value::str(value)
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Value::Str(value.into())
    }
}

impl From<Rc<str>> for Value {
    fn from(value: Rc<str>) -> Self {
        Value::Str(value)
    }
}

thread_local! {
    /// Values whose owner is being freed, waiting for their turn; whether someone empties it.
    static GRAVEYARD: (RefCell<Vec<Value>>, Cell<bool>) = const { (RefCell::new(vec![]), Cell::new(false)) };
}

/// Frees values without recursion, however deep the structures that hang on them. Everything that owns values and can
/// be part of a chain of a length that a definition chooses frees its values through this.
pub fn bury(values: impl IntoIterator<Item = Value>) {
    let bury = |(waiting, busy): &(RefCell<Vec<Value>>, Cell<bool>)| {
        let owners = values.into_iter().filter(|value| value.identity().is_some());
        waiting.borrow_mut().extend(owners);
        if busy.replace(true) {
            return;
        }
        loop {
            let next = waiting.borrow_mut().pop();
            let Some(value) = next else { break };
            drop(value);
        }
        busy.set(false);
    };
    // Where the thread ends there is nobody left to wait.
    let _ = GRAVEYARD.try_with(bury);
}

impl Drop for List {
    fn drop(&mut self) {
        bury(self.0.take());
    }
}

impl Drop for Tuple {
    fn drop(&mut self) {
        bury(std::mem::take(&mut self.0));
    }
}

impl Drop for Slice {
    fn drop(&mut self) {
        bury([&mut self.start, &mut self.stop, &mut self.step].map(std::mem::take));
    }
}
