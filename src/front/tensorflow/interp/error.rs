//! Errors in flight: a Python exception that `except` can catch, or a limit that nothing catches, with the place and the
//! calls.

use super::value::Value;
use crate::diag::{Code, Diagnostic, E0801, E0802, E0803, Help, Label};
use crate::source::Span;

/// What an operation gives: a value, or an exception on its way out.
pub type Outcome<T = Value> = Result<T, PyError>;

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

#[derive(Clone)]
pub(super) enum Kind {
    /// Raised by `raise` or `assert`.
    Raised,
    /// Raised by an operation or a library function.
    Operation,
    /// A limit of the cage.
    Limit,
    /// A complaint that a native function has already worded.
    Worded(Box<Diagnostic>),
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
        let (span, kind) = (unwinding.span, unwinding.kind.clone());
        let (message, trace) =
            (std::mem::take(&mut unwinding.message), std::mem::take(&mut unwinding.trace));
        let help = unwinding.help.take();
        let code: &'static Code = match kind {
            Kind::Worded(mut diagnostic) => {
                if diagnostic.trace.is_empty() {
                    diagnostic.trace = trace;
                }
                return *diagnostic;
            }
            Kind::Raised => &E0801,
            Kind::Operation => &E0802,
            Kind::Limit => &E0803,
        };
        let mut diagnostic = match span {
            Some(span) => Diagnostic::new(code, span, message),
            None => Diagnostic::without_place(code, message),
        };
        diagnostic.trace = trace;
        diagnostic.help = help;
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
