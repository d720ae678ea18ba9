//! Convolution with a window for each channel, and its gradients, by direct loops: all channels of a pixel at a time.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::Way;
use super::then::{After, Then};
use crate::exec::cpu::conv::Shape;
use crate::exec::cpu::tasks::{Shared, for_each};
use crate::program::Kernel;
use crate::real::{Real, load_some, store_some, with_simd};
use crate::window::Axis;

/// Elements that a task computes, at least.
const CHUNK: usize = 16 * 1024;

/// Spans of rows whose part of the gradient to the weights is summed on its own.
const SPANS: usize = 8;

/// Writes the weights, `C x 1 x kernel`, with their channels last.
pub fn depthwise_pack<T: Real>(shape: &Shape, w: &[T], packed: &mut [T]) {
    let (channels, taps) = (shape.channels, shape.windows.taps());
    assert!(w.len() == channels * taps && w.len() <= packed.len(), "{} weights", w.len());
    for (tap, to) in packed[..w.len()].chunks_exact_mut(channels).enumerate() {
        to.iter_mut().enumerate().for_each(|(channel, to)| *to = w[channel * taps + tap]);
    }
}

/// The convolution of `x`, or its gradient to the input where `x` is that to the result, with weights from [`depthwise_pack`],
/// and what follows it.
pub fn depthwise<T: Real>(
    shape: &Shape,
    way: Way,
    x: &[T],
    packed: &[T],
    then: Then<T>,
    y: &mut [T],
) {
    let windows = &shape.windows;
    let (source, target) = match way {
        Way::Forward => (windows.input, windows.output),
        Way::Input => (windows.output, windows.input),
    };
    let of = |extents: [usize; 3]| shape.batch * extents[1] * extents[2] * shape.channels;
    assert!(x.len() == of(source) && y.len() == of(target), "blobs of {shape:?}");
    assert!(shape.channels * windows.taps() <= packed.len(), "{} packed weights", packed.len());
    let after = then.on(y, shape.channels);
    let y = &Shared::new(y);
    let rows = shape.batch * target[1];
    let each = CHUNK.div_ceil((target[2] * shape.channels).max(1));
    for_each(rows.div_ceil(each), |task| {
        let rows = task * each..((task + 1) * each).min(rows);
        with_simd(Rows { shape, way, rows, source, target, x, packed, after, y });
    });
}

/// The tap of a window and the pixel under it.
type Meeting = (usize, usize);

/// The taps along an axis that reach pixel `at` of the target, each with the pixel of the source, of `extent`, that it reads.
#[inline(always)]
fn meetings(
    axis: &Axis,
    way: Way,
    at: usize,
    extent: usize,
    found: &mut [Meeting; Kernel::DEPTHWISE_TAPS],
) -> usize {
    let mut count = 0;
    for tap in 0..axis.kernel {
        let pixel = match way {
            Way::Forward => (at * axis.stride + tap * axis.dilation).checked_sub(axis.pad_before),
            Way::Input => (at + axis.pad_before)
                .checked_sub(tap * axis.dilation)
                .filter(|pixel| pixel.is_multiple_of(axis.stride))
                .map(|pixel| pixel / axis.stride),
        };
        if let Some(pixel) = pixel.filter(|&pixel| pixel < extent) {
            found[count] = (tap, pixel);
            count += 1;
        }
    }
    count
}

/// Some rows of the target, counted over all images.
struct Rows<'a, T> {
    shape: &'a Shape,
    way: Way,
    rows: Range<usize>,
    source: [usize; 3],
    target: [usize; 3],
    x: &'a [T],
    packed: &'a [T],
    after: After<'a, T>,
    y: &'a Shared<'a, T>,
}

impl<T: Real> WithSimd for Rows<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Rows { shape, way, rows, source, target, x, packed, after, y } = self;
        let [_, h, w] = shape.windows.axes;
        let (channels, lanes) = (shape.channels, T::lanes::<S>());
        let nothing = T::splat(simd, T::ZERO);
        let mut down = [(0, 0); Kernel::DEPTHWISE_TAPS];
        let mut across = [(0, 0); Kernel::DEPTHWISE_TAPS];
        let mut taps = [(0, 0); Kernel::DEPTHWISE_TAPS];
        for line in rows {
            let (image, row) = (line / target[1], line % target[1]);
            let down_count = meetings(&h, way, row, source[1], &mut down);
            for column in 0..target[2] {
                let across_count = meetings(&w, way, column, source[2], &mut across);
                let mut count = 0;
                for (i, line) in &down[..down_count] {
                    for (j, pixel) in &across[..across_count] {
                        let at = (image * source[1] + line) * source[2] + pixel;
                        taps[count] = ((i * w.kernel + j) * channels, at * channels);
                        count += 1;
                    }
                }
                let at = (line * target[2] + column) * channels;
                for first in (0..channels).step_by(lanes) {
                    let len = lanes.min(channels - first);
                    // SAFETY: all blobs, weights and the bias have all channels, and every row is in one task.
                    unsafe {
                        let mut sum = match after.bias {
                            Some(bias) => load_some::<T, S>(simd, bias[first..].as_ptr(), len),
                            None => nothing,
                        };
                        for &(tap, pixel) in &taps[..count] {
                            let x = load_some::<T, S>(simd, x.as_ptr().add(pixel + first), len);
                            let w = load_some::<T, S>(simd, packed.as_ptr().add(tap + first), len);
                            sum = T::mul_add(simd, x, w, sum);
                        }
                        if let Some(addend) = after.addend {
                            let more = load_some::<T, S>(simd, addend.add(at + first), len);
                            sum = T::vector_add(simd, sum, more);
                        }
                        if after.relu {
                            // In this order a NaN stays one.
                            sum = T::vector_max(simd, nothing, sum);
                        }
                        if let Some(mask) = after.mask {
                            let mask = load_some::<T, S>(simd, mask[at + first..].as_ptr(), len);
                            sum = T::vector_mask(simd, mask, sum);
                        }
                        store_some::<T, S>(y.pointer(at + first), len, sum);
                    }
                }
            }
        }
    }
}

/// Elements of workspace of [`depthwise_weight_gradient`].
pub fn depthwise_weight_gradient_workspace(shape: &Shape) -> usize {
    SPANS * shape.weight_len()
}

/// The gradient to the weights, `C x 1 x kernel`, of a convolution of `x` with the gradient `dy` to its result.
pub fn depthwise_weight_gradient<T: Real>(
    shape: &Shape,
    x: &[T],
    dy: &[T],
    dw: &mut [T],
    work: &mut [T],
) {
    let (channels, taps) = (shape.channels, shape.windows.taps());
    assert!(x.len() == shape.input_len() && dy.len() == shape.output_len(), "blobs of {shape:?}");
    assert!(dw.len() == channels * taps, "{} weights for {shape:?}", dw.len());
    let rows = shape.batch * shape.windows.output[1];
    let (work, _) = work.split_at_mut(SPANS * dw.len());
    let each = dw.len();
    let sums = &Shared::new(work);
    for_each(SPANS, |span| {
        let rows = rows * span / SPANS..rows * (span + 1) / SPANS;
        // SAFETY: every span has its own part.
        let sums = unsafe { sums.slice(span * each..(span + 1) * each) };
        sums.fill(T::ZERO);
        with_simd(Weights { shape, rows, x, dy, sums });
    });
    for tap in 0..taps {
        for channel in 0..channels {
            let part = |span: usize| work[span * each + tap * channels + channel];
            dw[channel * taps + tap] = (1..SPANS).fold(part(0), |sum, span| sum + part(span));
        }
    }
}

/// What some rows of the output, counted over all images, add to the gradient: `taps x channels`.
struct Weights<'a, T> {
    shape: &'a Shape,
    rows: Range<usize>,
    x: &'a [T],
    dy: &'a [T],
    sums: &'a mut [T],
}

impl<T: Real> WithSimd for Weights<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Weights { shape, rows, x, dy, sums } = self;
        let [_, h, w] = shape.windows.axes;
        let (input, output) = (shape.windows.input, shape.windows.output);
        let (channels, lanes) = (shape.channels, T::lanes::<S>());
        let mut down = [(0, 0); Kernel::DEPTHWISE_TAPS];
        for line in rows {
            let (image, row) = (line / output[1], line % output[1]);
            let count = meetings(&h, Way::Forward, row, input[1], &mut down);
            for &(i, source) in &down[..count] {
                for j in 0..w.kernel {
                    // The columns whose tap is inside the image.
                    let tap = j * w.dilation;
                    let low = w.pad_before.saturating_sub(tap).div_ceil(w.stride);
                    let high = (input[2] + w.pad_before).saturating_sub(tap).div_ceil(w.stride);
                    let columns = low..high.min(output[2]);
                    if columns.is_empty() {
                        continue;
                    }
                    let pixel = low * w.stride + tap - w.pad_before;
                    let from = ((image * input[1] + source) * input[2] + pixel) * channels;
                    let to = (line * output[2] + low) * channels;
                    for first in (0..channels).step_by(lanes) {
                        let len = lanes.min(channels - first);
                        let at = (i * w.kernel + j) * channels + first;
                        // SAFETY: all pixels and sums have all channels.
                        unsafe {
                            let mut sum = load_some::<T, S>(simd, sums[at..].as_ptr(), len);
                            for column in 0..columns.len() {
                                let x = x.as_ptr().add(from + column * w.stride * channels + first);
                                let dy = dy.as_ptr().add(to + column * channels + first);
                                let x = load_some::<T, S>(simd, x, len);
                                let dy = load_some::<T, S>(simd, dy, len);
                                sum = T::mul_add(simd, x, dy, sum);
                            }
                            store_some::<T, S>(sums[at..].as_mut_ptr(), len, sum);
                        }
                    }
                }
            }
        }
    }
}
