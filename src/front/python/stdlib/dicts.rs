//! The methods of dicts.

use super::method;
use crate::front::python::interp::{Args, Dict, DictKind, Maybe, Outcome, Python, Value, bury};
use crate::source::Span;
use std::cell::RefCell;
use std::rc::Rc;

/// Which part of the entries a method gives.
#[derive(Clone, Copy)]
enum Part {
    Keys,
    Values,
    Items,
}

fn entries(this: &Value, part: Part) -> Vec<Value> {
    let Value::Dict(dict) = this else { return vec![] };
    let pairs = dict.items().into_iter();
    match part {
        Part::Keys => pairs.map(|(key, _)| key).collect(),
        Part::Values => pairs.map(|(_, value)| value).collect(),
        Part::Items => pairs.map(|(key, value)| Value::tuple([key, value])).collect(),
    }
}

pub(super) fn install(py: &mut Python) {
    let dict = py.types.dict.clone();
    for (name, part) in [("keys", Part::Keys), ("values", Part::Values), ("items", Part::Items)] {
        let list = move |py: &mut Python, args: Args| {
            let mut args = args;
            let this = super::take_self(py, &mut args, name)?;
            let items = entries(&this, part);
            py.room(2 * items.len(), args.span)?;
            py.new_list(items, args.span)
        };
        dict.set(name, Value::method(name, list));
    }
    for (name, part) in
        [("iterkeys", Part::Keys), ("itervalues", Part::Values), ("iteritems", Part::Items)]
    {
        let iter = move |py: &mut Python, args: Args| {
            let mut args = args;
            let this = super::take_self(py, &mut args, name)?;
            let items = py.new_list(entries(&this, part), args.span)?;
            py.iter(&items, args.span)
        };
        dict.set(name, Value::method(name, iter));
    }
    dict.set("viewkeys", dict.lookup("keys").unwrap_or_default());
    dict.set("viewitems", dict.lookup("items").unwrap_or_default());
    method(&dict, "get", &["key", "default?"], |py, this, args| {
        Ok(lookup(py, &this, &args.get("key"), args.span_of("key"))?
            .unwrap_or_else(|| args.get("default")))
    });
    method(&dict, "has_key", &["key"], |py, this, args| {
        py.contains(&this, &args.get("key"), args.span_of("key")).map(Value::Bool)
    });
    method(&dict, "setdefault", &["key", "default?"], |py, this, args| {
        let key = args.get("key");
        match lookup(py, &this, &key, args.span_of("key"))? {
            Some(value) => Ok(value),
            None => {
                py.set_item(&this, &key, args.get("default"), args.span)?;
                Ok(args.get("default"))
            }
        }
    });
    method(&dict, "pop", &["key", "default?"], |py, this, args| {
        let key = args.get("key");
        match lookup(py, &this, &key, args.span_of("key"))? {
            None if args.is_given("default") => Ok(args.get("default")),
            found => {
                py.delete_item(&this, &key, args.span_of("key"))?;
                Ok(found.unwrap_or_default())
            }
        }
    });
    method(&dict, "popitem", &["last?"], |py, this, args| {
        let Value::Dict(dict) = &this else { return Ok(Value::None) };
        let entry = match args.bool_or(py, "last", true)? {
            true => dict.entries.borrow_mut().pop(),
            false => dict.entries.borrow_mut().shift_remove_index(0),
        };
        match entry {
            Some((_, (key, value))) => Ok(Value::tuple([key, value])),
            None => Err(py.error("KeyError", args.span, "popitem(): dictionary is empty")),
        }
    });
    method(&dict, "move_to_end", &["key", "last?"], |py, this, args| {
        let key = py.key(&args.get("key"), args.span_of("key"))?;
        let last = args.bool_or(py, "last", true)?;
        let Value::Dict(dict) = &this else { return Ok(Value::None) };
        py.work(dict.len() / 16, args.span)?;
        let mut entries = dict.entries.borrow_mut();
        if let Some(at) = entries.get_index_of(&key) {
            let end = if last { entries.len() - 1 } else { 0 };
            entries.move_index(at, end);
        }
        Ok(Value::None)
    });
    method(&dict, "clear", &[], |_, this, _| {
        if let Value::Dict(dict) = &this {
            let old = dict.entries.take();
            bury(old.into_values().flat_map(|(key, value)| [key, value]));
        }
        Ok(Value::None)
    });
    method(&dict, "copy", &[], |py, this, args| copy(py, &this, args.span));
    for name in ["update", "__init__"] {
        let update = move |py: &mut Python, args: Args| {
            let mut args = args;
            let this = super::take_self(py, &mut args, name)?;
            update(py, &this, args, name)?;
            Ok(Value::None)
        };
        dict.set(name, Value::method(name, update));
    }
    let from_keys = Value::function("fromkeys", |py: &mut Python, args: Args| {
        let args = args.bind(py, "fromkeys", &["keys", "value?"])?;
        let dict = Value::Dict(Dict::new());
        for key in py.iterate(&args.get("keys"), args.span_of("keys"))? {
            py.set_item(&dict, &key, args.get("value"), args.span)?;
        }
        Ok(dict)
    });
    dict.set("fromkeys", from_keys);
}

fn lookup(py: &mut Python, this: &Value, key: &Value, at: Span) -> Maybe {
    let key = py.key(key, at)?;
    let Value::Dict(dict) = this else { return Ok(None) };
    Ok(dict.entries.borrow().get(&key).map(|(_, value)| value.clone()))
}

/// A dict of the same kind with the same entries.
pub(super) fn copy(py: &mut Python, this: &Value, at: Span) -> Outcome {
    let Value::Dict(dict) = this else { return Ok(this.clone()) };
    py.room(4 * dict.len(), at)?;
    let kind: DictKind = dict.kind.clone();
    let entries = RefCell::new(dict.entries.borrow().clone());
    let places = RefCell::new(dict.places.borrow().clone());
    Ok(Value::Dict(Rc::new(Dict { entries, kind, places })))
}

/// `dict.update`: from a mapping or from pairs, and from keywords.
pub(super) fn update(py: &mut Python, this: &Value, args: Args, name: &str) -> Outcome<()> {
    let at = args.span;
    if 1 < args.positional.len() {
        let given = args.positional.len();
        let message = format!("{name} expected at most 1 argument, got {given}");
        return Err(py.type_error(at, message));
    }
    if let Some((source, span)) = args.positional.first() {
        let is_mapping = matches!(Python::inner(source), Value::Dict(_))
            || matches!(source, Value::Instance(_))
                && py.find_attribute(source, "keys", at)?.is_some();
        if is_mapping {
            for (key, value) in py.mapping(source, *span)? {
                py.set_item(this, &key, value, at)?;
            }
        } else {
            for (i, pair) in py.iterate(source, *span)?.iter().enumerate() {
                let pair = match py.iterate(pair, *span) {
                    Err(error) if error.message().contains("is not iterable") => {
                        let message = format!(
                            "cannot convert dictionary update sequence element #{i} to a sequence"
                        );
                        return Err(py.type_error(*span, message));
                    }
                    pair => pair?,
                };
                match &pair[..] {
                    [key, value] => py.set_item(this, key, value.clone(), *span)?,
                    _ => {
                        let length = pair.len();
                        let message = format!(
                            "dictionary update sequence element #{i} has length {length}; 2 is required"
                        );
                        return Err(py.value_error(*span, message));
                    }
                }
            }
        }
    }
    for keyword in args.keywords {
        if let (true, Value::Dict(dict)) = (py.keeps_places, this) {
            dict.place(&keyword.name, [keyword.name_span, keyword.span]);
        }
        py.set_item(this, &keyword.name.into(), keyword.value, at)?;
    }
    Ok(())
}
