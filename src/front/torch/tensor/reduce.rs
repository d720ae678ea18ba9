//! Sums, means, extremes and norms: of all elements to a number, or along a dimension to a tensor.

use super::Operation;
use super::arguments::{dimension, optional, same_count, tensor};
use super::kind::Kind;
use super::view::Tensor;
use crate::front::torch::interp::{Args, Lua, LuaResult, Results, Value};

pub(super) const OPERATIONS: &[Operation] = &[
    ("dist", |lua, args, _| {
        let (a, b) = (tensor(lua, args, 0)?, tensor(lua, args, 1)?);
        same_count(lua, a, b)?;
        let p = if args.is_none(2) { 2.0 } else { args.number(lua, 2)? };
        let (a, b) = (a.values(lua)?, b.values(lua)?);
        let differences: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a - b).collect();
        Ok(vec![norm(&differences, p).into()])
    }),
    ("max", |lua, args, _| extreme(lua, args, |candidate, best| best < candidate)),
    ("mean", |lua, args, _| reduce(lua, args, mean)),
    ("median", |lua, args, _| median(lua, args)),
    ("min", |lua, args, _| extreme(lua, args, |candidate, best| candidate < best)),
    ("norm", |lua, args, _| {
        let from = usize::from(optional(args, 1).is_some());
        let p = if args.is_none(from + 1) { 2.0 } else { args.number(lua, from + 1)? };
        // The dimension comes after the power.
        let mut rest = args.0.clone();
        if from + 1 < rest.len() {
            rest.remove(from + 1);
        }
        reduce(lua, &Args(rest), move |line| norm(line, p))
    }),
    ("prod", |lua, args, _| reduce(lua, args, |line| line.iter().product())),
    ("std", |lua, args, _| spread(lua, args, f64::sqrt)),
    ("sum", |lua, args, _| reduce(lua, args, |line| line.iter().sum())),
    ("trace", |lua, args, _| {
        let given = tensor(lua, args, 0)?;
        let &[rows, columns] = &given.sizes()[..] else {
            return Err(lua.error("trace takes a matrix"));
        };
        let values = given.values(lua)?;
        let diagonal = (0..rows.min(columns)).map(|at| values[at * (columns + 1)]);
        Ok(vec![Value::Number(diagonal.sum())])
    }),
    ("var", |lua, args, _| spread(lua, args, |variance| variance)),
];

fn mean(line: &[f64]) -> f64 {
    line.iter().sum::<f64>() / line.len() as f64
}

fn norm(line: &[f64], p: f64) -> f64 {
    match p {
        0.0 => line.iter().filter(|value| **value != 0.0).count() as f64,
        1.0 => line.iter().map(|value| value.abs()).sum(),
        2.0 => line.iter().map(|value| value * value).sum::<f64>().sqrt(),
        f64::INFINITY => line.iter().map(|value| value.abs()).fold(0.0, f64::max),
        _ => line.iter().map(|value| value.abs().powf(p)).sum::<f64>().powf(1.0 / p),
    }
}

/// The elements line by line along a dimension, the extents with that dimension 1, and the length of a line.
pub(super) fn lines(
    lua: &mut Lua,
    given: &Tensor,
    at: usize,
) -> LuaResult<(Vec<f64>, Vec<usize>, usize)> {
    let mut layout = given.layout();
    let mut sizes = layout.sizes.clone();
    let (size, stride) = (layout.sizes.remove(at), layout.strides.remove(at));
    layout.sizes.push(size);
    layout.strides.push(stride);
    sizes[at] = 1;
    Ok((given.storage().read(lua, &layout)?, sizes, size))
}

/// `torch.f([result,] a [, dimension])`.
fn reduce(lua: &mut Lua, args: &Args, f: impl Fn(&[f64]) -> f64) -> Results {
    let from = usize::from(optional(args, 1).is_some());
    let given = tensor(lua, args, from)?;
    if args.is_none(from + 1) {
        let values = given.values(lua)?;
        return Ok(vec![f(&values).into()]);
    }
    let at = dimension(lua, args, from + 1, given)?;
    let (values, sizes, length) = lines(lua, given, at)?;
    let reduced: Vec<f64> = values.chunks(length).map(f).collect();
    stored(lua, args, (from == 1).then_some(0), given.kind(), &sizes, &reduced)
        .map(|value| vec![value])
}

/// Values in a tensor that an argument names, or in a new one.
pub(super) fn stored(
    lua: &mut Lua,
    args: &Args,
    result: Option<usize>,
    kind: Kind,
    sizes: &[usize],
    values: &[f64],
) -> LuaResult<Value> {
    match result {
        Some(at) => {
            let result = tensor(lua, args, at)?;
            result.resize(lua, sizes)?;
            result.write(lua, values)?;
            Ok(args.get(at))
        }
        None => Ok(Tensor::from_values(lua, kind, sizes, values)?.into_value()),
    }
}

/// Variance or deviation; divided by one less than the number, or by the number if the last argument is true.
fn spread(lua: &mut Lua, args: &Args, f: fn(f64) -> f64) -> Results {
    let is_biased = args.0.iter().any(|arg| matches!(arg, Value::Bool(true)));
    let numbers = args.0.iter().filter(|arg| !matches!(arg, Value::Bool(_)));
    let rest = Args(numbers.cloned().collect());
    reduce(lua, &rest, move |line| {
        let mean = mean(line);
        let squares = line.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>();
        f(squares / (line.len() as f64 - f64::from(u8::from(!is_biased))))
    })
}

/// Where the best element of a line is; NaN is better than anything.
fn best(line: &[f64], is_better: fn(f64, f64) -> bool) -> usize {
    let mut found = 0;
    for (at, &value) in line.iter().enumerate() {
        if line[found].is_nan() {
            break;
        }
        if value.is_nan() || is_better(value, line[found]) {
            found = at;
        }
    }
    found
}

/// `torch.max(a)` gives a number, `torch.max([values, indices,] a, dimension)` values and indices.
fn extreme(lua: &mut Lua, args: &Args, is_better: fn(f64, f64) -> bool) -> Results {
    let from = if optional(args, 2).is_some() { 2 } else { 0 };
    let given = tensor(lua, args, from)?;
    if given.numel() == 0 {
        return Err(lua.error("an empty tensor has no extreme"));
    }
    if args.is_none(from + 1) {
        let values = given.values(lua)?;
        return Ok(vec![values[best(&values, is_better)].into()]);
    }
    chosen(lua, args, from, given, |line| best(line, is_better))
}

/// One element of each line, with its index.
fn chosen(
    lua: &mut Lua,
    args: &Args,
    from: usize,
    given: &Tensor,
    choose: impl Fn(&[f64]) -> usize,
) -> Results {
    let at = dimension(lua, args, from + 1, given)?;
    let (values, sizes, length) = lines(lua, given, at)?;
    let places: Vec<usize> = values.chunks(length).map(choose).collect();
    let lines = values.chunks(length).zip(&places);
    let found: Vec<f64> = lines.map(|(line, place)| line[*place]).collect();
    let indices: Vec<f64> = places.iter().map(|place| (place + 1) as f64).collect();
    let named = |at: usize| (from == 2).then_some(at);
    let found = stored(lua, args, named(0), given.kind(), &sizes, &found)?;
    let indices = stored(lua, args, named(1), given.kind().indices(), &sizes, &indices)?;
    Ok(vec![found, indices])
}

/// The lower of the middle elements.
fn median(lua: &mut Lua, args: &Args) -> Results {
    let from = if optional(args, 2).is_some() { 2 } else { 0 };
    let given = tensor(lua, args, from)?;
    if given.numel() == 0 {
        return Err(lua.error("an empty tensor has no median"));
    }
    lua.work(8 * given.numel())?;
    let middle = |line: &[f64]| {
        let mut places: Vec<usize> = (0..line.len()).collect();
        places.sort_by(|a, b| line[*a].total_cmp(&line[*b]));
        places[(line.len() - 1) / 2]
    };
    if args.is_none(from + 1) {
        let values = given.values(lua)?;
        return Ok(vec![values[middle(&values)].into()]);
    }
    chosen(lua, args, from, given, middle)
}
