//! `string.format`: C's conversions with Lua's coercions.

use crate::front::torch::interp::{Args, Lua, LuaResult, Results, number};

/// `%-5.2f`: flags, width, precision.
#[derive(Default)]
struct Spec {
    left: bool,
    plus: bool,
    space: bool,
    alternate: bool,
    zeros: bool,
    width: usize,
    precision: Option<usize>,
}

pub(super) fn format(lua: &mut Lua, args: &Args) -> Results {
    let template = args.string(lua, 0)?;
    let mut out = vec![];
    let mut argument = 0;
    let mut rest = &template[..];
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        if let Some(after) = rest.strip_prefix(b"%") {
            out.push(b'%');
            rest = after;
            continue;
        }
        let (spec, conversion, used) = parse(lua, rest)?;
        rest = &rest[used..];
        argument += 1;
        if args.len() <= argument {
            return Err(lua.bad_argument(argument, "value expected"));
        }
        convert(lua, args, argument, &spec, conversion, &mut out)?;
        lua.work(20)?;
        lua.reserve_here(2 * out.len())?;
    }
    lua.work(template.len() / 8 + out.len() / 64)?;
    Ok(vec![lua.string(out).into()])
}

fn parse(lua: &Lua, text: &[u8]) -> LuaResult<(Spec, u8, usize)> {
    let mut spec = Spec::default();
    let mut at = 0;
    while let Some(flag) = text.get(at) {
        match flag {
            b'-' => spec.left = true,
            b'+' => spec.plus = true,
            b' ' => spec.space = true,
            b'#' => spec.alternate = true,
            b'0' => spec.zeros = true,
            _ => break,
        }
        at += 1;
    }
    let digits = |at: &mut usize| {
        let from = *at;
        while *at < from + 2 && text.get(*at).is_some_and(u8::is_ascii_digit) {
            *at += 1;
        }
        text[from..*at].iter().fold(0, |value, digit| value * 10 + usize::from(digit - b'0'))
    };
    spec.width = digits(&mut at);
    if text.get(at) == Some(&b'.') {
        at += 1;
        spec.precision = Some(digits(&mut at));
    }
    match text.get(at) {
        Some(&conversion) if b"diouxXcsqeEfFgGaA".contains(&conversion) => {
            Ok((spec, conversion, at + 1))
        }
        _ => {
            let shown = text.get(..=at).unwrap_or(text);
            let shown = String::from_utf8_lossy(shown);
            Err(lua.error(&format!("invalid option '%{shown}' to 'format'")))
        }
    }
}

fn convert(
    lua: &mut Lua,
    args: &Args,
    at: usize,
    spec: &Spec,
    conversion: u8,
    out: &mut Vec<u8>,
) -> LuaResult<()> {
    match conversion {
        b's' => {
            let text = lua.to_text(&args.get(at))?;
            let length = spec.precision.unwrap_or(usize::MAX).min(text.len());
            pad(&text[..length], spec, out);
        }
        b'q' => quote(&args.string(lua, at)?, out),
        b'c' => pad(&[args.integer(lua, at)? as u8], spec, out),
        b'd' | b'i' => {
            let value = args.integer(lua, at)?;
            sign_and_pad(
                value < 0,
                &integer_digits(value.unsigned_abs().to_string(), spec),
                spec,
                out,
            );
        }
        b'u' | b'o' | b'x' | b'X' => {
            let number = args.number(lua, at)?;
            let value = match (2f64.powi(63)..2f64.powi(64)).contains(&number) {
                true => number as u64,
                false => number::cut(number) as u64,
            };
            let digits = match conversion {
                b'u' => value.to_string(),
                b'o' => format!("{value:o}"),
                b'x' => format!("{value:x}"),
                _ => format!("{value:X}"),
            };
            let digits = integer_digits(digits, spec);
            let prefix = match conversion {
                b'o' if spec.alternate && !digits.starts_with('0') => "0",
                b'x' if spec.alternate && value != 0 => "0x",
                b'X' if spec.alternate && value != 0 => "0X",
                _ => "",
            };
            prefix_and_pad(prefix, &digits, spec, out);
        }
        _ => {
            let value = args.number(lua, at)?;
            let magnitude = value.abs();
            lua.work(if 1e15 <= magnitude { 3000 } else { 50 })?;
            let precision = spec.precision.unwrap_or(6);
            let text = match conversion.to_ascii_lowercase() {
                b'e' => number::format_scientific(magnitude, precision),
                b'f' => number::format_fixed(magnitude, precision),
                b'g' => number::format_general(magnitude, precision, spec.alternate),
                _ => hexadecimal(magnitude, spec.precision),
            };
            let text = if spec.alternate { number::with_point(text) } else { text };
            let text = if conversion.is_ascii_uppercase() { text.to_uppercase() } else { text };
            let zeros = spec.zeros && value.is_finite();
            // LuaJIT writes no plus before what is no number.
            let plus = spec.plus && !value.is_nan();
            let spec = Spec { zeros, plus, precision: None, ..*spec };
            sign_and_pad(value.is_sign_negative() && !value.is_nan(), &text, &spec, out);
        }
    }
    Ok(())
}

/// At least `precision` digits.
fn integer_digits(digits: String, spec: &Spec) -> String {
    match spec.precision {
        Some(0) if digits == "0" => String::new(),
        Some(precision) => format!("{digits:0>precision$}"),
        None => digits,
    }
}

fn sign_and_pad(is_negative: bool, digits: &str, spec: &Spec, out: &mut Vec<u8>) {
    let sign = match is_negative {
        true => "-",
        false if spec.plus => "+",
        false if spec.space => " ",
        false => "",
    };
    prefix_and_pad(sign, digits, spec, out);
}

fn prefix_and_pad(sign: &str, digits: &str, spec: &Spec, out: &mut Vec<u8>) {
    let zeros = match spec.zeros && !spec.left && spec.precision.is_none() {
        true => spec.width.saturating_sub(sign.len() + digits.len()),
        false => 0,
    };
    pad(format!("{sign}{}{digits}", "0".repeat(zeros)).as_bytes(), spec, out);
}

fn pad(text: &[u8], spec: &Spec, out: &mut Vec<u8>) {
    let blanks = spec.width.saturating_sub(text.len());
    if !spec.left {
        out.extend(std::iter::repeat_n(b' ', blanks));
    }
    out.extend_from_slice(text);
    if spec.left {
        out.extend(std::iter::repeat_n(b' ', blanks));
    }
}

/// A text that Lua reads back as the same string.
fn quote(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for (at, &byte) in text.iter().enumerate() {
        match byte {
            b'"' | b'\\' | b'\n' => out.extend([b'\\', byte]),
            _ if byte.is_ascii_control() => {
                let digit_follows = text.get(at + 1).is_some_and(u8::is_ascii_digit);
                let escape =
                    if digit_follows { format!("\\{byte:03}") } else { format!("\\{byte}") };
                out.extend(escape.bytes());
            }
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

/// C's `%a` of a number that is not negative.
fn hexadecimal(value: f64, precision: Option<usize>) -> String {
    if !value.is_finite() {
        return number::format_fixed(value, 0);
    }
    let bits = value.to_bits();
    let (mut exponent, mut mantissa) =
        ((bits >> 52) as i64 - 1023, bits & ((1 << 52) - 1) | 1 << 52);
    if bits >> 52 == 0 {
        (exponent, mantissa) =
            if mantissa == 1 << 52 { (0, 0) } else { (-1022, mantissa ^ 1 << 52) };
    }
    let digits = match precision {
        Some(digits) if digits < 13 => {
            let shift = 52 - 4 * digits as u32;
            let half = 1u64 << (shift - 1);
            let even = mantissa >> shift & 1;
            mantissa = (mantissa + half - 1 + even) >> shift << shift;
            digits
        }
        Some(digits) => digits,
        None => 13 - (mantissa.trailing_zeros() as usize / 4).min(13),
    };
    let fraction =
        format!("{:013x}{}", mantissa & ((1 << 52) - 1), "0".repeat(digits.saturating_sub(13)));
    let point = if digits == 0 { "" } else { "." };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("0x{}{point}{}p{sign}{}", mantissa >> 52, &fraction[..digits], exponent.abs())
}
