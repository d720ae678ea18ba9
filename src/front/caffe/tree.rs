//! The syntax tree of a prototxt: what was written and where, without any meaning.

use crate::source::{Span, Spanned};

/// The fields between a pair of brackets, or of a whole file.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// In the order of the text; a repeated field is simply there several times.
    pub fields: Vec<Field>,
    /// With the brackets.
    pub span: Span,
}

/// `name: value` or `name { ... }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The name as written; an extension keeps its brackets (`[caffe.extra]`).
    pub name: Spanned<String>,
    /// What it is set to.
    pub value: Value,
    /// From the name to the end of the value.
    pub span: Span,
}

/// One value and the text it was written as.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// What it is.
    pub kind: ValueKind,
    /// All of its tokens.
    pub span: Span,
}

/// The kinds of value that can be told apart without knowing the field.
#[derive(Clone, Debug, PartialEq)]
pub enum ValueKind {
    /// Decimal, hexadecimal or octal; wide enough for every 64-bit field.
    Integer(i128),
    /// Anything with a point, an exponent or a trailing `f`, and `inf` and `nan`.
    Float(f64),
    /// Adjacent strings joined, escapes replaced; bytes that are not UTF-8 become U+FFFD.
    Str(String),
    /// `true`, `false` or the name of an enum value.
    Ident(String),
    /// `{ ... }` or `< ... >`.
    Message(Message),
    /// `[a, b]`, the short form of a repeated field.
    List(Vec<Value>),
}

impl ValueKind {
    /// What to call it in a message to the user.
    pub fn describe(&self) -> &'static str {
        match self {
            ValueKind::Integer(_) => "an integer",
            ValueKind::Float(_) => "a number",
            ValueKind::Str(_) => "a string",
            ValueKind::Ident(_) => "an identifier",
            ValueKind::Message(_) => "a message",
            ValueKind::List(_) => "a list",
        }
    }
}
