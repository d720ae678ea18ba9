//! Reads f-strings: text with expressions in braces, each a small text of its own.

use super::literals::Quoted;
use super::{Grammar, Reader, Rule, layout};
use crate::front::python::ast::*;
use crate::source::Span;
use pest::Parser;
use pest::iterators::Pair;

/// Formats inside of formats, the limit of CPython.
const LEVELS: usize = 2;

impl<'t> Reader<'t> {
    /// The pieces of an f-string whose token stands at `place`.
    pub(super) fn formatted(&mut self, string: &Quoted, place: Span, level: usize) -> Vec<Piece> {
        let base = place.start as usize + string.offset;
        let mut pieces = vec![];
        let mut text = String::new();
        let body = string.body;
        let mut at = 0;
        while at < body.len() {
            let rest = &body[at..];
            let plain = rest.find(['{', '}']).unwrap_or(rest.len());
            text.push_str(&self.meant(&rest[..plain], string.is_raw, place));
            at += plain;
            let rest = &body[at..];
            if rest.starts_with("{{") || rest.starts_with("}}") {
                text.push_str(&rest[..1]);
                at += 2;
            } else if rest.starts_with('}') {
                self.error_at(place, "f-string: single '}' is not allowed");
                break;
            } else if let Some(rest) = rest.strip_prefix('{') {
                if !text.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut text).into()));
                }
                at += 1;
                let field = Quoted { body: rest, offset: 0, ..*string };
                match self.field(&field, base + at, place, level, &mut pieces) {
                    Some(length) => at += length,
                    None => break,
                }
            }
        }
        if !text.is_empty() {
            pieces.push(Piece::Text(text.into()));
        }
        pieces
    }

    /// Reads a field after its `{`; gives its length with the `}`.
    fn field(
        &mut self,
        string: &Quoted,
        base: usize,
        place: Span,
        level: usize,
        pieces: &mut Vec<Piece>,
    ) -> Option<usize> {
        if LEVELS <= level {
            self.error_at(place, "f-string: expressions nested too deeply");
            return None;
        }
        let body = string.body;
        let end = expression_length(body);
        let source = &body[..end];
        if source.trim().is_empty() {
            self.error_at(place, "f-string: empty expression not allowed");
            return None;
        }
        let mut at = end;
        let mut source = source;
        // `{x=}` shows its own text.
        if let Some(shown) = source.trim_end().strip_suffix('=')
            && !shown.ends_with(['=', '!', '<', '>'])
        {
            pieces.push(Piece::Text(source.into()));
            source = shown;
        }
        let shows_itself = source.len() < end;
        let value = self.field_value(source, base, place)?;
        let mut conversion = None;
        if let Some(rest) = body[at..].strip_prefix('!') {
            conversion = rest.chars().next().filter(|c| matches!(c, 'r' | 's' | 'a'));
            if conversion.is_none() {
                self.error_at(
                    place,
                    "f-string: invalid conversion character: expected 's', 'r', or 'a'",
                );
                return None;
            }
            at += 2;
        }
        let mut format = vec![];
        if body[at..].starts_with(':') {
            at += 1;
            let length = format_length(&body[at..]);
            let inner = Quoted { body: &body[at..at + length], offset: 0, ..*string };
            let start = base + at;
            let inner_place = Span { start: start as u32, ..place };
            format = self.formatted(&inner, inner_place, level + 1);
            at += length;
        }
        if shows_itself && conversion.is_none() && format.is_empty() {
            conversion = Some('r');
        }
        if !body[at..].starts_with('}') {
            self.error_at(place, "f-string: expecting '}'");
            return None;
        }
        pieces.push(Piece::Value(value, conversion, format));
        Some(at + 1)
    }

    fn field_value(&mut self, source: &str, base: usize, place: Span) -> Option<Expr> {
        // Line breaks mean nothing inside of braces.
        let flat = source.replace(['\n', '\r'], " ");
        let laid_out = match layout::lay_out(flat.trim_start()) {
            Ok(laid_out) => laid_out,
            Err((_, message)) => {
                self.error_at(place, format!("f-string: {message}"));
                return None;
            }
        };
        let blanks = flat.len() - flat.trim_start().len();
        let mut inner = Reader::new(self.file, &laid_out);
        inner.base = base + blanks;
        inner.depth = self.depth;
        inner.problems.clear();
        for (_, message) in &laid_out.problems {
            self.error_at(place, format!("f-string: {message}"));
        }
        let nodes = Grammar::parse(Rule::expression_file, &laid_out.text).ok()?;
        let statement = inner.only_expression(nodes.flat_map(Pair::into_inner));
        let Reader { problems, version, .. } = inner;
        if version != Version::Unknown {
            self.says(version);
        }
        if !problems.is_empty() {
            self.recovering = true;
        }
        self.problems.extend(problems);
        match statement?.value {
            StatementKind::Return(value) => value,
            _ => None,
        }
    }
}

/// The length of an expression up to `!`, `:` or `}` outside of brackets and strings.
fn expression_length(text: &str) -> usize {
    let mut depth = 0usize;
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']') => depth = depth.saturating_sub(1),
            (None, '}') if depth > 0 => depth -= 1,
            (None, '!') if depth == 0 && text[at + 1..].starts_with('=') => {}
            (None, '}' | ':' | '!') if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

/// The length of a format up to the `}` that ends its field.
fn format_length(text: &str) -> usize {
    let mut depth = 0usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return at,
            '}' => depth -= 1,
            _ => {}
        }
    }
    text.len()
}
