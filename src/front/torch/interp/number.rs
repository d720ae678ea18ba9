//! Numerals to numbers and back: Lua's `%.14g`, hexadecimal numerals, and the `%g` that `string.format` shares.

/// The number a text spells, with blanks around it; `None` if it is no numeral. As LuaJIT: `0x1F`, `0x1.8p3`, `0b101`,
/// `inf`, `nan`.
pub fn parse(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?;
    let text = text.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\u{b}');
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (-1.0, &text[1..]),
        b'+' => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    let lower = digits.to_ascii_lowercase();
    let magnitude = match lower.as_str() {
        "inf" | "infinity" => f64::INFINITY,
        "nan" => f64::NAN,
        _ => match lower.get(..2) {
            Some("0x") => parse_hexadecimal(&lower[2..])?,
            Some("0b") => parse_digits(&lower[2..], 2)?,
            _ => parse_decimal(&lower)?,
        },
    };
    Some(sign * magnitude)
}

fn parse_decimal(text: &str) -> Option<f64> {
    let allowed = |b: u8| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'+' | b'-');
    let starts = text.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    (starts && text.bytes().all(allowed)).then(|| text.parse().ok())?
}

fn parse_digits(text: &str, base: u32) -> Option<f64> {
    let mut value = 0.0;
    for c in text.chars() {
        value = value * f64::from(base) + f64::from(c.to_digit(base)?);
    }
    (!text.is_empty()).then_some(value)
}

fn parse_hexadecimal(text: &str) -> Option<f64> {
    let (mantissa, exponent) = match text.split_once('p') {
        Some((mantissa, exponent)) => {
            let digits = exponent.trim_start_matches(['+', '-']);
            let is_numeral = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            let bound = if exponent.starts_with('-') { -5000 } else { 5000 };
            (mantissa, is_numeral.then(|| exponent.parse().unwrap_or(bound))?)
        }
        None => (text, 0i32),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value = 0.0;
    for c in whole.chars().chain(fraction.chars()) {
        value = value * 16.0 + f64::from(c.to_digit(16)?);
    }
    let exponent = exponent.clamp(-5000, 5000) - 4 * fraction.len().min(1000) as i32;
    Some(value * 2f64.powi(exponent))
}

/// A number cut to a whole one as the processor does it: what is too large, or no number, becomes the least.
pub fn cut(value: f64) -> i64 {
    let fits = (-2f64.powi(63)..2f64.powi(63)).contains(&value);
    if fits { value as i64 } else { i64::MIN }
}

/// The numeral of `tonumber(text, base)`, 2 to 36.
pub fn parse_in_base(text: &[u8], base: u32) -> Option<f64> {
    if base == 10 {
        return parse(text);
    }
    // C's numerals end where its texts do.
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    let text = std::str::from_utf8(text).ok()?.trim().to_ascii_lowercase();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(&text)),
    };
    let digits = if base == 16 { digits.strip_prefix("0x").unwrap_or(digits) } else { digits };
    parse_digits(digits, base).map(|value| sign * value)
}

/// How Lua prints a number: `%.14g`.
pub fn format(value: f64) -> String {
    let whole = value as i64;
    if whole as f64 == value
        && whole.unsigned_abs() < 100_000_000_000_000
        && (whole != 0 || value.is_sign_positive())
    {
        return whole.to_string();
    }
    format_general(value, 14, false)
}

/// C's `%.{precision}g`; `keep_zeros` is its `#` flag, which also keeps the point.
pub fn format_general(value: f64, precision: usize, keep_zeros: bool) -> String {
    if let Some(text) = format_special(value) {
        return text.into();
    }
    let precision = precision.max(1);
    let value = above_tie(value, |v| format!("{v:.*e}", precision), |v| format!("{v:.1100e}"));
    let scientific = format!("{value:.*e}", precision - 1);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trim = |digits: &str| match digits.contains('.') && !keep_zeros {
        true => digits.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => digits.to_owned(),
    };
    let pointed = |digits: String| if keep_zeros { with_point(digits) } else { digits };
    if exponent < -4 || precision as i32 <= exponent {
        return with_exponent(&pointed(trim(mantissa)), exponent);
    }
    pointed(trim(&format!("{value:.*}", (precision as i32 - 1 - exponent) as usize)))
}

/// C's `%.{precision}e`.
pub fn format_scientific(value: f64, precision: usize) -> String {
    if let Some(text) = format_special(value) {
        return text.into();
    }
    let value = above_tie(value, |v| format!("{v:.*e}", precision + 1), |v| format!("{v:.1100e}"));
    let text = format!("{value:.precision$e}");
    match text.split_once('e') {
        Some((mantissa, exponent)) => with_exponent(mantissa, exponent.parse().unwrap_or(0)),
        None => text,
    }
}

/// C's `%.{precision}f`.
pub fn format_fixed(value: f64, precision: usize) -> String {
    if let Some(text) = format_special(value) {
        return text.into();
    }
    let value = above_tie(value, |v| format!("{v:.*}", precision + 1), |v| format!("{v:.1100}"));
    format!("{value:.precision$}")
}

/// LuaJIT rounds a tie away from zero, Rust to the even digit: a value that lies exactly between two results is moved
/// away from zero by the smallest step. `finer` shows one digit more, `exact` all digits.
fn above_tie(value: f64, finer: impl Fn(f64) -> String, exact: impl Fn(f64) -> String) -> f64 {
    let digits =
        |text: String| text.split('e').next().unwrap_or("").trim_end_matches('0').to_owned();
    let finer = finer(value);
    let finer = finer.split('e').next().unwrap_or("");
    if !finer.ends_with('5') || digits(exact(value)) != finer {
        return value;
    }
    if value < 0.0 { value.next_down() } else { value.next_up() }
}

fn format_special(value: f64) -> Option<&'static str> {
    match value {
        _ if value.is_nan() => Some("nan"),
        f64::INFINITY => Some("inf"),
        f64::NEG_INFINITY => Some("-inf"),
        _ => None,
    }
}

/// What C's `#` flag does to `%f`, `%e` and `%a`: digits without a point get one.
pub fn with_point(text: String) -> String {
    let end = text.find(['e', 'p']).unwrap_or(text.len());
    match text[..end].contains('.') || !text.starts_with(|c: char| c.is_ascii_digit()) {
        true => text,
        false => format!("{}.{}", &text[..end], &text[end..]),
    }
}

fn with_exponent(mantissa: &str, exponent: i32) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_c_does() {
        assert_eq!(format(2f64.powi(53)), "9.007199254741e+15");
        assert_eq!(format(-0.0), "-0");
        assert_eq!(format(1e15), "1e+15");
        assert_eq!(format(123456789012345.0), "1.2345678901235e+14");
        assert_eq!(
            format_fixed(0.5, 0) + &format_fixed(-2.5, 0) + &format_fixed(0.25, 1),
            "1-30.3"
        );
        assert_eq!(format_general(1234.5678, 3, false), "1.23e+03");
        assert_eq!(format_scientific(12345.678, 6), "1.234568e+04");
    }

    #[test]
    fn reads_numerals() {
        assert_eq!(parse(b" 0x10 "), Some(16.0));
        assert_eq!(parse(b"0x.8p1"), Some(1.0));
        assert_eq!(parse(b"1e"), None);
        assert_eq!(parse(b"e5"), None);
        assert_eq!(parse_in_base(b"zz", 36), Some(1295.0));
        assert_eq!(parse_in_base(b"+5", 16), Some(5.0));
        assert_eq!(parse_in_base(b"1\0z", 2), Some(1.0));
    }
}
