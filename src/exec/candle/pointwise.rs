//! Evaluates scalar expressions on whole tensors of candle.

use candle_core::{DType, Device, Result, Tensor};

use crate::program::expr::{Binary, PointFn, PointOp, Unary};

/// The function of the elements of `args`, which are repeated along axes where their extent is 1.
pub(super) fn evaluate(f: &PointFn, args: &[&Tensor], dims: &[usize]) -> Result<Tensor> {
    let mut done: Vec<Tensor> = vec![];
    for op in &f.ops {
        let value = match *op {
            PointOp::Arg(i) => args[i].broadcast_as(dims)?.contiguous()?,
            PointOp::Const(c) => Tensor::full(c, dims, &Device::Cpu)?,
            PointOp::Unary(f, a) => unary(f, &done[a])?,
            PointOp::Binary(Binary::Pow, a, b) => match f.ops[b] {
                // candle's own power of tensors is the exponential of a logarithm, so it knows no negative base.
                PointOp::Const(power) => done[a].powf(power)?,
                _ => power(&done[a], &done[b])?,
            },
            PointOp::Binary(f, a, b) => binary(f, &done[a], &done[b])?,
            PointOp::Select(c, a, b) => done[c].ne(0.0)?.where_cond(&done[a], &done[b])?,
        };
        done.push(value);
    }
    done.pop().ok_or_else(|| candle_core::Error::Msg("an empty expression".into()))
}

fn unary(f: Unary, a: &Tensor) -> Result<Tensor> {
    match f {
        Unary::Neg => a.neg(),
        Unary::Exp => a.exp(),
        Unary::Ln => a.log(),
        Unary::Ln1p => (a + 1.0)?.log(),
        Unary::Sqrt => a.sqrt(),
        Unary::Abs => a.abs(),
        Unary::Sign => a.gt(0.0)?.to_dtype(DType::F64)? - a.lt(0.0)?.to_dtype(DType::F64)?,
        Unary::Tanh => a.tanh(),
        Unary::Sigmoid => (a.neg()?.exp()? + 1.0)?.recip(),
        Unary::Trunc => a.lt(0.0)?.where_cond(&a.ceil()?, &a.floor()?),
        Unary::Floor => a.floor(),
        Unary::Sin => a.sin(),
        Unary::Cos => a.cos(),
    }
}

fn binary(f: Binary, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    match f {
        Binary::Add => a + b,
        Binary::Sub => a - b,
        Binary::Mul => a * b,
        Binary::Div => a / b,
        Binary::Pow => power(a, b),
        Binary::Lt => a.lt(b)?.to_dtype(DType::F64),
        Binary::Le => a.le(b)?.to_dtype(DType::F64),
        Binary::Eq => a.eq(b)?.to_dtype(DType::F64),
    }
}

fn power(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let (x, y): (Vec<f64>, Vec<f64>) = (super::numbers(a)?, super::numbers(b)?);
    let powers = x.iter().zip(&y).map(|(x, y)| x.powf(*y)).collect();
    Tensor::from_vec(powers, a.dims(), &Device::Cpu)
}
