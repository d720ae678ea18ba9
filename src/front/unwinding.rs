//! Why something unwinds through an interpreter, and the complaint that it ends as.

use crate::diag::{Code, Diagnostic, Label};
use crate::source::Span;

#[derive(Clone)]
pub(in crate::front) enum Kind {
    /// Raised by the definition, or by a library function that Lua's `error` stands for.
    Raised,
    /// Raised by an operation on the wrong kind of value.
    Operation,
    /// A limit of the cage.
    Limit,
    /// A complaint that a native function has already worded.
    Worded(Box<Diagnostic>),
}

impl Kind {
    /// The complaint, with the code that the language has for what is raised, for operations or for limits.
    pub fn diagnostic(
        self,
        codes: [&'static Code; 3],
        span: Option<Span>,
        message: String,
        trace: Vec<Label>,
    ) -> Diagnostic {
        let [raised, operation, limit] = codes;
        let code = match self {
            Kind::Worded(mut diagnostic) => {
                if diagnostic.trace.is_empty() {
                    diagnostic.trace = trace;
                }
                return *diagnostic;
            }
            Kind::Raised => raised,
            Kind::Operation => operation,
            Kind::Limit => limit,
        };
        let mut diagnostic = match span {
            Some(span) => Diagnostic::new(code, span, message),
            None => Diagnostic::without_place(code, message),
        };
        diagnostic.trace = trace;
        diagnostic
    }
}
