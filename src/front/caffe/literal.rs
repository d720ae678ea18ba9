//! Numbers and strings of the protobuf text format, from their spelling to their value.

use super::tree::ValueKind;
use std::ops::Range;

/// The value of a number without its sign, or `None` if it is not one.
///
/// `0x1F` is hexadecimal, `017` octal; a point, an exponent or a trailing `f` makes a float, and so does
/// an integer of more than 127 bits.
pub(super) fn number(text: &str, negative: bool) -> Option<ValueKind> {
    let sign = if negative { -1 } else { 1 };
    let integer = |digits: &str, radix: u32| {
        let plain = digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let value = plain.then(|| i128::from_str_radix(digits, radix).ok()).flatten();
        value.map(|value| ValueKind::Integer(sign * value))
    };
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return integer(digits, 16);
    }
    let decimal = text.bytes().all(|byte| byte.is_ascii_digit());
    if decimal && 1 < text.len() && text.starts_with('0') {
        return integer(&text[1..], 8);
    }
    if decimal && let Some(value) = integer(text, 10) {
        return Some(value);
    }
    let digits = text.strip_suffix(['f', 'F']).unwrap_or(text);
    let float: f64 = digits.parse().ok()?;
    Some(ValueKind::Float(f64::from(sign as i8) * float))
}

/// The value of `inf`, `infinity` or `nan` in any case.
pub(super) fn special(word: &str, negative: bool) -> Option<f64> {
    let value = match word.to_ascii_lowercase().as_str() {
        "inf" | "infinity" => f64::INFINITY,
        "nan" => f64::NAN,
        _ => return None,
    };
    Some(if negative { -value } else { value })
}

/// A backslash that starts nothing known.
pub(super) struct BadEscape {
    /// Its bytes within the string.
    pub range: Range<usize>,
    /// What an escape must be.
    pub reason: &'static str,
}

/// Appends the bytes that the inside of a quoted string stands for; a bad escape stands for itself.
pub(super) fn unescape(content: &str, bytes: &mut Vec<u8>) -> Vec<BadEscape> {
    let mut bad = vec![];
    let mut rest = content;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let escape = &rest[at..];
        let length = match one_escape(escape, bytes) {
            Ok(length) => length,
            Err(reason) => {
                let length = 1 + escape[1..].chars().next().map_or(0, char::len_utf8);
                let start = content.len() - escape.len();
                bad.push(BadEscape { range: start..start + length, reason });
                bytes.extend_from_slice(&escape.as_bytes()[..length]);
                length
            }
        };
        rest = &escape[length..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    bad
}

/// Reads the escape at the start of `text`, appends its bytes and returns its length.
fn one_escape(text: &str, bytes: &mut Vec<u8>) -> Result<usize, &'static str> {
    let letter = *text.as_bytes().get(1).ok_or("nothing follows the backslash")?;
    let simple = match letter {
        b'a' => 0x07,
        b'b' => 0x08,
        b'f' => 0x0C,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 0x0B,
        b'\\' | b'?' | b'\'' | b'"' => letter,
        b'0'..=b'7' => {
            let (value, length) = digits(&text[1..], 8, 3);
            bytes.push(u8::try_from(value).map_err(|_| "the largest octal escape is `\\377`")?);
            return Ok(1 + length);
        }
        b'x' | b'X' => {
            let (value, length) = digits(&text[2..], 16, 2);
            bytes.push(u8::try_from(value).map_err(|_| "at most two digits")?);
            return if length == 0 {
                Err("`\\x` needs hexadecimal digits")
            } else {
                Ok(2 + length)
            };
        }
        b'u' => return unicode(text, 4, bytes),
        b'U' => return unicode(text, 8, bytes),
        _ => return Err("write `\\\\` for a backslash"),
    };
    bytes.push(simple);
    Ok(2)
}

/// `\uXXXX`, also as a surrogate pair, and `\UXXXXXXXX`.
fn unicode(text: &str, width: usize, bytes: &mut Vec<u8>) -> Result<usize, &'static str> {
    let reason = match width {
        4 => "`\\u` needs four hexadecimal digits of a character",
        _ => "`\\U` needs eight hexadecimal digits of a character",
    };
    let (mut value, length) = digits(&text[2..], 16, width);
    let mut end = 2 + width;
    if length < width {
        return Err(reason);
    }
    if width == 4
        && (0xD800..0xDC00).contains(&value)
        && let Some(low) = text[end..].strip_prefix("\\u")
        && let (low @ 0xDC00..0xE000, 4) = digits(low, 16, 4)
    {
        value = 0x10000 + ((value - 0xD800) << 10) + (low - 0xDC00);
        end += 6;
    }
    let character = char::from_u32(value).ok_or(reason)?;
    bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    Ok(end)
}

/// The value of at most `limit` leading digits, and how many there are.
fn digits(text: &str, radix: u32, limit: usize) -> (u32, usize) {
    let digits = text.chars().take(limit).map_while(|c| c.to_digit(radix));
    digits.fold((0, 0), |(value, count), digit| (value * radix + digit, count + 1))
}
