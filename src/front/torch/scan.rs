//! Looks over the tokens of a Lua text before it is parsed: bounds the nesting, and names the token at a place.

use crate::front::cage::SYNTAX_LEVELS;
use std::ops::Range;

/// Fails with a place and Lua's message if the text nests too deeply for a recursive parser.
pub(super) fn check_nesting(text: &str) -> Result<(), (Range<usize>, String)> {
    let mut open: Vec<&str> = vec![];
    let mut at = beginning(text);
    while let Ok(Some(token)) = next_token(text, at) {
        let shown = &text[token.clone()];
        // A statement and its expression are two levels around what is open, what stands in brackets is one more.
        let bracketed = open.last().is_some_and(|word| word.len() == 1);
        let inside = bracketed && !matches!(shown, ")" | "]" | "}");
        let levels = open.len() + 2 + usize::from(inside);
        match shown {
            word @ ("(" | "[" | "{" | "function" | "do" | "if" | "repeat") => open.push(word),
            ")" => close_bracket(&mut open, "("),
            "]" => close_bracket(&mut open, "["),
            "}" => close_bracket(&mut open, "{"),
            "end" | "until" => {
                while let Some(word) = open.pop() {
                    if word.len() > 1 {
                        break;
                    }
                }
            }
            _ => {}
        }
        if SYNTAX_LEVELS < levels.max(open.len() + 2) {
            return Err((token, "chunk has too many syntax levels".into()));
        }
        at = token.end;
    }
    Ok(())
}

/// Where a text begins behind a mark of the order of bytes and a first line that is meant for the shell.
pub(super) fn beginning(text: &str) -> usize {
    let rest = text.trim_start_matches('\u{FEFF}');
    match rest.starts_with('#') {
        true => text.find('\n').unwrap_or(text.len()),
        false => text.len() - rest.len(),
    }
}

fn close_bracket(open: &mut Vec<&str>, bracket: &str) {
    if open.last() == Some(&bracket) {
        open.pop();
    }
}

/// The token at or after a place, as Lua's messages show it: empty at the end of the text.
pub(super) fn token_after(text: &str, at: usize) -> Range<usize> {
    match next_token(text, at) {
        Ok(Some(token)) => token,
        _ => text.len()..text.len(),
    }
}

/// The token at or after a place; an error names the kind of long bracket that never ends.
pub(super) fn next_token(text: &str, from: usize) -> Result<Option<Range<usize>>, &'static str> {
    let bytes = text.as_bytes();
    let mut at = from;
    loop {
        match bytes.get(at) {
            None => return Ok(None),
            Some(b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c) => at += 1,
            Some(b'-') if bytes.get(at + 1) == Some(&b'-') => {
                at = match long_bracket(bytes, at + 2) {
                    LongBracket::None => {
                        at + bytes[at..].iter().take_while(|&&b| b != b'\n').count()
                    }
                    LongBracket::Until(end) => end,
                    LongBracket::Unfinished => return Err("comment"),
                };
            }
            Some(_) => break,
        }
    }
    let rest = &bytes[at..];
    let count = |test: fn(&u8) -> bool| rest.iter().take_while(|b| test(b)).count();
    let length = match rest[0] {
        b'[' => match long_bracket(bytes, at) {
            LongBracket::None => 1,
            LongBracket::Until(end) => end - at,
            LongBracket::Unfinished => return Err("string"),
        },
        b'0'..=b'9' => number_length(rest),
        b'.' if rest.get(1).is_some_and(u8::is_ascii_digit) => number_length(rest),
        b'"' | b'\'' => quoted_length(rest),
        b'.' => count(|&b| b == b'.').min(3),
        b'=' | b'<' | b'>' | b'~' if rest.get(1) == Some(&b'=') => 2,
        b':' if rest.get(1) == Some(&b':') => 2,
        b if is_name_byte(&b) => count(is_name_byte),
        _ => 1,
    };
    Ok(Some(at..at + length))
}

/// The end of the bracket that closes what is open at a place; none if it stays open.
pub(super) fn closing(text: &str, from: usize) -> Option<usize> {
    let (mut depth, mut at) = (0usize, from);
    while let Ok(Some(token)) = next_token(text, at) {
        at = token.end;
        match &text[token] {
            "(" | "{" | "[" => depth += 1,
            ")" | "}" | "]" if depth == 0 => return Some(at),
            ")" | "}" | "]" => depth -= 1,
            _ => {}
        }
    }
    None
}

fn is_name_byte(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || *byte == b'_' || 0x80 <= *byte
}

fn number_length(rest: &[u8]) -> usize {
    let exponent = if rest.len() > 1 && rest[1] | 0x20 == b'x' { b'p' } else { b'e' };
    let mut length = 0;
    while let Some(&byte) = rest.get(length) {
        let signs =
            length > 0 && rest[length - 1] | 0x20 == exponent && matches!(byte, b'+' | b'-');
        if !(signs || byte == b'.' || is_name_byte(&byte)) {
            break;
        }
        length += 1;
    }
    length
}

fn quoted_length(rest: &[u8]) -> usize {
    let mut at = 1;
    while let Some(&byte) = rest.get(at) {
        match byte {
            b'\\' if rest.get(at + 1) == Some(&b'z') => {
                at += 2 + rest[at + 2..].iter().take_while(|b| b.is_ascii_whitespace()).count();
            }
            b'\\' => {
                let pair = rest.get(at + 1..at + 3);
                at += if matches!(pair, Some(b"\r\n" | b"\n\r")) { 3 } else { 2 };
            }
            b'\n' | b'\r' => return at,
            _ if byte == rest[0] => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// Whether a quoted string, as it is written, ends with its quote.
pub(super) fn is_closed(token: &str) -> bool {
    let bytes = token.as_bytes();
    let escaped = bytes[..bytes.len() - 1].iter().rev().take_while(|&&byte| byte == b'\\').count();
    1 < bytes.len() && bytes.last() == bytes.first() && escaped % 2 == 0
}

enum LongBracket {
    None,
    Until(usize),
    Unfinished,
}

fn long_bracket(bytes: &[u8], at: usize) -> LongBracket {
    if bytes.get(at) != Some(&b'[') {
        return LongBracket::None;
    }
    let level = bytes[at + 1..].iter().take_while(|&&b| b == b'=').count();
    let body = at + level + 2;
    if bytes.get(body - 1) != Some(&b'[') {
        return LongBracket::None;
    }
    let mut from = body;
    while let Some(found) = bytes[from..].iter().position(|&b| b == b']') {
        let close = from + found;
        let signs = bytes[close + 1..].iter().take_while(|&&b| b == b'=').count();
        if signs == level && bytes.get(close + 1 + level) == Some(&b']') {
            return LongBracket::Until(close + level + 2);
        }
        from = close + 1;
    }
    LongBracket::Unfinished
}
