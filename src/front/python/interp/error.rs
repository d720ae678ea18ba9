//! Errors in flight: a Python exception that `except` can catch, or a limit that nothing catches, with the place and the
//! calls.

use super::value::Value;
use crate::diag::{Diagnostic, E0801, E0802, E0803, Help, Label};
use crate::front::unwinding::Kind;
use crate::source::Span;

/// What an operation gives: a value, or an exception on its way out.
pub type Outcome<T = Value> = Result<T, PyError>;

/// What an operation gives that may have nothing to give.
pub type Maybe = Outcome<Option<Value>>;

/// What unwinds through calls.
#[derive(Clone)]
pub struct PyError(pub(super) Box<Unwinding>);

#[derive(Clone)]
pub(super) struct Unwinding {
    /// The exception; None for limits.
    pub value: Value,
    /// The class and the text, as Python prints them last.
    pub message: String,
    pub kind: Kind,
    pub span: Option<Span>,
    pub trace: Vec<Label>,
    pub help: Option<Help>,
}

impl PyError {
    /// Unwinds a generator that nobody can ask any more. Nothing catches it and nobody sees it.
    pub(super) fn ended() -> Self {
        PyError(Box::new(Unwinding {
            value: Value::None,
            message: String::new(),
            kind: Kind::Limit,
            span: None,
            trace: vec![],
            help: None,
        }))
    }

    /// Whether `except` may stop it.
    pub fn is_catchable(&self) -> bool {
        !matches!(self.0.kind, Kind::Limit)
    }

    /// The exception; None for a limit.
    pub fn value(&self) -> &Value {
        &self.0.value
    }

    /// The same with advice.
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.0.help = Some(Help { text: text.into(), edit: None });
        self
    }

    /// Where it was raised.
    pub fn span(&self) -> Option<Span> {
        self.0.span
    }

    /// As Python prints it: `TypeError: 'int' object is not callable`.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The complaint for the user, with the calls that led to it.
    pub fn diagnostic(self) -> Diagnostic {
        let mut unwinding = self.0;
        let (message, trace) =
            (std::mem::take(&mut unwinding.message), std::mem::take(&mut unwinding.trace));
        let kind = unwinding.kind.clone();
        let codes = [&E0801, &E0802, &E0803];
        let mut diagnostic = kind.diagnostic(codes, unwinding.span, message, trace);
        diagnostic.help = diagnostic.help.or(unwinding.help.take());
        diagnostic
    }
}

impl std::fmt::Debug for PyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PyError({})", self.message())
    }
}

impl Drop for Unwinding {
    fn drop(&mut self) {
        super::bury([std::mem::take(&mut self.value)]);
    }
}
