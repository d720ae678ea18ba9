//! What operators do to tensors and storages: indexing, assignment, arithmetic, length and text.

use super::arguments::{index, long_storage, same_count, shown, whole, wrong};
use super::kind::Kind;
use super::layout::Layout;
use super::state::State;
use super::storage::Storage;
use super::view::Tensor;
use super::{Function, print};
use crate::front::torch::interp::{
    Args, Arithmetic, Lua, LuaResult, LuaStr, Object, Results, Value,
};
use crate::source::Span;
use std::rc::Rc;

impl Object for Tensor {
    fn type_name(&self) -> String {
        self.kind().tensor_name()
    }

    fn index(self: Rc<Self>, lua: &mut Lua, key: &Value, span: Span) -> LuaResult<Value> {
        if let Value::String(_) = key {
            return Ok(State::of(lua).methods.get(key));
        }
        let own = Value::Object(self.clone());
        if let Some(followed) = State::followed(lua, "index", (&own, key), span)? {
            return Ok(followed);
        }
        match key {
            Value::Object(_) if key.object::<Tensor>().is_some() => {
                super::select::masked(lua, &self, key)
            }
            _ => {
                let layout = selected(lua, &self, key, span)?;
                match layout.sizes.is_empty() {
                    true => Ok(self.storage().known(lua, layout.offset)?.into()),
                    false => Ok(self.with(layout).into_value()),
                }
            }
        }
    }

    fn set_index(
        self: Rc<Self>,
        lua: &mut Lua,
        key: Value,
        value: Value,
        span: Span,
    ) -> LuaResult<()> {
        if State::followed_assignment(lua, Value::Object(self.clone()), (&key, &value), span)? {
            return Ok(());
        }
        if key.object::<Tensor>().is_some() {
            return super::select::set_masked(lua, &self, &key, &value, span);
        }
        let layout = selected(lua, &self, &key, span)?;
        if let Some(number) = value.to_number() {
            if layout.sizes.is_empty() {
                let one = Layout::rows(layout.offset, &[1]);
                return self.storage().write(lua, &one, &[number]);
            }
            return self.with(layout).fill(lua, number);
        }
        let source = match &value {
            Value::Object(object) => {
                let any: Rc<dyn std::any::Any> = object.clone();
                match any.downcast::<Storage>() {
                    Ok(storage) => {
                        let rows = Layout::rows(0, &[storage.length()]);
                        Some(Tensor::over(storage, rows))
                    }
                    Err(any) => any.downcast::<Tensor>().ok().map(|tensor| tensor.same()),
                }
            }
            _ => None,
        };
        let Some(source) = source else {
            let message = format!("a number or a tensor expected, got {}", value.type_name());
            return Err(lua.error_at(span, message));
        };
        let layout = match layout.sizes.is_empty() {
            true => Layout::rows(layout.offset, &[1]),
            false => layout,
        };
        let part = self.with(layout);
        if part.numel() != source.numel() {
            let message =
                format!("{} cannot be assigned to a part {}", shown(&source), shown(&part));
            return Err(lua.error_at(span, message));
        }
        part.copy(lua, &source)
    }

    fn arithmetic(
        self: Rc<Self>,
        lua: &mut Lua,
        operator: Arithmetic,
        left: &Value,
        right: &Value,
        span: Span,
    ) -> LuaResult<Value> {
        if let Some(followed) = State::followed(lua, operator.word(), (left, right), span)? {
            return Ok(followed);
        }
        arithmetic(lua, operator, left, right, span)
    }

    fn len(self: Rc<Self>, lua: &mut Lua, _span: Span) -> LuaResult<Value> {
        long_storage(lua, &self.sizes())
    }

    fn to_text(self: Rc<Self>, lua: &mut Lua) -> LuaResult<LuaStr> {
        print::tensor(lua, &self)
    }
}

/// An error at a place that [`index`] finds without one.
fn index_at(lua: &Lua, given: f64, size: usize, span: Span) -> LuaResult<usize> {
    index(lua, given, size)
        .map_err(|_| lua.error_at(span, format!("index {given} out of range of extent {size}")))
}

/// The part that `t[3]`, `t[{2, {1, 4}, {}}]` or `t[longStorage]` names; without extents if it is one element.
fn selected(lua: &mut Lua, given: &Tensor, key: &Value, span: Span) -> LuaResult<Layout> {
    let mut layout = given.layout();
    if layout.sizes.is_empty() {
        return Err(lua.error_at(span, "cannot index an empty tensor".into()));
    }
    if let Some(number) = key.to_number() {
        let place = index_at(lua, number, layout.sizes[0], span)?;
        return Ok(layout.select(0, place));
    }
    let entries: Vec<Value> = match key {
        Value::Table(table) => table.items().collect(),
        Value::Object(_) => match key.object::<Storage>() {
            Some(storage)
                if storage.kind().element() == Kind::Long
                    && storage.length() <= layout.sizes.len() =>
            {
                (0..storage.length()).map(|place| storage.get(place).into()).collect()
            }
            _ => return Err(lua.error_at(span, "a tensor cannot be indexed by this".into())),
        },
        other => {
            let message = format!("a tensor cannot be indexed by a {}", other.type_name());
            return Err(lua.error_at(span, message));
        }
    };
    if layout.sizes.len() < entries.len() {
        let message =
            format!("{} indices are too many for a {}D tensor", entries.len(), layout.sizes.len());
        return Err(lua.error_at(span, message));
    }
    let mut at = 0;
    for entry in entries {
        match &entry {
            Value::Table(range) => {
                let bound = |bound: Value| bound.to_number();
                let size = layout.sizes[at];
                if let Some(first) = bound(range.item(1)) {
                    let first = index_at(lua, first, size, span)?;
                    let last = match bound(range.item(2)) {
                        Some(last) => index_at(lua, last, size, span)?,
                        None => first,
                    };
                    if last < first {
                        let message = "the end of a range lies before its start".to_owned();
                        return Err(lua.error_at(span, message));
                    }
                    layout = layout.narrow(at, first, last - first + 1);
                }
                at += 1;
            }
            other => match other.to_number() {
                Some(number) => {
                    let place = index_at(lua, number, layout.sizes[at], span)?;
                    layout = layout.select(at, place);
                }
                None => {
                    let message =
                        format!("an index is a number or a range, not a {}", other.type_name());
                    return Err(lua.error_at(span, message));
                }
            },
        }
    }
    Ok(layout)
}

/// `left op right`: scalars with every element, tensors element by element; `*` of tensors is the product of matrices.
fn arithmetic(
    lua: &mut Lua,
    operator: Arithmetic,
    left: &Value,
    right: &Value,
    span: Span,
) -> LuaResult<Value> {
    let refuse = |lua: &Lua, value: &Value| {
        let kind = match value {
            Value::Object(object) => object.type_name(),
            other => other.type_name().to_owned(),
        };
        lua.error_at(span, format!("attempt to perform arithmetic on a {kind} value"))
    };
    let number = |value: &Value| match value {
        Value::Number(number) => Some(*number),
        _ => None,
    };
    match (left.object::<Tensor>(), right.object::<Tensor>()) {
        (Some(a), _) if operator == Arithmetic::Negate => linear(lua, a, -1.0, 0.0),
        (Some(a), Some(b)) => match operator {
            Arithmetic::Multiply => super::linear::product(lua, a, b),
            Arithmetic::Power => Err(refuse(lua, right)),
            _ => {
                same_count(lua, a, b)?;
                let mut values = a.values(lua)?;
                let others = b.values(lua)?;
                for (value, other) in values.iter_mut().zip(&others) {
                    *value = operator.apply(*value, *other);
                }
                Ok(Tensor::from_values(lua, a.kind(), &a.sizes(), &values)?.into_value())
            }
        },
        (Some(a), None) => {
            let n = number(right).ok_or_else(|| refuse(lua, right))?;
            match operator {
                Arithmetic::Add => linear(lua, a, 1.0, n),
                Arithmetic::Subtract => linear(lua, a, 1.0, -n),
                Arithmetic::Multiply => linear(lua, a, n, 0.0),
                _ => each(lua, a, |value| operator.apply(value, n)),
            }
        }
        (None, Some(b)) => {
            let n = number(left).ok_or_else(|| refuse(lua, left))?;
            match operator {
                Arithmetic::Add => linear(lua, b, 1.0, n),
                Arithmetic::Subtract => linear(lua, b, -1.0, n),
                Arithmetic::Multiply => linear(lua, b, n, 0.0),
                _ => each(lua, b, |value| operator.apply(n, value)),
            }
        }
        _ => Err(refuse(lua, left)),
    }
}

fn linear(lua: &mut Lua, given: &Tensor, by: f64, plus: f64) -> LuaResult<Value> {
    let copy = given.deep_copy(lua)?;
    copy.map_linear(lua, by, plus)?;
    Ok(copy.into_value())
}

fn each(lua: &mut Lua, given: &Tensor, f: impl Fn(f64) -> f64) -> LuaResult<Value> {
    let mut values = given.values(lua)?;
    values.iter_mut().for_each(|value| *value = f(*value));
    Ok(Tensor::from_values(lua, given.kind(), &given.sizes(), &values)?.into_value())
}

impl Object for Storage {
    fn type_name(&self) -> String {
        self.kind().storage_name()
    }

    fn index(self: Rc<Self>, lua: &mut Lua, key: &Value, span: Span) -> LuaResult<Value> {
        match key {
            Value::Number(number) => {
                let place = self.place(lua, *number, span)?;
                Ok(self.known(lua, place)?.into())
            }
            _ => Ok(State::of(lua).storage_methods.get(key)),
        }
    }

    fn set_index(
        self: Rc<Self>,
        lua: &mut Lua,
        key: Value,
        value: Value,
        span: Span,
    ) -> LuaResult<()> {
        let (Value::Number(key), Some(number)) = (&key, value.to_number()) else {
            return Err(lua.error_at(span, "a storage holds numbers at places from 1".into()));
        };
        let place = self.place(lua, *key, span)?;
        self.write(lua, &Layout::rows(place, &[1]), &[number])
    }

    fn len(self: Rc<Self>, _lua: &mut Lua, _span: Span) -> LuaResult<Value> {
        Ok(self.length().into())
    }

    fn to_text(self: Rc<Self>, lua: &mut Lua) -> LuaResult<LuaStr> {
        print::storage(lua, &self)
    }
}

impl Storage {
    fn place(&self, lua: &Lua, given: f64, span: Span) -> LuaResult<usize> {
        let length = self.length();
        if given < 1.0 || (length as f64) < given.floor() {
            let message = format!("index {given} out of range of a storage of {length}");
            return Err(lua.error_at(span, message));
        }
        Ok(given as usize - 1)
    }
}

/// The storage that is an argument.
fn given<'a>(lua: &Lua, args: &'a Args, at: usize) -> LuaResult<&'a Storage> {
    let storage = args.0.get(at).and_then(Value::object::<Storage>);
    storage.ok_or_else(|| wrong(lua, args, at, "storage"))
}

fn length(lua: &mut Lua, args: &Args) -> Results {
    Ok(vec![given(lua, args, 0)?.length().into()])
}

pub(super) const STORAGE_METHODS: &[Function] = &[
    ("copy", |lua, args| {
        let (to, from) = (given(lua, args, 0)?, given(lua, args, 1)?);
        if to.length() != from.length() {
            return Err(lua.error("storages of different sizes cannot be copied"));
        }
        to.copy_run(lua, 0, from, 0..from.length())?;
        Ok(vec![args.get(0)])
    }),
    ("fill", |lua, args| {
        let (storage, value) = (given(lua, args, 0)?, args.number(lua, 1)?);
        storage.fill(lua, 0..storage.length(), super::recipe::Recipe::Constant(value))?;
        Ok(vec![args.get(0)])
    }),
    ("resize", |lua, args| {
        let (storage, length) = (given(lua, args, 0)?, whole(lua, args, 1)?);
        // Tensors over the storage reach as far as it does now.
        let length = usize::try_from(length).unwrap_or(0).max(storage.length());
        storage.resize(lua, length)?;
        Ok(vec![args.get(0)])
    }),
    ("size", length),
    ("totable", |lua, args| {
        let storage = given(lua, args, 0)?;
        let table = lua.table();
        for (at, value) in
            storage.read(lua, &Layout::rows(0, &[storage.length()]))?.iter().enumerate()
        {
            table.set((at + 1).into(), Value::Number(*value));
        }
        lua.work(storage.length())?;
        Ok(vec![table.into()])
    }),
    ("type", |lua, args| {
        Ok(vec![Value::from(given(lua, args, 0)?.kind().storage_name().as_str())])
    }),
];
