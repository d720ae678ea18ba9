//! Errors in flight: a Lua value that `pcall` can catch, or a limit that nothing catches, with the place and the calls.

use super::value::Value;
use crate::diag::{Diagnostic, E0701, E0702, E0703, Label};
use crate::front::unwinding::Kind;
use crate::source::Span;

/// What unwinds through calls.
pub struct LuaError(Box<Unwinding>);

struct Unwinding {
    value: Value,
    kind: Kind,
    span: Option<Span>,
    /// How many bytes of the message are the position, which a diagnostic shows by itself.
    position: usize,
    trace: Vec<Label>,
    /// Whether the handler of `xpcall` has seen it.
    handled: bool,
}

impl LuaError {
    fn new(
        kind: Kind,
        value: Value,
        span: Option<Span>,
        position: usize,
        trace: Vec<Label>,
    ) -> Self {
        let handled = false;
        LuaError(Box::new(Unwinding { value, kind, span, position, trace, handled }))
    }

    pub(super) fn raised(
        value: Value,
        span: Option<Span>,
        position: usize,
        trace: Vec<Label>,
    ) -> Self {
        Self::new(Kind::Raised, value, span, position, trace)
    }

    pub(super) fn operation(
        message: Value,
        span: Span,
        position: usize,
        trace: Vec<Label>,
    ) -> Self {
        Self::new(Kind::Operation, message, Some(span), position, trace)
    }

    pub(super) fn limit(message: Value, span: Option<Span>, trace: Vec<Label>) -> Self {
        Self::new(Kind::Limit, message, span, 0, trace)
    }

    /// What ends a coroutine that nobody can resume.
    pub(super) fn ended() -> Self {
        Self::new(Kind::Limit, Value::Nil, None, 0, vec![])
    }

    pub(super) fn worded(diagnostic: Diagnostic, message: Value, trace: Vec<Label>) -> Self {
        let span = diagnostic.span();
        Self::new(Kind::Worded(Box::new(diagnostic)), message, span, 0, trace)
    }

    /// Whether `pcall` may stop it.
    pub fn is_catchable(&self) -> bool {
        !matches!(self.0.kind, Kind::Limit)
    }

    /// Whether the handler of `xpcall` has made its value.
    pub fn is_handled(&self) -> bool {
        self.0.handled
    }

    /// The error with what the handler of `xpcall` gave for it.
    pub(super) fn with_handled(mut self, value: Value) -> Self {
        (self.0.value, self.0.handled) = (value, true);
        self
    }

    /// What `error` was called with: a message with its position, or any value.
    pub fn value(&self) -> &Value {
        &self.0.value
    }

    /// [`LuaError::value`], taken out.
    pub fn into_value(self) -> Value {
        self.0.value
    }

    /// Where it was raised.
    pub fn span(&self) -> Option<Span> {
        self.0.span
    }

    /// The text of the error, with the position that Lua puts before it.
    pub fn message(&self) -> String {
        match self.0.value.to_text() {
            Some(text) => text.to_str().into_owned(),
            None => format!("(error object is a {} value)", self.0.value.type_name()),
        }
    }

    /// Where it was raised and where the calls that led there are, the innermost first.
    pub fn calls(&self) -> impl Iterator<Item = Span> {
        let inner = match &self.0.kind {
            Kind::Worded(diagnostic) if !diagnostic.trace.is_empty() => &diagnostic.trace,
            _ => &self.0.trace,
        };
        self.0.span.into_iter().chain(inner.iter().map(|label| label.span))
    }

    /// The message without the position.
    pub fn reason(&self) -> String {
        match (&self.0.kind, self.0.value.to_text()) {
            (Kind::Worded(diagnostic), _) => diagnostic.message.clone(),
            (_, Some(text)) => shortened(text.get(self.0.position..).unwrap_or(&text)),
            (_, None) => self.message(),
        }
    }

    /// The complaint for the user, with the calls that led to it.
    pub fn diagnostic(self) -> Diagnostic {
        let message = match self.0.value.to_text() {
            Some(text) => shortened(text.get(self.0.position..).unwrap_or(&text)),
            None => self.message(),
        };
        let Unwinding { kind, span, trace, .. } = *self.0;
        kind.diagnostic([&E0701, &E0702, &E0703], span, message, trace)
    }
}

/// What is shown of a message: so many bytes and lines.
const SHOWN: usize = 8000;
const SHOWN_LINES: usize = 200;

fn shortened(text: &[u8]) -> String {
    let lines = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    let end = lines.map(|(at, _)| at).nth(SHOWN_LINES).unwrap_or(text.len()).min(SHOWN);
    let shown = String::from_utf8_lossy(&text[..end.min(text.len())]).into_owned();
    match text.len().saturating_sub(end) {
        0 => shown,
        more => format!("{shown} ... ({more} more bytes)"),
    }
}

impl std::fmt::Debug for LuaError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LuaError({})", self.message())
    }
}
