//! Convolution with a window for each channel, and its gradients, by direct loops: all channels of a pixel at a time.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::Way;
use super::then::{After, Then};
use crate::exec::cpu::conv::Shape;
use crate::exec::cpu::tasks::{Shared, for_each};
use crate::program::Kernel;
use crate::real::{Real, load_some, store_some, vectorize, with_simd};
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

/// Pixels of a row whose sums have the same taps.
struct Block<'a> {
    /// Where the first begins in the target, and how far it is to the next there and in the source.
    at: usize,
    every: usize,
    step: usize,
    /// Where taps begin among the weights, and what they read of the source for the first pixel.
    taps: &'a [(usize, usize)],
}

impl<T: Real> WithSimd for Rows<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Rows { shape, way, rows, source, target, .. } = &self;
        let [_, h, w] = shape.windows.axes;
        let channels = shape.channels;
        let mut down = [(0, 0); Kernel::DEPTHWISE_TAPS];
        let mut across = [(0, 0); Kernel::DEPTHWISE_TAPS];
        let mut taps = [(0, 0); Kernel::DEPTHWISE_TAPS];
        // Columns so far apart have the same taps, if these lie inside of the source; pixels under them are so far apart.
        let (every, step) = match way {
            Way::Forward => (1, w.stride),
            Way::Input => (w.stride, 1),
        };
        for line in rows.clone() {
            let (image, row) = (line / target[1], line % target[1]);
            let down_count = meetings(&h, *way, row, source[1], &mut down);
            for first in 0..every.min(target[2]) {
                let mut column = first;
                while column < target[2] {
                    let across_count = meetings(&w, *way, column, source[2], &mut across);
                    let mut count = 0;
                    for (i, line) in &down[..down_count] {
                        for (j, pixel) in &across[..across_count] {
                            let at = (image * source[1] + line) * source[2] + pixel;
                            taps[count] = ((i * w.kernel + j) * channels, at * channels);
                            count += 1;
                        }
                    }
                    let most = alike(&w, *way, column, *source, *target);
                    let block = Block {
                        at: (line * target[2] + column) * channels,
                        every: every * channels,
                        step: step * channels,
                        taps: &taps[..count],
                    };
                    // SAFETY: these pixels lie in the row, which is in one task, and have the same taps.
                    let pixels = unsafe {
                        match most {
                            8.. => self.pixels::<S, 8>(simd, &block),
                            4.. => self.pixels::<S, 4>(simd, &block),
                            2.. => self.pixels::<S, 2>(simd, &block),
                            _ => self.pixels::<S, 1>(simd, &block),
                        }
                    };
                    column += pixels * every;
                }
            }
        }
    }
}

/// How many columns from this one on have the same taps at even distances.
#[inline(always)]
fn alike(axis: &Axis, way: Way, column: usize, source: [usize; 3], target: [usize; 3]) -> usize {
    let reach = (axis.kernel.max(1) - 1) * axis.dilation;
    let (all, before, inside) = match way {
        // The last window inside of the source.
        Way::Forward => {
            let first = column * axis.stride;
            let room = (source[2] + axis.pad_before).checked_sub(first + reach + 1);
            let inside = room.map_or(0, |room| room / axis.stride + 1);
            (target[2] - column, first < axis.pad_before, inside)
        }
        // The last pixel whose windows all exist.
        Way::Input => {
            let last = (source[2].max(1) - 1) * axis.stride;
            let room = last.checked_sub(column + axis.pad_before);
            let inside = room.map_or(0, |room| room / axis.stride + 1);
            let all = (target[2] - column).div_ceil(axis.stride);
            (all, column + axis.pad_before < reach, inside)
        }
    };
    if before { 1 } else { inside.min(all).max(1) }
}

impl<T: Real> Rows<'_, T> {
    /// Computes the pixels of a block and says how many they are.
    ///
    /// # Safety
    /// All pixels that it names exist, those of the target in this task only.
    #[inline(always)]
    unsafe fn pixels<S: Simd, const N: usize>(&self, simd: S, block: &Block) -> usize {
        let (channels, lanes) = (self.shape.channels, T::lanes::<S>());
        let whole = channels / lanes * lanes;
        // SAFETY: promised by the caller; these are all channels of the pixels.
        unsafe {
            for first in (0..whole).step_by(lanes) {
                self.register::<S, N>(simd, block, first, lanes);
            }
            if whole < channels {
                self.register::<S, N>(simd, block, whole, channels - whole);
            }
        }
        N
    }

    /// Computes `len` channels of the pixels of a block, from the channel `first` on.
    ///
    /// # Safety
    /// As for [`Rows::pixels`], and the channels exist and fit a register.
    #[inline(always)]
    unsafe fn register<S: Simd, const N: usize>(
        &self,
        simd: S,
        block: &Block,
        first: usize,
        len: usize,
    ) {
        let Rows { x, packed, after, y, .. } = self;
        let nothing = T::splat(simd, T::ZERO);
        // SAFETY: promised by the caller; weights and the bias have all channels.
        unsafe {
            let bias = match after.bias {
                Some(bias) => load_some::<T, S>(simd, bias.as_ptr().add(first), len),
                None => nothing,
            };
            let mut sums = [bias; N];
            let (x, packed) = (x.as_ptr().add(first), packed.as_ptr().add(first));
            for &(tap, pixel) in block.taps {
                let w = load_some::<T, S>(simd, packed.add(tap), len);
                for (i, sum) in sums.iter_mut().enumerate() {
                    let x = load_some::<T, S>(simd, x.add(pixel + i * block.step), len);
                    *sum = T::mul_add(simd, x, w, *sum);
                }
            }
            for (i, mut sum) in sums.into_iter().enumerate() {
                let at = block.at + i * block.every + first;
                if let Some(addend) = after.addend {
                    let more = load_some::<T, S>(simd, addend.add(at), len);
                    sum = T::vector_add(simd, sum, more);
                }
                if after.relu {
                    // In this order a NaN stays one.
                    sum = T::vector_max(simd, nothing, sum);
                }
                if let Some(mask) = after.mask {
                    let mask = load_some::<T, S>(simd, mask.as_ptr().add(at), len);
                    sum = T::vector_mask(simd, mask, sum);
                }
                store_some::<T, S>(y.pointer(at), len, sum);
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
    let (sums, others) = work.split_at_mut(each);
    vectorize(
        #[inline(always)]
        || {
            for more in others.chunks_exact(each.max(1)) {
                sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += *more);
            }
        },
    );
    for (channel, to) in dw.chunks_exact_mut(taps.max(1)).enumerate() {
        to.iter_mut().enumerate().for_each(|(tap, to)| *to = sums[tap * channels + channel]);
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
    fn with_simd<S: Simd>(mut self, simd: S) {
        let [_, h, w] = self.shape.windows.axes;
        let (input, output) = (self.shape.windows.input, self.shape.windows.output);
        let (channels, lanes) = (self.shape.channels, T::lanes::<S>());
        let mut down = [(0, 0); Kernel::DEPTHWISE_TAPS];
        let mut taps = [(0, 0); Kernel::DEPTHWISE_TAPS];
        // The columns of a tap that lie inside of the image, and those of all taps.
        let inside = |tap: usize| {
            let tap = tap * w.dilation;
            let low = w.pad_before.saturating_sub(tap).div_ceil(w.stride);
            let high = (input[2] + w.pad_before).saturating_sub(tap).div_ceil(w.stride);
            low.min(output[2])..high.min(output[2])
        };
        let (low, high) = (inside(0).start, inside(w.kernel.max(1) - 1).end);
        for line in self.rows.clone() {
            let (image, row) = (line / output[1], line % output[1]);
            let down_count = meetings(&h, Way::Forward, row, input[1], &mut down);
            // Where the sums of taps are, and where the pixel under a tap of the first window would be.
            let mut count = 0;
            for &(i, source) in &down[..down_count] {
                for j in 0..w.kernel {
                    let pixel = (image * input[1] + source) * input[2] + j * w.dilation;
                    taps[count] = (i * w.kernel + j, pixel);
                    count += 1;
                }
            }
            let taps = &taps[..count];
            for first in (0..channels).step_by(lanes) {
                let len = lanes.min(channels - first);
                // SAFETY: the windows of all columns between have all their taps inside, those before and behind this one.
                unsafe {
                    if low < high {
                        let mut rest = taps;
                        while !rest.is_empty() {
                            let (line, columns) = (line, low..high);
                            let taken = match (rest.len(), len == lanes) {
                                (9.., true) => {
                                    self.add::<S, 9>(simd, line, columns, rest, first, lanes)
                                }
                                (6.., true) => {
                                    self.add::<S, 6>(simd, line, columns, rest, first, lanes)
                                }
                                (3.., true) => {
                                    self.add::<S, 3>(simd, line, columns, rest, first, lanes)
                                }
                                _ => self.add::<S, 1>(simd, line, columns, rest, first, len),
                            };
                            rest = &rest[taken..];
                        }
                    }
                    let bounds = low..high.max(low);
                    for (tap, one) in taps.iter().enumerate() {
                        let own = inside(tap % w.kernel);
                        let one = std::slice::from_ref(one);
                        let before = own.start..own.end.min(bounds.start);
                        let behind = own.start.max(bounds.end)..own.end;
                        for columns in [before, behind] {
                            if !columns.is_empty() {
                                self.add::<S, 1>(simd, line, columns, one, first, len);
                            }
                        }
                    }
                }
            }
        }
    }
}

impl<T: Real> Weights<'_, T> {
    /// Adds what some columns of a row contribute to the first taps of some, in `len` channels from `first` on. Says how many
    /// taps these are.
    ///
    /// # Safety
    /// The taps lie inside of the image for all of these columns, and the channels exist and fit a register.
    #[inline(always)]
    unsafe fn add<S: Simd, const N: usize>(
        &mut self,
        simd: S,
        line: usize,
        columns: Range<usize>,
        taps: &[Meeting],
        first: usize,
        len: usize,
    ) -> usize {
        let (channels, windows) = (self.shape.channels, &self.shape.windows);
        let w = windows.axes[2];
        let mut sums = [T::splat(simd, T::ZERO); N];
        let mut from = [std::ptr::null(); N];
        // SAFETY: promised by the caller.
        unsafe {
            for ((sum, from), &(tap, pixel)) in sums.iter_mut().zip(&mut from).zip(taps) {
                let at = tap * channels + first;
                *sum = load_some::<T, S>(simd, self.sums.as_ptr().add(at), len);
                let pixel = pixel + columns.start * w.stride - w.pad_before;
                *from = self.x.as_ptr().add(pixel * channels + first);
            }
            let start = (line * windows.output[2] + columns.start) * channels + first;
            let mut dy = self.dy.as_ptr().add(start);
            for column in 0..columns.len() {
                let gradient = load_some::<T, S>(simd, dy, len);
                let at = column * w.stride * channels;
                for (sum, from) in sums.iter_mut().zip(&from) {
                    let x = load_some::<T, S>(simd, from.add(at), len);
                    *sum = T::mul_add(simd, x, gradient, *sum);
                }
                dy = dy.wrapping_add(channels);
            }
            for (sum, &(tap, _)) in sums.into_iter().zip(taps) {
                let at = tap * channels + first;
                store_some::<T, S>(self.sums.as_mut_ptr().add(at), len, sum);
            }
        }
        N
    }
}
