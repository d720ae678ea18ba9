//! A slow second executor: evaluates the forward part of a program step by step with candle's own operations, in double
//! precision, to compare with what the kernels of a [`Session`](super::Session) compute.
//!
//! It shares no arithmetic with them but for the operations that layers define themselves, which have no counterpart in
//! candle. There are no gradients here, and no random numbers.

mod pointwise;
mod windows;

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};

use crate::error::{Error, Result};
use crate::program::native::{View, ViewMut};
use crate::program::{Kernel, Lrn, Program, ReduceOp, Step, ValueId};
use crate::ty::Shape;

/// Evaluates every step of a program. `given` are the values of its inputs and variables that steps read; the result are
/// the values of all steps.
///
/// # Errors
/// A value is not given, or a step draws random numbers or computes a gradient.
pub fn evaluate(
    program: &Program,
    given: &HashMap<ValueId, Vec<f64>>,
) -> Result<HashMap<ValueId, Vec<f64>>> {
    let mut values: HashMap<ValueId, Tensor> = HashMap::new();
    for (&v, data) in given {
        values.insert(v, tensor(data.clone(), program.shape(v)).map_err(refused)?);
    }
    let mut results = HashMap::new();
    for step in &program.steps {
        let args: Option<Vec<&Tensor>> = step.args.iter().map(|v| values.get(v)).collect();
        let args = args.ok_or_else(|| Error::refused("an input of the program has no value"))?;
        let outs = match step.kernel {
            Kernel::Random(..) => return Err(Error::refused("the net draws random numbers")),
            _ => run(program, step, &args).map_err(refused)?,
        };
        for (&v, out) in step.outs.iter().zip(outs) {
            let out = out.reshape(program.shape(v).dims()).map_err(refused)?;
            results.insert(v, numbers(&out).map_err(refused)?);
            values.insert(v, out);
        }
    }
    Ok(results)
}

fn refused(error: candle_core::Error) -> Error {
    Error::refused(format!("candle: {error}"))
}

fn tensor(data: Vec<f64>, shape: &Shape) -> candle_core::Result<Tensor> {
    Tensor::from_vec(data, shape.dims(), &Device::Cpu)
}

fn numbers(t: &Tensor) -> candle_core::Result<Vec<f64>> {
    t.flatten_all()?.to_vec1()
}

/// The places `start, start + step, …`.
fn places(start: usize, step: usize, count: usize) -> candle_core::Result<Tensor> {
    let places: Vec<u32> = (0..count).map(|i| (start + i * step) as u32).collect();
    Tensor::from_vec(places, count, &Device::Cpu)
}

/// Zeros of `extent` along an axis with `t` at `start, start + step, …`.
fn spread(
    t: &Tensor,
    axis: usize,
    (start, step, extent): (usize, usize, usize),
) -> candle_core::Result<Tensor> {
    let mut dims = t.dims().to_vec();
    let places = places(start, step, dims[axis])?;
    dims[axis] = extent;
    let zeros = Tensor::zeros(dims, DType::F64, &Device::Cpu)?;
    zeros.index_add(&places, &t.contiguous()?, axis)
}

fn run(program: &Program, step: &Step, args: &[&Tensor]) -> candle_core::Result<Vec<Tensor>> {
    let shape = |i: usize| program.shape(step.outs[i]);
    let one = |t: candle_core::Result<Tensor>| t.map(|t| vec![t]);
    match &step.kernel {
        Kernel::Fill(value) => one(Tensor::full(*value, shape(0).dims(), &Device::Cpu)),
        Kernel::Pointwise(f) => one(pointwise::evaluate(f, args, shape(0).dims())),
        Kernel::Reduce(op, axes) => {
            let combine = |t: Tensor, &axis: &usize| match op {
                ReduceOp::Sum | ReduceOp::SumByPart(_) => t.sum_keepdim(axis),
                ReduceOp::Max => t.max_keepdim(axis),
            };
            one(axes.iter().try_fold(args[0].clone(), combine))
        }
        Kernel::View | Kernel::Stop => Ok(vec![args[0].clone()]),
        Kernel::Transpose(order) => one(args[0].permute(order.as_slice())?.contiguous()),
        Kernel::Slice { axis, start, step } => {
            let places = places(*start, *step, shape(0).dims()[*axis])?;
            one(args[0].contiguous()?.index_select(&places, *axis))
        }
        Kernel::Pad { axis, start, step } => {
            one(spread(args[0], *axis, (*start, *step, shape(0).dims()[*axis])))
        }
        Kernel::Concat(axis) => one(Tensor::cat(args, *axis)),
        Kernel::MatMul { trans_a, trans_b } => {
            let turned =
                |t: &Tensor, yes: bool| if yes { t.t()?.contiguous() } else { Ok(t.clone()) };
            let product = turned(args[0], *trans_a)?.matmul(&turned(args[1], *trans_b)?)?;
            match args.get(2) {
                Some(bias) => one(product.broadcast_add(&bias.flatten_all()?)),
                None => Ok(vec![product]),
            }
        }
        Kernel::Conv(conv) => one(windows::convolve(conv, args, shape(0).dims())),
        Kernel::ConvInput(conv) => one(windows::deconvolve(conv, args, shape(0).dims())),
        Kernel::Im2col(conv) => one(windows::columns(conv, args[0], shape(0).dims())),
        Kernel::MaxPool(pool) => windows::maxima(pool, args[0], shape(0).dims()),
        Kernel::AvePool(pool) => one(windows::means(pool, args[0], shape(0).dims())),
        Kernel::Lrn(lrn) => respond(lrn, args[0]),
        Kernel::Softmax(axis) => one(candle_nn::ops::softmax(args[0], *axis)),
        Kernel::LogSoftmax(axis) => one(candle_nn::ops::log_softmax(args[0], *axis)),
        Kernel::Moments => moments(args[0]),
        Kernel::Normalize(normalize) => {
            let mut channels = vec![1; args[0].rank()];
            channels[1] = args[0].dim(1)?;
            let by_channel = |t: &Tensor| t.reshape(channels.as_slice());
            let deviation = (by_channel(args[2])? + normalize.eps)?.sqrt()?;
            let mut y = args[0].broadcast_sub(&by_channel(args[1])?)?.broadcast_div(&deviation)?;
            if let (true, Some(scale), Some(shift)) = (normalize.affine, args.get(3), args.get(4)) {
                y = y.broadcast_mul(&by_channel(scale)?)?.broadcast_add(&by_channel(shift)?)?;
            }
            one(if normalize.relu { y.relu() } else { Ok(y) })
        }
        Kernel::Gather(axis) => {
            let list = args[1].flatten_all()?.to_dtype(DType::U32)?;
            one(args[0].contiguous()?.index_select(&list, *axis))
        }
        Kernel::Scatter(axis) => {
            let list = args[1].flatten_all()?.to_dtype(DType::U32)?;
            let zeros = Tensor::zeros(shape(0).dims(), DType::F64, &Device::Cpu)?;
            one(zeros.index_add(&list, &args[0].contiguous()?, *axis))
        }
        Kernel::Native(native) => {
            let data: Vec<Vec<f64>> = args.iter().map(|t| numbers(t)).collect::<Result<_, _>>()?;
            let shapes: Vec<&Shape> = step.args.iter().map(|&v| program.shape(v)).collect();
            let pairs = shapes.iter().zip(&data);
            let views: Vec<View<f64>> = pairs.map(|(shape, data)| View { shape, data }).collect();
            let outs = 0..step.outs.len();
            let mut results: Vec<Vec<f64>> = outs.map(|i| vec![0.0; shape(i).count()]).collect();
            let places = results.iter_mut().enumerate();
            let mut places: Vec<ViewMut<f64>> =
                places.map(|(i, data)| ViewMut { shape: shape(i), data }).collect();
            let mut work = vec![0.0; native.workspace(&shapes)];
            native.forward_f64(&views, &mut places, &mut work);
            results.into_iter().enumerate().map(|(i, data)| tensor(data, shape(i))).collect()
        }
        kernel => candle_core::bail!("`{}` is no step of a forward pass", kernel.name()),
    }
}

/// Mean and biased variance of every channel.
fn moments(x: &Tensor) -> candle_core::Result<Vec<Tensor>> {
    let axes: Vec<usize> = (0..x.rank()).filter(|&axis| axis != 1).collect();
    let count = (x.elem_count() / x.dim(1)?.max(1)) as f64;
    let mean = (x.sum_keepdim(axes.as_slice())? / count)?;
    let variance = (x.broadcast_sub(&mean)?.sqr()?.sum_keepdim(axes.as_slice())? / count)?;
    Ok(vec![mean, variance])
}

/// Local response normalisation across channels.
fn respond(lrn: &Lrn, x: &Tensor) -> candle_core::Result<Vec<Tensor>> {
    let channels = x.dim(1)?;
    let (squares, half) = (x.sqr()?, (lrn.size - 1) / 2);
    let mut scales = vec![];
    for channel in 0..channels {
        let first = channel.saturating_sub(half);
        let last = (channel + half + 1).min(channels);
        let sum = squares.narrow(1, first, last - first)?.sum_keepdim(1)?;
        scales.push(sum.affine(lrn.alpha, lrn.k)?);
    }
    let scale = Tensor::cat(&scales, 1)?;
    Ok(vec![(x * scale.powf(-lrn.beta)?)?, scale])
}
