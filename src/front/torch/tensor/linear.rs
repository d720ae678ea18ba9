//! Products of vectors and matrices.

use super::Operation;
use super::arguments::{one, optional, same_count, shown, tensor};
use super::layout::Layout;
use super::view::Tensor;
use crate::front::torch::interp::{Args, Lua, LuaResult, Results, Value};

pub(super) const OPERATIONS: &[Operation] = &[
    ("diag", |lua, args, _| diagonal(lua, args)),
    ("dot", |lua, args, _| {
        let (a, b) = (tensor(lua, args, 0)?, tensor(lua, args, 1)?);
        Ok(vec![dot(lua, a, b)?.into()])
    }),
    ("ger", |lua, args, _| {
        sources(lua, args, |lua, a, b| match (a.sizes().len(), b.sizes().len()) {
            (1, 1) => matrices(lua, &column(a), &line(b)),
            _ => Err(lua.error("ger takes two vectors")),
        })
    }),
    ("mm", |lua, args, _| sources(lua, args, matrices)),
    ("mv", |lua, args, _| sources(lua, args, |lua, a, b| flat(matrices(lua, a, &column(b))?))),
];

/// `torch.f([result,] a, b)` and `result:f(a, b)`.
fn sources(
    lua: &mut Lua,
    args: &Args,
    f: impl Fn(&mut Lua, &Tensor, &Tensor) -> LuaResult<Tensor>,
) -> Results {
    let from = usize::from(optional(args, 2).is_some());
    let made = f(lua, tensor(lua, args, from)?, tensor(lua, args, from + 1)?)?;
    if from == 1 {
        tensor(lua, args, 0)?.set(made.storage(), made.layout());
        return Ok(vec![args.get(0)]);
    }
    Ok(one(made))
}

/// A vector as a matrix of one column.
fn column(vector: &Tensor) -> Tensor {
    let mut layout = vector.layout();
    layout.sizes.push(1);
    layout.strides.push(1);
    vector.with(layout)
}

/// A vector as a matrix of one row.
fn line(vector: &Tensor) -> Tensor {
    let mut layout = vector.layout();
    layout.sizes.insert(0, 1);
    layout.strides.insert(0, 1);
    vector.with(layout)
}

/// A matrix of one column as a vector.
fn flat(matrix: Tensor) -> LuaResult<Tensor> {
    let count = matrix.numel();
    Ok(matrix.with(Layout::rows(0, &[count])))
}

fn dot(lua: &mut Lua, a: &Tensor, b: &Tensor) -> LuaResult<f64> {
    same_count(lua, a, b)?;
    let (a, b) = (a.values(lua)?, b.values(lua)?);
    Ok(a.iter().zip(&b).map(|(a, b)| a * b).sum())
}

fn matrices(lua: &mut Lua, a: &Tensor, b: &Tensor) -> LuaResult<Tensor> {
    let (&[rows, inner], &[other, columns]) = (&a.sizes()[..], &b.sizes()[..]) else {
        return Err(lua.error(&format!("{} and {} are not two matrices", shown(a), shown(b))));
    };
    if inner != other {
        return Err(lua.error(&format!("size mismatch: {} times {}", shown(a), shown(b))));
    }
    lua.work(rows.saturating_mul(columns).saturating_mul(inner) / 4)?;
    let kind = a.kind();
    let made = Tensor::zeros(lua, kind, &[rows, columns])?;
    let (a, b) = (a.values(lua)?, b.values(lua)?);
    lua.reserve_here(8 * rows * columns)?;
    let mut values = vec![0.0; rows * columns];
    for (row, slots) in a.chunks(inner).zip(values.chunks_mut(columns)) {
        for (factor, other) in row.iter().zip(b.chunks(columns)) {
            slots.iter_mut().zip(other).for_each(|(slot, value)| *slot += factor * value);
        }
    }
    made.write(lua, &values)?;
    Ok(made)
}

/// `a * b`: of two vectors a number, of matrices and vectors their product.
pub(super) fn product(lua: &mut Lua, a: &Tensor, b: &Tensor) -> LuaResult<Value> {
    match (a.sizes().len(), b.sizes().len()) {
        (1, 1) => Ok(dot(lua, a, b)?.into()),
        (2, 1) => Ok(flat(matrices(lua, a, &column(b))?)?.into_value()),
        (2, 2) => Ok(matrices(lua, a, b)?.into_value()),
        (x, y) => {
            Err(lua.error(&format!("multiplication of a {x}D and a {y}D tensor is not defined")))
        }
    }
}

/// The diagonal of a matrix, or the matrix of a diagonal.
fn diagonal(lua: &mut Lua, args: &Args) -> Results {
    let given = tensor(lua, args, 0)?;
    let layout = given.layout();
    match layout.sizes[..] {
        [size] => {
            let made = Tensor::zeros(lua, given.kind(), &[size, size])?;
            let diagonal = Layout { offset: 0, sizes: vec![size], strides: vec![size + 1] };
            made.with(diagonal).copy(lua, given)?;
            Ok(one(made))
        }
        [rows, columns] => {
            let shorter = rows.min(columns);
            let strides = vec![layout.strides[0].saturating_add(layout.strides[1])];
            let diagonal = Layout { offset: layout.offset, sizes: vec![shorter], strides };
            let copy = given.with(diagonal).deep_copy(lua)?;
            Ok(one(copy))
        }
        _ => Err(lua.error("diag takes a vector or a matrix")),
    }
}
