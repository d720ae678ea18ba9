//! Finds the first thing in a Lua text that is no token at all: a numeral, a string or a long bracket gone wrong.

use super::quoted::unescape;
use crate::front::torch::interp::number;
use crate::front::torch::scan;
use std::ops::Range;

/// Where it is and what Lua says about it.
pub(super) fn first_problem(text: &str) -> Option<(Range<usize>, String)> {
    let mut at = scan::beginning(text);
    loop {
        match scan::next_token(text, at) {
            Ok(Some(token)) => {
                if let Some(problem) = problem(text, token.clone()) {
                    return Some(problem);
                }
                at = token.end;
            }
            Ok(None) => return None,
            Err(what) => {
                let end = text.len();
                return Some((end..end, format!("unfinished long {what} near '<eof>'")));
            }
        }
    }
}

/// What is wrong with a token.
pub(super) fn problem(text: &str, token: Range<usize>) -> Option<(Range<usize>, String)> {
    let shown = &text[token.clone()];
    match shown.as_bytes() {
        [b'0'..=b'9', ..] | [b'.', b'0'..=b'9', ..] => {
            (!is_numeral(shown)).then(|| (token, format!("malformed number near '{shown}'")))
        }
        [b'"' | b'\'', ..] => {
            let quote = &shown[..1];
            let body = &shown[1..];
            let is_closed = scan::is_closed(shown);
            let body = if is_closed { &body[..body.len() - 1] } else { body };
            match unescape(body) {
                Err((place, read)) if is_closed || place + 1 < body.len() => {
                    let from = token.start + 1 + place;
                    let near = format!("{quote}{}", String::from_utf8_lossy(&read));
                    Some((from..token.end, format!("invalid escape sequence near '{near}'")))
                }
                _ if is_closed => None,
                _ if token.end == text.len() => {
                    Some((token, "unfinished string near '<eof>'".into()))
                }
                _ => Some((token, format!("unfinished string near '{shown}'"))),
            }
        }
        [b'['] => {
            let signs = text[token.end..].bytes().take_while(|&byte| byte == b'=').count();
            let place = token.start..token.end + signs;
            let near = &text[place.clone()];
            (0 < signs).then(|| (place, format!("invalid long string delimiter near '{near}'")))
        }
        _ => None,
    }
}

/// Whether a text that begins with a digit is a number; `inf` and `nan` are names in a program.
fn is_numeral(text: &str) -> bool {
    let value = number::parse(text.as_bytes());
    value.is_some_and(|value| value.is_finite() || !text.contains(['i', 'n']))
}
