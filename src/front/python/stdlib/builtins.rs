//! The built-in functions and names.

use super::construct::bounds;
use super::{contexts, free_function, function};
use crate::front::python::ast::Binary;
use crate::front::python::interp::{Args, Key, Module, Outcome, Python, Value};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

pub(super) fn install(py: &mut Python) {
    let builtins = py.builtins.clone();
    for class in py.types.callable().into_iter().chain(py.types.exceptions()) {
        builtins.set(class.name.clone(), Value::Class(class));
    }
    // Names of Python 2, and others for the same.
    let aliases = [
        ("unicode", "str"),
        ("basestring", "str"),
        ("bytes", "str"),
        ("long", "int"),
        ("IOError", "OSError"),
        ("EnvironmentError", "OSError"),
    ];
    for (name, class) in aliases {
        builtins.set(name, Value::Class(py.builtin_class(class)));
    }
    builtins.set("NotImplemented", Value::NotImplemented);
    builtins.set("Ellipsis", Value::Ellipsis);
    // DIGITS runs a definition from its own program, so what stands under `__name__ == '__main__'` is not for it.
    builtins.set("__name__", "network");
    builtins.set("__debug__", true);
    // What notebooks call that were saved as programs.
    builtins.set(
        "get_ipython",
        Value::function("get_ipython", |py, _| Ok(py.outside_module("IPython"))),
    );
    builtins.set("__doc__", Value::None);
    builtins.set("__file__", "definition.py");
    objects(&builtins, py);
    iteration(&builtins);
    numbers(&builtins);
    free_function(&builtins, "print", print);
    for name in ["open", "file", "input", "raw_input", "exit", "quit"] {
        refuse(&builtins, name);
    }
    for name in [
        "eval",
        "exec",
        "execfile",
        "compile",
        "__import__",
        "globals",
        "locals",
        "breakpoint",
        "reload",
    ] {
        refuse(&builtins, name);
    }
}

/// A name that can be seen but not called.
pub(super) fn refuse(module: &Module, name: &'static str) {
    let whole = match &*module.name {
        "builtins" => name.to_owned(),
        module => format!("{module}.{name}"),
    };
    let run =
        move |py: &mut Python, args: Args| Err(py.not_available(&format!("'{whole}'"), args.span));
    module.set(name, Value::function(name, run));
}

fn print(py: &mut Python, args: Args) -> Outcome {
    let at = args.span;
    let (values, mut sep, mut end) = (args.positional, " ".to_owned(), "\n".to_owned());
    let mut stream = Value::None;
    for keyword in &args.keywords {
        match (&*keyword.name, &keyword.value) {
            ("sep" | "end", Value::None) | ("flush", _) => {}
            ("file", given) => stream = given.clone(),
            ("sep", Value::Str(text)) => sep = text.to_string(),
            ("end", Value::Str(text)) => end = text.to_string(),
            _ => {
                let known = ["sep", "end", "file", "flush"].map(str::to_owned).to_vec();
                return Err(py.unexpected_keyword("print", keyword, known));
            }
        }
    }
    let mut text = String::new();
    for (i, (value, span)) in values.iter().enumerate() {
        if 0 < i {
            text.push_str(&sep);
        }
        text.push_str(&py.str(value, *span)?);
        py.allocate(text.len() / 16, at)?;
    }
    py.print_to(&stream, text + &end, at)?;
    Ok(Value::None)
}

fn objects(builtins: &Rc<Module>, py: &mut Python) {
    function(builtins, "len", &["obj"], |py, args| {
        py.len(&args.get("obj"), args.span_of("obj")).map(Value::from)
    });
    function(builtins, "repr", &["obj"], |py, args| {
        let text = py.repr(&args.get("obj"), args.span)?;
        py.new_str(text, args.span)
    });
    builtins.set("ascii", builtins.get("repr").unwrap_or_default());
    function(builtins, "callable", &["obj"], |py, args| {
        let value = args.get("obj");
        Ok(Value::Bool(match &value {
            Value::Function(_) | Value::Method(_) | Value::NativeFunction(_) | Value::Class(_) => {
                true
            }
            Value::Instance(instance) => instance.class.lookup("__call__").is_some(),
            Value::Native(_) => py.find_attribute(&value, "__call__", args.span)?.is_some(),
            _ => false,
        }))
    });
    function(builtins, "isinstance", &["obj", "class"], |py, args| {
        py.is_instance_of(&args.get("obj"), &args.get("class"), args.span_of("class"))
            .map(Value::Bool)
    });
    function(builtins, "issubclass", &["class", "classes"], |py, args| {
        let Value::Class(class) = args.get("class") else {
            return Err(py.type_error(args.span_of("class"), "issubclass() arg 1 must be a class"));
        };
        let complaint = "issubclass() arg 2 must be a class or tuple of classes";
        py.inherits_of(&class, &args.get("classes"), args.span_of("classes"), complaint)
            .map(Value::Bool)
    });
    free_function(builtins, "getattr", |py, args| {
        let args = args.bind(py, "getattr", &["object", "name", "default?"])?;
        let Some(name) = args.text(py, "name")? else {
            return Err(py.type_error(args.span_of("name"), "attribute name must be string"));
        };
        let object = args.get("object");
        if !args.is_given("default") {
            return py.get_attribute(&object, &name, args.span_of("name"));
        }
        match py.find_attribute(&object, &name, args.span_of("name")) {
            Ok(found) => Ok(found.unwrap_or_else(|| args.get("default"))),
            Err(error) if py.is_error(&error, "AttributeError") => Ok(args.get("default")),
            Err(error) => Err(error),
        }
    });
    function(builtins, "hasattr", &["object", "name"], |py, args| {
        let name = args.text(py, "name")?.unwrap_or("".into());
        match py.find_attribute(&args.get("object"), &name, args.span_of("name")) {
            Ok(found) => Ok(Value::Bool(found.is_some())),
            Err(error) if py.is_error(&error, "AttributeError") => Ok(Value::Bool(false)),
            Err(error) => Err(error),
        }
    });
    function(builtins, "setattr", &["object", "name", "value"], |py, args| {
        let Some(name) = args.text(py, "name")? else {
            return Err(py.type_error(args.span_of("name"), "attribute name must be string"));
        };
        py.set_attribute(&args.get("object"), &name, args.get("value"), args.span)?;
        Ok(Value::None)
    });
    function(builtins, "delattr", &["object", "name"], |py, args| {
        let name = args.text(py, "name")?.unwrap_or("".into());
        py.delete_attribute(&args.get("object"), &name, args.span_of("name"))?;
        Ok(Value::None)
    });
    function(builtins, "vars", &["object"], |py, args| {
        py.get_attribute(&args.get("object"), "__dict__", args.span_of("object"))
    });
    function(builtins, "dir", &["object"], |py, args| {
        let mut names = py.attribute_names(&args.get("object"));
        names.sort();
        names.dedup();
        py.new_list(names.into_iter().map(Value::from).collect(), args.span)
    });
    function(builtins, "id", &["object"], |py, args| {
        // The address itself would tell of the process. What is compared by its value has the same number everywhere.
        let object = args.get("object");
        Ok(Value::Int(match object.identity() {
            Some(address) => (address as i64).wrapping_mul(0x9E37_79B9) & 0xFFFF_FFFF,
            None => hash(&py.key(&object, args.span)?) | 1 << 40,
        }))
    });
    function(builtins, "hash", &["object"], |py, args| {
        let key = py.key(&args.get("object"), args.span_of("object"))?;
        Ok(Value::Int(hash(&key)))
    });
    function(builtins, "format", &["value", "format_spec?"], |py, args| {
        let spec = args.text(py, "format_spec")?.unwrap_or("".into());
        let text = py.format(&args.get("value"), &spec, args.span)?;
        py.new_str(text, args.span)
    });
    function(builtins, "super", &["type", "object?"], |py, args| match args.get("type") {
        Value::Class(class) => py.super_of(&class, args.get("object"), args.span),
        _ => Err(py.type_error(args.span_of("type"), "super() argument 1 must be a type")),
    });
    let object = py.types.object.clone();
    let new = Value::function("__new__", |py: &mut Python, mut args: Args| {
        if args.positional.is_empty() {
            return Err(py.type_error(args.span, "object.__new__(): not enough arguments"));
        }
        let (Value::Class(class), _) = args.positional.remove(0) else {
            return Err(py.type_error(args.span, "object.__new__(X): X is not a type object"));
        };
        let at = args.span;
        // A class that inherits from a built-in one has a value of that inside.
        let payload = match class.constructor() {
            Some(construct) => Some(construct(py, &class, args)?),
            None => None,
        };
        match payload {
            Some(value) if class.construct.is_some() => Ok(value),
            Some(value @ Value::Instance(_)) => Ok(value),
            payload => py.new_instance(&class, payload, at).map(Value::Instance),
        }
    });
    object.set("__new__", new);
    let base = py.builtin_class("BaseException");
    let init = Value::method("__init__", |_, args| {
        let mut values = args.positional.into_iter().map(|(value, _)| value);
        if let Some(Value::Instance(instance)) = values.next() {
            instance.set("args", Value::tuple(values));
        }
        Ok(Value::None)
    });
    base.set("__init__", init);
}

fn hash(key: &Key) -> i64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    (hasher.finish() >> 2) as i64
}

fn iteration(builtins: &Rc<Module>) {
    free_function(builtins, "xrange", |py, args| {
        Ok(Value::Range(Rc::new(bounds(py, &args, "xrange")?)))
    });
    function(builtins, "iter", &["object", "sentinel?"], |py, args| {
        if !args.is_given("sentinel") {
            return py.iter(&args.get("object"), args.span_of("object"));
        }
        let held = vec![args.get("object"), args.get("sentinel")];
        Ok(Python::iterator_of("callable_iterator", held, |py, held, at| {
            let value = py.call(&held[0], Args::new([], at))?;
            Ok(if py.equal(&value, &held[1], at)? { None } else { Some(value) })
        }))
    });
    function(builtins, "next", &["iterator", "default?"], |py, args| {
        let iter = args.get("iterator");
        if let Value::List(_) | Value::Tuple(_) | Value::Str(_) | Value::Dict(_) = iter {
            let name = py.type_name(&iter);
            let message = format!("'{name}' object is not an iterator");
            return Err(py.type_error(args.span_of("iterator"), message));
        }
        match py.next(&iter, args.span)? {
            None if args.is_given("default") => Ok(args.get("default")),
            next => contexts::or_stop(py, next, args.span),
        }
    });
    function(builtins, "enumerate", &["iterable", "start?"], |py, args| {
        let mut index = args.int_or(py, "start", 0)?;
        let iter = py.iter(&args.get("iterable"), args.span_of("iterable"))?;
        Ok(Python::iterator_of("enumerate", vec![iter], move |py, held, at| {
            let Some(value) = py.next(&held[0], at)? else { return Ok(None) };
            index += 1;
            py.new_tuple(vec![Value::Int(index - 1), value], at).map(Some)
        }))
    });
    free_function(builtins, "zip", |py, args| {
        let strict = args
            .keywords
            .iter()
            .any(|k| &*k.name == "strict" && matches!(k.value, Value::Bool(true)));
        let iter = zip(py, &args, None, strict)?;
        eager(py, iter, args.span)
    });
    free_function(builtins, "map", |py, mut args| {
        if args.positional.len() < 2 {
            return Err(py.type_error(args.span, "map() must have at least two arguments."));
        }
        let (function, _) = args.positional.remove(0);
        let iter = zip(py, &args, Some(function), false)?;
        eager(py, iter, args.span)
    });
    function(builtins, "filter", &["function", "iterable"], |py, args| {
        let iter = py.iter(&args.get("iterable"), args.span_of("iterable"))?;
        let held = vec![args.get("function"), iter];
        let filter = Python::iterator_of("filter", held, |py, held, at| {
            while let Some(value) = py.next(&held[1], at)? {
                let keep = match &held[0] {
                    Value::None => value.clone(),
                    function => py.call(function, Args::new([value.clone()], at))?,
                };
                if py.truth(&keep, at)? {
                    return Ok(Some(value));
                }
            }
            Ok(None)
        });
        eager(py, filter, args.span)
    });
    function(builtins, "reversed", &["sequence"], |py, args| {
        let value = args.get("sequence");
        if let Some(method) = py.find_attribute(&value, "__reversed__", args.span)? {
            return py.call(&method, Args::new([], args.span));
        }
        if let Value::Range(range) = &value {
            let (mut left, range) = (range.len(), **range);
            return Ok(Python::iterator_of("range_iterator", vec![], move |_, _, _| {
                left = left.wrapping_sub(1);
                Ok((left != usize::MAX).then(|| range.at(left).into()))
            }));
        }
        if let Value::Set(_) | Value::Iter(_) = value {
            let name = py.type_name(&value);
            return Err(py.type_error(args.span, format!("'{name}' object is not reversible")));
        }
        let mut items = py.iterate(&value, args.span_of("sequence"))?;
        items.reverse();
        let items = py.new_tuple(items, args.span)?;
        py.iter(&items, args.span)
    });
    function(builtins, "any", &["iterable"], |py, args| {
        let iter = py.iter(&args.get("iterable"), args.span_of("iterable"))?;
        while let Some(value) = py.next(&iter, args.span)? {
            if py.truth(&value, args.span)? {
                return Ok(Value::Bool(true));
            }
        }
        Ok(Value::Bool(false))
    });
    function(builtins, "all", &["iterable"], |py, args| {
        let iter = py.iter(&args.get("iterable"), args.span_of("iterable"))?;
        while let Some(value) = py.next(&iter, args.span)? {
            if !py.truth(&value, args.span)? {
                return Ok(Value::Bool(false));
            }
        }
        Ok(Value::Bool(true))
    });
    function(builtins, "sum", &["iterable", "start?"], |py, args| {
        let iter = py.iter(&args.get("iterable"), args.span_of("iterable"))?;
        let mut sum = if args.is_given("start") { args.get("start") } else { Value::Int(0) };
        if let Value::Str(_) = sum {
            let message = "sum() can't sum strings [use ''.join(seq) instead]";
            return Err(py.type_error(args.span_of("start"), message));
        }
        while let Some(value) = py.next(&iter, args.span)? {
            sum = py.binary(Binary::Add, &sum, &value, args.span)?;
        }
        Ok(sum)
    });
}

/// The list of what an iterator gives where Python 2 makes lists; the iterator itself in Python 3.
fn eager(py: &mut Python, iter: Value, at: crate::source::Span) -> Outcome {
    if py.is_three(at) {
        return Ok(iter);
    }
    let items = py.iterate(&iter, at)?;
    Ok(Value::list(items))
}

/// Goes through several iterables at once; with a function, calls it with their items.
fn zip(py: &mut Python, args: &Args, function: Option<Value>, strict: bool) -> Outcome {
    let name = if function.is_some() { "map" } else { "zip" };
    let mut held = vec![];
    for (value, span) in &args.positional {
        held.push(py.iter(value, *span)?);
    }
    let has_function = function.is_some();
    held.extend(function);
    Ok(Python::iterator_of(name, held, move |py, held, at| {
        let iters = &held[..held.len() - usize::from(has_function)];
        let mut items = Vec::with_capacity(iters.len());
        for (i, iter) in iters.iter().enumerate() {
            match py.next(iter, at)? {
                Some(item) => items.push(item),
                None if strict && 0 < i => {
                    let message = format!("zip() argument {} is shorter than argument {i}", i + 1);
                    return Err(py.value_error(at, message));
                }
                None => return Ok(None),
            }
        }
        if items.is_empty() {
            return Ok(None);
        }
        match has_function {
            true => match &held[held.len() - 1] {
                // In Python 2, `map(None, …)`.
                Value::None if items.len() == 1 => Ok(items.pop()),
                Value::None => py.new_tuple(items, at).map(Some),
                function => py.call(function, Args::new(items, at)).map(Some),
            },
            false => py.new_tuple(items, at).map(Some),
        }
    }))
}

fn numbers(builtins: &Rc<Module>) {
    function(builtins, "abs", &["x"], |py, args| {
        let value = args.get("x");
        match &value {
            Value::Float(value) => Ok(Value::Float(value.abs())),
            Value::Native(_) | Value::Instance(_) => {
                py.call_method(&value, "__abs__", Args::new([], args.span))
            }
            other => match other.as_int() {
                Some(value) => match value.checked_abs() {
                    Some(value) => Ok(Value::Int(value)),
                    None => Err(py.overflow(args.span)),
                },
                None => {
                    let name = py.type_name(other);
                    let message = format!("bad operand type for abs(): '{name}'");
                    Err(py.type_error(args.span, message))
                }
            },
        }
    });
    function(builtins, "round", &["number", "ndigits?"], |py, args| {
        let value = args.get("number");
        let three = py.is_three(args.span);
        if let Value::Native(_) | Value::Instance(_) = value
            && let Some(method) = py.find_attribute(&value, "__round__", args.span)?
        {
            return py.call(&method, Args::new([], args.span));
        }
        let Some(number) = value.as_f64() else {
            let name = py.type_name(&value);
            let message = format!("type {name} doesn't define __round__ method");
            return Err(py.type_error(args.span_of("number"), message));
        };
        if args.some("ndigits").is_none() {
            // Python 3 rounds halves to even and gives an integer, Python 2 away from zero and gives a float.
            let rounded = if three { number.round_ties_even() } else { number.round() };
            return match three && value.as_int().is_none() {
                true => super::construct::int(
                    py,
                    &py.types.int.clone(),
                    Args::new([Value::Float(rounded)], args.span),
                ),
                false if three => Ok(Value::Int(value.as_int().unwrap_or(0))),
                false => Ok(Value::Float(rounded)),
            };
        }
        let digits = args.int_or(py, "ndigits", 0)?.clamp(-400, 400);
        if let Some(whole) = value.as_int() {
            if digits >= 0 {
                return Ok(Value::Int(whole));
            }
            let unit = 10f64.powi((-digits) as i32);
            return Ok(Value::Int(((whole as f64 / unit).round_ties_even() * unit) as i64));
        }
        if digits > 22 || !number.is_finite() {
            return Ok(Value::Float(number));
        }
        if digits >= 0 {
            let text = format!("{number:.*}", digits as usize);
            return Ok(Value::Float(text.parse().unwrap_or(number)));
        }
        let unit = 10f64.powi((-digits) as i32);
        Ok(Value::Float((number / unit).round_ties_even() * unit))
    });
    function(builtins, "pow", &["base", "exp", "mod?"], |py, args| {
        if args.some("mod").is_none() {
            return py.binary(Binary::Power, &args.get("base"), &args.get("exp"), args.span);
        }
        let (base, exp) = (args.int_or(py, "base", 0)?, args.int_or(py, "exp", 0)?);
        let modulus = args.int_or(py, "mod", 0)?;
        if modulus == 0 {
            return Err(py.value_error(args.span_of("mod"), "pow() 3rd argument cannot be 0"));
        }
        if exp < 0 {
            return Err(
                py.value_error(args.span_of("exp"), "pow() with a negative exponent and a modulus")
            );
        }
        let wide = i128::from(modulus);
        let (mut result, mut base, mut exp) = (1i128 % wide, i128::from(base) % wide, exp);
        while exp > 0 {
            if exp & 1 == 1 {
                result = result * base % wide;
            }
            base = base * base % wide;
            exp >>= 1;
        }
        let result = if result != 0 && (result < 0) != (wide < 0) { result + wide } else { result };
        Ok(Value::Int(result as i64))
    });
    function(builtins, "divmod", &["x", "y"], |py, args| {
        let (x, y) = (args.get("x"), args.get("y"));
        let quotient = py.binary(Binary::FloorDivide, &x, &y, args.span)?;
        let rest = py.binary(Binary::Modulo, &x, &y, args.span)?;
        Ok(Value::tuple([quotient, rest]))
    });
    function(builtins, "chr", &["i"], |py, args| {
        let code = args.int_or(py, "i", 0)?;
        match u32::try_from(code).ok().and_then(char::from_u32) {
            Some(c) => Ok(c.to_string().into()),
            None => Err(py.value_error(args.span, "chr() arg not in range(0x110000)")),
        }
    });
    builtins.set("unichr", builtins.get("chr").unwrap_or_default());
    function(builtins, "ord", &["c"], |py, args| {
        let text = args.text(py, "c")?.unwrap_or("".into());
        let mut chars = text.chars();
        match (chars.next(), chars.next()) {
            (Some(c), None) => Ok(Value::Int(i64::from(c as u32))),
            _ => {
                let length = text.chars().count();
                let message =
                    format!("ord() expected a character, but string of length {length} found");
                Err(py.type_error(args.span, message))
            }
        }
    });
    let radix = |name: &'static str, prefix: &'static str, digits: fn(u64) -> String| {
        function(builtins, name, &["number"], move |py, args| {
            let Some(value) = py.to_index(&args.get("number"), args.span)? else {
                let got = py.type_name(&args.get("number"));
                let message = format!("'{got}' object cannot be interpreted as an integer");
                return Err(py.type_error(args.span, message));
            };
            let sign = if value < 0 { "-" } else { "" };
            Ok(format!("{sign}{prefix}{}", digits(value.unsigned_abs())).into())
        });
    };
    radix("hex", "0x", |value| format!("{value:x}"));
    radix("oct", "0o", |value| format!("{value:o}"));
    radix("bin", "0b", |value| format!("{value:b}"));
}
