//! Turns the text of a prototxt into its syntax tree, reporting every broken place and keeping every
//! field around it. The only file that knows the grammar's rules.

use super::balance::{Balanced, balance};
use super::complaints::Complaints;
use super::conflicts;
use super::foreign;
use super::tree::{Field, Message, Value, ValueKind};
use super::{literal, literal::BadEscape};
use crate::diag::{self, Diagnostic, Diagnostics};
use crate::source::{FileId, Span, Spanned};
use pest::Parser;
use pest::iterators::{Pair, Pairs};

#[derive(pest_derive::Parser)]
#[grammar = "../grammar/prototxt.pest"]
struct Grammar;

/// Reads a whole prototxt. What cannot be read is reported (`E01xx`) and left out; everything else is in
/// the result.
///
/// The time is linear in the length of `text`. `text` must be the text of `file`, so that the spans fit.
pub fn parse(file: FileId, text: &str, diagnostics: &mut Diagnostics) -> Message {
    let mut message = Message { fields: vec![], span: Span::new(file, 0, text.len()) };
    let mut complaints = Complaints::new(diagnostics);
    if let Some(at) = text.find('\0') {
        let d = Diagnostic::new(&diag::E0101, Span::new(file, at, at + 1), "a byte of 0");
        complaints.report(d.here("Caffe reads no further"));
    }
    if let Some(d) = foreign::complaint(file, text) {
        complaints.report(d);
        return message;
    }
    let text = conflicts::blank(file, text, &mut complaints);
    let balanced = balance(file, &text, &mut complaints);
    let mut reader = Reader { file, balanced: &balanced, complaints: &mut complaints };
    match Grammar::parse(Rule::file, &balanced.text) {
        Ok(pairs) => {
            let entries: Vec<Pair<'_, Rule>> = pairs.flat_map(Pair::into_inner).collect();
            for group in entries.chunk_by(|one, next| is_prose(one) == is_prose(next)) {
                match MANY_WORDS <= group.len() && is_prose(&group[0]) {
                    true => reader.prose(group),
                    false => message
                        .fields
                        .extend(group.iter().cloned().filter_map(|pair| reader.entry(pair))),
                }
            }
        }
        Err(_) => {
            let span = Span::new(file, 0, 0);
            complaints.report(Diagnostic::new(&diag::E0101, span, "cannot read this text"));
        }
    }
    message
}

/// So many entries one after the other that are words and nothing else are text, and not fields with mistakes.
const MANY_WORDS: usize = 3;

/// What `1` before and `/256` come to, with the length of the `1`.
fn quotient(before: &str, text: &str) -> Option<(usize, f64)> {
    let below: f64 = text.strip_prefix('/')?.trim().parse().ok()?;
    let digits = |c: char| c.is_ascii_digit() || c == '.';
    let number = &before[before.trim_end_matches(digits).len()..];
    let above: f64 = number.parse().ok()?;
    (below != 0.0).then_some((number.len(), above / below))
}

/// Whether an entry looks like text between the fields: a word, two words without a colon, or what is no word.
fn is_prose(entry: &Pair<'_, Rule>) -> bool {
    match entry.as_rule() {
        Rule::stray | Rule::stray_close => true,
        Rule::field => {
            let mut parts = entry.clone().into_inner();
            let name = parts.next().map_or(0, |name| name.as_str().len());
            match parts.next() {
                None => !entry.as_str()[name..].trim_start().starts_with(':'),
                Some(value) if value.as_rule() == Rule::no_colon => {
                    value.into_inner().next().is_some_and(|first| first.as_rule() == Rule::word)
                }
                Some(_) => false,
            }
        }
        _ => false,
    }
}

struct Reader<'a, 'd, 'l> {
    file: FileId,
    balanced: &'a Balanced<'a>,
    complaints: &'l mut Complaints<'d>,
}

impl Reader<'_, '_, '_> {
    fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.file, self.balanced.original(start), self.balanced.original(end))
    }

    fn span_of(&self, pair: &Pair<'_, Rule>) -> Span {
        let start = pair.as_span().start();
        self.span(start, start + pair.as_str().trim_ascii_end().len())
    }

    fn entry(&mut self, pair: Pair<'_, Rule>) -> Option<Field> {
        match pair.as_rule() {
            Rule::field => return self.field(pair),
            Rule::EOI => {}
            _ => self.stray(&pair),
        }
        None
    }

    /// One complaint about text that is no part of the definition.
    fn prose(&mut self, entries: &[Pair<'_, Rule>]) {
        let message = "text that belongs to no field";
        let d = Diagnostic::new(&diag::E0101, self.span_of(&entries[0]), message)
            .here("from here on")
            .help("remove this text, or make comments of its lines with `#`");
        self.complaints.report(d);
    }

    fn field(&mut self, pair: Pair<'_, Rule>) -> Option<Field> {
        let mut inner = pair.into_inner();
        let name = self.name(&inner.next()?);
        let Some(first) = inner.next() else {
            self.missing_value(&name);
            return None;
        };
        let value = match first.as_rule() {
            Rule::wrong => {
                self.wrong(&name, &first);
                return None;
            }
            Rule::no_colon => self.value_without_colon(&name, first)?,
            _ => self.value(first, inner)?,
        };
        let span = name.span.to(value.span);
        Some(Field { name, value, span })
    }

    fn value_without_colon(
        &mut self,
        name: &Spanned<String>,
        pair: Pair<'_, Rule>,
    ) -> Option<Value> {
        let mut inner = pair.into_inner();
        let mut first = inner.next()?;
        let equals = first.as_rule() == Rule::equals;
        if equals {
            let span = self.span_of(&first);
            let message = format!("expected `:` after `{}`, found `=`", name.value);
            let diagnostic = Diagnostic::new(&diag::E0107, span, message);
            self.complaints.report(diagnostic.edit("a field is set with `:`", span, ":"));
            let Some(next) = inner.next() else {
                self.missing_value(name);
                return None;
            };
            first = next;
        }
        let value = self.value(first, inner)?;
        if !equals && !is_list_of_blocks(&value.kind) {
            let message = format!("expected `:` between `{}` and its value", name.value);
            self.complaints.report(
                Diagnostic::new(&diag::E0107, value.span, message)
                    .here(format!("{} needs a colon before it", value.kind.describe()))
                    .edit("add the colon", name.span.after(), ":"),
            );
        }
        Some(value)
    }

    fn name(&mut self, pair: &Pair<'_, Rule>) -> Spanned<String> {
        let span = self.span_of(pair);
        let text = pair.as_str().trim_ascii_end();
        if text.starts_with('[') {
            return Spanned::new(text.chars().filter(|c| !c.is_whitespace()).collect(), span);
        }
        self.check_word(text, span);
        Spanned::new(text.to_string(), span)
    }

    /// A word of the grammar may have letters that no name has.
    fn check_word(&mut self, text: &str, span: Span) {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if text.chars().all(allowed) {
            return;
        }
        let mut diagnostic =
            Diagnostic::new(&diag::E0111, span, format!("`{text}` cannot be a name"))
                .here("a name has letters a-z, digits and `_` only");
        let plain = text.replace(['-', '.'], "_");
        if plain.chars().all(allowed) {
            diagnostic = diagnostic.edit("write it with `_`", span, plain);
        }
        self.complaints.report(diagnostic);
    }

    fn missing_value(&mut self, name: &Spanned<String>) {
        self.complaints.report(
            Diagnostic::new(&diag::E0106, name.span, format!("`{}` has no value", name.value))
                .here("expected a value after this"),
        );
    }

    fn wrong(&mut self, name: &Spanned<String>, pair: &Pair<'_, Rule>) {
        let span = self.span_of(pair);
        let text = pair.as_str();
        let diagnostic = Diagnostic::new(
            &diag::E0101,
            span,
            format!("`{text}` cannot be the value of `{}`", name.value),
        )
        .here("expected a string, a number, an identifier or a block");
        let straight = text.replace(['“', '”', '„', '‘', '’'], "\"");
        self.complaints.report(match text.strip_prefix('+') {
            Some(rest) if literal::number(rest, false).is_some() => {
                diagnostic.edit("a positive number has no sign", span, rest)
            }
            _ if straight != text => diagnostic.edit("use straight quotes", span, straight),
            _ if text.len() > 1 && text.starts_with('$') => diagnostic.help(
                "this file is a template: the program that it belongs to puts a value here; write that value",
            ),
            _ => diagnostic,
        });
    }

    fn stray(&mut self, pair: &Pair<'_, Rule>) {
        let (message, remark) = match pair.as_rule() {
            Rule::stray_element => ("expected a value", "this is no element of a list"),
            _ => ("expected a field", "this belongs to no field"),
        };
        let span = self.span_of(pair);
        let diagnostic = Diagnostic::new(&diag::E0101, span, message).here(remark);
        let text = pair.as_str();
        let start = pair.as_span().start();
        let before = pair.get_input().get(..start).unwrap_or("");
        let number = before
            .strip_suffix(',')
            .map(|before| &before[before.trim_end_matches(|c: char| c.is_ascii_digit()).len()..]);
        let digits = text.trim_ascii_end().bytes().all(|byte| byte.is_ascii_digit());
        if let Some((length, quotient)) = quotient(before, text) {
            let whole = self.span(start - length, start + text.trim_ascii_end().len());
            let d = diagnostic.edit("a number is written out", whole, quotient.to_string());
            return self.complaints.report(d);
        }
        self.complaints.report(match number {
            _ if text.starts_with("/*") => {
                diagnostic.help("comments go from `#` to the end of their line")
            }
            _ if text.starts_with("//") => {
                let slashes = Span { end: span.start + 2, ..span };
                diagnostic.edit("comments begin with `#`", slashes, "#")
            }
            _ if text.starts_with('(') => {
                diagnostic.help("the fields of a block are in braces: `{ ... }`")
            }
            Some("0") if digits => {
                let comma = self.span(start - 1, start);
                diagnostic.edit("fractions are written with a point", comma, ".")
            }
            Some(number) if digits && !number.is_empty() => {
                let text = text.trim_ascii_end();
                let help = "fractions are written with a point, several values in brackets";
                diagnostic.help(format!("{help}: `{number}.{text}` or `[{number}, {text}]`"))
            }
            _ => diagnostic,
        });
    }

    /// The value that begins with the token `first`.
    fn value<'p>(&mut self, mut first: Pair<'p, Rule>, mut rest: Pairs<'p, Rule>) -> Option<Value> {
        let mut span = self.span_of(&first);
        let negative = first.as_rule() == Rule::sign;
        if negative {
            first = rest.next()?;
            span = span.to(self.span_of(&first));
        }
        let kind = match first.as_rule() {
            Rule::message => {
                let fields = first.into_inner().filter_map(|entry| self.entry(entry)).collect();
                ValueKind::Message(Message { fields, span })
            }
            Rule::list => ValueKind::List(self.list(first)),
            Rule::numeral => self.number(first.as_str(), negative, span)?,
            Rule::word => match literal::special(first.as_str(), negative) {
                Some(float) => ValueKind::Float(float),
                None if negative => {
                    self.bad_number(&format!("-{}", first.as_str()), span);
                    return None;
                }
                None => {
                    self.check_word(first.as_str(), span);
                    ValueKind::Ident(first.as_str().to_string())
                }
            },
            _ => {
                let mut bytes = vec![];
                for string in std::iter::once(first).chain(rest) {
                    span = span.to(self.span_of(&string));
                    self.string(&string, &mut bytes);
                }
                ValueKind::Str(String::from_utf8_lossy(&bytes).into_owned())
            }
        };
        Some(Value { kind, span })
    }

    fn list(&mut self, pair: Pair<'_, Rule>) -> Vec<Value> {
        let mut values = vec![];
        // The comma after which an element is due, and the element after which a comma is.
        let mut comma: Option<Span> = None;
        let mut element: Option<Span> = None;
        for pair in pair.into_inner() {
            let span = self.span_of(&pair);
            match pair.as_rule() {
                Rule::comma if element.is_none() => {
                    let diagnostic = Diagnostic::new(&diag::E0101, span, "expected a value");
                    self.complaints.report(diagnostic.here("before this comma"));
                }
                Rule::comma => (comma, element) = (Some(span), None),
                rule => {
                    if let Some(before) = element {
                        let diagnostic = Diagnostic::new(&diag::E0101, span, "expected `,`")
                            .here("elements of a list are separated by commas")
                            .edit("add the comma", before.after(), ",");
                        self.complaints.report(diagnostic);
                    }
                    (comma, element) = (None, Some(span));
                    match rule {
                        Rule::element => {
                            let mut inner = pair.into_inner();
                            let value = inner.next().and_then(|first| self.value(first, inner));
                            element = value.as_ref().map(|value| value.span).or(element);
                            values.extend(value);
                        }
                        _ => self.stray(&pair),
                    }
                }
            }
        }
        if let Some(span) = comma {
            let diagnostic = Diagnostic::new(&diag::E0101, span, "expected a value");
            self.complaints.report(diagnostic.here("after this comma").edit("remove it", span, ""));
        }
        values
    }

    fn number(&mut self, text: &str, negative: bool, span: Span) -> Option<ValueKind> {
        let number = literal::number(text, negative);
        if number.is_none() {
            self.bad_number(&format!("{}{text}", if negative { "-" } else { "" }), span);
        }
        number
    }

    fn bad_number(&mut self, text: &str, span: Span) {
        let octal = text.trim_start_matches('-').strip_prefix('0');
        let digits = octal.filter(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
        let message = format!("`{text}` is not a number");
        let diagnostic = Diagnostic::new(&diag::E0105, span, message);
        self.complaints.report(match digits {
            Some(rest) => diagnostic
                .here("a leading 0 makes it octal, which has the digits 0 to 7")
                .edit("drop the leading zero", span, rest.trim_start_matches('0')),
            None => diagnostic,
        });
    }

    fn string(&mut self, pair: &Pair<'_, Rule>, bytes: &mut Vec<u8>) {
        let start = pair.as_span().start();
        let quoted = pair.as_str();
        let content = &quoted[1..quoted.len() - 1];
        for BadEscape { range, reason } in literal::unescape(content, bytes) {
            let span = self.span(start + 1 + range.start, start + 1 + range.end);
            let message = format!("`{}` is not an escape", &content[range]);
            self.complaints.report(Diagnostic::new(&diag::E0108, span, message).here(reason));
        }
    }
}

/// Like a block, a list of blocks needs no colon.
fn is_list_of_blocks(kind: &ValueKind) -> bool {
    match kind {
        ValueKind::List(values) => {
            values.iter().all(|value| matches!(value.kind, ValueKind::Message(_)))
        }
        _ => false,
    }
}
