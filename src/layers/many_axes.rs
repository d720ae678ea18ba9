//! Convolutions, their adjoints and their windows that no kernel has by itself: over more than three spatial axes, and with
//! all taps at one place.

use crate::program::{Builder, ValueId};
use crate::window::{Axis, Conv};

/// Spatial axes that the kernels know.
const KERNEL_AXES: usize = 3;

/// A convolution of `N x C x spatial` with filters, over any number of axes.
///
/// Of more than three axes the first one is taken apart: windows along it count as images of a batch, and the results for
/// each of its taps are added.
pub(super) fn convolve(
    b: &mut Builder,
    x: ValueId,
    weight: ValueId,
    bias: Option<ValueId>,
    conv: Conv,
) -> ValueId {
    let (weight, conv) = spread_taps(b, weight, conv);
    let [axis, rest @ ..] = &conv.axes[..] else { return b.conv(x, weight, bias, conv) };
    if rest.len() < KERNEL_AXES {
        return b.conv(x, weight, bias, conv);
    }
    let shape = b.shape(x).clone();
    let (images, extent) = (shape.dims()[0], shape.dims()[2]);
    let windows = axis.convolved(extent).expect("infer has approved the window");
    let padded = b.pad(x, 2, axis.pad_before, axis.pad_before + extent + axis.pad_after);
    let inner = Conv { axes: rest.to_vec(), group: conv.group };
    let mut sum = None;
    for tap in 0..axis.kernel {
        let part = b.strided_slice(padded, 2, tap * axis.dilation, axis.stride, windows);
        let part = windows_as_images(b, part);
        let filter = tap_of(b, weight, tap);
        // The bias counts once.
        let bias = bias.filter(|_| tap == 0);
        let y = convolve(b, part, filter, bias, inner.clone());
        sum = Some(sum.map_or(y, |sum| b.add(sum, y)));
    }
    let sum = sum.expect("a window has a tap");
    images_as_windows(b, sum, images)
}

/// The adjoint of a convolution: from `N x C x windows` and filters to this shape, over any number of axes.
///
/// Of more than three axes the first one is taken apart likewise: what each of its taps gives lies among zeros, and is added.
pub(super) fn deconvolve(
    b: &mut Builder,
    x: ValueId,
    weight: ValueId,
    conv: Conv,
    shape: Vec<usize>,
) -> ValueId {
    let (weight, conv) = spread_taps(b, weight, conv);
    let [axis, rest @ ..] = &conv.axes[..] else { return b.deconv(x, weight, conv, shape.into()) };
    if rest.len() < KERNEL_AXES {
        return b.deconv(x, weight, conv, shape.into());
    }
    let dims = b.shape(x).dims().to_vec();
    let (images, windows) = (dims[0], dims[2]);
    let inner = Conv { axes: rest.to_vec(), group: conv.group };
    let part = windows_as_images(b, x);
    let mut inner_shape = vec![images * windows, shape[1]];
    inner_shape.extend(&shape[3..]);
    let extent = axis.pad_before + shape[2];
    let reached = axis.stride * (windows - 1) + axis.reach();
    let mut sum = None;
    for tap in 0..axis.kernel {
        let filter = tap_of(b, weight, tap);
        let y = deconvolve(b, part, filter, inner.clone(), inner_shape.clone());
        let y = images_as_windows(b, y, images);
        let place = (tap * axis.dilation, axis.stride);
        let y = b.spread(y, 2, place, extent.max(reached));
        sum = Some(sum.map_or(y, |sum| b.add(sum, y)));
    }
    let sum = sum.expect("a window has a tap");
    b.slice(sum, 2, axis.pad_before, shape[2])
}

/// The windows of `N x C x spatial` as columns, `N x C·taps x windows`, over any number of axes; none has a dilation of 0.
pub(super) fn columns(b: &mut Builder, x: ValueId, conv: Conv) -> ValueId {
    let [axis, rest @ ..] = &conv.axes[..] else { return b.im2col(x, conv) };
    if rest.len() < KERNEL_AXES {
        return b.im2col(x, conv);
    }
    let dims = b.shape(x).dims().to_vec();
    let (images, channels, extent) = (dims[0], dims[1], dims[2]);
    let windows = axis.convolved(extent).expect("infer has approved the window");
    let padded = b.pad(x, 2, axis.pad_before, axis.pad_before + extent + axis.pad_after);
    let taps: usize = rest.iter().map(|axis| axis.kernel).product();
    let mut of_taps = vec![];
    for tap in 0..axis.kernel {
        let part = b.strided_slice(padded, 2, tap * axis.dilation, axis.stride, windows);
        let part = windows_as_images(b, part);
        let y = columns(b, part, Conv { axes: rest.to_vec(), group: conv.group });
        let places = b.shape(y).count() / (images * windows * channels * taps);
        let y = b.view(y, [images, windows, channels, taps, places]);
        let y = b.transpose(y, &[0, 2, 3, 1, 4]);
        of_taps.push(b.view(y, [images, channels, 1, taps, windows, places]));
    }
    let all = b.concat(&of_taps, 2);
    let places = b.shape(all).count_of(4..6);
    b.view(all, [images, channels * axis.kernel * taps, places])
}

/// `N x C x W x rest` as `N·W x C x rest`.
fn windows_as_images(b: &mut Builder, x: ValueId) -> ValueId {
    let part = b.transpose(x, &swapped(b.shape(x).rank()));
    let dims = b.shape(part).dims();
    let joined = [&[dims[0] * dims[1]][..], &dims[2..]].concat();
    b.view(part, joined)
}

/// The reverse for so many images.
fn images_as_windows(b: &mut Builder, y: ValueId, images: usize) -> ValueId {
    let dims = b.shape(y).dims();
    let apart = [&[images, dims[0] / images.max(1)][..], &dims[1..]].concat();
    let y = b.view(y, apart);
    b.transpose(y, &swapped(b.shape(y).rank()))
}

/// The order of axes with the second and the third exchanged.
fn swapped(rank: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..rank).collect();
    order.swap(1, 2);
    order
}

/// The filters of a tap of the first axis, over the others.
fn tap_of(b: &mut Builder, weight: ValueId, tap: usize) -> ValueId {
    let filter = b.slice(weight, 2, tap, 1);
    let mut dims = b.shape(filter).dims().to_vec();
    dims.remove(2);
    b.view(filter, dims)
}

/// Filters and a geometry without a dilation of 0, which puts all taps of an axis at one place: they count as one, the sum.
pub(super) fn spread_taps(b: &mut Builder, weight: ValueId, conv: Conv) -> (ValueId, Conv) {
    let alike: Vec<usize> = (0..conv.axes.len()).filter(|&i| conv.axes[i].dilation == 0).collect();
    if alike.is_empty() {
        return (weight, conv);
    }
    let axes: Vec<usize> = alike.iter().map(|i| i + 2).collect();
    (b.sum(weight, &axes), Conv { axes: dense(&conv.axes), ..conv })
}

/// The axes with a single tap where all are at one place.
pub(super) fn dense(axes: &[Axis]) -> Vec<Axis> {
    let one = |axis: &Axis| match axis.dilation {
        0 => Axis { kernel: 1, dilation: 1, ..*axis },
        _ => *axis,
    };
    axes.iter().map(one).collect()
}
