//! Iteration over values of every type.

use super::{Args, Maybe, Outcome, Python, Value};
use crate::source::Span;

impl Python {
    /// `iter(value)`.
    pub fn iter(&mut self, value: &Value, at: Span) -> Outcome {
        let mut index = 0;
        let held = vec![value.clone()];
        Ok(match value {
            Value::Iter(_) => value.clone(),
            Value::List(_) => Self::iterator_of("list_iterator", held, move |_, values, _| {
                let Value::List(list) = &values[0] else { return Ok(None) };
                index += 1;
                Ok(list.0.borrow().get(index - 1).cloned())
            }),
            Value::Tuple(_) => Self::iterator_of("tuple_iterator", held, move |_, values, _| {
                let Value::Tuple(tuple) = &values[0] else { return Ok(None) };
                index += 1;
                Ok(tuple.get(index - 1).cloned())
            }),
            Value::Range(range) => {
                let range = **range;
                Self::iterator_of("range_iterator", vec![], move |_, _, _| {
                    index += 1;
                    Ok((index <= range.len()).then(|| range.at(index - 1).into()))
                })
            }
            Value::Str(_) => Self::iterator_of("str_iterator", held, move |_, values, _| {
                let next = values[0].as_str().and_then(|text| text[index..].chars().next());
                index += next.map_or(0, char::len_utf8);
                Ok(next.map(|c| Value::from(c.to_string())))
            }),
            Value::Dict(dict) => {
                let before = dict.len();
                Self::iterator_of("dict_keyiterator", held, move |py, values, at| {
                    let Value::Dict(dict) = &values[0] else { return Ok(None) };
                    if dict.len() != before {
                        let message = "dictionary changed size during iteration";
                        return Err(py.error("RuntimeError", at, message));
                    }
                    index += 1;
                    let entries = dict.entries.borrow();
                    Ok(entries.get_index(index - 1).map(|(_, (key, _))| key.clone()))
                })
            }
            Value::Set(set) => {
                let before = set.len();
                Self::iterator_of("set_iterator", held, move |py, values, at| {
                    let Value::Set(set) = &values[0] else { return Ok(None) };
                    if set.len() != before {
                        let message = "Set changed size during iteration";
                        return Err(py.error("RuntimeError", at, message));
                    }
                    index += 1;
                    Ok(set.entries.borrow().get_index(index - 1).map(|(_, item)| item.clone()))
                })
            }
            Value::Native(native) => {
                let items = native.clone().iterate(self, at)?;
                let tuple = self.new_tuple(items, at)?;
                self.iter(&tuple, at)?
            }
            Value::Instance(instance) => {
                if let Some(method) = self.find_special(value, "__iter__")? {
                    let iter = self.call(&method, Args::new([], at))?;
                    return match &iter {
                        Value::Instance(_) => Ok(iter),
                        other => self.iter(other, at),
                    };
                }
                if let Some(payload) = instance.payload.clone() {
                    return self.iter(&payload, at);
                }
                if self.find_special(value, "__getitem__")?.is_none() {
                    return Err(self.not_iterable(value, at));
                }
                Self::iterator_of("iterator", held, move |py, values, at| {
                    let item = py.get_item(&values[0], &Value::from(index), at);
                    index += 1;
                    match item {
                        Ok(item) => Ok(Some(item)),
                        Err(error) if py.is_error(&error, "IndexError") => Ok(None),
                        Err(error) => Err(error),
                    }
                })
            }
            _ => return Err(self.not_iterable(value, at)),
        })
    }

    fn not_iterable(&mut self, value: &Value, at: Span) -> super::PyError {
        let name = self.type_name(value);
        self.type_error(at, format!("'{name}' object is not iterable"))
    }

    /// Whether an error is an exception of a builtin class.
    pub fn is_error(&mut self, error: &super::PyError, class: &str) -> bool {
        let class = self.builtin_class(class);
        self.is_instance(error.value(), &class)
    }

    /// The next item of an object with `__next__`, or of Python 2 `next`.
    pub(super) fn next_of(&mut self, iter: &Value, at: Span) -> Maybe {
        let mut method = self.find_special(iter, "__next__")?;
        if method.is_none() {
            method = self.find_special(iter, "next")?;
        }
        let Some(method) = method else {
            let name = self.type_name(iter);
            return Err(self.type_error(at, format!("'{name}' object is not an iterator")));
        };
        match self.call(&method, Args::new([], at)) {
            Ok(value) => Ok(Some(value)),
            Err(error) if self.is_error(&error, "StopIteration") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All items of anything that can be iterated.
    pub fn iterate(&mut self, value: &Value, at: Span) -> Outcome<Vec<Value>> {
        let items = match value {
            Value::List(list) => list.0.borrow().clone(),
            Value::Tuple(tuple) => tuple.to_vec(),
            Value::Set(set) => set.items(),
            Value::Dict(dict) => dict.items().into_iter().map(|(key, _)| key).collect(),
            Value::Range(range) => {
                self.room(range.len(), at)?;
                (0..range.len()).map(|i| range.at(i).into()).collect()
            }
            Value::Native(native) => native.clone().iterate(self, at)?,
            other => {
                let iter = self.iter(other, at)?;
                let mut items = vec![];
                while let Some(item) = self.next(&iter, at)? {
                    self.room(1, at)?;
                    items.push(item);
                }
                items
            }
        };
        self.work(items.len() / 4, at)?;
        Ok(items)
    }
}
