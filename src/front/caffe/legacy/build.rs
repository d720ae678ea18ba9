//! Makes the fields that an upgrade adds, and the text that it suggests.

use super::order;
use crate::front::caffe::print;
use crate::front::caffe::tree::{Field, Message, Value, ValueKind};
use crate::source::{Span, Spanned};

/// A field that stands for something written at `span`.
pub fn scalar(name: &str, kind: ValueKind, span: Span) -> Field {
    Field { name: Spanned::new(name.to_string(), span), value: Value { kind, span }, span }
}

/// A message that stands for something written at `span`.
pub fn block(name: &str, fields: Vec<Field>, span: Span) -> Field {
    scalar(name, ValueKind::Message(Message { fields, span }), span)
}

/// True for the number zero in any form.
pub fn is_true_zero(kind: &ValueKind) -> bool {
    matches!(kind, ValueKind::Integer(0)) || matches!(kind, ValueKind::Float(x) if *x == 0.0)
}

/// The canonical text of all fields that were written within `span`.
pub fn printed_between(message: &Message, span: Span) -> String {
    let inside = |field: &&Field| span.start <= field.span.start && field.span.end <= span.end;
    let fields = message.fields.iter().filter(inside).cloned().collect();
    let mut inside = Message { fields, span };
    order::sort_inner(&mut inside);
    print(&inside).trim_end().to_string()
}
