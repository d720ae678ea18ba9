//! Raising: exceptions with their place and the calls that led there.

use super::error::Unwinding;
use super::{Class, Instance, Keyword, Outcome, PyError, Python, Value};
use crate::diag::{Diagnostic, E0804, nearest};
use crate::front::unwinding::Kind;
use crate::source::Span;
use std::cell::RefCell;
use std::rc::Rc;

impl Python {
    /// The place in the definition: where the library stands, the call that led into it.
    pub fn outside(&self, at: Span) -> Span {
        if self.is_internal(at) || at == Span::nowhere() { self.here() } else { at }
    }

    pub(super) fn limit(&self, message: String, at: Span) -> PyError {
        let span = Some(self.outside(at));
        let (value, help) = (Value::None, None);
        PyError(Box::new(Unwinding {
            value,
            message,
            kind: Kind::Limit,
            span,
            trace: self.trace(),
            help,
        }))
    }

    /// An exception of a builtin class, such as `ValueError`.
    pub fn error(&mut self, class: &str, at: Span, message: impl Into<String>) -> PyError {
        let class = self.builtin_class(class);
        self.error_of(&class, Value::from(message.into()), at)
    }

    /// An exception of a class with one argument.
    pub fn error_of(&mut self, class: &Rc<Class>, argument: Value, at: Span) -> PyError {
        let names = RefCell::default();
        let instance = Rc::new(Instance {
            class: class.clone(),
            names,
            dict: RefCell::default(),
            payload: None,
        });
        instance.set("args", Value::tuple([argument]));
        self.unwinding(Value::Instance(instance), Kind::Operation, at)
    }

    pub(super) fn unwinding(&mut self, value: Value, kind: Kind, at: Span) -> PyError {
        let message = self.last_line(&value);
        let (span, trace) = (Some(self.outside(at)), self.trace());
        PyError(Box::new(Unwinding { value, message, kind, span, trace, help: None }))
    }

    /// `class: text`, as Python prints an exception that nothing caught.
    fn last_line(&mut self, value: &Value) -> String {
        let Value::Instance(instance) = value else { return self.type_name(value) };
        let name = instance.class.name.to_string();
        let text = self.str(value, self.here()).unwrap_or_default();
        if text.is_empty() { name } else { format!("{name}: {text}") }
    }

    /// A TypeError.
    pub fn type_error(&mut self, at: Span, message: impl Into<String>) -> PyError {
        self.error("TypeError", at, message)
    }

    /// A ValueError.
    pub fn value_error(&mut self, at: Span, message: impl Into<String>) -> PyError {
        self.error("ValueError", at, message)
    }

    /// An exception that becomes exactly this complaint if nothing catches it: the calls are added as its trace.
    pub fn complaint(&mut self, diagnostic: Diagnostic) -> PyError {
        self.complaint_of("RuntimeError", diagnostic)
    }

    /// The same as an exception of another builtin class.
    pub fn complaint_of(&mut self, class: &str, mut diagnostic: Diagnostic) -> PyError {
        let at = self.outside(diagnostic.span().unwrap_or(Span::nowhere()));
        if let Some(label) = diagnostic.labels.first_mut() {
            label.span = at;
        }
        let mut error = self.error(class, at, diagnostic.message.clone());
        error.0.kind = Kind::Worded(Box::new(diagnostic));
        error
    }

    /// The complaint that a definition asks for what the cage does not have.
    pub fn not_available(&mut self, what: &str, at: Span) -> PyError {
        let message = format!("{what} is not available to a definition");
        self.complaint(Diagnostic::new(&E0804, at, message))
    }

    /// The same with the nearest of some names as advice.
    pub fn advise(&self, error: PyError, name: &str, known: Vec<String>) -> PyError {
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        match nearest::nearest(name, known) {
            Some(near) => error.help(format!("did you mean `{near}`?")),
            None => error,
        }
    }

    /// A TypeError with the nearest of the known names as advice, or with all of them.
    pub fn unexpected_keyword(
        &mut self,
        function: &str,
        keyword: &Keyword,
        known: Vec<String>,
    ) -> PyError {
        let message = format!("{function}() got an unexpected keyword argument '{}'", keyword.name);
        let mut error = self.type_error(keyword.name_span, message);
        if !known.is_empty() {
            error = error.help(format!("its arguments are `{}`", known.join("`, `")));
        }
        self.advise(error, &keyword.name, known)
    }

    /// An exception again: with the place where it was raised, if it is being handled.
    pub fn error_again(&mut self, value: Value, at: Span) -> Outcome<PyError> {
        match self.handling.iter().rev().find(|error| error.value().is(&value)) {
            Some(error) => Ok(error.clone()),
            None => self.raised(value, at),
        }
    }

    /// What `raise value` raises: an exception, or a class of one, which is called.
    pub fn raised(&mut self, value: Value, at: Span) -> Outcome<PyError> {
        let base = self.builtin_class("BaseException");
        let value = match value {
            Value::Class(class) if class.inherits(&base) => {
                self.call(&Value::Class(class), super::Args::new([], at))?
            }
            other => other,
        };
        if !self.is_instance(&value, &base) {
            return Err(self.type_error(at, "exceptions must derive from BaseException"));
        }
        Ok(self.unwinding(value, Kind::Raised, at))
    }
}
