//! The shape rule of every kernel: from the shapes of the arguments to those of the results.
//!
//! Layers have rules of their own, in the user's words; lowering asserts that the two agree.

use super::{Kernel, ReduceOp};
use crate::ty::Shape;

/// The shapes of a kernel's results. `told` is the shape of the result where the arguments do not
/// determine it. The error is a sentence about a bug in a layer's lowering, never about user input.
pub fn infer(kernel: &Kernel, args: &[&Shape], told: Option<&Shape>) -> Result<Vec<Shape>, String> {
    let arg = |i: usize| args.get(i).copied().ok_or(format!("argument {i} is missing"));
    let must = || told.cloned().ok_or_else(|| "the result's shape was not told".to_string());
    let one = |shape: Shape| Ok(vec![shape]);
    match kernel {
        Kernel::Fill(_) | Kernel::Random(..) => one(must()?),
        Kernel::Pointwise(_) => match told {
            Some(shape) => {
                let all: Vec<&Shape> = args.iter().copied().chain([shape]).collect();
                one(broadcast(&all)?)
            }
            None => one(broadcast(args)?),
        },
        Kernel::Reduce(op, axes) => {
            let mut shape = arg(0)?.clone();
            if let ReduceOp::SumByPart(parts) = *op
                && (!axes.contains(&0) || parts == 0 || !shape.0[0].is_multiple_of(parts))
            {
                return Err(format!("{parts} parts of {shape} are not added up"));
            }
            for &axis in axes {
                *shape.0.get_mut(axis).ok_or("no such axis")? = 1;
            }
            one(shape)
        }
        Kernel::View | Kernel::Stop => {
            let shape = must()?;
            if shape.count() != arg(0)?.count() {
                return Err(format!("cannot view {} as {shape}", arg(0)?));
            }
            one(shape)
        }
        Kernel::Transpose(perm) => {
            let x = arg(0)?;
            let mut sorted = perm.clone();
            sorted.sort_unstable();
            if !sorted.iter().copied().eq(0..x.rank()) {
                return Err(format!("{perm:?} is no permutation of {} axes", x.rank()));
            }
            one(Shape(perm.iter().map(|&p| x.0[p]).collect()))
        }
        Kernel::Slice { axis, start, step } => {
            let (x, shape) = (arg(0)?, must()?);
            fits(x, &shape, *axis, *start, *step)?;
            one(shape)
        }
        Kernel::Pad { axis, start, step } => {
            let (x, shape) = (arg(0)?, must()?);
            fits(&shape, x, *axis, *start, *step)?;
            one(shape)
        }
        Kernel::Concat(axis) => {
            let first = arg(0)?;
            let mut total = 0;
            for x in args {
                if x.rank() != first.rank() || x.with(*axis, 0) != first.with(*axis, 0) {
                    return Err(format!("{x} does not continue {first}"));
                }
                total += x.0[*axis];
            }
            one(first.with(*axis, total))
        }
        Kernel::MatMul { trans_a, trans_b } => {
            let (a, b) = (arg(0)?, arg(1)?);
            let rank = a.rank();
            if rank < 2 || b.rank() != rank || a.0[..rank - 2] != b.0[..rank - 2] {
                return Err("operands are not batches of matrices of the same number".into());
            }
            let (mut m, mut k) = (a.0[rank - 2], a.0[rank - 1]);
            let (mut k2, mut n) = (b.0[rank - 2], b.0[rank - 1]);
            if *trans_a {
                (m, k) = (k, m);
            }
            if *trans_b {
                (k2, n) = (n, k2);
            }
            if k != k2 || args.get(2).is_some_and(|bias| bias.count() != n) {
                return Err(format!("inner extents {k} and {k2} differ"));
            }
            one(a.with(rank - 2, m).with(rank - 1, n))
        }
        &Kernel::MatMulAdd { trans_a, trans_b } => {
            let product =
                infer(&Kernel::MatMul { trans_a, trans_b }, args.get(..2).unwrap_or(args), told)?;
            match args.get(2) {
                Some(addend) if **addend == product[0] => Ok(product),
                _ => Err(format!("nothing like {} is added", product[0])),
            }
        }
        Kernel::Conv(conv) => {
            let (x, w) = (arg(0)?, arg(1)?);
            let mut dims = vec![x.0[0], w.0[0]];
            if x.rank() != conv.axes.len() + 2 || w.0[1] * conv.group != x.0[1] {
                return Err(format!("weights {w} do not fit an input {x}"));
            }
            for (i, axis) in conv.axes.iter().enumerate() {
                dims.push(axis.convolved(x.0[i + 2]).ok_or("the window does not fit")?);
            }
            one(Shape(dims))
        }
        Kernel::FusedConv(fused) => infer(&Kernel::Conv(fused.conv.clone()), args, told),
        Kernel::PooledConv(fused, pool) => {
            let (x, mut w) = (arg(0)?, arg(1)?.clone());
            if fused.tiled {
                let outputs = must()?.0.get(1).copied().ok_or("the result has no channels")?;
                w = fused.weights(&w, outputs);
            }
            let blobs = infer(&Kernel::Conv(fused.conv.clone()), &[x, &w], told)?;
            infer(&Kernel::MaxPool(pool.clone()), &[&blobs[0]], told)
        }
        Kernel::PackConv(_) | Kernel::PackTiles { .. } => one(arg(0)?.clone()),
        Kernel::ChannelsLast(kernel) => channels_last(kernel, args, told),
        Kernel::Moments => {
            let x = arg(0)?;
            let mut shape = Shape(vec![1; x.rank()]);
            shape.0[1] = *x.0.get(1).ok_or("there is no axis of channels")?;
            Ok(vec![shape.clone(), shape])
        }
        Kernel::Normalize(normalize) => {
            let (x, channels) = (arg(0)?, arg(0)?.0.get(1).copied());
            let count = if normalize.affine { 5 } else { 3 };
            let fits = args.len() == count && args[1..].iter().all(|a| Some(a.count()) == channels);
            if !fits {
                return Err(format!("the moments do not fit {x}"));
            }
            one(x.clone())
        }
        Kernel::NormalizeGrad(normalize) => match normalize.affine {
            true => Ok(vec![arg(0)?.clone(), arg(3)?.clone(), arg(4)?.clone()]),
            false => one(arg(0)?.clone()),
        },
        Kernel::ConvInput(_)
        | Kernel::ConvFilter(_)
        | Kernel::TilesFilter(_)
        | Kernel::PooledConvInput(_)
        | Kernel::PooledConvFilter(_)
        | Kernel::Col2im(_) => one(must()?),
        Kernel::Im2col(conv) => {
            let x = arg(0)?;
            let taps: usize = conv.axes.iter().map(|a| a.kernel).product();
            let mut dims = vec![x.0[0], x.0[1] * taps];
            for (i, axis) in conv.axes.iter().enumerate() {
                dims.push(axis.convolved(x.0[i + 2]).ok_or("the window does not fit")?);
            }
            one(Shape(dims))
        }
        Kernel::MaxPool(pool) | Kernel::AvePool(pool) => {
            let x = arg(0)?;
            if x.rank() != 4 {
                return Err(format!("pooling of {x}"));
            }
            let mut y = x.clone();
            for (i, axis) in pool.axes.iter().enumerate() {
                y.0[i + 2] =
                    axis.pooled(x.0[i + 2], pool.rounding).ok_or("the window does not fit")?;
            }
            let both = matches!(kernel, Kernel::MaxPool(_));
            Ok(if both { vec![y.clone(), y] } else { vec![y] })
        }
        Kernel::MaxPoolGrad(_) | Kernel::AvePoolGrad(_) | Kernel::Scatter(_) => one(must()?),
        Kernel::Lrn(_) => Ok(vec![arg(0)?.clone(), arg(0)?.clone()]),
        Kernel::LrnGrad(_)
        | Kernel::Softmax(_)
        | Kernel::SoftmaxGrad(_)
        | Kernel::LogSoftmax(_)
        | Kernel::LogSoftmaxGrad(_) => one(arg(0)?.clone()),
        Kernel::MaskedConv(_) | Kernel::NormalizeSum(_) => {
            Err("it is for channels that lie last".into())
        }
        Kernel::Gather(axis) => one(arg(0)?.with(*axis, arg(1)?.count())),
        Kernel::Native(native) => Ok(native.shapes(args)),
        Kernel::NativeGrad(_, wrt) => wrt.iter().map(|&i| arg(i).cloned()).collect(),
    }
}

/// The shapes of the results of a kernel on blobs whose channels lie last.
fn channels_last(
    kernel: &Kernel,
    args: &[&Shape],
    told: Option<&Shape>,
) -> Result<Vec<Shape>, String> {
    let (blobs, results) =
        kernel.blobs(args.len()).ok_or("no kernel for channels that lie last")?;
    if let Kernel::PackConv(conv) = kernel {
        let w = args.first().ok_or("there are no weights")?;
        return Ok(vec![Kernel::packed(conv, w)]);
    }
    if let &Kernel::PackTiles { turned } = kernel {
        let w = args.first().ok_or("there are no weights")?;
        let (outputs, channels) = if turned { (w.0[1], w.0[0]) } else { (w.0[0], w.0[1]) };
        return Ok(vec![Shape::from([36, channels, outputs.next_multiple_of(Kernel::PACKED)])]);
    }
    // What is added to a result, and what masks it, is as large as that.
    let added = match kernel {
        Kernel::MaskedConv(kernel) => Some((&**kernel, args.len().saturating_sub(2))),
        Kernel::NormalizeSum(n) => Some((&Kernel::Normalize(*n), args.len().saturating_sub(1))),
        _ => None,
    };
    if let Some((kernel, count)) = added {
        let outs = channels_last(kernel, &args[..count], told)?;
        let fits = args[count..].iter().all(|&arg| *arg == outs[0]);
        return if fits {
            Ok(outs)
        } else {
            Err(format!("what is added does not fit {}", outs[0]))
        };
    }
    let mut plain = vec![];
    for (arg, blob) in args.iter().zip(blobs) {
        if blob && arg.rank() != 4 {
            return Err(format!("{arg} has no channels that lie last"));
        }
        plain.push(if blob { arg.channels_first() } else { (*arg).clone() });
    }
    // The weights are wider than the result.
    if let Kernel::FusedConv(fused) = kernel {
        let told = told.ok_or("the result's shape was not told")?.channels_first();
        let outputs = *told.0.get(1).ok_or("the result has no channels")?;
        plain[1] = fused.weights(args[1], outputs);
    }
    let told = told.map(|told| if results[0] { told.channels_first() } else { told.clone() });
    let outs = infer(kernel, &plain.iter().collect::<Vec<_>>(), told.as_ref())?;
    let last = outs.into_iter().enumerate().map(|(i, out)| match results[i.min(1)] {
        true => out.channels_last(),
        false => out,
    });
    Ok(last.collect())
}

/// The shape that arguments of one rank, with extents equal or 1, have together.
fn broadcast(args: &[&Shape]) -> Result<Shape, String> {
    let mut shape = (*args.first().ok_or("no arguments")?).clone();
    for x in args {
        if x.rank() != shape.rank() {
            return Err(format!("{x} and {shape} have different ranks"));
        }
        for (have, &want) in shape.0.iter_mut().zip(&x.0) {
            if *have != want && *have != 1 && want != 1 {
                return Err(format!("extents {have} and {want} differ"));
            }
            if *have == 1 {
                *have = want;
            }
        }
    }
    Ok(shape)
}

fn fits(whole: &Shape, part: &Shape, axis: usize, start: usize, step: usize) -> Result<(), String> {
    let count = *part.0.get(axis).ok_or("no such axis")?;
    let last = start + step * count.saturating_sub(1);
    let inside = count == 0 || last < whole.0.get(axis).copied().unwrap_or(0);
    if !inside || part.with(axis, 0) != whole.with(axis, 0) {
        return Err(format!("{part} from {start} is no part of {whole} along axis {axis}"));
    }
    Ok(())
}
