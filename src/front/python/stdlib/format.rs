//! Formatting: `%`, `str.format`, format specifications, `format()`.

use crate::front::python::interp::{Args, Outcome, PyError, Python, Value};
use crate::source::Span;

/// Widths and precisions of formats, beyond which there is no sense.
const MOST: usize = 1 << 20;

/// `[[fill]align][sign][#][0][width][,][.precision][type]`.
struct Spec {
    fill: char,
    align: Option<char>,
    sign: Option<char>,
    alternate: bool,
    width: usize,
    group: Option<char>,
    precision: Option<usize>,
    kind: Option<char>,
}

impl Spec {
    /// A text as it is.
    const PLAIN: Spec = Spec {
        fill: ' ',
        align: None,
        sign: None,
        alternate: false,
        width: 0,
        group: None,
        precision: None,
        kind: None,
    };
}

fn parse(spec: &str) -> Option<Spec> {
    let chars: Vec<char> = spec.chars().collect();
    let mut at = 0;
    let is_align = |c: Option<&char>| c.is_some_and(|c| matches!(c, '<' | '>' | '=' | '^'));
    let mut out = Spec::PLAIN;
    if is_align(chars.get(1)) {
        (out.fill, out.align, at) = (chars[0], Some(chars[1]), 2);
    } else if is_align(chars.first()) {
        (out.align, at) = (Some(chars[0]), 1);
    }
    if let Some(&c @ ('+' | '-' | ' ')) = chars.get(at) {
        (out.sign, at) = (Some(c), at + 1);
    }
    if chars.get(at) == Some(&'#') {
        (out.alternate, at) = (true, at + 1);
    }
    if chars.get(at) == Some(&'0') {
        if out.align.is_none() {
            (out.fill, out.align) = ('0', Some('='));
        }
        at += 1;
    }
    let number = |at: &mut usize| {
        let from = *at;
        let mut value = 0usize;
        while let Some(digit) = chars.get(*at).and_then(|c| c.to_digit(10)) {
            value = value.saturating_mul(10).saturating_add(digit as usize);
            *at += 1;
        }
        (from < *at).then_some(value)
    };
    out.width = number(&mut at).unwrap_or(0);
    if let Some(&c @ (',' | '_')) = chars.get(at) {
        (out.group, at) = (Some(c), at + 1);
    }
    if chars.get(at) == Some(&'.') {
        at += 1;
        out.precision = Some(number(&mut at)?);
    }
    if let Some(&c) = chars.get(at) {
        (out.kind, at) = (Some(c), at + 1);
    }
    (at == chars.len()).then_some(out)
}

/// Digits in groups of three before the point.
fn grouped(digits: &str, separator: Option<char>) -> String {
    let Some(separator) = separator else { return digits.to_owned() };
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let (whole, rest) = digits.split_at(end);
    let mut out = String::new();
    for (i, c) in whole.chars().enumerate() {
        if 0 < i && (whole.len() - i) % 3 == 0 {
            out.push(separator);
        }
        out.push(c);
    }
    out + rest
}

fn pad(text: &str, sign: &str, spec: &Spec, default: char) -> String {
    let length = text.chars().count() + sign.chars().count();
    let blanks = spec.width.saturating_sub(length);
    let fill = |count: usize| spec.fill.to_string().repeat(count);
    match spec.align.unwrap_or(default) {
        '<' => format!("{sign}{text}{}", fill(blanks)),
        '^' => format!("{}{sign}{text}{}", fill(blanks / 2), fill(blanks - blanks / 2)),
        '=' => format!("{sign}{}{text}", fill(blanks)),
        _ => format!("{}{sign}{text}", fill(blanks)),
    }
}

/// The digits of a number that is not negative, by a conversion of C or of Python.
fn float_digits(value: f64, kind: char, precision: Option<usize>, alternate: bool) -> String {
    if !value.is_finite() {
        return if value.is_nan() { "nan".into() } else { "inf".into() };
    }
    let digits = precision.unwrap_or(6);
    let text = match kind.to_ascii_lowercase() {
        'e' => scientific(value, digits),
        'f' => format!("{value:.digits$}"),
        '%' => format!("{:.digits$}%", value * 100.0),
        _ => general(value, digits.max(1), alternate),
    };
    if kind.is_ascii_uppercase() { text.to_uppercase() } else { text }
}

/// `%.{digits}e`. Ties go to the even digit, as in CPython and unlike in LuaJIT.
fn scientific(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

/// `%.{digits}g`: the shorter of both forms, without zeros at the end unless they are asked for.
fn general(value: f64, digits: usize, keeps_zeros: bool) -> String {
    let text = scientific(value, digits - 1);
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let trim = |digits: &str| match digits.contains('.') && !keeps_zeros {
        true => digits.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => digits.to_owned(),
    };
    match exponent.parse::<i64>().unwrap_or(0) {
        power if power < -4 || digits as i64 <= power => format!("{}e{exponent}", trim(mantissa)),
        power => trim(&format!("{value:.*}", (digits as i64 - 1 - power) as usize)),
    }
}

fn sign_of(negative: bool, sign: Option<char>) -> &'static str {
    match (negative, sign) {
        (true, _) => "-",
        (false, Some('+')) => "+",
        (false, Some(' ')) => " ",
        _ => "",
    }
}

impl Python {
    /// `format(value, spec)`.
    pub fn format(&mut self, value: &Value, spec: &str, at: Span) -> Outcome<String> {
        let inner = Self::inner(value).clone();
        if let Value::Instance(_) = inner
            && let Some(method) = self.find_attribute(&inner, "__format__", at)?
        {
            let text = self.call(&method, Args::new([Value::str(spec)], at))?;
            return self.str(&text, at);
        }
        if spec.is_empty() {
            return self.str(value, at);
        }
        let Some(parsed) = parse(spec) else {
            return Err(self.value_error(at, "Invalid format specifier"));
        };
        if MOST < parsed.width || parsed.precision.is_some_and(|p| MOST < p) {
            return Err(self.value_error(at, "Too many decimal digits in format string"));
        }
        self.allocate(parsed.width + parsed.precision.unwrap_or(0), at)?;
        self.work(1 + (parsed.width + parsed.precision.unwrap_or(0)) / 8, at)?;
        match (&inner, parsed.kind) {
            (Value::Str(text), None | Some('s')) => {
                let cut: String = match parsed.precision {
                    Some(length) => text.chars().take(length).collect(),
                    None => text.to_string(),
                };
                Ok(pad(&cut, "", &parsed, '<'))
            }
            (
                Value::Int(_) | Value::Bool(_),
                None | Some('d' | 'n' | 'x' | 'X' | 'o' | 'b' | 'c'),
            ) => {
                let number = inner.as_int().unwrap_or(0);
                Ok(format_int(number, &parsed))
            }
            (Value::Float(_) | Value::Int(_) | Value::Bool(_), kind) => {
                let number = inner.as_f64().unwrap_or(0.0);
                let (magnitude, negative) =
                    (number.abs(), number.is_sign_negative() && !number.is_nan());
                let digits = match (kind, parsed.precision) {
                    (Some('e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%'), _) => float_digits(
                        magnitude,
                        kind.unwrap_or('g'),
                        parsed.precision,
                        parsed.alternate,
                    ),
                    (None | Some('n'), None) => crate::front::python::interp::float_repr(magnitude),
                    (None | Some('n'), Some(digits)) => {
                        let text = float_digits(magnitude, 'g', Some(digits.max(1)), false);
                        let has_point = text.contains(['.', 'e', 'n']);
                        if has_point { text } else { text + ".0" }
                    }
                    _ => return Err(self.unknown_code(kind, value, at)),
                };
                let digits = grouped(&digits, parsed.group);
                Ok(pad(&digits, sign_of(negative, parsed.sign), &parsed, '>'))
            }
            (Value::Str(_), kind) => Err(self.unknown_code(kind, value, at)),
            _ => {
                let name = self.type_name(value);
                let message = format!("unsupported format string passed to {name}.__format__");
                Err(self.type_error(at, message))
            }
        }
    }

    fn unknown_code(&mut self, kind: Option<char>, value: &Value, at: Span) -> PyError {
        let (name, code) = (self.type_name(value), kind.unwrap_or(' '));
        self.value_error(at, format!("Unknown format code '{code}' for object of type '{name}'"))
    }

    /// `template % values`.
    pub fn percent(&mut self, template: &str, values: &Value, at: Span) -> Outcome<String> {
        let items: Vec<Value> = match values {
            Value::Tuple(items) => items.to_vec(),
            other => vec![other.clone()],
        };
        let mut items = items.into_iter();
        let is_mapping = matches!(Self::inner(values), Value::Dict(_));
        let mut out = String::new();
        let mut rest = template;
        while let Some(found) = rest.find('%') {
            out.push_str(&rest[..found]);
            rest = &rest[found + 1..];
            let mut named = None;
            if let Some(after) = rest.strip_prefix('(') {
                let Some(end) = after.find(')') else {
                    return Err(self.value_error(at, "incomplete format key"));
                };
                if !is_mapping {
                    return Err(self.type_error(at, "format requires a mapping"));
                }
                named = Some(self.get_item(values, &Value::str(&after[..end]), at)?);
                rest = &after[end + 1..];
            }
            let mut spec = Spec::PLAIN;
            while let Some(flag @ ('-' | '+' | ' ' | '#' | '0')) = rest.chars().next() {
                match flag {
                    '-' => spec.align = Some('<'),
                    '+' => spec.sign = Some('+'),
                    ' ' if spec.sign.is_none() => spec.sign = Some(' '),
                    '#' => spec.alternate = true,
                    '0' => spec.fill = '0',
                    _ => {}
                }
                rest = &rest[1..];
            }
            spec.width =
                self.percent_number(&mut rest, &mut items, &mut spec.align, at)?.unwrap_or(0);
            if let Some(after) = rest.strip_prefix('.') {
                rest = after;
                spec.precision =
                    Some(self.percent_number(&mut rest, &mut items, &mut None, at)?.unwrap_or(0));
            }
            rest = rest.trim_start_matches(['l', 'h', 'L']);
            let Some(kind) = rest.chars().next() else {
                return Err(self.value_error(at, "incomplete format"));
            };
            rest = &rest[kind.len_utf8()..];
            if kind == '%' {
                out.push('%');
                continue;
            }
            let value = match named {
                Some(value) => value,
                None => match items.next() {
                    Some(value) => value,
                    None => {
                        return Err(self.type_error(at, "not enough arguments for format string"));
                    }
                },
            };
            self.allocate(spec.width + spec.precision.unwrap_or(0) + out.len() / 16, at)?;
            self.work(4 + (spec.width + spec.precision.unwrap_or(0)) / 8, at)?;
            let index = template.len() - rest.len() - kind.len_utf8();
            out.push_str(&self.percent_value(&value, (kind, index), spec, at)?);
        }
        out.push_str(rest);
        if items.next().is_some() && !is_mapping {
            return Err(self.type_error(at, "not all arguments converted during string formatting"));
        }
        Ok(out)
    }

    fn percent_number(
        &mut self,
        rest: &mut &str,
        items: &mut std::vec::IntoIter<Value>,
        align: &mut Option<char>,
        at: Span,
    ) -> Outcome<Option<usize>> {
        if let Some(after) = rest.strip_prefix('*') {
            *rest = after;
            let Some(number) = items.next().and_then(|value| value.as_int()) else {
                return Err(self.type_error(at, "* wants int"));
            };
            if number < 0 {
                *align = Some('<');
            }
            return self.percent_bound(number.unsigned_abs() as usize, at).map(Some);
        }
        let length = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (digits, after) = rest.split_at(length);
        *rest = after;
        if digits.is_empty() {
            return Ok(None);
        }
        self.percent_bound(digits.parse().unwrap_or(usize::MAX), at).map(Some)
    }

    fn percent_bound(&mut self, number: usize, at: Span) -> Outcome<usize> {
        if MOST < number {
            return Err(self.value_error(at, "width or precision too big"));
        }
        Ok(number)
    }

    fn percent_value(
        &mut self,
        value: &Value,
        (kind, index): (char, usize),
        mut spec: Spec,
        at: Span,
    ) -> Outcome<String> {
        let zeros = spec.fill == '0';
        if zeros && spec.align.is_none() {
            spec.align = Some('=');
        }
        if spec.align == Some('<') {
            spec.fill = ' ';
        }
        match kind {
            's' | 'r' | 'a' => {
                let text = if kind == 's' { self.str(value, at)? } else { self.repr(value, at)? };
                let cut: String = match spec.precision {
                    Some(length) => text.chars().take(length).collect(),
                    None => text,
                };
                spec.fill = ' ';
                if spec.align == Some('=') {
                    spec.align = None;
                }
                Ok(pad(&cut, "", &spec, '>'))
            }
            'c' => {
                let text = match value {
                    Value::Str(text) if text.chars().count() == 1 => text.to_string(),
                    other => match other
                        .as_int()
                        .and_then(|i| u32::try_from(i).ok())
                        .and_then(char::from_u32)
                    {
                        Some(c) => c.to_string(),
                        None => return Err(self.type_error(at, "%c requires int or char")),
                    },
                };
                Ok(pad(&text, "", &spec, '>'))
            }
            'd' | 'i' | 'u' | 'x' | 'X' | 'o' => {
                let number = match value {
                    Value::Float(number)
                        if matches!(kind, 'd' | 'i' | 'u') && number.abs() < 9.2e18 =>
                    {
                        Some(*number as i64)
                    }
                    other => self.to_index(other, at)?,
                };
                let Some(number) = number else {
                    let name = self.type_name(value);
                    let wanted = if matches!(kind, 'x' | 'X' | 'o') {
                        "an integer"
                    } else {
                        "a real number"
                    };
                    let message = format!("%{kind} format: {wanted} is required, not {name}");
                    return Err(self.type_error(at, message));
                };
                let least = spec.precision.take();
                let magnitude = number.unsigned_abs();
                let (prefix, digits) = digits_of(magnitude, kind, spec.alternate);
                let least = least.unwrap_or(0);
                let digits = format!("{digits:0>least$}");
                let sign = format!("{}{prefix}", sign_of(number < 0, spec.sign));
                Ok(pad(&digits, &sign, &spec, '>'))
            }
            'e' | 'E' | 'f' | 'F' | 'g' | 'G' => {
                let Some(number) = self.to_float(value, at)? else {
                    let name = self.type_name(value);
                    let message = format!("must be real number, not {name}");
                    return Err(self.type_error(at, message));
                };
                let digits = float_digits(number.abs(), kind, spec.precision, spec.alternate);
                let negative = number.is_sign_negative() && !number.is_nan();
                Ok(pad(&digits, sign_of(negative, spec.sign), &spec, '>'))
            }
            other => {
                let message = format!(
                    "unsupported format character '{other}' (0x{:x}) at index {index}",
                    other as u32
                );
                Err(self.value_error(at, message))
            }
        }
    }

    /// `template.format(…)`.
    pub(super) fn format_method(&mut self, template: &str, args: &Args) -> Outcome<String> {
        let mut next = 0;
        self.format_fields(template, args, &mut next, 0)
    }

    fn format_fields(
        &mut self,
        template: &str,
        args: &Args,
        next: &mut usize,
        level: usize,
    ) -> Outcome<String> {
        let at = args.span;
        if template.is_empty() {
            return Ok(String::new());
        }
        if 1 < level {
            return Err(self.value_error(at, "Max string recursion exceeded"));
        }
        let mut out = String::new();
        let mut rest = template;
        while let Some(found) = rest.find(['{', '}']) {
            out.push_str(&rest[..found]);
            rest = &rest[found..];
            if rest.starts_with("{{") || rest.starts_with("}}") {
                out.push_str(&rest[..1]);
                rest = &rest[2..];
                continue;
            }
            if rest.starts_with('}') {
                return Err(self.value_error(at, "Single '}' encountered in format string"));
            }
            let mut depth = 0usize;
            let end = rest.char_indices().find(|&(_, c)| {
                depth += usize::from(c == '{');
                depth -= usize::from(c == '}');
                depth == 0
            });
            let Some((end, _)) = end else {
                let message = match rest.len() {
                    1 => "Single '{' encountered in format string",
                    _ => "expected '}' before end of string",
                };
                return Err(self.value_error(at, message));
            };
            let field = &rest[1..end];
            rest = &rest[end + 1..];
            let (head, spec) = field.split_once(':').unwrap_or((field, ""));
            let (name, conversion) = match head.rsplit_once('!') {
                Some((name, conversion)) => (name, conversion.chars().next()),
                None => (head, None),
            };
            let value = self.format_field(name, args, next)?;
            let value = self.converted(value, conversion, at)?;
            let spec = self.format_fields(spec, args, next, level + 1)?;
            out.push_str(&self.format(&value, &spec, at)?);
            self.allocate(out.len() / 8, at)?;
        }
        out.push_str(rest);
        Ok(out)
    }

    /// The value of `0`, `name`, `name.attribute[key]`.
    fn format_field(&mut self, name: &str, args: &Args, next: &mut usize) -> Outcome {
        let at = args.span;
        let end = name.find(['.', '[']).unwrap_or(name.len());
        let (head, mut path) = name.split_at(end);
        let mut value = if head.is_empty() || head.bytes().all(|b| b.is_ascii_digit()) {
            let index = if head.is_empty() { *next } else { head.parse().unwrap_or(usize::MAX) };
            *next += usize::from(head.is_empty());
            match args.positional.get(index) {
                Some((value, _)) => value.clone(),
                None => {
                    let message =
                        format!("Replacement index {index} out of range for positional args tuple");
                    return Err(self.error("IndexError", at, message));
                }
            }
        } else {
            match args.keywords.iter().find(|keyword| *keyword.name == *head) {
                Some(keyword) => keyword.value.clone(),
                None => {
                    let class = self.builtin_class("KeyError");
                    return Err(self.error_of(&class, head.into(), at));
                }
            }
        };
        while !path.is_empty() {
            if let Some(rest) = path.strip_prefix('.') {
                let end = rest.find(['.', '[']).unwrap_or(rest.len());
                value = self.get_attribute(&value, &rest[..end], at)?;
                path = &rest[end..];
            } else {
                let Some(end) = path.find(']') else {
                    return Err(self.value_error(at, "Missing ']' in format string"));
                };
                let key = &path[1..end];
                let key = key.parse::<i64>().map_or(Value::str(key), Value::Int);
                value = self.get_item(&value, &key, at)?;
                path = &path[end + 1..];
            }
        }
        Ok(value)
    }
}

fn digits_of(magnitude: u64, kind: char, alternate: bool) -> (&'static str, String) {
    match kind {
        'x' => (if alternate { "0x" } else { "" }, format!("{magnitude:x}")),
        'X' => (if alternate { "0X" } else { "" }, format!("{magnitude:X}")),
        'o' => (if alternate { "0o" } else { "" }, format!("{magnitude:o}")),
        'b' => (if alternate { "0b" } else { "" }, format!("{magnitude:b}")),
        _ => ("", magnitude.to_string()),
    }
}

fn format_int(number: i64, spec: &Spec) -> String {
    if spec.kind == Some('c') {
        let c = u32::try_from(number).ok().and_then(char::from_u32);
        return pad(&c.map_or(String::new(), |c| c.to_string()), "", spec, '<');
    }
    let (prefix, digits) =
        digits_of(number.unsigned_abs(), spec.kind.unwrap_or('d'), spec.alternate);
    let digits = grouped(&digits, spec.group);
    let sign = format!("{}{prefix}", sign_of(number < 0, spec.sign));
    pad(&digits, &sign, spec, '>')
}
