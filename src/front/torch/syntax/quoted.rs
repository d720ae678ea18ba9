//! Turns strings as they are written, with their brackets and escapes, into bytes.

use crate::file::original_bytes;
use std::iter::Peekable;
use std::vec::IntoIter;

/// The contents of `[==[ … ]==]`, without a newline right after the opening.
pub(super) fn long_string(raw: &str) -> Vec<u8> {
    let level = raw[1..].bytes().take_while(|&b| b == b'=').count() + 2;
    let body = raw.get(level..raw.len().saturating_sub(level)).unwrap_or("");
    let body = body.strip_prefix("\r\n").or(body.strip_prefix('\n')).unwrap_or(body);
    original_bytes(&body.replace("\r\n", "\n"))
}

/// The bytes of a quoted string; where an escape begins that is not one of LuaJIT's, the place of it and the bytes until
/// then.
pub(super) fn unescape(raw: &str) -> Result<Vec<u8>, (usize, Vec<u8>)> {
    let mut bytes = original_bytes(raw).into_iter().peekable();
    let count = bytes.len();
    let mut out = Vec::with_capacity(raw.len());
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let place = count - bytes.len() - 1;
        if escape(&mut bytes, &mut out).is_none() {
            return Err((place, out));
        }
    }
    Ok(out)
}

/// Appends what follows a backslash.
fn escape(bytes: &mut Peekable<IntoIter<u8>>, out: &mut Vec<u8>) -> Option<()> {
    match bytes.next()? {
        b'a' => out.push(7),
        b'b' => out.push(8),
        b'f' => out.push(12),
        b'n' => out.push(b'\n'),
        b'r' => out.push(b'\r'),
        b't' => out.push(b'\t'),
        b'v' => out.push(11),
        b'x' => {
            let digit = |b: Option<u8>| char::from(b?).to_digit(16);
            let high = digit(bytes.next())?;
            out.push((high * 16 + digit(bytes.next())?) as u8);
        }
        b'z' => while bytes.next_if(|b| b.is_ascii_whitespace() || *b == 11).is_some() {},
        b'u' => {
            bytes.next_if_eq(&b'{')?;
            let mut code = 0u32;
            while let Some(digit) = bytes.next_if(u8::is_ascii_hexdigit) {
                code = code.checked_mul(16)? + char::from(digit).to_digit(16)?;
            }
            bytes.next_if_eq(&b'}')?;
            out.extend(char::from_u32(code)?.encode_utf8(&mut [0; 4]).bytes());
        }
        b'\r' => {
            bytes.next_if_eq(&b'\n');
            out.push(b'\n');
        }
        b'\n' => {
            bytes.next_if_eq(&b'\r');
            out.push(b'\n');
        }
        first @ b'0'..=b'9' => {
            let mut code = u32::from(first - b'0');
            for _ in 0..2 {
                if let Some(digit) = bytes.next_if(u8::is_ascii_digit) {
                    code = code * 10 + u32::from(digit - b'0');
                }
            }
            out.push(u8::try_from(code).ok()?);
        }
        other @ (b'\\' | b'"' | b'\'') => out.push(other),
        _ => return None,
    }
    Some(())
}
