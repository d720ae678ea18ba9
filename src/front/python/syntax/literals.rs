//! Reads numbers and strings as they are written.

use super::{Node, Reader, Rule};
use crate::front::python::ast::*;
use crate::source::{Span, Spanned};

/// A string as it is written, taken apart.
pub(super) struct Quoted<'t> {
    pub is_raw: bool,
    pub is_formatted: bool,
    pub body: &'t str,
    /// Where the body begins in the token.
    pub offset: usize,
}

/// Prefix, quotes and what is between them.
fn quoted(token: &str) -> Quoted<'_> {
    let start = token.find(['"', '\'']).unwrap_or(0);
    let prefix = token[..start].to_ascii_lowercase();
    let rest = &token[start..];
    let quote = &rest[..1];
    let long = rest.len() >= 6 && rest.starts_with(&quote.repeat(3));
    let width = if long { 3 } else { 1 };
    let body = &rest[width..];
    let body = body.strip_suffix(&quote.repeat(width)).unwrap_or(body);
    let (is_raw, is_formatted) = (prefix.contains('r'), prefix.contains('f'));
    Quoted { is_raw, is_formatted, body, offset: start + width }
}

/// The text that a string means. Escapes that Python does not know stay as they are; an error names a bad one.
pub(super) fn unescape(raw: &str) -> Result<String, String> {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let Some(c) = rest.chars().next() else {
            out.push('\\');
            break;
        };
        rest = &rest[c.len_utf8()..];
        let mut digits = |count: usize, what: &str| -> Result<char, String> {
            let digits = rest.get(..count).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
            let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
            let Some(code) = code else { return Err(format!("truncated \\{what} escape")) };
            rest = &rest[count..];
            char::from_u32(code).ok_or_else(|| format!("\\{what} escape is no character"))
        };
        match c {
            '\n' => {}
            '\r' => rest = rest.strip_prefix('\n').unwrap_or(rest),
            'a' => out.push('\u{7}'),
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'v' => out.push('\u{b}'),
            'x' => out.push(digits(2, "xXX")?),
            'u' => out.push(digits(4, "uXXXX")?),
            'U' => out.push(digits(8, "UXXXXXXXX")?),
            'N' => return Err("characters by name (\\N) are not supported".into()),
            '0'..='7' => {
                let mut code = c as u32 - '0' as u32;
                for _ in 0..2 {
                    let Some(digit) = rest.chars().next().and_then(|c| c.to_digit(8)) else {
                        break;
                    };
                    code = code * 8 + digit;
                    rest = &rest[1..];
                }
                out.extend(char::from_u32(code));
            }
            '\\' | '\'' | '"' => out.push(c),
            other => out.extend(['\\', other]),
        }
    }
    out.push_str(rest);
    Ok(out)
}

impl<'t> Reader<'t> {
    pub(super) fn number(&mut self, node: &Node<'t>) -> ExprKind {
        let text = node.as_str().to_ascii_lowercase().replace('_', "");
        let span = self.span(node);
        let integer = |digits: &str, radix: u32| match i64::from_str_radix(digits, radix) {
            Ok(value) => Ok(ExprKind::Int(value)),
            Err(e) if *e.kind() == std::num::IntErrorKind::PosOverflow => {
                Err("integer literal is too large: integers of definitions have 64 bits".to_owned())
            }
            Err(_) => Err("invalid number literal".to_owned()),
        };
        let plain = text.strip_suffix('l').unwrap_or(&text);
        if plain.len() < text.len() {
            self.says(Version::Two);
        }
        let is_decimal = plain.bytes().all(|b| b.is_ascii_digit());
        let result = match (plain.get(..2), is_decimal) {
            (Some("0x"), _) => integer(&plain[2..], 16),
            (Some("0o"), _) => integer(&plain[2..], 8),
            (Some("0b"), _) => integer(&plain[2..], 2),
            (_, true) if plain.starts_with('0') && !plain.trim_start_matches('0').is_empty() => {
                self.says(Version::Two);
                integer(plain, 8)
            }
            (_, true) => integer(plain, 10),
            _ if text.ends_with('j') => Err("complex numbers are not supported".to_owned()),
            _ => match plain.parse() {
                Ok(value) if plain.len() == text.len() => Ok(ExprKind::Float(value)),
                _ => Err("invalid number literal".to_owned()),
            },
        };
        result.unwrap_or_else(|message| {
            self.error_at(span, message);
            ExprKind::Int(0)
        })
    }

    /// Strings one after the other, which are one.
    pub(super) fn strings(&mut self, node: Node<'t>) -> Expr {
        let span = self.span(&node);
        let mut pieces: Vec<Piece> = vec![];
        let mut text = String::new();
        let mut is_formatted = false;
        for part in node.into_inner().filter(|part| part.as_rule() == Rule::string) {
            let place = self.span(&part);
            let string = quoted(part.as_str());
            if part.as_str().starts_with(['u', 'U']) && string.is_raw {
                self.says(Version::Two);
            }
            if string.is_formatted {
                self.says(Version::Three);
                is_formatted = true;
                for piece in self.formatted(&string, place, 0) {
                    match piece {
                        Piece::Text(more) => text.push_str(&more),
                        value => {
                            if !text.is_empty() {
                                pieces.push(Piece::Text(std::mem::take(&mut text).into()));
                            }
                            pieces.push(value);
                        }
                    }
                }
                continue;
            }
            text.push_str(&self.meant(string.body, string.is_raw, place));
        }
        let kind = match is_formatted {
            true => {
                if !text.is_empty() {
                    pieces.push(Piece::Text(text.into()));
                }
                ExprKind::Formatted(pieces)
            }
            false => ExprKind::Text(text.into()),
        };
        Spanned::new(kind, span)
    }

    /// The text between quotes.
    pub(super) fn meant(&mut self, raw: &str, is_raw: bool, place: Span) -> String {
        let text = raw.replace("\r\n", "\n");
        if is_raw {
            return text;
        }
        unescape(&text).unwrap_or_else(|message| {
            self.error_at(place, message);
            text
        })
    }
}
