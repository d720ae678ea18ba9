//! What calling a built-in class makes.

use crate::front::python::interp::{
    Args, Class, Dict, Outcome, Property, Python, Range, Slice, Value,
};
use crate::source::Span;
use std::cell::RefCell;
use std::rc::Rc;

pub type Make = fn(&mut Python, &Rc<Class>, Args) -> Outcome;

pub fn type_(py: &mut Python, _: &Rc<Class>, args: Args) -> Outcome {
    let at = args.span;
    if args.len() == 1 {
        let value = args.bind(py, "type", &["object"])?.get("object");
        return Ok(Value::Class(py.type_of(&value)));
    }
    let args = args.bind(py, "type", &["name", "bases", "dict"])?;
    let name = args.text(py, "name")?.unwrap_or("".into());
    let mut bases = vec![];
    for base in py.iterate(&args.get("bases"), at)? {
        match base {
            Value::Class(base) => bases.push(base),
            _ => return Err(py.type_error(args.span_of("bases"), "bases must be types")),
        }
    }
    if bases.is_empty() {
        bases.push(py.types.object.clone());
    }
    let Some(ancestors) = py.ancestors(&bases, at)? else {
        return Err(
            py.type_error(at, "Cannot create a consistent method resolution order (MRO) for bases")
        );
    };
    let names = RefCell::default();
    let class = Rc::new(Class {
        name,
        bases,
        ancestors,
        names,
        construct: None,
        module: "__main__".into(),
    });
    for (name, value) in py.mapping(&args.get("dict"), at)? {
        if let Value::Str(name) = name {
            class.set(name, value);
        }
    }
    Ok(Value::Class(class))
}

pub fn bool(py: &mut Python, _: &Rc<Class>, args: Args) -> Outcome {
    let args = args.bind(py, "bool", &["x?"])?;
    args.bool_or(py, "x", false).map(Value::Bool)
}

/// Python shows so many characters of what is no number.
const MOST_SHOWN: usize = 200;

pub fn int(py: &mut Python, _: &Rc<Class>, args: Args) -> Outcome {
    let args = args.bind(py, "int", &["x?", "base?"])?;
    let at = args.span_of("x");
    let value = args.get("x");
    match Python::inner(&value) {
        Value::None if !args.is_given("x") => Ok(Value::Int(0)),
        Value::Str(text) => {
            let base = args.int_or(py, "base", 10)?;
            match parse_int(text, base) {
                Some(value) => Ok(Value::Int(value)),
                None => {
                    let shown: String = py.repr(&value, at)?.chars().take(MOST_SHOWN).collect();
                    let message = format!("invalid literal for int() with base {base}: {shown}");
                    Err(py.value_error(at, message))
                }
            }
        }
        Value::Float(value) => {
            if value.is_nan() {
                return Err(py.value_error(at, "cannot convert float NaN to integer"));
            }
            if value.is_infinite() {
                return Err(py.error(
                    "OverflowError",
                    at,
                    "cannot convert float infinity to integer",
                ));
            }
            if value.abs() >= 9.3e18 {
                return Err(py.overflow(at));
            }
            Ok(Value::Int(value.trunc() as i64))
        }
        _ => {
            if let Value::Instance(_) = value
                && let Some(method) = py.find_attribute(&value, "__int__", at)?
            {
                return py.call(&method, Args::new([], at));
            }
            match py.to_index(&value, at)? {
                Some(value) => Ok(Value::Int(value)),
                None => {
                    let name = py.type_name(&value);
                    let message = format!(
                        "int() argument must be a string, a bytes-like object or a real number, not '{name}'"
                    );
                    Err(py.type_error(at, message))
                }
            }
        }
    }
}

fn parse_int(text: &str, base: i64) -> Option<i64> {
    let text = text.trim().replace('_', "");
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(&text)),
    };
    let lower = digits.to_ascii_lowercase();
    let prefixed = |prefix: &str, radix: i64| {
        let digits = lower.strip_prefix(prefix).filter(|_| base == 0 || base == radix);
        digits.map(|digits| (digits.to_owned(), radix))
    };
    let (digits, base) = prefixed("0x", 16)
        .or_else(|| prefixed("0o", 8))
        .or_else(|| prefixed("0b", 2))
        .unwrap_or((lower.clone(), if base == 0 { 10 } else { base }));
    let base = u32::try_from(base).ok().filter(|base| (2..=36).contains(base))?;
    if digits.starts_with(['+', '-']) {
        return None;
    }
    i64::from_str_radix(&format!("{}{digits}", if negative { "-" } else { "" }), base).ok()
}

pub fn float(py: &mut Python, _: &Rc<Class>, args: Args) -> Outcome {
    let args = args.bind(py, "float", &["x?"])?;
    let at = args.span_of("x");
    let value = args.get("x");
    if let Value::Str(text) = Python::inner(&value) {
        let plain = text.trim().replace('_', "").to_ascii_lowercase();
        let parsed = match plain.trim_start_matches(['+', '-']) {
            "inf" | "infinity" | "nan" => plain.parse().ok(),
            digits if digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') => {
                plain.parse().ok()
            }
            _ => None,
        };
        return match parsed {
            Some(value) => Ok(Value::Float(value)),
            None => {
                let shown = py.repr(&value, at)?;
                Err(py.value_error(at, format!("could not convert string to float: {shown}")))
            }
        };
    }
    if !args.is_given("x") {
        return Ok(Value::Float(0.0));
    }
    match py.to_float(&value, at)? {
        Some(value) => Ok(Value::Float(value)),
        None => {
            let name = py.type_name(&value);
            let message =
                format!("float() argument must be a string or a real number, not '{name}'");
            Err(py.type_error(at, message))
        }
    }
}

pub fn str(py: &mut Python, _: &Rc<Class>, args: Args) -> Outcome {
    let args = args.bind(py, "str", &["object?", "encoding?", "errors?"])?;
    if !args.is_given("object") {
        return Ok("".into());
    }
    let text = py.str(&args.get("object"), args.span_of("object"))?;
    py.new_str(text, args.span)
}

fn items(py: &mut Python, args: Args, name: &str) -> Outcome<(Vec<Value>, Span)> {
    let args = args.bind(py, name, &["iterable?"])?;
    let items = match args.is_given("iterable") {
        true => py.iterate(&args.get("iterable"), args.span_of("iterable"))?,
        false => vec![],
    };
    Ok((items, args.span))
}

pub fn list(py: &mut Python, _: &Rc<Class>, args: Args) -> Outcome {
    let (items, at) = items(py, args, "list")?;
    py.new_list(items, at)
}

pub fn tuple(py: &mut Python, _: &Rc<Class>, args: Args) -> Outcome {
    if let [(value @ Value::Tuple(_), _)] = &args.positional[..] {
        return Ok(value.clone());
    }
    let (items, at) = items(py, args, "tuple")?;
    py.new_tuple(items, at)
}

pub fn set(py: &mut Python, _: &Rc<Class>, args: Args) -> Outcome {
    let (items, at) = items(py, args, "set")?;
    py.new_set(items, false, at)
}

pub fn frozenset(py: &mut Python, _: &Rc<Class>, args: Args) -> Outcome {
    let (items, at) = items(py, args, "frozenset")?;
    py.new_set(items, true, at)
}

pub fn dict(py: &mut Python, _: &Rc<Class>, args: Args) -> Outcome {
    let dict = Value::Dict(Dict::new());
    super::dicts::update(py, &dict, args, "dict")?;
    Ok(dict)
}

/// The bounds of `range` and `xrange`.
pub fn bounds(py: &mut Python, args: &Args, name: &str) -> Outcome<Range> {
    let at = args.span;
    let mut numbers = vec![];
    for (value, span) in &args.positional {
        match py.to_index(value, *span)? {
            Some(number) => numbers.push(number),
            None => {
                let got = py.type_name(value);
                let message = format!("'{got}' object cannot be interpreted as an integer");
                return Err(py.type_error(*span, message));
            }
        }
    }
    match numbers[..] {
        [stop] => Ok(Range { start: 0, stop, step: 1 }),
        [start, stop] => Ok(Range { start, stop, step: 1 }),
        [_, _, 0] => Err(py.value_error(at, format!("{name}() arg 3 must not be zero"))),
        [start, stop, step] => Ok(Range { start, stop, step }),
        [] => Err(py.type_error(at, format!("{name} expected at least 1 argument, got 0"))),
        _ => {
            let given = numbers.len();
            Err(py.type_error(at, format!("{name} expected at most 3 arguments, got {given}")))
        }
    }
}

pub fn range(py: &mut Python, _: &Rc<Class>, args: Args) -> Outcome {
    let range = Value::Range(Rc::new(bounds(py, &args, "range")?));
    if py.is_three(args.span) {
        return Ok(range);
    }
    // In Python 2 it is a list.
    let items = py.iterate(&range, args.span)?;
    Ok(Value::list(items))
}

pub fn slice(py: &mut Python, _: &Rc<Class>, args: Args) -> Outcome {
    let at = args.span;
    let mut values = args.positional.into_iter().map(|(value, _)| value);
    let (start, stop, step) = match (values.next(), values.next(), values.next()) {
        (Some(stop), None, _) => (Value::None, stop, Value::None),
        (Some(start), Some(stop), step) => (start, stop, step.unwrap_or_default()),
        _ => return Err(py.type_error(at, "slice expected at least 1 argument, got 0")),
    };
    Ok(Value::Slice(Rc::new(Slice { start, stop, step })))
}

pub fn property(py: &mut Python, _: &Rc<Class>, args: Args) -> Outcome {
    let args = args.bind(py, "property", &["fget?", "fset?", "fdel?", "doc?"])?;
    Ok(Value::Property(Rc::new(Property::Accessors(args.get("fget"), args.get("fset")))))
}

pub fn static_method(py: &mut Python, _: &Rc<Class>, args: Args) -> Outcome {
    let args = args.bind(py, "staticmethod", &["function"])?;
    Ok(Value::Property(Rc::new(Property::Static(args.get("function")))))
}

pub fn class_method(py: &mut Python, _: &Rc<Class>, args: Args) -> Outcome {
    let args = args.bind(py, "classmethod", &["function"])?;
    Ok(Value::Property(Rc::new(Property::OfClass(args.get("function")))))
}

pub fn exception(py: &mut Python, class: &Rc<Class>, args: Args) -> Outcome {
    let at = args.span;
    if let Some(keyword) = args.keywords.first() {
        let message = format!("{}() takes no keyword arguments", class.name);
        return Err(py.type_error(keyword.name_span, message));
    }
    let instance = py.new_instance(class, None, at)?;
    let values: Vec<Value> = args.positional.into_iter().map(|(value, _)| value).collect();
    if &*class.name == "StopIteration" {
        instance.set("value", values.first().cloned().unwrap_or_default());
    }
    instance.set("args", Value::tuple(values));
    Ok(Value::Instance(instance))
}
