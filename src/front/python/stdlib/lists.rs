//! The methods of lists, tuples and ranges.

use super::{method, ordering};
use crate::front::python::interp::{Args, Outcome, Python, Value, bury};
use crate::source::Span;
use std::rc::Rc;

pub(super) fn install(py: &mut Python) {
    let list = py.types.list.clone();
    method(&list, "append", &["object"], |py, this, args| {
        py.room(1, args.span)?;
        if let Value::List(list) = &this {
            list.0.borrow_mut().push(args.get("object"));
        }
        Ok(Value::None)
    });
    method(&list, "extend", &["iterable"], |py, this, args| {
        let items = py.iterate(&args.get("iterable"), args.span_of("iterable"))?;
        py.room(items.len(), args.span)?;
        if let Value::List(list) = &this {
            list.0.borrow_mut().extend(items);
        }
        Ok(Value::None)
    });
    method(&list, "insert", &["index", "object"], |py, this, args| {
        let index = args.int_or(py, "index", 0)?;
        py.room(1, args.span)?;
        if let Value::List(list) = &this {
            let length = list.0.borrow().len();
            py.work(length / 16, args.span)?;
            let index = if index < 0 { index.saturating_add(length as i64).max(0) } else { index };
            list.0.borrow_mut().insert((index as usize).min(length), args.get("object"));
        }
        Ok(Value::None)
    });
    method(&list, "pop", &["index?"], |py, this, args| {
        let index = args.int_or(py, "index", -1)?;
        let Value::List(list) = &this else { return Ok(Value::None) };
        let length = list.0.borrow().len();
        if length == 0 {
            return Err(py.error("IndexError", args.span, "pop from empty list"));
        }
        let place = if index < 0 { index.saturating_add(length as i64) } else { index };
        match usize::try_from(place) {
            Ok(place) if place < length => {
                py.work((length - place) / 16, args.span)?;
                Ok(list.0.borrow_mut().remove(place))
            }
            _ => Err(py.error("IndexError", args.span, "pop index out of range")),
        }
    });
    method(&list, "remove", &["value"], |py, this, args| {
        match find(py, &this, &args.get("value"), args.span)? {
            Some(place) => {
                if let Value::List(list) = &this {
                    let old = list.0.borrow_mut().remove(place);
                    bury([old]);
                }
                Ok(Value::None)
            }
            None => Err(py.value_error(args.span, "list.remove(x): x not in list")),
        }
    });
    method(&list, "clear", &[], |_, this, _| {
        if let Value::List(list) = &this {
            let old = list.0.take();
            bury(old);
        }
        Ok(Value::None)
    });
    method(&list, "copy", &[], |py, this, args| {
        let items = py.iterate(&this, args.span)?;
        py.new_list(items, args.span)
    });
    method(&list, "reverse", &[], |py, this, args| {
        if let Value::List(list) = &this {
            py.work(list.0.borrow().len() / 16, args.span)?;
            list.0.borrow_mut().reverse();
        }
        Ok(Value::None)
    });
    method(&list, "sort", &["cmp?", "key?", "reverse?"], |py, this, args| {
        let reverse = args.bool_or(py, "reverse", false)?;
        let items = py.iterate(&this, args.span)?;
        let by = (&args.get("key"), &args.get("cmp"));
        let sorted = ordering::sort(py, items, by, reverse, args.span)?;
        if let Value::List(list) = &this {
            let old = list.0.replace(sorted);
            bury(old);
        }
        Ok(Value::None)
    });
    for class in [&list, &py.types.tuple.clone(), &py.types.range.clone()] {
        method(class, "index", &["value", "start?", "stop?"], |py, this, args| {
            let length = py.len(&this, args.span)? as i64;
            let clamp =
                |index: i64| if index < 0 { index.saturating_add(length).max(0) } else { index };
            let start = clamp(args.int_or(py, "start", 0)?);
            let stop = clamp(args.int_or(py, "stop", i64::MAX)?);
            let items = py.iterate(&this, args.span)?;
            let value = args.get("value");
            for (i, item) in items.iter().enumerate() {
                let inside = (start..stop).contains(&(i as i64));
                if inside && (item.is(&value) || py.equal(item, &value, args.span)?) {
                    return Ok(i.into());
                }
            }
            let shown = py.repr(&value, args.span)?;
            let message = match this {
                Value::Tuple(_) => "tuple.index(x): x not in tuple".to_owned(),
                _ => format!("{shown} is not in list"),
            };
            Err(py.value_error(args.span, message))
        });
        method(class, "count", &["value"], |py, this, args| {
            let value = args.get("value");
            let mut count = 0i64;
            for item in py.iterate(&this, args.span)? {
                count += i64::from(item.is(&value) || py.equal(&item, &value, args.span)?);
            }
            Ok(count.into())
        });
    }
    super::method(&list, "__init__", &["iterable?"], |py, this, args| {
        if let Value::List(list) = &this
            && args.is_given("iterable")
        {
            let items = py.iterate(&args.get("iterable"), args.span)?;
            py.room(items.len(), args.span)?;
            let old = list.0.replace(items);
            bury(old);
        }
        Ok(Value::None)
    });
    shared(py);
}

fn find(py: &mut Python, list: &Value, value: &Value, at: Span) -> Outcome<Option<usize>> {
    let items = py.iterate(list, at)?;
    for (i, item) in items.iter().enumerate() {
        if item.is(value) || py.equal(item, value, at)? {
            return Ok(Some(i));
        }
    }
    Ok(None)
}

/// Special methods that definitions call by their names, as in `__getattr__ = dict.__getitem__`.
fn shared(py: &mut Python) {
    let types = py.types.clone();
    for class in [&types.list, &types.tuple, &types.dict, &types.str, &types.range] {
        method(class, "__getitem__", &["key"], |py, this, args| {
            py.get_item(&this, &args.get("key"), args.span)
        });
        method(class, "__len__", &[], |py, this, args| py.len(&this, args.span).map(Value::from));
        method(class, "__contains__", &["item"], |py, this, args| {
            py.contains(&this, &args.get("item"), args.span).map(Value::Bool)
        });
        method(class, "__iter__", &[], |py, this, args| py.iter(&this, args.span));
        method(class, "__repr__", &[], |py, this, args| py.repr(&this, args.span).map(Value::from));
    }
    for class in [&types.list, &types.dict] {
        method(class, "__setitem__", &["key", "value"], |py, this, args| {
            py.set_item(&this, &args.get("key"), args.get("value"), args.span)?;
            Ok(Value::None)
        });
        method(class, "__delitem__", &["key"], |py, this, args| {
            py.delete_item(&this, &args.get("key"), args.span)?;
            Ok(Value::None)
        });
    }
    // What numpy gives for one number is one here, and has these attributes of an array.
    for class in [&types.float, &types.int] {
        method(class, "item", &[], |_, this, _| Ok(this));
        method(class, "astype", &["dtype"], |py, this, args| {
            let at = args.span_of("dtype");
            let numpy = py.import("numpy", at)?;
            let cast = py.get_attribute(&numpy, "_cast", at)?;
            let cast = py.call(&cast, Args::new([args.get("dtype")], at))?;
            py.call(&cast, Args::new([this], at))
        });
    }
    method(&types.float, "is_integer", &[], |_, this, _| {
        Ok(Value::Bool(
            this.as_f64().is_some_and(|value| value.is_finite() && value.fract() == 0.0),
        ))
    });
    method(&types.int, "bit_length", &[], |_, this, _| {
        let value = this.as_int().unwrap_or(0).unsigned_abs();
        Ok(Value::Int(i64::from(64 - value.leading_zeros())))
    });
    let slice = types.slice.clone();
    method(&slice, "indices", &["length"], |py, this, args| {
        let length = usize::try_from(args.int_or(py, "length", 0)?).unwrap_or(0);
        let Value::Slice(slice) = &this else { return Ok(Value::None) };
        let (start, stop, step) = py.slice_bounds(&Rc::clone(slice), length, args.span)?;
        Ok(Value::tuple([start, stop, step].map(Value::Int)))
    });
}
