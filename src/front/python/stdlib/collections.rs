//! The module `collections`: kinds of dicts in Rust, the rest in Python.

use super::dicts;
use crate::front::python::interp::{Args, Class, Dict, DictKind, Module, Outcome, Python, Value};
use crate::source::Span;
use std::rc::Rc;

/// The abstract classes, which ask what a value can do.
const ABSTRACT: [&str; 10] = [
    "Iterable",
    "Iterator",
    "Sequence",
    "MutableSequence",
    "Mapping",
    "MutableMapping",
    "Set",
    "Callable",
    "Hashable",
    "Sized",
];

pub(super) fn install(py: &mut Python) {
    let collections = Module::new("collections");
    let dict = py.types.dict.clone();
    let ordered = Class::native("OrderedDict", &[&dict], |py, _, args| {
        let made = empty(DictKind::Ordered);
        dicts::update(py, &made, args, "OrderedDict")?;
        Ok(made)
    });
    let default = Class::native("defaultdict", &[&dict], |py, _, mut args| {
        let factory = match args.positional.is_empty() {
            true => Value::None,
            false => args.positional.remove(0).0,
        };
        let made = empty(DictKind::Default(factory));
        dicts::update(py, &made, args, "defaultdict")?;
        Ok(made)
    });
    let counter = Class::native("Counter", &[&dict], |py, _, args| {
        let made = empty(DictKind::Counter);
        count(py, &made, args)?;
        Ok(made)
    });
    let update = Value::method("update", |py: &mut Python, mut args: Args| {
        let this = super::take_self(py, &mut args, "update")?;
        count(py, &this, args)?;
        Ok(Value::None)
    });
    counter.set("update", update);
    super::method(&counter, "most_common", &["n?"], |py, this, args| {
        let most = usize::try_from(args.int_or(py, "n", i64::MAX)?).unwrap_or(0);
        let pairs = py.mapping(&this, args.span)?;
        let pairs = pairs.into_iter().map(|(key, value)| Value::tuple([key, value])).collect();
        let by = Value::function("count", |py: &mut Python, args: Args| {
            let pair = args.bind(py, "count", &["pair"])?.get("pair");
            py.get_item(&pair, &Value::Int(1), Span::nowhere())
        });
        let sorted = super::ordering::sort(py, pairs, (&by, &Value::None), true, args.span)?;
        py.new_list(sorted.into_iter().take(most).collect(), args.span)
    });
    for class in [ordered, default, counter] {
        collections.set(class.name.clone(), Value::Class(class));
    }
    let abstracts = Module::new("collections.abc");
    for name in ABSTRACT {
        let refuse = move |py: &mut Python, class: &Rc<Class>, args: Args| {
            let message = format!("Can't instantiate abstract class {}", class.name);
            Err(py.type_error(args.span, message))
        };
        let class = Class::native(name, &[&py.types.object.clone()], refuse);
        class.set("__abstract__", true);
        abstracts.set(name, Value::Class(class.clone()));
        collections.set(name, Value::Class(class));
    }
    collections.set("abc", Value::Module(abstracts.clone()));
    py.add_module("collections", Value::Module(collections));
    py.add_module("collections.abc", Value::Module(abstracts));
    py.add_text("cortado.collections", include_str!("collections.py"));
    for name in ["namedtuple", "deque"] {
        // What is written in Python is read when it is first called.
        let run = move |py: &mut Python, args: Args| {
            let module = py.import("cortado.collections", args.span)?;
            let function = py.get_attribute(&module, name, args.span)?;
            py.call(&function, args)
        };
        let value = Value::function(name, run);
        if let Ok(Value::Module(module)) = py.import("collections", Span::nowhere()) {
            module.set(name, value);
        }
    }
}

fn empty(kind: DictKind) -> Value {
    Value::Dict(Dict::of_kind(kind))
}

fn count(py: &mut Python, counter: &Value, args: Args) -> Outcome<()> {
    let at = args.span;
    let mut amounts = vec![];
    for (source, span) in &args.positional {
        match Python::inner(source) {
            Value::Dict(dict) => amounts.extend(dict.items()),
            _ => {
                let items = py.iterate(source, *span)?;
                amounts.extend(items.into_iter().map(|item| (item, Value::Int(1))));
            }
        }
    }
    amounts.extend(args.keywords.into_iter().map(|keyword| (keyword.name.into(), keyword.value)));
    for (key, amount) in amounts {
        let known = py.get_item(counter, &key, at)?;
        let sum = py.binary(crate::front::python::ast::Binary::Add, &known, &amount, at)?;
        py.set_item(counter, &key, sum, at)?;
    }
    Ok(())
}

impl Python {
    /// Whether a value is one of an abstract class of `collections.abc`; `None` where the class is none of them.
    pub fn is_abstractly(
        &mut self,
        value: &Value,
        class: &Rc<Class>,
        at: Span,
    ) -> Outcome<Option<bool>> {
        if !class.names.borrow().contains_key("__abstract__") {
            return Ok(None);
        }
        let inner = Self::inner(value).clone();
        let has = |py: &mut Python, name: &str| -> Outcome<bool> {
            Ok(py.find_attribute(value, name, at)?.is_some())
        };
        let is_sequence =
            matches!(inner, Value::List(_) | Value::Tuple(_) | Value::Str(_) | Value::Range(_));
        let is_container = is_sequence || matches!(inner, Value::Dict(_) | Value::Set(_));
        let iterates = is_container || matches!(inner, Value::Iter(_));
        Ok(Some(match &*class.name {
            "Iterable" => iterates || has(self, "__iter__")?,
            "Iterator" => matches!(inner, Value::Iter(_)) || has(self, "__next__")?,
            "Sequence" => is_sequence,
            "MutableSequence" => matches!(inner, Value::List(_)),
            "Mapping" | "MutableMapping" => matches!(inner, Value::Dict(_)),
            "Set" => matches!(inner, Value::Set(_)),
            "Callable" => {
                let callable = self.builtins.get("callable").unwrap_or_default();
                let result = self.call(&callable, Args::new([value.clone()], at))?;
                self.truth(&result, at)?
            }
            "Hashable" => self.key(value, at).is_ok(),
            _ => is_container || has(self, "__len__")?,
        }))
    }
}
