//! The gradient table: for every kernel, the steps that carry the gradient of its results to its arguments.

use super::composed::composed;
use super::expr::{Expr, arg, constant, select};
use super::kernel::{Kernel, ReduceOp};
use super::{Builder, Program, Step, ValueId};
use crate::ty::Shape;

/// Whether the gradient of a kernel's results reaches argument `i`.
pub(super) fn differentiable(kernel: &Kernel, i: usize) -> bool {
    match kernel {
        Kernel::Stop | Kernel::Fill(_) | Kernel::Random(..) => false,
        Kernel::Gather(_) | Kernel::Scatter(_) => i == 0,
        Kernel::Native(native) => native.differentiable(i),
        Kernel::Pointwise(f) => f.reads(i),
        Kernel::NativeGrad(..)
        | Kernel::PackConv(_)
        | Kernel::MatMulAdd { .. }
        | Kernel::PooledConv(..)
        | Kernel::PackTiles { .. }
        | Kernel::MaskedConv(_)
        | Kernel::NormalizeSum(_)
        | Kernel::TilesFilter(_)
        | Kernel::ChannelsLast(_)
        | Kernel::PooledConvInput(_)
        | Kernel::PooledConvFilter(_)
        | Kernel::MaxPoolGrad(_)
        | Kernel::LrnGrad(_)
        | Kernel::Moments
        | Kernel::NormalizeGrad(_)
        | Kernel::SoftmaxGrad(_)
        | Kernel::LogSoftmaxGrad(_) => false,
        Kernel::Normalize(_) => i == 0 || 2 < i,
        Kernel::FusedConv(fused) => !fused.packed,
        Kernel::Reduce(..)
        | Kernel::View
        | Kernel::Transpose(_)
        | Kernel::Slice { .. }
        | Kernel::Pad { .. }
        | Kernel::Concat(_)
        | Kernel::MatMul { .. }
        | Kernel::Conv(_)
        | Kernel::ConvInput(_)
        | Kernel::ConvFilter(_)
        | Kernel::Im2col(_)
        | Kernel::Col2im(_)
        | Kernel::MaxPool(_)
        | Kernel::AvePool(_)
        | Kernel::AvePoolGrad(_)
        | Kernel::Lrn(_)
        | Kernel::Softmax(_)
        | Kernel::LogSoftmax(_) => true,
    }
}

/// Whether a kernel is a gradient of another one and has none itself.
pub(super) fn ends(kernel: &Kernel) -> bool {
    matches!(
        kernel,
        Kernel::NativeGrad(..)
            | Kernel::MaxPoolGrad(_)
            | Kernel::LrnGrad(_)
            | Kernel::NormalizeGrad(_)
            | Kernel::SoftmaxGrad(_)
            | Kernel::LogSoftmaxGrad(_)
    )
}

/// The gradients of a step's arguments `wrt`, given those of its results; at least one of `douts` is there.
pub(super) fn gradients(
    b: &mut Builder,
    step: &Step,
    douts: &[Option<ValueId>],
    wrt: &[usize],
) -> Vec<(usize, ValueId)> {
    if let Kernel::Native(native) = &step.kernel {
        if let Some(parts) = native.rule(b, &step.args, douts) {
            return parts.into_iter().filter(|(i, _)| wrt.contains(i)).collect();
        }
        let mut args = step.args.clone();
        if native.gradient_reads_outputs() {
            args.extend(&step.outs);
        }
        for (dout, &out) in douts.iter().zip(&step.outs) {
            let shape = b.shape(out).clone();
            args.push(dout.unwrap_or_else(|| b.fill(0.0, shape)));
        }
        let kernel = Kernel::NativeGrad(native.clone(), wrt.to_vec());
        let outs = b.step(kernel, &args, None);
        return wrt.iter().copied().zip(outs).collect();
    }
    let Some(mut dy) = douts[0] else { return vec![] };
    if b.composes
        && let Some(parts) = composed(b, step, dy)
    {
        return parts.into_iter().filter(|(i, _)| wrt.contains(i)).collect();
    }
    if let &Kernel::Normalize(normalize) = &step.kernel {
        let args: Vec<ValueId> = step.args.iter().copied().chain([dy]).collect();
        let outs = b.step(Kernel::NormalizeGrad(normalize), &args, None);
        let place = |i: usize| if i == 0 { 0 } else { i - 2 };
        return wrt.iter().map(|&i| (i, outs[place(i)])).collect();
    }
    if matches!(&step.kernel, Kernel::FusedConv(fused) if fused.relu) {
        let passes = select(arg(0).gt(0.0), arg(1), constant(0.0));
        dy = b.map(&[step.outs[0], dy], &passes);
    }
    wrt.iter().filter_map(|&i| Some((i, one(b, step, dy, i)?))).collect()
}

/// The gradient of argument `i`, given that of the first result.
fn one(b: &mut Builder, step: &Step, dy: ValueId, i: usize) -> Option<ValueId> {
    let args = &step.args;
    let shape = b.shape(args[i]).clone();
    let told = |b: &mut Builder, kernel: Kernel, args: &[ValueId]| {
        Some(b.step(kernel, args, Some(shape.clone()))[0])
    };
    match &step.kernel {
        Kernel::Pointwise(f) => {
            let dx = match f.output_derivative() {
                Some(d) => b.map(&[step.outs[0], dy], &(d.expr() * arg(1))),
                None => {
                    let derivative = f.expr().derivative(i);
                    map_read(b, args, dy, &derivative)?
                }
            };
            Some(sum_to(b, dx, &shape))
        }
        Kernel::Reduce(ReduceOp::Sum | ReduceOp::SumByPart(_), _) => Some(b.repeat(dy, shape)),
        Kernel::Reduce(ReduceOp::Max, _) => {
            let chosen = arg(0).equals(arg(1)) * arg(2);
            Some(b.map(&[args[0], step.outs[0], dy], &chosen))
        }
        Kernel::View => Some(b.view(dy, shape)),
        Kernel::Transpose(perm) => {
            let mut inverse = vec![0; perm.len()];
            for (to, &from) in perm.iter().enumerate() {
                inverse[from] = to;
            }
            Some(b.transpose(dy, &inverse))
        }
        &Kernel::Slice { axis, start, step } => told(b, Kernel::Pad { axis, start, step }, &[dy]),
        &Kernel::Pad { axis, start, step } => told(b, Kernel::Slice { axis, start, step }, &[dy]),
        &Kernel::Concat(axis) => {
            let start = args[..i].iter().map(|&a| b.shape(a).0[axis]).sum();
            Some(b.slice(dy, axis, start, shape.0[axis]))
        }
        &Kernel::MatMul { trans_a, trans_b } => Some(match i {
            0 if trans_a => b.matmul(args[1], trans_b, dy, true, None),
            0 => b.matmul(dy, false, args[1], !trans_b, None),
            1 if trans_b => b.matmul(dy, true, args[0], trans_a, None),
            1 => b.matmul(args[0], !trans_a, dy, false, None),
            _ => sum_keeping(b, dy, b.shape(dy).rank() - 1, shape),
        }),
        Kernel::Conv(conv) => match i {
            0 => told(b, Kernel::ConvInput(conv.clone()), &[dy, args[1]]),
            1 => told(b, Kernel::ConvFilter(conv.clone()), &[args[0], dy]),
            _ => Some(sum_keeping(b, dy, 1, shape)),
        },
        Kernel::FusedConv(fused) => match i {
            0 => told(b, Kernel::ConvInput(fused.conv.clone()), &[dy, args[1]]),
            1 => told(b, Kernel::ConvFilter(fused.conv.clone()), &[args[0], dy]),
            2 if fused.bias => Some(sum_keeping(b, dy, 1, shape)),
            _ => Some(dy),
        },
        Kernel::ConvInput(conv) => match i {
            0 => told(b, Kernel::Conv(conv.clone()), &[dy, args[1]]),
            _ => told(b, Kernel::ConvFilter(conv.clone()), &[dy, args[0]]),
        },
        Kernel::ConvFilter(conv) => match i {
            0 => told(b, Kernel::ConvInput(conv.clone()), &[args[1], dy]),
            _ => told(b, Kernel::Conv(conv.clone()), &[args[0], dy]),
        },
        Kernel::Im2col(conv) => told(b, Kernel::Col2im(conv.clone()), &[dy]),
        Kernel::Col2im(conv) => told(b, Kernel::Im2col(conv.clone()), &[dy]),
        Kernel::MaxPool(pool) => told(b, Kernel::MaxPoolGrad(pool.clone()), &[dy, step.outs[1]]),
        Kernel::AvePool(pool) => told(b, Kernel::AvePoolGrad(pool.clone()), &[dy]),
        Kernel::AvePoolGrad(pool) => told(b, Kernel::AvePool(pool.clone()), &[dy]),
        Kernel::Lrn(lrn) => {
            let args = [args[0], step.outs[0], step.outs[1], dy];
            told(b, Kernel::LrnGrad(*lrn), &args)
        }
        &Kernel::Softmax(axis) => told(b, Kernel::SoftmaxGrad(axis), &[step.outs[0], dy]),
        &Kernel::LogSoftmax(axis) => told(b, Kernel::LogSoftmaxGrad(axis), &[step.outs[0], dy]),
        &Kernel::Gather(axis) => told(b, Kernel::Scatter(axis), &[dy, args[1]]),
        &Kernel::Scatter(axis) => told(b, Kernel::Gather(axis), &[dy, args[1]]),
        kernel => unreachable!("nothing differentiates {kernel:?}"),
    }
}

/// `derivative · dy` with only the arguments that the derivative reads; nothing if it is 0.
fn map_read(b: &mut Builder, args: &[ValueId], dy: ValueId, derivative: &Expr) -> Option<ValueId> {
    let read = super::expr::PointFn::new(derivative);
    if read.ops == [super::expr::PointOp::Const(0.0)] {
        return None;
    }
    if read.ops == [super::expr::PointOp::Const(1.0)] {
        return Some(dy);
    }
    let mut kept: Vec<ValueId> = vec![];
    let mut places = vec![];
    for (i, &a) in args.iter().enumerate() {
        places.push(arg(kept.len()));
        if read.reads(i) {
            kept.push(a);
        }
    }
    let product = derivative.substitute(&places) * arg(kept.len());
    kept.push(dy);
    Some(b.map(&kept, &product))
}

/// Sums over the axes along which an argument of this shape was repeated.
fn sum_to(b: &mut Builder, dx: ValueId, shape: &Shape) -> ValueId {
    let have = b.shape(dx).clone();
    let axes: Vec<usize> = (0..have.rank()).filter(|&i| shape.0[i] != have.0[i]).collect();
    if axes.is_empty() { dx } else { b.sum(dx, &axes) }
}

/// Sums over all axes but one and gives the result the shape of the bias it belongs to.
fn sum_keeping(b: &mut Builder, dy: ValueId, kept: usize, shape: Shape) -> ValueId {
    let axes: Vec<usize> = (0..b.shape(dy).rank()).filter(|&i| i != kept).collect();
    let sum = b.sum(dy, &axes);
    b.view(sum, shape)
}

/// The arguments of a step that something wanted reaches and that its results' gradients reach in turn.
pub(super) fn reachable(program: &Program, step: &Step, reached: &[bool]) -> Vec<usize> {
    let reaches = |i: &usize| {
        reached[step.args[*i].0 as usize]
            && differentiable(&step.kernel, *i)
            && program.shape(step.args[*i]).count() != 0
    };
    (0..step.args.len()).filter(reaches).collect()
}
