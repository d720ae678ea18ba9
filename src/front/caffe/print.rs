//! Turns a syntax tree back into text, in the form of protobuf's own printer, which is also that of
//! Caffe's `upgrade_net_proto_text`.

use super::tree::{Field, Message, Value, ValueKind};
use std::fmt::Write;

/// The canonical text: one field a line, two spaces a level, lists as repeated fields.
///
/// Reading it again gives the same tree, except that lists are repeated fields and whole floats
/// integers (`1.0` is printed as `1`).
pub fn print(message: &Message) -> String {
    let mut out = String::new();
    print_fields(&message.fields, 0, &mut out);
    out
}

/// One field as it is in the canonical text.
pub(super) fn print_field(name: &str, value: &Value) -> String {
    let mut out = String::new();
    add_field(name, value, 0, &mut out);
    out
}

fn print_fields(fields: &[Field], depth: usize, out: &mut String) {
    for field in fields {
        add_field(&field.name.value, &field.value, depth, out);
    }
}

fn add_field(name: &str, value: &Value, depth: usize, out: &mut String) {
    let indent = " ".repeat(2 * depth);
    match &value.kind {
        ValueKind::Message(message) => {
            *out += &format!("{indent}{name} {{\n");
            print_fields(&message.fields, depth + 1, out);
            *out += &format!("{indent}}}\n");
        }
        ValueKind::List(values) => {
            values.iter().for_each(|value| add_field(name, value, depth, out));
        }
        ValueKind::Integer(integer) => *out += &format!("{indent}{name}: {integer}\n"),
        ValueKind::Float(float) => *out += &format!("{indent}{name}: {}\n", float_text(*float)),
        ValueKind::Str(text) => *out += &format!("{indent}{name}: {}\n", quoted(text)),
        ValueKind::Ident(ident) => *out += &format!("{indent}{name}: {ident}\n"),
    }
}

/// The shortest digits that give the same number, written as C's `%g` would write that many.
///
/// `%g` turns to exponents at its precision; protobuf prints with 6 digits, or with the next of 9, 15
/// and 17 that is exact.
fn float_text(value: f64) -> String {
    if !value.is_finite() {
        return match value.is_nan() {
            true => "nan".to_string(),
            false => if value < 0.0 { "-inf" } else { "inf" }.to_string(),
        };
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).count() as i32;
    let precision = [6, 9, 15].into_iter().find(|&p| digits <= p).unwrap_or(17);
    if exponent < -4 || precision <= exponent {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.abs());
    }
    value.to_string()
}

/// In double quotes, with everything that is not printable ASCII escaped, as C's escapes and octal.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for byte in text.bytes() {
        match byte {
            b'\n' => out += "\\n",
            b'\r' => out += "\\r",
            b'\t' => out += "\\t",
            b'"' | b'\'' | b'\\' => out.extend(['\\', byte as char]),
            b' '..=b'~' => out.push(byte as char),
            _ => _ = write!(out, "\\{byte:03o}"),
        }
    }
    out + "\""
}
