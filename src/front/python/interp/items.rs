//! Items, slices, lengths, truth, keys, and what `with` asks of a value.

use super::eval::insert;
use super::{Args, Dict, DictKind, Key, Outcome, PyError, Python, Range, Slice, Value, bury};
use crate::source::Span;
use std::rc::Rc;

/// Tuples within tuples of a key.
const KEY_LEVELS: usize = 100;

impl Python {
    /// `base[key]`.
    pub fn get_item(&mut self, base: &Value, key: &Value, at: Span) -> Outcome {
        match base {
            Value::List(list) => {
                if let Value::Slice(slice) = key {
                    let places = self.places(slice, list.0.borrow().len(), at)?;
                    let items = places.iter().map(|&i| list.0.borrow()[i].clone()).collect();
                    return self.new_list(items, at);
                }
                let place = self.place(key, list.0.borrow().len(), "list", at)?;
                Ok(list.0.borrow()[place].clone())
            }
            Value::Tuple(tuple) => {
                if let Value::Slice(slice) = key {
                    let places = self.places(slice, tuple.len(), at)?;
                    let items = places.iter().map(|&i| tuple[i].clone()).collect();
                    return self.new_tuple(items, at);
                }
                let place = self.place(key, tuple.len(), "tuple", at)?;
                Ok(tuple[place].clone())
            }
            Value::Str(text) => {
                self.work(text.len() / 64, at)?;
                let is_ascii = text.is_ascii();
                let length = if is_ascii { text.len() } else { text.chars().count() };
                if let Value::Slice(slice) = key {
                    let places = self.places(slice, length, at)?;
                    let text: String = match is_ascii {
                        true => places.iter().map(|&i| text.as_bytes()[i] as char).collect(),
                        false => {
                            let chars: Vec<char> = text.chars().collect();
                            places.iter().map(|&i| chars[i]).collect()
                        }
                    };
                    return self.new_str(text, at);
                }
                let place = self.place(key, length, "string", at)?;
                let found = if is_ascii {
                    Some(text.as_bytes()[place] as char)
                } else {
                    text.chars().nth(place)
                };
                Ok(found.map_or(Value::None, |c| c.to_string().into()))
            }
            Value::Range(range) => {
                if let Value::Slice(slice) = key {
                    let (start, stop, step) = self.slice_bounds(slice, range.len(), at)?;
                    let shifted = |i: i64| range.start.wrapping_add(i.wrapping_mul(range.step));
                    let (start, stop) = (shifted(start), shifted(stop));
                    return Ok(Value::Range(Rc::new(Range {
                        start,
                        stop,
                        step: step.saturating_mul(range.step),
                    })));
                }
                let place = self.place(key, range.len(), "range object", at)?;
                Ok(range.at(place).into())
            }
            Value::Dict(dict) => self.dict_item(base, dict, key, at),
            Value::Native(native) => native.clone().get_item(self, key, at),
            Value::Instance(instance) => {
                if let Some(method) = self.find_special(base, "__getitem__")? {
                    return self.call(&method, Args::new([key.clone()], at));
                }
                match instance.payload.clone() {
                    Some(Value::Dict(dict)) => self.dict_item(base, &dict, key, at),
                    Some(payload) => self.get_item(&payload, key, at),
                    None => Err(self.not_subscriptable(base, at)),
                }
            }
            // `List[int]` of annotations.
            Value::Class(_) => Ok(base.clone()),
            _ => Err(self.not_subscriptable(base, at)),
        }
    }

    fn not_subscriptable(&mut self, base: &Value, at: Span) -> PyError {
        let name = self.type_name(base);
        self.type_error(at, format!("'{name}' object is not subscriptable"))
    }

    fn dict_item(&mut self, base: &Value, dict: &Rc<Dict>, key: &Value, at: Span) -> Outcome {
        let hashed = self.key(key, at)?;
        if let Some((_, value)) = dict.entries.borrow().get(&hashed) {
            return Ok(value.clone());
        }
        if let Some(method) = self.find_special(base, "__missing__")? {
            return self.call(&method, Args::new([key.clone()], at));
        }
        match &dict.kind {
            DictKind::Default(factory) if !factory.is_none() => {
                let value = self.call(&factory.clone(), Args::new([], at))?;
                self.room(4, at)?;
                insert(&mut dict.entries.borrow_mut(), hashed, key.clone(), value.clone());
                Ok(value)
            }
            DictKind::Counter => Ok(Value::Int(0)),
            _ => {
                let class = self.builtin_class("KeyError");
                let error = self.error_of(&class, key.clone(), at);
                let known = dict
                    .items()
                    .into_iter()
                    .filter_map(|(key, _)| key.as_str().map(|k| k.to_string()));
                Err(match key {
                    Value::Str(name) => self.advise(error, name, known.collect()),
                    _ => error,
                })
            }
        }
    }

    /// `base[key] = value`.
    pub fn set_item(&mut self, base: &Value, key: &Value, value: Value, at: Span) -> Outcome<()> {
        match base {
            Value::List(list) => {
                if let Value::Slice(slice) = key {
                    return self.set_slice(base, slice, &value, at);
                }
                let place = self.place(key, list.0.borrow().len(), "list assignment", at)?;
                let old = std::mem::replace(&mut list.0.borrow_mut()[place], value);
                bury([old]);
            }
            Value::Dict(dict) => {
                let hashed = self.key(key, at)?;
                self.room(4, at)?;
                insert(&mut dict.entries.borrow_mut(), hashed, key.clone(), value);
            }
            Value::Native(native) => native.clone().set_item(self, key, value, at)?,
            Value::Instance(instance) => {
                if let Some(method) = self.find_special(base, "__setitem__")? {
                    self.call(&method, Args::new([key.clone(), value], at))?;
                } else if let Some(payload) = instance.payload.clone() {
                    self.set_item(&payload, key, value, at)?;
                } else {
                    return Err(self.no_item_assignment(base, at));
                }
            }
            _ => return Err(self.no_item_assignment(base, at)),
        }
        Ok(())
    }

    fn no_item_assignment(&mut self, base: &Value, at: Span) -> PyError {
        let name = self.type_name(base);
        self.type_error(at, format!("'{name}' object does not support item assignment"))
    }

    fn set_slice(&mut self, base: &Value, slice: &Slice, value: &Value, at: Span) -> Outcome<()> {
        let items = self.iterate(value, at)?;
        let Value::List(list) = base else { return Ok(()) };
        let length = list.0.borrow().len();
        let (start, stop, step) = self.slice_bounds(slice, length, at)?;
        self.room(items.len() + length, at)?;
        if step == 1 {
            let (start, stop) = (start as usize, stop.max(start) as usize);
            let old: Vec<Value> = list.0.borrow_mut().splice(start..stop, items).collect();
            bury(old);
            return Ok(());
        }
        let places = self.places(slice, length, at)?;
        if places.len() != items.len() {
            let (given, wanted) = (items.len(), places.len());
            let message = format!(
                "attempt to assign sequence of size {given} to extended slice of size {wanted}"
            );
            return Err(self.value_error(at, message));
        }
        for (place, item) in places.into_iter().zip(items) {
            let old = std::mem::replace(&mut list.0.borrow_mut()[place], item);
            bury([old]);
        }
        Ok(())
    }

    /// `del base[key]`.
    pub fn delete_item(&mut self, base: &Value, key: &Value, at: Span) -> Outcome<()> {
        match base {
            Value::List(list) => {
                let length = list.0.borrow().len();
                self.work(length / 16, at)?;
                if let Value::Slice(slice) = key {
                    let mut places = self.places(slice, length, at)?;
                    places.sort_unstable();
                    let mut gone = vec![];
                    let mut next = places.into_iter().peekable();
                    let mut kept = vec![];
                    for (i, item) in list.0.borrow_mut().drain(..).enumerate() {
                        if next.next_if_eq(&i).is_some() {
                            gone.push(item);
                        } else {
                            kept.push(item);
                        }
                    }
                    *list.0.borrow_mut() = kept;
                    bury(gone);
                    return Ok(());
                }
                let place = self.place(key, length, "list assignment", at)?;
                let old = list.0.borrow_mut().remove(place);
                bury([old]);
            }
            Value::Dict(dict) => {
                let hashed = self.key(key, at)?;
                self.work(dict.len() / 16, at)?;
                let old = dict.entries.borrow_mut().shift_remove(&hashed);
                match old {
                    Some((key, value)) => bury([key, value]),
                    None => {
                        let class = self.builtin_class("KeyError");
                        return Err(self.error_of(&class, key.clone(), at));
                    }
                }
            }
            Value::Instance(instance) => {
                if let Some(method) = self.find_special(base, "__delitem__")? {
                    self.call(&method, Args::new([key.clone()], at))?;
                } else if let Some(payload) = instance.payload.clone() {
                    self.delete_item(&payload, key, at)?;
                }
            }
            _ => {
                let name = self.type_name(base);
                let message = format!("'{name}' object doesn't support item deletion");
                return Err(self.type_error(at, message));
            }
        }
        Ok(())
    }

    fn place(&mut self, key: &Value, length: usize, what: &str, at: Span) -> Outcome<usize> {
        let Some(index) = self.to_index(key, at)? else {
            let name = self.type_name(key);
            let what = what.trim_end_matches(" assignment");
            let message = match what {
                "string" => format!("string indices must be integers, not '{name}'"),
                "range object" => format!("range indices must be integers or slices, not {name}"),
                what => format!("{what} indices must be integers or slices, not {name}"),
            };
            return Err(self.type_error(at, message));
        };
        let place = if index < 0 { index.saturating_add_unsigned(length as u64) } else { index };
        match usize::try_from(place) {
            Ok(place) if place < length => Ok(place),
            _ => Err(self.error("IndexError", at, format!("{what} index out of range"))),
        }
    }

    /// Start, stop and step of a slice of a sequence, as Python's `slice.indices` gives them.
    pub fn slice_bounds(
        &mut self,
        slice: &Slice,
        length: usize,
        at: Span,
    ) -> Outcome<(i64, i64, i64)> {
        let bound = |py: &mut Python, value: &Value| match value {
            Value::None => Ok(None),
            value => match py.to_index(value, at)? {
                Some(index) => Ok(Some(index)),
                None => {
                    let message =
                        "slice indices must be integers or None or have an __index__ method";
                    Err(py.type_error(at, message))
                }
            },
        };
        let step = bound(self, &slice.step)?.unwrap_or(1);
        let start = bound(self, &slice.start)?;
        let stop = bound(self, &slice.stop)?;
        if step == 0 {
            return Err(self.value_error(at, "slice step cannot be zero"));
        }
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        let (lowest, highest) = if step > 0 { (0, length) } else { (-1, length - 1) };
        let clamp = |index: i64| {
            let index = if index < 0 { index.saturating_add(length) } else { index };
            index.clamp(lowest, highest)
        };
        let (first, last) = if step > 0 { (lowest, highest) } else { (highest, lowest) };
        Ok((start.map_or(first, clamp), stop.map_or(last, clamp), step))
    }

    fn places(&mut self, slice: &Slice, length: usize, at: Span) -> Outcome<Vec<usize>> {
        let (start, stop, step) = self.slice_bounds(slice, length, at)?;
        let range = Range { start, stop, step };
        self.room(range.len(), at)?;
        Ok((0..range.len()).map(|i| range.at(i) as usize).collect())
    }

    /// `len(value)`.
    pub fn len(&mut self, value: &Value, at: Span) -> Outcome<usize> {
        Ok(match value {
            Value::Str(text) => text.chars().count(),
            Value::List(list) => list.0.borrow().len(),
            Value::Tuple(tuple) => tuple.len(),
            Value::Dict(dict) => dict.len(),
            Value::Set(set) => set.len(),
            Value::Range(range) => range.len(),
            Value::Native(native) => native.clone().len(self, at)?,
            Value::Instance(instance) => {
                if let Some(method) = self.find_special(value, "__len__")? {
                    let length = self.call(&method, Args::new([], at))?;
                    return match length.as_int().map(usize::try_from) {
                        Some(Ok(length)) => Ok(length),
                        _ => Err(self.value_error(at, "__len__() should return >= 0")),
                    };
                }
                match instance.payload.clone() {
                    Some(payload) => self.len(&payload, at)?,
                    None => return Err(self.no_len(value, at)),
                }
            }
            _ => return Err(self.no_len(value, at)),
        })
    }

    fn no_len(&mut self, value: &Value, at: Span) -> PyError {
        let name = self.type_name(value);
        self.type_error(at, format!("object of type '{name}' has no len()"))
    }

    /// `bool(value)`.
    pub fn truth(&mut self, value: &Value, at: Span) -> Outcome<bool> {
        Ok(match value {
            Value::None => false,
            Value::Bool(value) => *value,
            Value::Int(value) => *value != 0,
            Value::Float(value) => *value != 0.0,
            Value::Str(text) => !text.is_empty(),
            Value::List(list) => !list.0.borrow().is_empty(),
            Value::Tuple(tuple) => !tuple.is_empty(),
            Value::Dict(dict) => !dict.is_empty(),
            Value::Set(set) => !set.is_empty(),
            Value::Range(range) => !range.is_empty(),
            Value::Native(native) => native.clone().truth(self, at)?,
            Value::Instance(instance) => {
                for name in ["__bool__", "__nonzero__"] {
                    if let Some(method) = self.find_special(value, name)? {
                        let result = self.call(&method, Args::new([], at))?;
                        return self.truth(&result, at);
                    }
                }
                if self.find_special(value, "__len__")?.is_some() {
                    return Ok(self.len(value, at)? != 0);
                }
                match instance.payload.clone() {
                    Some(payload) => self.truth(&payload, at)?,
                    None => true,
                }
            }
            _ => true,
        })
    }

    /// `item in container`.
    pub fn contains(&mut self, container: &Value, item: &Value, at: Span) -> Outcome<bool> {
        match container {
            Value::Str(text) => match Self::inner(item) {
                Value::Str(part) => {
                    self.work((text.len() + part.len()) / 16, at)?;
                    Ok(text.contains(&**part))
                }
                other => {
                    let name = self.type_name(other);
                    let message =
                        format!("'in <string>' requires string as left operand, not {name}");
                    Err(self.type_error(at, message))
                }
            },
            Value::Dict(dict) => {
                let key = self.key(item, at)?;
                Ok(dict.entries.borrow().contains_key(&key))
            }
            Value::Set(set) => {
                let key = self.key(item, at)?;
                Ok(set.entries.borrow().contains_key(&key))
            }
            Value::Range(range) => match item.as_int() {
                Some(value) if range.step > 0 => Ok(range.start <= value
                    && value < range.stop
                    && (i128::from(value) - i128::from(range.start)) % i128::from(range.step) == 0),
                Some(value) => Ok(range.stop < value
                    && value <= range.start
                    && (i128::from(value) - i128::from(range.start)) % i128::from(range.step) == 0),
                None => Ok(false),
            },
            Value::Instance(instance) => {
                if let Some(method) = self.find_special(container, "__contains__")? {
                    let result = self.call(&method, Args::new([item.clone()], at))?;
                    return self.truth(&result, at);
                }
                match instance.payload.clone() {
                    Some(payload) => self.contains(&payload, item, at),
                    None => self.contains_one(container, item, at),
                }
            }
            Value::Native(native) => match native.clone().contains(self, item, at)? {
                Some(result) => Ok(result),
                None => self.contains_one(container, item, at),
            },
            _ => self.contains_one(container, item, at),
        }
    }

    fn contains_one(&mut self, container: &Value, item: &Value, at: Span) -> Outcome<bool> {
        let iter = match self.iter(container, at) {
            Err(error) if error.message().contains("is not iterable") => {
                let name = self.type_name(container);
                return Err(
                    self.type_error(at, format!("argument of type '{name}' is not iterable"))
                );
            }
            iter => iter?,
        };
        while let Some(value) = self.next(&iter, at)? {
            if value.is(item) || self.equal(&value, item, at)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The value as a key of dicts; raises TypeError for what is not hashable.
    pub fn key(&mut self, value: &Value, at: Span) -> Outcome<Key> {
        self.key_within(value, 0, at)
    }

    fn key_within(&mut self, value: &Value, level: usize, at: Span) -> Outcome<Key> {
        self.work(1, at)?;
        if KEY_LEVELS < level {
            return Err(self.error("RecursionError", at, "the tuples of a key are too deep"));
        }
        Ok(match value {
            Value::None => Key::None,
            Value::Bool(value) => Key::Int(i64::from(*value)),
            Value::Int(value) => Key::Int(*value),
            Value::Float(value) if value.fract() == 0.0 && value.abs() < 9e18 => {
                Key::Int(*value as i64)
            }
            Value::Float(value) => Key::Float(value.to_bits()),
            Value::Str(text) => {
                // It is hashed and compared.
                self.work(text.len() / 64, at)?;
                Key::Str(text.clone())
            }
            Value::Tuple(items) => {
                let items = items.clone();
                // Tuples that hold one tuple many times have far more items than they take memory.
                self.work(4 * items.len(), at)?;
                let mut keys = Vec::with_capacity(items.len());
                for item in items.iter() {
                    keys.push(self.key_within(item, level + 1, at)?);
                }
                Key::Tuple(keys)
            }
            Value::Set(set) if set.frozen => {
                self.work(set.len(), at)?;
                let mut keys: Vec<Key> = set.entries.borrow().keys().cloned().collect();
                keys.sort();
                Key::Set(keys)
            }
            Value::Instance(instance) => {
                if let Some(payload) = instance.payload.clone() {
                    return self.key_within(&payload, level + 1, at);
                }
                let own_equality =
                    matches!(instance.class.lookup("__eq__"), Some(Value::Function(_)));
                if own_equality {
                    let name = &instance.class.name;
                    let message = format!(
                        "unhashable type: '{name}' (a class with its own __eq__ cannot be a key here)"
                    );
                    return Err(self.type_error(at, message));
                }
                Key::Identity(value.identity().unwrap_or(0))
            }
            Value::List(_) | Value::Dict(_) | Value::Set(_) | Value::Slice(_) => {
                let name = self.type_name(value);
                return Err(self.type_error(at, format!("unhashable type: '{name}'")));
            }
            Value::Range(range) => {
                let bounds = [range.start, range.stop, range.step];
                Key::Tuple(bounds.into_iter().map(Key::Int).collect())
            }
            Value::Method(method) => Key::Tuple(vec![
                Key::Identity(method.function.identity().unwrap_or(0)),
                Key::Identity(method.object.identity().unwrap_or(0)),
            ]),
            Value::Ellipsis => Key::Identity(1),
            Value::NotImplemented => Key::Identity(2),
            other => Key::Identity(other.identity().unwrap_or(0)),
        })
    }

    /// Keys and values of what `**` and `dict` accept.
    pub fn mapping(&mut self, value: &Value, at: Span) -> Outcome<Vec<(Value, Value)>> {
        match Self::inner(value) {
            Value::Dict(dict) => Ok(dict.items()),
            other => {
                let other = other.clone();
                let Some(keys) = self.find_attribute(&other, "keys", at)? else {
                    let name = self.type_name(&other);
                    let message = format!("argument after ** must be a mapping, not {name}");
                    return Err(self.type_error(at, message));
                };
                let keys = self.call(&keys, Args::new([], at))?;
                let mut pairs = vec![];
                for key in self.iterate(&keys, at)? {
                    let value = self.get_item(&other, &key, at)?;
                    pairs.push((key, value));
                }
                Ok(pairs)
            }
        }
    }

    /// The value as an integer where it is one, without rounding; floats are none.
    pub fn to_index(&mut self, value: &Value, at: Span) -> Outcome<Option<i64>> {
        match value {
            Value::Native(native) => native.clone().to_int(self, at),
            Value::Instance(instance) => {
                if let Some(method) = self.find_special(value, "__index__")? {
                    let result = self.call(&method, Args::new([], at))?;
                    return Ok(result.as_int());
                }
                Ok(instance.payload.as_ref().and_then(Value::as_int))
            }
            other => Ok(other.as_int()),
        }
    }

    /// The value as a number where it is one.
    pub fn to_float(&mut self, value: &Value, at: Span) -> Outcome<Option<f64>> {
        match value {
            Value::Native(native) => match native.clone().to_float(self, at)? {
                Some(value) => Ok(Some(value)),
                None => Ok(native.clone().to_int(self, at)?.map(|value| value as f64)),
            },
            Value::Instance(instance) => {
                if let Some(method) = self.find_special(value, "__float__")? {
                    let result = self.call(&method, Args::new([], at))?;
                    return Ok(result.as_f64());
                }
                Ok(instance.payload.as_ref().and_then(Value::as_f64))
            }
            other => Ok(other.as_f64()),
        }
    }

    /// What `with` does first; gives what stands after `as`.
    pub(super) fn enter(&mut self, manager: &Value, at: Span) -> Outcome {
        if let Value::Native(native) = manager {
            return native.clone().enter(self, at);
        }
        let enter = self.find_special(manager, "__enter__")?;
        match (enter, self.find_special(manager, "__exit__")?) {
            (Some(enter), Some(_)) => self.call(&enter, Args::new([], at)),
            _ => {
                let name = self.type_name(manager);
                let message =
                    format!("'{name}' object does not support the context manager protocol");
                Err(self.type_error(at, message))
            }
        }
    }

    /// What `with` does last; true swallows the error.
    pub(super) fn exit(
        &mut self,
        manager: &Value,
        error: Option<&PyError>,
        at: Span,
    ) -> Outcome<bool> {
        if let Value::Native(native) = manager {
            native.clone().exit();
            return Ok(false);
        }
        let Some(exit) = self.find_special(manager, "__exit__")? else { return Ok(false) };
        let arguments = match error {
            Some(error) => {
                let class = Value::Class(self.type_of(error.value()));
                [class, error.value().clone(), Value::None]
            }
            None => [const { Value::None }; 3],
        };
        let result = self.call(&exit, Args::new(arguments, at))?;
        self.truth(&result, at)
    }
}
