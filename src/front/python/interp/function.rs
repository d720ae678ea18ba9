//! Functions of the definition and of Rust, their scopes, and the arguments they are called with.

use super::Python;
use super::class::ClassCell;
use super::error::{Outcome, PyError};
use super::module::{Module, Names};
use super::value::{Value, bury};
use crate::front::python::ast;
use crate::source::Span;
use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

/// The variables of a call, which functions defined in it keep alive.
pub struct Scope {
    /// The values; `None` until they are assigned.
    pub slots: RefCell<Vec<Option<Value>>>,
    /// The scope around it.
    pub parent: Option<Rc<Scope>>,
}

impl Scope {
    /// One whose variables have no values.
    pub(super) fn new(slots: usize, parent: Option<Rc<Scope>>) -> Rc<Scope> {
        Rc::new(Scope { slots: RefCell::new(vec![None; slots]), parent })
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        bury(self.slots.take().into_iter().flatten());
        // A chain of scopes may be as long as a recursion was deep.
        let mut next = self.parent.take();
        while let Some(mut scope) = next.and_then(Rc::into_inner) {
            bury(scope.slots.take().into_iter().flatten());
            next = scope.parent.take();
        }
    }
}

/// A function of the definition.
pub struct Function {
    /// What it does.
    pub code: Rc<ast::Function>,
    /// The defaults of its parameters, at their places.
    pub defaults: RefCell<Vec<Option<Value>>>,
    /// The scope it was defined in.
    pub scope: Option<Rc<Scope>>,
    /// The module it was defined in.
    pub module: Rc<Module>,
    /// The class it was defined in, for `super()`.
    pub class: Option<ClassCell>,
    /// What is set on it, such as `__name__`.
    pub names: RefCell<Names>,
}

impl Function {
    /// The name it was defined with, or that `functools.wraps` gave it.
    pub fn name(&self) -> Rc<str> {
        match self.names.borrow().get("__name__") {
            Some(Value::Str(name)) => name.clone(),
            _ => self.code.name.clone(),
        }
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        bury(self.defaults.take().into_iter().flatten());
        bury(self.names.take().into_values());
    }
}

/// A function with its first argument: `object.method`.
pub struct Method {
    /// The function.
    pub function: Value,
    /// The first argument.
    pub object: Value,
}

impl Drop for Method {
    fn drop(&mut self) {
        bury([&mut self.function, &mut self.object].map(std::mem::take));
    }
}

/// What a class finds under a name instead of a plain value.
pub enum Property {
    /// `property(get, set)`.
    Accessors(Value, Value),
    /// `staticmethod`.
    Static(Value),
    /// `classmethod`.
    OfClass(Value),
}

impl Drop for Property {
    fn drop(&mut self) {
        match self {
            Property::Accessors(get, set) => bury([get, set].map(std::mem::take)),
            Property::Static(function) | Property::OfClass(function) => {
                bury([std::mem::take(function)]);
            }
        }
    }
}

/// A function written in Rust. Not bound as a method where a class has it, except by [`Value::method`].
pub struct NativeFunction {
    /// The name in messages and traces.
    pub name: Cow<'static, str>,
    /// Whether a class that has it passes the object as the first argument.
    pub binds: bool,
    /// What is set on it, such as `__doc__`.
    pub names: RefCell<Names>,
    pub(super) run: Box<dyn Fn(&mut Python, Args) -> Outcome>,
}

impl Drop for NativeFunction {
    fn drop(&mut self) {
        bury(self.names.take().into_values());
    }
}

impl Value {
    /// A function written in Rust.
    pub fn function(
        name: impl Into<Cow<'static, str>>,
        run: impl Fn(&mut Python, Args) -> Outcome + 'static,
    ) -> Value {
        let (names, run) = (RefCell::default(), Box::new(run));
        Value::NativeFunction(Rc::new(NativeFunction {
            name: name.into(),
            binds: false,
            names,
            run,
        }))
    }

    /// A method written in Rust, for the names of a class: the object is the first argument.
    pub fn method(
        name: impl Into<Cow<'static, str>>,
        run: impl Fn(&mut Python, Args) -> Outcome + 'static,
    ) -> Value {
        let (names, run) = (RefCell::default(), Box::new(run));
        Value::NativeFunction(Rc::new(NativeFunction {
            name: name.into(),
            binds: true,
            names,
            run,
        }))
    }
}

/// An argument by keyword.
#[derive(Clone)]
pub struct Keyword {
    /// The name.
    pub name: Rc<str>,
    /// The place of the name.
    pub name_span: Span,
    /// The value.
    pub value: Value,
    /// The place of the value.
    pub span: Span,
}

/// The arguments of a call, with their places.
#[derive(Clone)]
pub struct Args {
    /// Those without a name, with their places.
    pub positional: Vec<(Value, Span)>,
    /// Those with a name; no name twice.
    pub keywords: Vec<Keyword>,
    /// The place of the call, or of the line of the definition that led to it.
    pub span: Span,
}

impl Args {
    /// Arguments without names.
    pub fn new(values: impl IntoIterator<Item = Value>, span: Span) -> Self {
        let positional = values.into_iter().map(|value| (value, span)).collect();
        Args { positional, keywords: vec![], span }
    }

    /// With one more argument by name.
    pub fn keyword(mut self, name: &str, value: impl Into<Value>) -> Self {
        let (name, name_span, span) = (name.into(), self.span, self.span);
        self.keywords.push(Keyword { name, name_span, value: value.into(), span });
        self
    }

    /// With one more argument before all others.
    pub fn prepend(mut self, value: Value) -> Self {
        self.positional.insert(0, (value, self.span));
        self
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.positional.len() + self.keywords.len()
    }

    /// No argument at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The arguments by the names of parameters, in their order. A name that ends with `?` may be left out, and `*name`
    /// can be given by keyword only. Raises TypeError for what is missing, unknown, too much or given twice.
    pub fn bind(self, py: &mut Python, function: &str, parameters: &[&str]) -> Outcome<Bound> {
        let name = |parameter: &str| parameter.trim_matches(['*', '?']).to_owned();
        let places = parameters.iter().filter(|p| !p.starts_with('*')).count();
        let mut values: Vec<Option<(Value, Span)>> = vec![None; parameters.len()];
        let given = self.positional.len();
        if places < given {
            let message = match places {
                0 => format!("{function}() takes no positional arguments ({given} given)"),
                _ => format!(
                    "{function}() takes at most {places} positional arguments ({given} given)"
                ),
            };
            return Err(py.type_error(self.positional[places].1, message));
        }
        for (slot, argument) in values.iter_mut().zip(self.positional) {
            *slot = Some(argument);
        }
        for keyword in self.keywords {
            let Some(at) = parameters.iter().position(|p| name(p) == *keyword.name) else {
                let names = parameters.iter().map(|p| name(p)).collect();
                return Err(py.unexpected_keyword(function, &keyword, names));
            };
            if values[at].is_some() {
                let message =
                    format!("{function}() got multiple values for argument '{}'", keyword.name);
                let positional = parameters[..given].iter().map(|p| name(p)).collect::<Vec<_>>();
                let error = py.type_error(keyword.name_span, message);
                let help = format!("those without a name are read as {}", positional.join(", "));
                return Err(error.help(help));
            }
            values[at] = Some((keyword.value, keyword.span));
        }
        let missing =
            (0..values.len()).find(|&i| values[i].is_none() && !parameters[i].ends_with('?'));
        if let Some(at) = missing {
            let name = name(parameters[at]);
            let message = format!("{function}() missing required argument: '{name}'");
            return Err(py.type_error(self.span, message));
        }
        let names = parameters.iter().map(|p| name(p)).collect();
        let read = RefCell::new(vec![false; values.len()]);
        Ok(Bound { names, values, read, span: self.span })
    }
}

/// Arguments by the names of parameters.
pub struct Bound {
    names: Vec<String>,
    values: Vec<Option<(Value, Span)>>,
    /// Which of them were asked for.
    read: RefCell<Vec<bool>>,
    /// The place of the call.
    pub span: Span,
}

impl Bound {
    fn at(&self, name: &str) -> Option<&(Value, Span)> {
        let at = self.names.iter().position(|known| known == name);
        debug_assert!(at.is_some(), "no parameter `{name}`");
        self.read.borrow_mut()[at?] = true;
        self.values[at?].as_ref()
    }

    /// Whether the function has a parameter of this name.
    pub fn has_parameter(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
    }

    /// Takes all arguments as asked for.
    pub fn ignore(&self) {
        self.read.borrow_mut().fill(true);
    }

    /// What was given and nobody asked for, with its place.
    pub fn unread(&self) -> Vec<(String, Value, Span)> {
        let read = self.read.borrow();
        let given = self.names.iter().zip(&self.values).zip(read.iter());
        given
            .filter(|(_, read)| !**read)
            .filter_map(|((name, value), _)| {
                value.as_ref().map(|(value, at)| (name.clone(), value.clone(), *at))
            })
            .collect()
    }

    /// Whether it was given, though it may be None.
    pub fn is_given(&self, name: &str) -> bool {
        self.at(name).is_some()
    }

    /// A value; None where it was not given.
    pub fn get(&self, name: &str) -> Value {
        self.at(name).map_or(Value::None, |(value, _)| value.clone())
    }

    /// Where the value is written; the call where it is not.
    pub fn span_of(&self, name: &str) -> Span {
        self.at(name).map_or(self.span, |(_, span)| *span)
    }

    /// A value that is neither absent nor None.
    pub fn some(&self, name: &str) -> Option<Value> {
        self.at(name).map(|(value, _)| value.clone()).filter(|value| !value.is_none())
    }

    fn wrong(&self, py: &mut Python, name: &str, expected: &str) -> PyError {
        let got = py.type_name(&self.get(name));
        py.type_error(self.span_of(name), format!("'{name}' must be {expected}, not {got}"))
    }

    /// An integer; a default where it is absent or None.
    pub fn int_or(&self, py: &mut Python, name: &str, default: i64) -> Outcome<i64> {
        match self.some(name) {
            None => Ok(default),
            Some(value) => match py.to_index(&value, self.span_of(name))? {
                Some(value) => Ok(value),
                None => Err(self.wrong(py, name, "an integer")),
            },
        }
    }

    /// A number; a default where it is absent or None.
    pub fn float_or(&self, py: &mut Python, name: &str, default: f64) -> Outcome<f64> {
        match self.some(name) {
            None => Ok(default),
            Some(value) => match py.to_float(&value, self.span_of(name))? {
                Some(value) => Ok(value),
                None => Err(self.wrong(py, name, "a number")),
            },
        }
    }

    /// A truth value; a default where it is absent or None.
    pub fn bool_or(&self, py: &mut Python, name: &str, default: bool) -> Outcome<bool> {
        match self.some(name) {
            None => Ok(default),
            Some(value) => py.truth(&value, self.span_of(name)),
        }
    }

    /// A text; `None` where it is absent or None.
    pub fn text(&self, py: &mut Python, name: &str) -> Outcome<Option<Rc<str>>> {
        match self.some(name) {
            None => Ok(None),
            Some(Value::Str(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(py, name, "a string")),
        }
    }
}
