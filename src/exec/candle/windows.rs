//! Convolution and pooling with candle: by its own convolution where that has the geometry, else tap by tap, where a tap is
//! the tensor of the elements that one place of the window sees.

use candle_core::{Device, Result, Tensor};

use super::{places, spread};
use crate::window::{Axis, Conv, Pool};

/// What one place of all windows sees: `x` is padded, `tap` the place along each axis.
fn seen(x: &Tensor, axes: &[Axis], tap: &[usize], outs: &[usize]) -> Result<Tensor> {
    let mut t = x.contiguous()?;
    for (i, axis) in axes.iter().enumerate() {
        let places = places(tap[i] * axis.dilation, axis.stride, outs[i])?;
        t = t.index_select(&places, 2 + i)?;
    }
    Ok(t)
}

/// The places of a window, the last axis fastest.
fn taps(axes: &[Axis]) -> Vec<Vec<usize>> {
    axes.iter().fold(vec![vec![]], |taps, axis| {
        let longer = |tap: &Vec<usize>| {
            let tap = tap.clone();
            (0..axis.kernel).map(move |k| [&tap[..], &[k]].concat())
        };
        taps.iter().flat_map(longer).collect()
    })
}

/// `x` with padding before, and as much behind as the windows reach.
fn padded(x: &Tensor, axes: &[Axis], outs: &[usize]) -> Result<Tensor> {
    let mut t = x.clone();
    for (i, axis) in axes.iter().enumerate() {
        let have = axis.pad_before + t.dim(2 + i)?;
        let need = outs[i].saturating_sub(1) * axis.stride + axis.reach();
        t = t.pad_with_zeros(2 + i, axis.pad_before, need.saturating_sub(have))?;
    }
    Ok(t)
}

/// The weights of one tap of one group, outputs x channels of the group.
fn weights(w: &Tensor, tap: &[usize], group: usize, outputs: usize) -> Result<Tensor> {
    let mut t = w.narrow(0, group * outputs, outputs)?;
    for &k in tap {
        t = t.narrow(2, k, 1)?.squeeze(2)?;
    }
    t.contiguous()
}

fn with_bias(y: Tensor, bias: Option<&&Tensor>) -> Result<Tensor> {
    let Some(bias) = bias else { return Ok(y) };
    let mut dims = vec![1; y.rank()];
    dims[1] = bias.elem_count();
    y.broadcast_add(&bias.reshape(dims)?)
}

/// `x, w[, bias]` to the outputs of all windows.
pub(super) fn convolve(conv: &Conv, args: &[&Tensor], dims: &[usize]) -> Result<Tensor> {
    let (x, w) = (args[0], args[1]);
    if let [high, wide] = conv.axes[..]
        && (high.stride, high.dilation) == (wide.stride, wide.dilation)
        && [high.pad_after, wide.pad_before, wide.pad_after] == [high.pad_before; 3]
    {
        let y = x.conv2d(w, high.pad_before, high.stride, high.dilation, conv.group)?;
        return with_bias(y, args.get(2));
    }
    let (channels, outputs) = (x.dim(1)? / conv.group, dims[1] / conv.group);
    let columns = dims[2..].iter().product::<usize>();
    let x = padded(x, &conv.axes, &dims[2..])?;
    let mut groups = vec![];
    for group in 0..conv.group {
        let x = x.narrow(1, group * channels, channels)?;
        let mut sum = Tensor::zeros((dims[0], outputs, columns), x.dtype(), &Device::Cpu)?;
        for tap in taps(&conv.axes) {
            let seen = seen(&x, &conv.axes, &tap, &dims[2..])?;
            let seen = seen.reshape((dims[0], channels, columns))?;
            sum = (sum + weights(w, &tap, group, outputs)?.broadcast_matmul(&seen)?)?;
        }
        groups.push(sum);
    }
    with_bias(Tensor::cat(&groups, 1)?.reshape(dims)?, args.get(2))
}

/// `dy, w[, bias]` to the blob whose convolution has the shape of `dy`, each tap put back where it was seen.
pub(super) fn deconvolve(conv: &Conv, args: &[&Tensor], dims: &[usize]) -> Result<Tensor> {
    let (dy, w) = (args[0], args[1]);
    let (channels, outputs) = (dims[1] / conv.group, dy.dim(1)? / conv.group);
    let windows = dy.dims()[2..].to_vec();
    let columns = windows.iter().product::<usize>();
    let mut groups = vec![];
    for group in 0..conv.group {
        let dy = dy.narrow(1, group * outputs, outputs)?.reshape((dims[0], outputs, columns))?;
        let mut sum: Option<Tensor> = None;
        for tap in taps(&conv.axes) {
            let part =
                weights(w, &tap, group, outputs)?.t()?.contiguous()?.broadcast_matmul(&dy)?;
            let mut part = part.reshape([&[dims[0], channels], &windows[..]].concat())?;
            for (i, axis) in conv.axes.iter().enumerate() {
                let reached = windows[i].saturating_sub(1) * axis.stride + axis.reach();
                let extent = reached.max(axis.pad_before + dims[2 + i]);
                part = spread(&part, 2 + i, (tap[i] * axis.dilation, axis.stride, extent))?;
            }
            sum = Some(match sum {
                Some(sum) => (sum + part)?,
                None => part,
            });
        }
        let mut sum = sum.ok_or_else(|| candle_core::Error::Msg("a window of nothing".into()))?;
        for (i, axis) in conv.axes.iter().enumerate() {
            sum = sum.narrow(2 + i, axis.pad_before, dims[2 + i])?;
        }
        groups.push(sum);
    }
    with_bias(Tensor::cat(&groups, 1)?, args.get(2))
}

/// The taps of every channel one after the other, as channels.
pub(super) fn columns(conv: &Conv, x: &Tensor, dims: &[usize]) -> Result<Tensor> {
    let x = padded(x, &conv.axes, &dims[2..])?;
    let taps = taps(&conv.axes);
    let seen = taps.iter().map(|tap| seen(&x, &conv.axes, tap, &dims[2..]));
    Tensor::stack(&seen.collect::<Result<Vec<_>>>()?, 2)?.reshape(dims)
}

/// The largest of each window and its place, `h W + w`; -FLT_MAX and -1 for a window without elements.
pub(super) fn maxima(pool: &Pool, x: &Tensor, dims: &[usize]) -> Result<Vec<Tensor>> {
    let outs = &dims[2..];
    let (height, width) = (x.dim(2)?, x.dim(3)?);
    let inside = Tensor::ones(x.dims(), x.dtype(), &Device::Cpu)?;
    let (x, inside) = (padded(x, &pool.axes, outs)?, padded(&inside, &pool.axes, outs)?);
    let mut largest = Tensor::full(-f64::from(f32::MAX), dims, &Device::Cpu)?;
    let mut place = Tensor::full(-1.0, dims, &Device::Cpu)?;
    for tap in taps(&pool.axes) {
        let value = seen(&x, &pool.axes, &tap, outs)?;
        let there = seen(&inside, &pool.axes, &tap, outs)?;
        let better = (value.gt(&largest)? * there.gt(0.0)?)?;
        let mut at = vec![];
        for i in 0..outs[0] * outs[1] {
            let [h, w] = [i / outs[1], i % outs[1]];
            let [h, w] = [(0, h), (1, w)].map(|(axis, out)| {
                let Axis { stride, dilation, pad_before, .. } = pool.axes[axis];
                (out * stride + tap[axis] * dilation) as f64 - pad_before as f64
            });
            let inside = 0.0 <= h && h < height as f64 && 0.0 <= w && w < width as f64;
            at.push(if inside { h * width as f64 + w } else { -1.0 });
        }
        let at = Tensor::from_vec(at, (1, 1, outs[0], outs[1]), &Device::Cpu)?;
        largest = better.where_cond(&value, &largest)?;
        place = better.where_cond(&at.broadcast_as(dims)?.contiguous()?, &place)?;
    }
    Ok(vec![largest, place])
}

/// The mean of each window; the divisor counts padding if the pooling says so, but nothing beyond it.
pub(super) fn means(pool: &Pool, x: &Tensor, dims: &[usize]) -> Result<Tensor> {
    let outs = &dims[2..];
    let extents = [x.dim(2)?, x.dim(3)?];
    let counts = [0, 1].map(|i| {
        let Axis { kernel, stride, pad_before, pad_after, .. } = pool.axes[i];
        let count = |out: usize| {
            let start = (out * stride) as f64 - pad_before as f64;
            let (end, extent) = (start + kernel as f64, extents[i] as f64);
            match pool.count_pad {
                true => end.min(extent + pad_after as f64) - start,
                false => end.min(extent) - start.max(0.0),
            }
        };
        (0..outs[i]).map(count).collect::<Vec<f64>>()
    });
    let pairs = counts[0].iter().flat_map(|h| counts[1].iter().map(move |w| h * w)).collect();
    let divisor = Tensor::from_vec(pairs, (1, 1, outs[0], outs[1]), &Device::Cpu)?;
    let x = padded(x, &pool.axes, outs)?;
    let mut sum = Tensor::zeros(dims, x.dtype(), &Device::Cpu)?;
    for tap in taps(&pool.axes) {
        sum = (sum + seen(&x, &pool.axes, &tap, outs)?)?;
    }
    sum.broadcast_div(&divisor)
}
