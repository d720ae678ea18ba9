//! The methods of sets.

use super::method;
use crate::front::python::ast::Binary;
use crate::front::python::interp::{Args, Outcome, Python, Set, Value, bury};
use crate::source::Span;
use std::cell::RefCell;
use std::rc::Rc;

pub(super) fn install(py: &mut Python) {
    let types = py.types.clone();
    let set = types.set.clone();
    method(&set, "add", &["element"], |py, this, args| {
        py.room(4, args.span)?;
        let element = args.get("element");
        let key = py.key(&element, args.span_of("element"))?;
        if let Value::Set(set) = &this {
            set.entries.borrow_mut().entry(key).or_insert(element);
        }
        Ok(Value::None)
    });
    for (name, must) in [("remove", true), ("discard", false)] {
        method(&set, name, &["element"], move |py, this, args| {
            let element = args.get("element");
            let key = py.key(&element, args.span_of("element"))?;
            let Value::Set(set) = &this else { return Ok(Value::None) };
            py.work(set.len() / 16, args.span)?;
            let old = set.entries.borrow_mut().shift_remove(&key);
            match old {
                Some(old) => bury([old]),
                None if must => {
                    let class = py.builtin_class("KeyError");
                    return Err(py.error_of(&class, element, args.span));
                }
                None => {}
            }
            Ok(Value::None)
        });
    }
    method(&set, "pop", &[], |py, this, args| {
        let Value::Set(set) = &this else { return Ok(Value::None) };
        let first = set.entries.borrow_mut().shift_remove_index(0);
        match first {
            Some((_, item)) => Ok(item),
            None => Err(py.error("KeyError", args.span, "pop from an empty set")),
        }
    });
    method(&set, "clear", &[], |_, this, _| {
        if let Value::Set(set) = &this {
            let old = set.entries.take();
            bury(old.into_values());
        }
        Ok(Value::None)
    });
    let updates = [
        ("update", Binary::BitOr),
        ("intersection_update", Binary::BitAnd),
        ("difference_update", Binary::Subtract),
        ("symmetric_difference_update", Binary::BitXor),
    ];
    for (name, operator) in updates {
        let update = move |py: &mut Python, mut args: Args| {
            let this = super::take_self(py, &mut args, name)?;
            for (other, span) in &args.positional {
                let result = combined(py, &this, other, operator, *span)?;
                if let (Value::Set(this), Value::Set(result)) = (&this, &result) {
                    let old = this.entries.replace(result.entries.take());
                    bury(old.into_values());
                }
            }
            Ok(Value::None)
        };
        set.set(name, Value::method(name, update));
    }
    for class in [&types.set, &types.frozenset] {
        let joins = [
            ("union", Binary::BitOr),
            ("intersection", Binary::BitAnd),
            ("difference", Binary::Subtract),
            ("symmetric_difference", Binary::BitXor),
        ];
        for (name, operator) in joins {
            let join = move |py: &mut Python, mut args: Args| {
                let mut result = super::take_self(py, &mut args, name)?;
                if args.positional.is_empty() {
                    return copy(py, &result, args.span);
                }
                for (other, span) in &args.positional {
                    result = combined(py, &result, other, operator, *span)?;
                }
                Ok(result)
            };
            class.set(name, Value::method(name, join));
        }
        method(class, "copy", &[], |py, this, args| copy(py, &this, args.span));
        method(class, "issubset", &["other"], |py, this, args| {
            within(py, &this, &args.get("other"), args.span)
        });
        method(class, "issuperset", &["other"], |py, this, args| {
            let other = as_set(py, &args.get("other"), args.span)?;
            within(py, &other, &this, args.span)
        });
        method(class, "isdisjoint", &["other"], |py, this, args| {
            let common = combined(py, &this, &args.get("other"), Binary::BitAnd, args.span)?;
            Ok(Value::Bool(py.len(&common, args.span)? == 0))
        });
    }
}

fn as_set(py: &mut Python, value: &Value, at: Span) -> Outcome {
    match value {
        Value::Set(_) => Ok(value.clone()),
        other => {
            let items = py.iterate(other, at)?;
            py.new_set(items, false, at)
        }
    }
}

fn combined(py: &mut Python, this: &Value, other: &Value, operator: Binary, at: Span) -> Outcome {
    let other = as_set(py, other, at)?;
    match (this, &other) {
        (Value::Set(a), Value::Set(b)) => {
            py.room(4 * (a.len() + b.len()), at)?;
            Ok(py.combine(operator, a, b))
        }
        _ => Ok(Value::None),
    }
}

fn within(py: &mut Python, this: &Value, other: &Value, at: Span) -> Outcome {
    let rest = combined(py, this, other, Binary::Subtract, at)?;
    Ok(Value::Bool(py.len(&rest, at)? == 0))
}

fn copy(py: &mut Python, this: &Value, at: Span) -> Outcome {
    let Value::Set(set) = this else { return Ok(Value::None) };
    py.room(4 * set.len(), at)?;
    let entries = RefCell::new(set.entries.borrow().clone());
    Ok(Value::Set(Rc::new(Set { entries, frozen: set.frozen })))
}
