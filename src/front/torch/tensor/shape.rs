//! The geometry of tensors: extents, views, and changes of the receiver in place.

use super::arguments::{
    dimension, index, long_storage, one, optional, same_count, shown, sizes, tensor, whole, wholes,
    wrong,
};
use super::construct::{construct, layout, size};
use super::kind::Kind;
use super::layout::{Layout, count, describe};
use super::state::State;
use super::storage::Storage;
use super::unread::UnreadFile;
use super::view::Tensor;
use super::{Function, Operation};
use crate::front::torch::interp::{Args, Lua, LuaResult, Results, Value};
use std::rc::Rc;

/// Views that functions of the table `torch` give as well.
pub(super) const OPERATIONS: &[Operation] = &[
    ("expand", |lua, args, _| expand(lua, args)),
    ("expandAs", |lua, args, _| {
        let sizes = tensor(lua, args, 1)?.sizes();
        Ok(one(expanded(lua, tensor(lua, args, 0)?, &sizes)?))
    }),
    ("isSameSizeAs", |lua, args, _| {
        Ok(vec![(tensor(lua, args, 0)?.sizes() == tensor(lua, args, 1)?.sizes()).into()])
    }),
    ("narrow", |lua, args, _| narrow(lua, args)),
    ("nElement", |lua, args, _| Ok(vec![tensor(lua, args, 0)?.numel().into()])),
    ("numel", |lua, args, _| Ok(vec![tensor(lua, args, 0)?.numel().into()])),
    ("permute", |lua, args, _| permute(lua, args)),
    ("repeatTensor", |lua, args, _| repeat(lua, args)),
    ("reshape", |lua, args, _| reshape(lua, args)),
    ("select", |lua, args, _| select(lua, args)),
    ("split", |lua, args, _| split(lua, args)),
    ("chunk", |lua, args, _| chunk(lua, args)),
    ("squeeze", |lua, args, _| squeeze(lua, args)),
    ("t", |lua, args, _| {
        let given = tensor(lua, args, 0)?;
        match given.sizes().len() {
            2 => Ok(one(given.with(given.layout().transpose(0, 1)))),
            n => Err(lua.error(&format!("t() expects a 2D tensor, but self is {n}D"))),
        }
    }),
    ("transpose", |lua, args, _| {
        let given = tensor(lua, args, 0)?;
        let (a, b) = (dimension(lua, args, 1, given)?, dimension(lua, args, 2, given)?);
        Ok(one(given.with(given.layout().transpose(a, b))))
    }),
    ("unsqueeze", |lua, args, _| unsqueeze(lua, args)),
    ("view", |lua, args, _| view(lua, args)),
    ("viewAs", |lua, args, _| {
        let sizes = tensor(lua, args, 1)?.sizes();
        Ok(one(viewed(lua, tensor(lua, args, 0)?, &sizes)?))
    }),
];

pub(super) const METHODS: &[Function] = &[
    ("clone", |lua, args| Ok(one(tensor(lua, args, 0)?.deep_copy(lua)?))),
    ("contiguous", |lua, args| match tensor(lua, args, 0)?.is_contiguous() {
        true => Ok(vec![args.get(0)]),
        false => Ok(one(tensor(lua, args, 0)?.deep_copy(lua)?)),
    }),
    ("copy", |lua, args| {
        if UnreadFile::is(&args.get(1)) {
            return Ok(vec![args.get(0)]);
        }
        let (to, from) = (tensor(lua, args, 0)?, tensor(lua, args, 1)?);
        same_count(lua, to, from)?;
        to.copy(lua, from)?;
        Ok(vec![args.get(0)])
    }),
    ("dim", |lua, args| Ok(vec![tensor(lua, args, 0)?.sizes().len().into()])),
    ("elementSize", |lua, args| {
        let bytes = tensor(lua, args, 0)?.kind().bytes();
        Ok(vec![bytes.into()])
    }),
    ("isContiguous", |lua, args| Ok(vec![tensor(lua, args, 0)?.is_contiguous().into()])),
    ("isSetTo", |lua, args| {
        let (a, b) = (tensor(lua, args, 0)?, tensor(lua, args, 1)?);
        let same = Rc::ptr_eq(&a.storage(), &b.storage()) && a.layout() == b.layout();
        Ok(vec![same.into()])
    }),
    ("isSize", |lua, args| {
        let wanted = wholes(lua, args, 1)?;
        let sizes = tensor(lua, args, 0)?.sizes();
        Ok(vec![sizes.iter().map(|size| *size as i64).eq(wanted).into()])
    }),
    ("nDimension", |lua, args| Ok(vec![tensor(lua, args, 0)?.sizes().len().into()])),
    ("new", |lua, args| {
        // `x.new()` and `x.new(3, 4)` as well.
        let (kind, from) = match optional(args, 0) {
            Some(own) => (own.kind(), 1),
            None => (State::of(lua).default.get(), 0),
        };
        Ok(one(construct(lua, &Args(args.rest(from).to_vec()), kind)?))
    }),
    ("resize", |lua, args| {
        let sizes = sizes(lua, args, 1)?;
        tensor(lua, args, 0)?.resize(lua, &sizes)?;
        Ok(vec![args.get(0)])
    }),
    ("resizeAs", |lua, args| {
        let sizes = tensor(lua, args, 1)?.sizes();
        tensor(lua, args, 0)?.resize(lua, &sizes)?;
        Ok(vec![args.get(0)])
    }),
    ("set", set),
    ("size", size),
    ("storage", |lua, args| Ok(vec![Value::Object(tensor(lua, args, 0)?.storage())])),
    ("storageOffset", |lua, args| Ok(vec![(tensor(lua, args, 0)?.offset() + 1).into()])),
    ("stride", |lua, args| {
        let given = tensor(lua, args, 0)?;
        if args.len() < 2 {
            return Ok(vec![long_storage(lua, &given.strides())?]);
        }
        let at = dimension(lua, args, 1, given)?;
        Ok(vec![given.strides()[at].into()])
    }),
    ("type", |lua, args| {
        if args.is_none(1) {
            let name = tensor(lua, args, 0)?.kind().tensor_name();
            return Ok(vec![Value::from(name.as_str())]);
        }
        let name = args.string(lua, 1)?;
        match Kind::of_tensor(&name.to_str()) {
            Some(kind) => convert(lua, args, kind),
            None => {
                let message = format!("'{}' is no type of tensors", name.to_str());
                Err(lua.bad_argument(1, &message))
            }
        }
    }),
    ("typeAs", |lua, args| {
        let kind = tensor(lua, args, 1)?.kind();
        convert(lua, args, kind)
    }),
    ("unfold", unfold),
];

/// The receiver itself if it is of the kind, otherwise a copy.
pub(super) fn convert(lua: &mut Lua, args: &Args, kind: Kind) -> Results {
    let given = tensor(lua, args, 0)?;
    if given.kind() == kind {
        return Ok(vec![args.get(0)]);
    }
    Ok(one(given.converted(lua, kind)?))
}

/// `tensor:set(tensor)`, `tensor:set(storage, …)`.
fn set(lua: &mut Lua, args: &Args) -> Results {
    let given = tensor(lua, args, 0)?;
    if let Some(other) = optional(args, 1) {
        if other.kind() != given.kind() {
            return Err(wrong(lua, args, 1, &given.kind().tensor_name()));
        }
        given.set(other.storage(), other.layout());
        return Ok(vec![args.get(0)]);
    }
    if args.is_none(1) {
        let storage = Storage::new(lua, given.kind(), 0)?;
        given.set(storage, Layout::default());
        return Ok(vec![args.get(0)]);
    }
    let Some(Value::Object(object)) = args.0.get(1) else {
        return Err(wrong(lua, args, 1, "tensor or storage"));
    };
    let any: Rc<dyn std::any::Any> = object.clone();
    match any.downcast::<Storage>() {
        Ok(storage) if storage.kind() == given.kind() => {
            let layout = layout(lua, args, 2, &storage)?;
            given.set(storage, layout);
            Ok(vec![args.get(0)])
        }
        _ => Err(wrong(lua, args, 1, "tensor or storage of the same type")),
    }
}

fn narrow(lua: &mut Lua, args: &Args) -> Results {
    let given = tensor(lua, args, 0)?;
    let at = dimension(lua, args, 1, given)?;
    let (first, length) = (whole(lua, args, 2)?, whole(lua, args, 3)?);
    let size = given.sizes()[at] as i64;
    if first < 1 || size < first {
        return Err(lua.bad_argument(2, &format!("first index {first} out of range of {size}")));
    }
    if length < 1 || size - first + 1 < length {
        return Err(lua.bad_argument(3, &format!("length {length} out of range of {size}")));
    }
    Ok(one(given.with(given.layout().narrow(at, first as usize - 1, length as usize))))
}

fn select(lua: &mut Lua, args: &Args) -> Results {
    let given = tensor(lua, args, 0)?;
    let at = dimension(lua, args, 1, given)?;
    let sizes = given.sizes();
    let place = index(lua, args.number(lua, 2)?, sizes[at])?;
    if sizes.len() == 1 {
        return Err(lua.error("cannot select on a vector"));
    }
    Ok(one(given.with(given.layout().select(at, place))))
}

/// `tensor:sub(first, last, …)`, with indices from the end if negative.
pub(super) fn sub(lua: &mut Lua, args: &Args) -> Results {
    let given = tensor(lua, args, 0)?;
    let mut layout = given.layout();
    for (at, pair) in (1..args.len()).step_by(2).enumerate() {
        let Some(&size) = layout.sizes.get(at) else {
            return Err(lua.error("more ranges than dimensions"));
        };
        let first = index(lua, args.number(lua, pair)?, size)?;
        let last = index(lua, args.number(lua, pair + 1)?, size)?;
        if last < first {
            return Err(lua.error("the end of a range lies before its start"));
        }
        layout = layout.narrow(at, first, last - first + 1);
    }
    Ok(one(given.with(layout)))
}

/// Extents in which one -1 stands for what is left of so many elements.
fn completed(lua: &Lua, wanted: &[i64], have: usize) -> LuaResult<Vec<usize>> {
    let known: Vec<usize> = wanted.iter().filter(|n| 0 <= **n).map(|n| *n as usize).collect();
    let product = if known.is_empty() { 1 } else { count(&known) };
    let described = wanted.iter().map(i64::to_string).collect::<Vec<_>>().join("x");
    let fail =
        || lua.error(&format!("a view of {have} elements cannot have the size [{described}]"));
    if 1 < wanted.len() - known.len() {
        return Err(lua.error("only one size may be -1"));
    }
    if product == 0 || !have.is_multiple_of(product) {
        return Err(fail());
    }
    let sizes: Vec<usize> =
        wanted.iter().map(|n| if *n < 0 { have / product } else { *n as usize }).collect();
    if count(&sizes) == have { Ok(sizes) } else { Err(fail()) }
}

fn viewed(lua: &Lua, given: &Tensor, sizes: &[usize]) -> LuaResult<Tensor> {
    if !given.is_contiguous() {
        return Err(lua.error("a view needs a contiguous tensor"));
    }
    if given.numel() != count(sizes) {
        let (have, sizes) = (given.numel(), describe(sizes));
        return Err(lua.error(&format!("a view of {have} elements cannot have the size [{sizes}]")));
    }
    Ok(given.with(Layout::rows(given.offset(), sizes)))
}

/// `tensor:view(sizes)` and `result:view(tensor, sizes)`.
fn view(lua: &mut Lua, args: &Args) -> Results {
    let given = tensor(lua, args, 0)?;
    if let Some(source) = optional(args, 1) {
        let wanted = wholes(lua, args, 2)?;
        let sizes = completed(lua, &wanted, source.numel())?;
        let made = viewed(lua, source, &sizes)?;
        given.set(made.storage(), made.layout());
        return Ok(vec![args.get(0)]);
    }
    let wanted = wholes(lua, args, 1)?;
    let sizes = completed(lua, &wanted, given.numel())?;
    Ok(one(viewed(lua, given, &sizes)?))
}

/// A copy with other extents.
fn reshape(lua: &mut Lua, args: &Args) -> Results {
    let given = tensor(lua, args, 0)?;
    let wanted = wholes(lua, args, 1)?;
    let sizes = completed(lua, &wanted, given.numel())?;
    let copy = given.deep_copy(lua)?;
    Ok(one(copy.with(Layout::rows(0, &sizes))))
}

fn permute(lua: &mut Lua, args: &Args) -> Results {
    let given = tensor(lua, args, 0)?;
    let old = given.layout();
    let mut layout = Layout { offset: old.offset, ..Layout::default() };
    let mut used = vec![false; old.sizes.len()];
    for at in 1..args.len() {
        let from = dimension(lua, args, at, given)?;
        if std::mem::replace(&mut used[from], true) {
            return Err(lua.bad_argument(at, "a dimension is named twice"));
        }
        layout.sizes.push(old.sizes[from]);
        layout.strides.push(old.strides[from]);
    }
    if used.contains(&false) {
        return Err(lua.error("permute needs every dimension once"));
    }
    Ok(one(given.with(layout)))
}

fn squeeze(lua: &mut Lua, args: &Args) -> Results {
    let given = tensor(lua, args, 0)?;
    let layout = given.layout();
    if args.is_none(1) {
        let squeezed = given.with(layout.squeeze());
        // One element is a number.
        if squeezed.sizes() == [1] && layout.sizes.iter().all(|size| *size == 1) {
            return Ok(vec![given.storage().known(lua, layout.offset)?.into()]);
        }
        return Ok(one(squeezed));
    }
    let at = dimension(lua, args, 1, given)?;
    if layout.sizes[at] == 1 && 1 < layout.sizes.len() {
        return Ok(one(given.with(layout.select(at, 0))));
    }
    Ok(one(given.same()))
}

fn unsqueeze(lua: &mut Lua, args: &Args) -> Results {
    let given = tensor(lua, args, 0)?;
    let mut layout = given.layout();
    let at = whole(lua, args, 1)?;
    let count = layout.sizes.len();
    if at < 1 || count + 1 < at as usize || count == 0 {
        return Err(lua.bad_argument(1, &format!("dimension {at} out of range of {count}D tensor")));
    }
    let at = at as usize - 1;
    let stride = match at < count {
        true => layout.sizes[at].saturating_mul(layout.strides[at]),
        false => 1,
    };
    layout.sizes.insert(at, 1);
    layout.strides.insert(at, stride);
    Ok(one(given.with(layout)))
}

fn expanded(lua: &Lua, given: &Tensor, sizes: &[usize]) -> LuaResult<Tensor> {
    let mut layout = given.layout();
    if sizes.len() < layout.sizes.len() || layout.sizes.is_empty() {
        return Err(lua.error(&format!(
            "{} cannot be expanded to [{}]: too few dimensions",
            shown(given),
            describe(sizes)
        )));
    }
    while layout.sizes.len() < sizes.len() {
        layout.sizes.insert(0, 1);
        layout.strides.insert(0, 0);
    }
    for (at, &size) in sizes.iter().enumerate() {
        if layout.sizes[at] == 1 && size != 1 {
            (layout.sizes[at], layout.strides[at]) = (size, 0);
        } else if layout.sizes[at] != size {
            return Err(lua.error(&format!(
                "{} cannot be expanded to [{}]: only extents of 1 can",
                shown(given),
                describe(sizes)
            )));
        }
    }
    Ok(given.with(layout))
}

fn expand(lua: &mut Lua, args: &Args) -> Results {
    let wanted = sizes(lua, args, 1)?;
    Ok(one(expanded(lua, tensor(lua, args, 0)?, &wanted)?))
}

/// A new tensor in which the elements appear several times along each dimension.
fn repeat(lua: &mut Lua, args: &Args) -> Results {
    let (source, from) = match optional(args, 1) {
        Some(source) => (source, 2),
        None => (tensor(lua, args, 0)?, 1),
    };
    let times = sizes(lua, args, from)?;
    let mut layout = source.layout();
    if times.len() < layout.sizes.len() {
        return Err(lua.error("repeatTensor needs as many numbers as there are dimensions"));
    }
    while layout.sizes.len() < times.len() {
        layout.sizes.insert(0, 1);
        layout.strides.insert(0, 0);
    }
    // Each extent becomes two: which repetition, and where inside.
    let (mut sizes, mut wide) = (vec![], Layout { offset: layout.offset, ..Layout::default() });
    for (at, &n) in times.iter().enumerate() {
        sizes.push(n.saturating_mul(layout.sizes[at]));
        wide.sizes.extend([n, layout.sizes[at]]);
        wide.strides.extend([0, layout.strides[at]]);
    }
    let made = Tensor::zeros(lua, source.kind(), &sizes)?;
    let values = source.storage().read(lua, &wide)?;
    made.write(lua, &values)?;
    if from == 2 {
        tensor(lua, args, 0)?.set(made.storage(), made.layout());
        return Ok(vec![args.get(0)]);
    }
    Ok(one(made))
}

/// A table of parts of one dimension, each so long, the last perhaps shorter.
fn parts(lua: &mut Lua, given: &Tensor, length: usize, at: usize) -> Results {
    let size = given.sizes()[at];
    lua.work(size.div_ceil(length))?;
    let table = lua.table();
    for (number, start) in (0..size).step_by(length).enumerate() {
        let part = given.with(given.layout().narrow(at, start, length.min(size - start)));
        table.set((number + 1).into(), part.into_value());
    }
    Ok(vec![table.into()])
}

/// The dimension of an argument, the first if it is not given.
fn dimension_or_first(lua: &Lua, args: &Args, at: usize, given: &Tensor) -> LuaResult<usize> {
    if args.is_none(at) && !given.sizes().is_empty() {
        return Ok(0);
    }
    dimension(lua, args, at, given)
}

fn split(lua: &mut Lua, args: &Args) -> Results {
    let given = tensor(lua, args, 0)?;
    let at = dimension_or_first(lua, args, 2, given)?;
    let length = whole(lua, args, 1)?;
    if length < 1 {
        return Err(lua.bad_argument(1, "the length of the parts must be positive"));
    }
    parts(lua, given, length as usize, at)
}

fn chunk(lua: &mut Lua, args: &Args) -> Results {
    let given = tensor(lua, args, 0)?;
    let at = dimension_or_first(lua, args, 2, given)?;
    let count = whole(lua, args, 1)?;
    if count < 1 {
        return Err(lua.bad_argument(1, "the number of parts must be positive"));
    }
    let length = given.sizes()[at].div_ceil(count as usize);
    parts(lua, given, length, at)
}

/// Windows of a dimension, each so long and so far from the next, as one more dimension.
fn unfold(lua: &mut Lua, args: &Args) -> Results {
    let given = tensor(lua, args, 0)?;
    let at = dimension(lua, args, 1, given)?;
    let (length, step) = (whole(lua, args, 2)?, whole(lua, args, 3)?);
    let mut layout = given.layout();
    let size = layout.sizes[at] as i64;
    if length < 1 || size < length || step < 1 {
        return Err(lua.error(&format!("windows of {length} by {step} do not fit {size}")));
    }
    let stride = layout.strides[at];
    layout.sizes[at] = ((size - length) / step + 1) as usize;
    layout.strides[at] = stride.saturating_mul(step as usize);
    layout.sizes.push(length as usize);
    layout.strides.push(stride);
    Ok(one(given.with(layout)))
}
