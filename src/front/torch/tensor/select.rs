//! Elements chosen by masks and by lists of indices.

use super::arguments::{dimension, index, one, optional, shown, tensor, wrong};
use super::kind::Kind;
use super::layout::Layout;
use super::view::Tensor;
use super::{Function, Operation};
use crate::front::torch::interp::{Args, Lua, LuaResult, Results, Value};
use crate::source::Span;

pub(super) const OPERATIONS: &[Operation] = &[
    ("gather", |lua, args, _| gather(lua, args)),
    ("index", |lua, args, _| index_select(lua, args)),
    ("indexSelect", |lua, args, _| index_select(lua, args)),
    ("maskedSelect", |lua, args, _| {
        let given = tensor(lua, args, 0)?;
        masked(lua, given, &args.get(1)).map(|made| vec![made])
    }),
];

pub(super) const METHODS: &[Function] = &[
    ("indexAdd", |lua, args| index_store(lua, args, |old, new| old + new)),
    ("indexCopy", |lua, args| index_store(lua, args, |_, new| new)),
    ("indexFill", index_fill),
    ("maskedCopy", masked_store),
    ("maskedFill", masked_store),
    ("scatter", scatter),
];

/// The mask of a key, which must be a ByteTensor with as many elements.
fn mask(lua: &mut Lua, given: &Tensor, key: &Value) -> LuaResult<Vec<bool>> {
    let Some(mask) =
        key.object::<Tensor>().filter(|mask| mask.kind() == Kind::Byte || mask.kind().is_cuda())
    else {
        return Err(lua.error("a mask is a torch.ByteTensor"));
    };
    if mask.numel() != given.numel() {
        return Err(lua.error(&format!(
            "the mask {} has another number of elements than the tensor {}",
            shown(mask),
            shown(given)
        )));
    }
    Ok(mask.values(lua)?.iter().map(|value| *value != 0.0).collect())
}

/// `tensor[mask]`: the elements where the mask is not 0, in one row.
pub(super) fn masked(lua: &mut Lua, given: &Tensor, key: &Value) -> LuaResult<Value> {
    let mask = mask(lua, given, key)?;
    let values = given.values(lua)?;
    let kept: Vec<f64> =
        values.iter().zip(&mask).filter(|(_, keep)| **keep).map(|(value, _)| *value).collect();
    let sizes = if kept.is_empty() { vec![] } else { vec![kept.len()] };
    Ok(Tensor::from_values(lua, given.kind(), &sizes, &kept)?.into_value())
}

/// `tensor[mask] = number` or `= tensor`, whose elements are used in order.
pub(super) fn set_masked(
    lua: &mut Lua,
    given: &Tensor,
    key: &Value,
    value: &Value,
    span: Span,
) -> LuaResult<()> {
    let mask = mask(lua, given, key)?;
    let count = mask.iter().filter(|set| **set).count();
    let source = match (value, value.object::<Tensor>()) {
        (_, Some(source)) => source.values(lua)?,
        (Value::Number(number), _) => vec![*number; count],
        _ => {
            let message = format!("a number or a tensor expected, got {}", value.type_name());
            return Err(lua.error_at(span, message));
        }
    };
    if source.len() < count {
        let message = format!("the mask chooses {count} elements of {}", source.len());
        return Err(lua.error_at(span, message));
    }
    let mut values = given.values(lua)?;
    let mut source = source.into_iter();
    for (value, _) in values.iter_mut().zip(&mask).filter(|(_, set)| **set) {
        *value = source.next().unwrap_or(*value);
    }
    given.write(lua, &values)
}

fn masked_store(lua: &mut Lua, args: &Args) -> Results {
    let given = tensor(lua, args, 0)?;
    match lua.call_span() {
        Some(span) => set_masked(lua, given, &args.get(1), &args.get(2), span)?,
        None => return Err(lua.error("a mask needs a place")),
    }
    Ok(vec![args.get(0)])
}

/// Whether a tensor may hold indices; those of a graphics processor were floats for some years.
fn is_index(tensor: &Tensor) -> bool {
    tensor.kind() == Kind::Long || tensor.kind().is_cuda()
}

/// The indices of a LongTensor, from 0, inside an extent.
fn indices(lua: &mut Lua, args: &Args, at: usize, size: usize) -> LuaResult<Vec<usize>> {
    let given = tensor(lua, args, at)?;
    if !is_index(given) {
        return Err(wrong(lua, args, at, "torch.LongTensor"));
    }
    let values = given.values(lua)?;
    values.into_iter().map(|value| index(lua, value.max(0.0), size)).collect()
}

/// `tensor:index([result,] dimension, indices)`: those slices, as a copy.
fn index_select(lua: &mut Lua, args: &Args) -> Results {
    let (given, from) = match (optional(args, 0), optional(args, 1)) {
        (Some(_), Some(source)) => (source, 2),
        _ => (tensor(lua, args, 0)?, 1),
    };
    let at = dimension(lua, args, from, given)?;
    let layout = given.layout();
    let chosen = indices(lua, args, from + 1, layout.sizes[at])?;
    let mut sizes = layout.sizes.clone();
    sizes[at] = chosen.len();
    let made = Tensor::zeros(lua, given.kind(), &sizes)?;
    for (to, &place) in chosen.iter().enumerate() {
        made.with(made.layout().narrow(at, to, 1))
            .copy(lua, &given.with(layout.narrow(at, place, 1)))?;
    }
    if from == 2 {
        tensor(lua, args, 0)?.set(made.storage(), made.layout());
        return Ok(vec![args.get(0)]);
    }
    Ok(one(made))
}

/// `tensor:indexCopy(dimension, indices, source)`.
fn index_store(lua: &mut Lua, args: &Args, join: fn(f64, f64) -> f64) -> Results {
    let given = tensor(lua, args, 0)?;
    let at = dimension(lua, args, 1, given)?;
    let layout = given.layout();
    let chosen = indices(lua, args, 2, layout.sizes[at])?;
    let source = tensor(lua, args, 3)?;
    let mut wanted = layout.sizes.clone();
    wanted[at] = chosen.len();
    if source.sizes() != wanted {
        return Err(lua.bad_argument(3, &format!("{} does not fit the indices", shown(source))));
    }
    for (from, &place) in chosen.iter().enumerate() {
        let slice = given.with(layout.narrow(at, place, 1));
        let new = source.with(source.layout().narrow(at, from, 1)).values(lua)?;
        let mut values = slice.values(lua)?;
        values.iter_mut().zip(&new).for_each(|(value, new)| *value = join(*value, *new));
        slice.write(lua, &values)?;
    }
    Ok(vec![args.get(0)])
}

/// `tensor:indexFill(dimension, indices, value)`.
fn index_fill(lua: &mut Lua, args: &Args) -> Results {
    let given = tensor(lua, args, 0)?;
    let at = dimension(lua, args, 1, given)?;
    let layout = given.layout();
    let value = args.number(lua, 3)?;
    for place in indices(lua, args, 2, layout.sizes[at])? {
        given.with(layout.narrow(at, place, 1)).fill(lua, value)?;
    }
    Ok(vec![args.get(0)])
}

/// The places in a tensor that indices along one dimension name, in the order of the indices.
fn along(lua: &mut Lua, layout: &Layout, at: usize, indices: &Tensor) -> LuaResult<Vec<usize>> {
    let sizes = indices.sizes();
    let fits = sizes.len() == layout.sizes.len()
        && (0..sizes.len()).all(|d| d == at || sizes[d] <= layout.sizes[d]);
    if !is_index(indices) || !fits {
        return Err(lua.error("the indices are a torch.LongTensor with as many dimensions"));
    }
    let mut base = Layout { sizes, ..layout.clone() };
    base.strides[at] = 0;
    let (stride, size) = (layout.strides[at], layout.sizes[at]);
    let values = indices.values(lua)?;
    let place =
        |(place, value): (usize, &f64)| Ok(place + stride * index(lua, value.max(0.0), size)?);
    base.places().zip(&values).map(place).collect()
}

/// `tensor:gather(dimension, indices)`.
fn gather(lua: &mut Lua, args: &Args) -> Results {
    let given = tensor(lua, args, 0)?;
    let at = dimension(lua, args, 1, given)?;
    let indices = tensor(lua, args, 2)?;
    let places = along(lua, &given.layout(), at, indices)?;
    let storage = given.storage();
    let values = places.into_iter().map(|place| storage.known(lua, place));
    let values = values.collect::<Result<Vec<f64>, _>>()?;
    Ok(one(Tensor::from_values(lua, given.kind(), &indices.sizes(), &values)?))
}

/// `tensor:scatter(dimension, indices, tensor or number)`.
fn scatter(lua: &mut Lua, args: &Args) -> Results {
    let given = tensor(lua, args, 0)?;
    let at = dimension(lua, args, 1, given)?;
    let indices = tensor(lua, args, 2)?;
    let places = along(lua, &given.layout(), at, indices)?;
    let values = match optional(args, 3) {
        Some(source) => source.values(lua)?,
        None => vec![args.number(lua, 3)?; places.len()],
    };
    if values.len() < places.len() {
        return Err(lua.bad_argument(3, "has fewer elements than there are indices"));
    }
    let storage = given.storage();
    for (place, value) in places.into_iter().zip(&values) {
        storage.write(lua, &Layout::rows(place, &[1]), &[*value])?;
    }
    Ok(vec![args.get(0)])
}
