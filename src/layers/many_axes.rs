//! Convolutions that no kernel has by itself: over more than three spatial axes, and with all taps at one place.

use crate::program::{Builder, ValueId};
use crate::window::{Axis, Conv};

/// Spatial axes that the kernels know.
pub(super) const KERNEL_AXES: usize = 3;

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
    let mut swapped: Vec<usize> = (0..shape.rank()).collect();
    swapped.swap(1, 2);
    let mut sum = None;
    for tap in 0..axis.kernel {
        let part = b.strided_slice(padded, 2, tap * axis.dilation, axis.stride, windows);
        let part = b.transpose(part, &swapped);
        let mut dims = vec![images * windows];
        dims.extend(&b.shape(part).dims()[2..]);
        let part = b.view(part, dims);
        let filter = b.slice(weight, 2, tap, 1);
        let mut dims = b.shape(filter).dims().to_vec();
        dims.remove(2);
        let filter = b.view(filter, dims);
        // The bias counts once.
        let bias = bias.filter(|_| tap == 0);
        let y = convolve(b, part, filter, bias, inner.clone());
        sum = Some(sum.map_or(y, |sum| b.add(sum, y)));
    }
    let sum = sum.expect("a window has a tap");
    let mut dims = vec![images, windows];
    dims.extend(&b.shape(sum).dims()[1..]);
    let sum = b.view(sum, dims);
    b.transpose(sum, &swapped)
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
