//! Convolution with a window for each channel, and its gradients, by direct loops: pixels side by side whose windows have the
//! same taps, a register of channels after the other.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::Way;
use super::then::{After, Then};
use crate::exec::cpu::conv::Shape;
use crate::exec::cpu::past;
use crate::exec::cpu::tasks::{Shared, for_each, for_each_range};
use crate::program::Kernel;
use crate::real::{LINE, Real, load_some, prefetch, store_past, store_some, vectorize, with_simd};
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
    let line = shape.channels * size_of::<T>();
    let aligned = (y.as_ptr() as usize).is_multiple_of(64) && line.is_multiple_of(64);
    let past = aligned && past::is_large(y);
    let y = &Shared::new(y);
    let each = CHUNK.div_ceil((target[2] * shape.channels).max(1));
    for_each_range(shape.batch * target[1], each, |rows| {
        with_simd(Rows { shape, way, rows, source, target, x, packed, after, y, past });
        if past {
            past::fence();
        }
    });
}

/// The tap of a window and the pixel under it.
type Meeting = (usize, usize);

/// The taps along an axis that reach pixel `at` of the target, each with the pixel of the source, of `extent`, that it reads.
#[inline(always)]
fn meetings<'a>(
    axis: &Axis,
    way: Way,
    at: usize,
    extent: usize,
    found: &'a mut [Meeting; Kernel::DEPTHWISE_TAPS],
) -> &'a [Meeting] {
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
    &found[..count]
}

/// The taps of a window that are among these rows and these columns: where each begins in the weights, whose rows are
/// `extents[1]` long, and the pixel under it in the source, whose rows are `extents[0]` long and begin with `row`.
#[inline(always)]
fn pairs<'a>(
    down: &[Meeting],
    across: &[Meeting],
    (row, extents): (usize, [usize; 2]),
    channels: usize,
    found: &'a mut [Meeting; Kernel::DEPTHWISE_TAPS],
) -> &'a [Meeting] {
    let mut count = 0;
    for (i, line) in down {
        for (j, pixel) in across {
            let at = (row + line) * extents[0] + pixel;
            found[count] = ((i * extents[1] + j) * channels, at * channels);
            count += 1;
        }
    }
    &found[..count]
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
    /// Whether results are written past the caches.
    past: bool,
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
        // Rows of the source that are asked for while others are computed.
        let asked = match way {
            _ if !past::is_large(self.x) => 0,
            Way::Forward => h.stride,
            Way::Input => 1,
        };
        for line in rows.clone() {
            let (image, row) = (line / target[1], line % target[1]);
            let down = meetings(&h, *way, row, source[1], &mut down);
            let behind = down.iter().map(|tap| tap.1 + 1).max().unwrap_or(0);
            let behind = (image * source[1] + behind) * source[2] * channels;
            for first in 0..every.min(target[2]) {
                let mut column = first;
                while column < target[2] {
                    let across = meetings(&w, *way, column, source[2], &mut across);
                    let rows = (image * source[1], [source[2], w.kernel]);
                    let block = Block {
                        at: (line * target[2] + column) * channels,
                        every: every * channels,
                        step: step * channels,
                        taps: pairs(down, across, rows, channels, &mut taps),
                    };
                    // SAFETY: these pixels lie in the row, which is in one task, and have the same taps.
                    let pixels = unsafe {
                        match alike(&w, *way, column, *source, *target) {
                            8.. => self.pixels::<S, 8>(simd, &block),
                            4.. => self.pixels::<S, 4>(simd, &block),
                            2.. => self.pixels::<S, 2>(simd, &block),
                            _ => self.pixels::<S, 1>(simd, &block),
                        }
                    };
                    // The rows that come next.
                    for row in 0..asked {
                        let at = row * source[2] + column / every * step;
                        ask(self.x, behind + at * channels, pixels * step * channels);
                    }
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
                match self.past {
                    true => store_past::<T, S>(y.pointer(at), sum),
                    false => store_some::<T, S>(y.pointer(at), len, sum),
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
        let whole = channels / lanes * lanes;
        let mut down = [(0, 0); Kernel::DEPTHWISE_TAPS];
        let mut across = [(0, 0); Kernel::DEPTHWISE_TAPS];
        let mut taps = [(0, 0); Kernel::DEPTHWISE_TAPS];
        for line in self.rows.clone() {
            let (image, row) = (line / output[1], line % output[1]);
            let down = meetings(&h, Way::Forward, row, input[1], &mut down);
            if past::is_large(self.x) {
                // The rows behind these, and the gradients there.
                let next = down.last().map_or(0, |tap| tap.1 + 1);
                let next = (image * input[1] + next) * input[2] * channels;
                ask(self.x, next, h.stride * input[2] * channels);
                ask(self.dy, (line + 1) * output[2] * channels, output[2] * channels);
            }
            let mut column = 0;
            while column < output[2] {
                let across = meetings(&w, Way::Forward, column, input[2], &mut across);
                let rows = (image * input[1], [input[2], w.kernel]);
                let taps = pairs(down, across, rows, channels, &mut taps);
                let count = alike(&w, Way::Forward, column, input, output);
                let block = Block {
                    at: (line * output[2] + column) * channels,
                    every: channels,
                    step: w.stride * channels,
                    taps,
                };
                // SAFETY: the taps of these pixels lie inside of the image, and the channels exist.
                unsafe {
                    for first in (0..whole).step_by(lanes) {
                        self.add_all::<S>(simd, &block, count, first, lanes);
                    }
                    if whole < channels {
                        self.add_all::<S>(simd, &block, count, whole, channels - whole);
                    }
                }
                column += count;
            }
        }
    }
}

impl<T: Real> Weights<'_, T> {
    /// Adds what `count` pixels of a block contribute to its taps, in `len` channels from `first` on.
    ///
    /// # Safety
    /// The taps lie inside of the image for all of these pixels, and the channels exist and fit a register.
    #[inline(always)]
    unsafe fn add_all<S: Simd>(
        &mut self,
        simd: S,
        block: &Block,
        count: usize,
        first: usize,
        len: usize,
    ) {
        let mut rest = block.taps;
        while !rest.is_empty() {
            let block = Block { taps: rest, ..*block };
            // SAFETY: promised by the caller.
            let taken = unsafe {
                match rest.len() {
                    9.. => self.add::<S, 9>(simd, &block, count, first, len),
                    6.. => self.add::<S, 6>(simd, &block, count, first, len),
                    3.. => self.add::<S, 3>(simd, &block, count, first, len),
                    _ => self.add::<S, 1>(simd, &block, count, first, len),
                }
            };
            rest = &rest[taken..];
        }
    }

    /// The same for the first taps of the block; says how many.
    ///
    /// # Safety
    /// As for [`Weights::add_all`].
    #[inline(always)]
    unsafe fn add<S: Simd, const N: usize>(
        &mut self,
        simd: S,
        block: &Block,
        count: usize,
        first: usize,
        len: usize,
    ) -> usize {
        let mut sums = [T::splat(simd, T::ZERO); N];
        let mut from = [std::ptr::null(); N];
        // SAFETY: promised by the caller.
        unsafe {
            for ((sum, from), &(tap, pixel)) in sums.iter_mut().zip(&mut from).zip(block.taps) {
                *sum = load_some::<T, S>(simd, self.sums.as_ptr().add(tap + first), len);
                *from = self.x.as_ptr().add(pixel + first);
            }
            let dy = self.dy.as_ptr().add(block.at + first);
            for pixel in 0..count {
                let gradient = load_some::<T, S>(simd, dy.add(pixel * block.every), len);
                for (sum, from) in sums.iter_mut().zip(&from) {
                    let x = load_some::<T, S>(simd, from.add(pixel * block.step), len);
                    *sum = T::mul_add(simd, x, gradient, *sum);
                }
            }
            for (sum, &(tap, _)) in sums.into_iter().zip(block.taps) {
                store_some::<T, S>(self.sums.as_mut_ptr().add(tap + first), len, sum);
            }
        }
        N
    }
}

/// Asks for some numbers of a blob from a place on, as far as there are.
#[inline(always)]
fn ask<T>(blob: &[T], from: usize, count: usize) {
    for at in (from..blob.len().min(from + count)).step_by(LINE) {
        prefetch(blob[at..].as_ptr());
    }
}
