//! `repr` and `str`.

use super::{Args, DictKind, Outcome, Python, Value};
use crate::source::Span;

/// A number as Python writes it: the fewest digits that give it back.
pub fn float_repr(value: f64) -> String {
    if value.is_nan() {
        return "nan".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf".into() } else { "-inf".into() };
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) || value == 0.0 {
        let text = format!("{value}");
        return if text.contains('.') { text } else { text + ".0" };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

/// A text in quotes, with escapes.
pub fn quote(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\\' => out.push_str("\\\\"),
            c if c == quote => out.extend(['\\', c]),
            c if (c as u32) < 0x20 || (0x7f..0xa1).contains(&(c as u32)) || c == '\u{ad}' => {
                out.push_str(&format!("\\x{:02x}", c as u32));
            }
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}

impl Python {
    /// `str(value)`.
    pub fn str(&mut self, value: &Value, at: Span) -> Outcome<String> {
        match value {
            Value::Str(text) => {
                self.work(text.len() / 64, at)?;
                Ok(text.to_string())
            }
            Value::Instance(instance) => {
                if let Some(method) = self.find_special(value, "__str__")? {
                    return self.text_of(&method, "__str__", at);
                }
                if let Some(Value::Str(text)) = &instance.payload
                    && self.find_special(value, "__repr__")?.is_none()
                {
                    return Ok(text.to_string());
                }
                let is_exception = instance.class.inherits(&self.builtin_class("BaseException"));
                if is_exception && let Some(Value::Tuple(args)) = instance.get("args") {
                    let is_key_error = instance.class.inherits(&self.builtin_class("KeyError"));
                    return match &args[..] {
                        [] => Ok(String::new()),
                        [one] if is_key_error => self.repr(one, at),
                        [one] => self.str(one, at),
                        _ => self.repr(&Value::Tuple(args.clone()), at),
                    };
                }
                self.repr(value, at)
            }
            other => self.repr(other, at),
        }
    }

    fn text_of(&mut self, method: &Value, name: &str, at: Span) -> Outcome<String> {
        match self.call(method, Args::new([], at))? {
            Value::Str(text) => Ok(text.to_string()),
            other => {
                let got = self.type_name(&other);
                Err(self.type_error(at, format!("{name} returned non-string (type {got})")))
            }
        }
    }

    /// `repr(value)`.
    pub fn repr(&mut self, value: &Value, at: Span) -> Outcome<String> {
        let mut out = String::new();
        self.write_repr(value, &mut out, &mut vec![], at)?;
        Ok(out)
    }

    fn write_repr(
        &mut self,
        value: &Value,
        out: &mut String,
        around: &mut Vec<usize>,
        at: Span,
    ) -> Outcome<()> {
        self.work(1, at)?;
        self.deeper(around.len(), at)?;
        let identity = value.identity();
        let is_container =
            matches!(value, Value::List(_) | Value::Tuple(_) | Value::Dict(_) | Value::Set(_));
        if let Some(identity) = identity.filter(|_| is_container) {
            if around.contains(&identity) {
                out.push_str(match value {
                    Value::List(_) => "[...]",
                    Value::Tuple(_) => "(...)",
                    _ => "{...}",
                });
                return Ok(());
            }
            around.push(identity);
        }
        let before = out.len();
        match value {
            Value::None => out.push_str("None"),
            Value::Ellipsis => out.push_str("Ellipsis"),
            Value::NotImplemented => out.push_str("NotImplemented"),
            Value::Bool(true) => out.push_str("True"),
            Value::Bool(false) => out.push_str("False"),
            Value::Int(value) => out.push_str(&value.to_string()),
            Value::Float(value) => out.push_str(&float_repr(*value)),
            Value::Str(text) => out.push_str(&quote(text)),
            Value::List(list) => {
                let items = list.0.borrow().clone();
                self.write_items("[", &items, "]", out, around, at)?;
            }
            Value::Tuple(items) => {
                let end = if items.len() == 1 { ",)" } else { ")" };
                self.write_items("(", items, end, out, around, at)?;
            }
            Value::Set(set) => {
                let items = set.items();
                match (set.frozen, items.is_empty()) {
                    (false, true) => out.push_str("set()"),
                    (true, true) => out.push_str("frozenset()"),
                    (false, false) => self.write_items("{", &items, "}", out, around, at)?,
                    (true, false) => {
                        self.write_items("frozenset({", &items, "})", out, around, at)?
                    }
                }
            }
            Value::Dict(dict) if matches!(dict.kind, DictKind::Ordered) && !dict.is_empty() => {
                let pairs = dict.items().into_iter().map(|(k, v)| Value::tuple([k, v]));
                let pairs: Vec<Value> = pairs.collect();
                self.write_items("OrderedDict([", &pairs, "])", out, around, at)?;
            }
            Value::Dict(dict) => {
                let (start, end) = match &dict.kind {
                    DictKind::Plain => ("{".to_owned(), "}"),
                    DictKind::Ordered => ("OrderedDict(".to_owned(), ")"),
                    DictKind::Counter if dict.is_empty() => ("Counter(".to_owned(), ")"),
                    DictKind::Counter => ("Counter({".to_owned(), "})"),
                    DictKind::Default(factory) => {
                        let factory = self.repr(&factory.clone(), at)?;
                        (format!("defaultdict({factory}, {{"), "})")
                    }
                };
                out.push_str(&start);
                for (i, (key, value)) in dict.items().iter().enumerate() {
                    out.push_str(if i == 0 { "" } else { ", " });
                    self.write_repr(key, out, around, at)?;
                    out.push_str(": ");
                    self.write_repr(value, out, around, at)?;
                }
                out.push_str(end);
            }
            Value::Range(range) => match range.step {
                1 => out.push_str(&format!("range({}, {})", range.start, range.stop)),
                step => out.push_str(&format!("range({}, {}, {step})", range.start, range.stop)),
            },
            Value::Slice(slice) => {
                let parts = [slice.start.clone(), slice.stop.clone(), slice.step.clone()];
                self.write_items("slice(", &parts, ")", out, around, at)?;
            }
            Value::Function(function) => out.push_str(&format!("<function {}>", function.name())),
            Value::NativeFunction(function) => {
                out.push_str(&format!("<built-in function {}>", function.name));
            }
            Value::Method(method) => {
                let name = self.find_attribute(&method.function.clone(), "__name__", at)?;
                let name = name.and_then(|name| name.as_str().cloned()).unwrap_or("?".into());
                out.push_str(&format!("<bound method {name}>"));
            }
            Value::Class(class) if class.module.is_empty() => {
                out.push_str(&format!("<class '{}'>", class.name));
            }
            Value::Class(class) => {
                out.push_str(&format!("<class '{}.{}'>", class.module, class.name))
            }
            Value::Module(module) => out.push_str(&format!("<module '{}'>", module.name)),
            Value::Iter(iter) => out.push_str(&format!("<{} object>", iter.name)),
            Value::Property(_) => out.push_str("<property object>"),
            Value::Native(native) => {
                let text = native.clone().repr(self)?;
                out.push_str(&text);
            }
            Value::Instance(instance) => {
                if let Some(method) = self.find_special(value, "__repr__")? {
                    let text = self.text_of(&method, "__repr__", at)?;
                    out.push_str(&text);
                } else if let Some(payload) = instance.payload.clone() {
                    self.write_repr(&payload, out, around, at)?;
                } else if let Some(Value::Tuple(args)) = instance.get("args")
                    && instance.class.inherits(&self.builtin_class("BaseException"))
                {
                    out.push_str(&instance.class.name);
                    self.write_items("(", &args, ")", out, around, at)?;
                } else {
                    let class = &instance.class;
                    out.push_str(&format!("<{}.{} object>", class.module, class.name));
                }
            }
        }
        if is_container {
            around.pop();
        }
        self.allocate((out.len() - before) / 4, at)
    }

    fn write_items(
        &mut self,
        start: &str,
        items: &[Value],
        end: &str,
        out: &mut String,
        around: &mut Vec<usize>,
        at: Span,
    ) -> Outcome<()> {
        out.push_str(start);
        for (i, item) in items.iter().enumerate() {
            out.push_str(if i == 0 { "" } else { ", " });
            self.write_repr(item, out, around, at)?;
        }
        out.push_str(end);
        Ok(())
    }
}
