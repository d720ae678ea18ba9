//! Orders and accumulations along a dimension, draws of indices, and joining.

use super::arguments::{dimension, one, optional, tensor, whole};
use super::kind::Kind;
use super::layout::Layout;
use super::pointwise::positive;
use super::reduce::{lines, stored};
use super::state::State;
use super::view::Tensor;
use super::{Function, Operation};
use crate::front::torch::interp::{Args, Lua, LuaResult, Results, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    ("cat", cat),
    ("randperm", |lua, args| {
        let count = positive(lua, args, 0)?;
        lua.reserve_here(count.saturating_mul(24))?;
        State::pay_for_random(lua, count)?;
        let mut values: Vec<f64> = (1..=count).map(|number| number as f64).collect();
        let state = State::of(lua);
        for at in 0..count.saturating_sub(1) {
            let other = state.random.borrow_mut().word() as usize % (count - at);
            values.swap(at, at + other);
        }
        let kind = State::of(lua).default.get();
        Ok(one(Tensor::from_values(lua, kind, &[count], &values)?))
    }),
];

pub(super) const OPERATIONS: &[Operation] = &[
    ("cumprod", |lua, args, _| accumulate(lua, args, |a, b| a * b)),
    ("cumsum", |lua, args, _| accumulate(lua, args, |a, b| a + b)),
    ("multinomial", |lua, args, _| multinomial(lua, args)),
    ("nonzero", |lua, args, _| nonzero(lua, args)),
    ("sort", |lua, args, _| sort(lua, args)),
    ("topk", |lua, args, _| top(lua, args)),
    ("tril", |lua, args, _| triangle(lua, args, |row, column, k| column - row <= k)),
    ("triu", |lua, args, _| triangle(lua, args, |row, column, k| k <= column - row)),
];

/// A dimension, the last if it is not given.
fn dimension_or_last(lua: &Lua, args: &Args, at: usize, given: &Tensor) -> LuaResult<usize> {
    match (args.is_none(at), given.sizes().len()) {
        (_, 0) => Err(lua.error("the tensor has no dimension")),
        (true, count) => Ok(count - 1),
        _ => dimension(lua, args, at, given),
    }
}

/// Puts values that are ordered line by line along a dimension back into the order of a tensor.
fn unlined(
    lua: &mut Lua,
    kind: Kind,
    sizes: &[usize],
    at: usize,
    values: &[f64],
) -> LuaResult<Value> {
    let made = Tensor::zeros(lua, kind, sizes)?;
    let mut layout = made.layout();
    let (size, stride) = (layout.sizes.remove(at), layout.strides.remove(at));
    layout.sizes.push(size);
    layout.strides.push(stride);
    made.with(layout).write(lua, values)?;
    Ok(made.into_value())
}

/// Moves results into the tensors that the first arguments name.
fn into_named(lua: &mut Lua, args: &Args, from: usize, made: Vec<Value>) -> Results {
    if from == 0 {
        return Ok(made);
    }
    let mut named = vec![];
    for (at, value) in made.iter().enumerate().take(from) {
        if let Some(result) = value.object::<Tensor>() {
            let values = result.values(lua)?;
            named.push(stored(lua, args, Some(at), result.kind(), &result.sizes(), &values)?);
        }
    }
    Ok(named)
}

fn by_value(line: &[f64], descends: bool) -> Vec<usize> {
    let mut places: Vec<usize> = (0..line.len()).collect();
    places.sort_by(|a, b| match descends {
        true => line[*b].total_cmp(&line[*a]),
        false => line[*a].total_cmp(&line[*b]),
    });
    places
}

/// The first so many elements of each line in order, with their indices.
fn ordered(lua: &mut Lua, given: &Tensor, at: usize, count: usize, descends: bool) -> Results {
    lua.work(given.numel().saturating_mul(8))?;
    let (values, mut sizes, length) = lines(lua, given, at)?;
    lua.reserve_here(values.len().saturating_mul(24))?;
    sizes[at] = count;
    let (mut sorted, mut indices) = (vec![], vec![]);
    for line in values.chunks(length) {
        for place in by_value(line, descends).into_iter().take(count) {
            sorted.push(line[place]);
            indices.push((place + 1) as f64);
        }
    }
    let sorted = unlined(lua, given.kind(), &sizes, at, &sorted)?;
    Ok(vec![sorted, unlined(lua, given.kind().indices(), &sizes, at, &indices)?])
}

/// `torch.sort([values, indices,] a [, dimension] [, descending])`.
fn sort(lua: &mut Lua, args: &Args) -> Results {
    let from = if optional(args, 2).is_some() { 2 } else { 0 };
    let given = tensor(lua, args, from)?;
    let descends = args.0.iter().any(|arg| matches!(arg, Value::Bool(true)));
    let numbers = args.0.iter().filter(|arg| !matches!(arg, Value::Bool(_)));
    let numbers = Args(numbers.cloned().collect());
    let at = dimension_or_last(lua, &numbers, from + 1, given)?;
    let count = given.sizes()[at];
    let made = ordered(lua, given, at, count, descends)?;
    into_named(lua, args, from, made)
}

/// `torch.topk([values, indices,] a, k [, dimension] [, largest])`: the smallest unless `largest`.
fn top(lua: &mut Lua, args: &Args) -> Results {
    let from = if optional(args, 2).is_some() { 2 } else { 0 };
    let given = tensor(lua, args, from)?;
    let count = if args.is_none(from + 1) { 1 } else { positive(lua, args, from + 1)? };
    let at = dimension_or_last(lua, args, from + 2, given)?;
    if given.sizes()[at] < count {
        return Err(lua.bad_argument(from + 1, "k is larger than the dimension"));
    }
    let made = ordered(lua, given, at, count, args.get(from + 3).is_truthy())?;
    into_named(lua, args, from, made)
}

/// `torch.cumsum([result,] a [, dimension])`, along the first dimension unless one is given.
fn accumulate(lua: &mut Lua, args: &Args, join: fn(f64, f64) -> f64) -> Results {
    let from = usize::from(optional(args, 1).is_some());
    let given = tensor(lua, args, from)?;
    let at = match args.is_none(from + 1) && given.numel() != 0 {
        true => 0,
        false => dimension(lua, args, from + 1, given)?,
    };
    let (mut values, _, length) = lines(lua, given, at)?;
    for line in values.chunks_mut(length) {
        for place in 1..line.len() {
            line[place] = join(line[place - 1], line[place]);
        }
    }
    let made = unlined(lua, given.kind(), &given.sizes(), at, &values)?;
    into_named(lua, args, from, vec![made])
}

/// Indices from 1 drawn with the probabilities that each row holds.
fn multinomial(lua: &mut Lua, args: &Args) -> Results {
    let from = usize::from(optional(args, 1).is_some());
    let given = tensor(lua, args, from)?;
    let (count, replaces) = (positive(lua, args, from + 1)?, args.get(from + 2).is_truthy());
    let sizes = given.sizes();
    let (&[choices] | &[_, choices]) = &sizes[..] else {
        return Err(lua.error("multinomial takes a vector or a matrix of probabilities"));
    };
    if !replaces && choices < count {
        return Err(lua.error("multinomial without replacement draws at most all choices"));
    }
    let values = given.values(lua)?;
    let rows = values.len() / choices;
    State::pay_for_random(lua, rows.saturating_mul(count).saturating_mul(choices))?;
    lua.reserve_here(rows.saturating_mul(count).saturating_mul(8))?;
    let state = State::of(lua);
    let mut drawn = vec![];
    for row in values.chunks(choices) {
        // Sums up to each choice, of which the last is 1.
        let mut sum = 0.0;
        let mut sums: Vec<f64> = row
            .iter()
            .map(|weight| {
                sum += weight;
                sum
            })
            .collect();
        let is_usable = 0.0 < sum && sum.is_finite() && row.iter().all(|weight| 0.0 <= *weight);
        if !is_usable {
            return Err(lua.error("probabilities must be positive and have a positive sum"));
        }
        sums.iter_mut().for_each(|part| *part /= sum);
        for _ in 0..count {
            let wanted = state.random.borrow_mut().uniform();
            sums[choices - 1] = 1.0;
            let chosen = sums.partition_point(|part| *part < wanted).min(choices - 1);
            drawn.push((chosen + 1) as f64);
            if !replaces {
                // What was drawn is drawn no more; the others fill its place.
                let own = sums[chosen] - if chosen == 0 { 0.0 } else { sums[chosen - 1] };
                for (at, part) in sums.iter_mut().enumerate() {
                    let less = if chosen <= at { own } else { 0.0 };
                    *part = (*part - less) / (1.0 - own);
                }
            }
        }
    }
    let sizes = if sizes.len() == 1 { vec![count] } else { vec![rows, count] };
    let named = (from == 1).then_some(0);
    Ok(vec![stored(lua, args, named, given.kind().indices(), &sizes, &drawn)?])
}

/// The indices of the elements that are not 0, one row each.
fn nonzero(lua: &mut Lua, args: &Args) -> Results {
    let given = tensor(lua, args, 0)?;
    let (sizes, values) = (given.sizes(), given.values(lua)?);
    let strides = Layout::rows(0, &sizes).strides;
    let mut indices = vec![];
    for (place, _) in values.iter().enumerate().filter(|(_, value)| **value != 0.0) {
        let extents = strides.iter().zip(&sizes);
        indices.extend(extents.map(|(stride, size)| (place / stride % size + 1) as f64));
    }
    let rows = indices.len() / sizes.len().max(1);
    let shape = if rows == 0 { vec![] } else { vec![rows, sizes.len()] };
    Ok(one(Tensor::from_values(lua, given.kind().indices(), &shape, &indices)?))
}

/// A copy of a matrix with zeros on one side of a diagonal.
fn triangle(lua: &mut Lua, args: &Args, keeps: fn(i64, i64, i64) -> bool) -> Results {
    let given = tensor(lua, args, 0)?;
    let k = if args.is_none(1) { 0 } else { whole(lua, args, 1)? };
    let &[_, columns] = &given.sizes()[..] else {
        return Err(lua.error("a matrix expected"));
    };
    let mut values = given.values(lua)?;
    for (row, line) in values.chunks_mut(columns).enumerate() {
        for (column, value) in line.iter_mut().enumerate() {
            if !keeps(row as i64, column as i64, k) {
                *value = 0.0;
            }
        }
    }
    Ok(one(Tensor::from_values(lua, given.kind(), &given.sizes(), &values)?))
}

/// Steps that a part of a joined tensor costs, however small it is.
const PART: usize = 40;

/// `torch.cat([result,] a, b [, dimension])` and `torch.cat([result,] {a, b, …} [, dimension])`; the last dimension
/// unless one is given.
fn cat(lua: &mut Lua, args: &Args) -> Results {
    let is_tensor = |at: usize| optional(args, at).is_some();
    let is_table = |at: usize| matches!(args.get(at), Value::Table(_));
    let (from, parts): (usize, Vec<Value>) = if is_table(0) || (is_tensor(0) && is_table(1)) {
        let from = usize::from(!is_table(0));
        let table = args.table(lua, from)?;
        (from, table.items().collect())
    } else {
        let from = usize::from(is_tensor(2));
        (from, vec![args.get(from), args.get(from + 1)])
    };
    let at_dimension = from + if is_table(from) { 1 } else { 2 };
    lua.work(PART.saturating_mul(parts.len()))?;
    let mut tensors = vec![];
    for part in &parts {
        match part.object::<Tensor>() {
            Some(part) if part.numel() == 0 => {}
            Some(part) => tensors.push(part.same()),
            None => {
                let message = format!("cat joins tensors, not a {} value", part.type_name());
                return Err(lua.error(&message));
            }
        }
    }
    let Some(first) = tensors.first() else {
        let kind = State::of(lua).default.get();
        return Ok(vec![if from == 1 { args.get(0) } else { Tensor::new(lua, kind, &[])? }]);
    };
    let most = tensors.iter().map(|part| part.sizes().len()).max().unwrap_or(1);
    let along = if args.is_none(at_dimension) { most } else { positive(lua, args, at_dimension)? };
    if most + 1 < along {
        return Err(lua.bad_argument(at_dimension, &format!("dimension {along} out of range")));
    }
    let rank = most.max(along);
    let mut sizes = vec![];
    for part in &tensors {
        let mut own = part.layout();
        while own.sizes.len() < rank {
            own.sizes.push(1);
            own.strides.push(1);
        }
        if sizes.is_empty() {
            sizes.clone_from(&own.sizes);
        } else {
            let fits = (0..rank).all(|d| d == along - 1 || sizes[d] == own.sizes[d]);
            if !fits {
                let message = format!(
                    "inconsistent tensor sizes in cat along dimension {along}: {} and {}",
                    super::arguments::shown(first),
                    super::arguments::shown(part)
                );
                return Err(lua.error(&message));
            }
            sizes[along - 1] = own.sizes[along - 1].saturating_add(sizes[along - 1]);
        }
        part.set(part.storage(), own);
    }
    let made = Tensor::zeros(lua, first.kind(), &sizes)?;
    let mut start = 0;
    for part in &tensors {
        let length = part.sizes()[along - 1];
        made.with(made.layout().narrow(along - 1, start, length)).copy(lua, part)?;
        start += length;
    }
    if from == 1 {
        tensor(lua, args, 0)?.set(made.storage(), made.layout());
        return Ok(vec![args.get(0)]);
    }
    Ok(one(made))
}
