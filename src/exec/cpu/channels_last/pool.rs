//! Pooling of pixels, a register of channels at a time; windows, places and divisors are those of [`super::super::pool`].

use std::ops::Range;

use pulp::{Simd, WithSimd};

use crate::exec::cpu::past;
use crate::exec::cpu::pool::{Shape, divisor};
use crate::exec::cpu::tasks::{Shared, for_each_piece, items_per_task};
use crate::real::{Real, load_some, store_past, store_some, with_simd};
use crate::window::Axis;

/// The elements of an axis that a window covers: every `dilation`-th of these.
#[inline(always)]
fn covered(axis: &Axis, extent: usize, window: usize) -> Range<usize> {
    let start = window * axis.stride;
    let skipped = match axis.pad_before.checked_sub(start) {
        Some(before) => before.div_ceil(axis.dilation) * axis.dilation,
        None => 0,
    };
    let end = start + axis.kernel.max(1) * axis.dilation;
    let first = start + skipped - axis.pad_before;
    first..end.saturating_sub(axis.pad_before + axis.dilation - 1).min(extent).max(first)
}

/// Windows over an element of an axis, for one element after the other.
struct Covering<'a> {
    axis: &'a Axis,
    count: usize,
    windows: Range<usize>,
}

impl<'a> Covering<'a> {
    /// Those of `count` windows.
    fn new(axis: &'a Axis, count: usize) -> Self {
        Covering { axis, count, windows: 0..0 }
    }

    /// The windows that have a tap at an element, which is not before that of the last call.
    #[inline(always)]
    fn at(&mut self, at: usize) -> impl Iterator<Item = usize> + Clone + use<> {
        let Covering { axis, count, windows } = self;
        let at = at + axis.pad_before;
        let reach = (axis.kernel.max(1) - 1) * axis.dilation;
        while windows.start * axis.stride + reach < at {
            windows.start += 1;
        }
        while windows.end < *count && windows.end * axis.stride <= at {
            windows.end += 1;
        }
        let (stride, dilation) = (axis.stride, axis.dilation);
        let hit =
            move |window: &usize| dilation == 1 || (at - window * stride).is_multiple_of(dilation);
        windows.clone().filter(hit)
    }
}

/// Maxima and their places, `h W + w` in the image. The first of equals wins.
pub fn max_forward<T: Real>(shape: &Shape, channels: usize, x: &[T], y: &mut [T], index: &mut [T]) {
    assert!(x.len() == shape.input_len() && y.len() == shape.output_len(), "blobs of {shape:?}");
    assert!(index.len() == y.len(), "{} places for {shape:?}", index.len());
    let index = Shared::new(index);
    each_window(shape, channels, y, |first, y| {
        let start = first * channels;
        // SAFETY: every window is in one task.
        let index = unsafe { index.slice(start..start + y.len()) };
        with_simd(Maxima { windows: Windows { shape, channels, first }, x, y, index });
    });
}

/// Means.
pub fn average_forward<T: Real>(shape: &Shape, channels: usize, x: &[T], y: &mut [T]) {
    assert!(x.len() == shape.input_len() && y.len() == shape.output_len(), "blobs of {shape:?}");
    each_window(shape, channels, y, |first, y| {
        with_simd(Means { windows: Windows { shape, channels, first }, x, y });
    });
}

/// Runs `body(first, y)` for rows of windows, of which the first window is given.
fn each_window<T: Real>(
    shape: &Shape,
    channels: usize,
    y: &mut [T],
    body: impl Fn(usize, &mut [T]) + Sync,
) {
    let [h, w] = shape.pool.axes;
    let each = items_per_task(shape.output[1] * channels * h.kernel * w.kernel) * shape.output[1];
    for_each_piece(y, each * channels, |task, y| body(task * each, y));
}

/// Windows from one on, counted over all images, in all channels.
struct Windows<'a> {
    shape: &'a Shape,
    channels: usize,
    first: usize,
}

impl Windows<'_> {
    /// Image, row and column of a window, counted from the first of these.
    #[inline(always)]
    fn place(&self, window: usize) -> (usize, usize, usize) {
        let (window, [height, width]) = (self.first + window, self.shape.output);
        (window / width / height, window / width % height, window % width)
    }

    /// The rows and columns of the image under a window in this row and column.
    #[inline(always)]
    fn under(&self, row: usize, column: usize) -> [Range<usize>; 2] {
        let ([h, w], [height, width]) = (&self.shape.pool.axes, self.shape.input);
        [covered(h, height, row), covered(w, width, column)]
    }

    /// Channels in steps of a register: the first, and how many.
    #[inline(always)]
    fn registers(&self, lanes: usize) -> impl Iterator<Item = (usize, usize)> {
        let channels = self.channels;
        (0..channels).step_by(lanes).map(move |first| (first, lanes.min(channels - first)))
    }
}

struct Maxima<'a, T> {
    windows: Windows<'a>,
    x: &'a [T],
    y: &'a mut [T],
    index: &'a mut [T],
}

impl<T: Real> WithSimd for Maxima<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Maxima { windows, x, y, index } = self;
        let (channels, [height, width]) = (windows.channels, windows.shape.input);
        let [h, w] = windows.shape.pool.axes;
        let all = y.chunks_exact_mut(channels).zip(index.chunks_exact_mut(channels));
        for (window, (y, index)) in all.enumerate() {
            let (image, row, column) = windows.place(window);
            let [rows, columns] = windows.under(row, column);
            let x = &x[image * height * width * channels..][..height * width * channels];
            for (first, len) in windows.registers(T::lanes::<S>()) {
                let mut best = T::splat(simd, -T::FLT_MAX);
                let mut place = T::splat(simd, -T::ONE);
                for row in rows.clone().step_by(h.dilation) {
                    for column in columns.clone().step_by(w.dilation) {
                        let at = row * width + column;
                        // SAFETY: the pixel lies in the image and has these channels.
                        let x = unsafe {
                            load_some::<T, S>(simd, x.as_ptr().add(at * channels + first), len)
                        };
                        let here = T::splat(simd, T::from_usize(at));
                        place = T::vector_above(simd, x, best, here, place);
                        best = T::vector_above(simd, x, best, x, best);
                    }
                }
                // SAFETY: both have these channels.
                unsafe {
                    store_some::<T, S>(y[first..].as_mut_ptr(), len, best);
                    store_some::<T, S>(index[first..].as_mut_ptr(), len, place);
                }
            }
        }
    }
}

struct Means<'a, T> {
    windows: Windows<'a>,
    x: &'a [T],
    y: &'a mut [T],
}

impl<T: Real> WithSimd for Means<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Means { windows, x, y } = self;
        let (channels, [height, width]) = (windows.channels, windows.shape.input);
        let [h, w] = windows.shape.pool.axes;
        for (window, y) in y.chunks_exact_mut(channels).enumerate() {
            let (image, row, column) = windows.place(window);
            let [rows, columns] = windows.under(row, column);
            let factor = T::splat(simd, T::ONE / count_of::<T>(windows.shape, row, column));
            let x = &x[image * height * width * channels..][..height * width * channels];
            for (first, len) in windows.registers(T::lanes::<S>()) {
                let mut sum = T::splat(simd, T::ZERO);
                for row in rows.clone().step_by(h.dilation) {
                    for column in columns.clone().step_by(w.dilation) {
                        let at = (row * width + column) * channels + first;
                        // SAFETY: the pixel lies in the image and has these channels.
                        let x = unsafe { load_some::<T, S>(simd, x.as_ptr().add(at), len) };
                        sum = T::vector_add(simd, sum, x);
                    }
                }
                let mean = T::vector_mul(simd, sum, factor);
                // SAFETY: the result has these channels.
                unsafe { store_some::<T, S>(y[first..].as_mut_ptr(), len, mean) };
            }
        }
    }
}

/// The divisor of a mean.
#[inline(always)]
fn count_of<T: Real>(shape: &Shape, oh: usize, ow: usize) -> T {
    let [h, w] = shape.pool.axes;
    let rows = divisor(&h, shape.input[0], oh, shape.pool.count_pad);
    let columns = divisor(&w, shape.input[1], ow, shape.pool.count_pad);
    T::from_i32((rows * columns) as i32)
}

/// The gradient of maxima.
pub fn max_backward<T: Real>(shape: &Shape, channels: usize, dy: &[T], index: &[T], dx: &mut [T]) {
    backward(shape, channels, dy, Some(index), dx);
}

/// The gradient of means.
pub fn average_backward<T: Real>(shape: &Shape, channels: usize, dy: &[T], dx: &mut [T]) {
    backward(shape, channels, dy, None, dx);
}

/// What the windows over every pixel pass on to it: the gradient to the maximum, if the pixel is where `index` says, or to
/// the mean.
fn backward<T: Real>(shape: &Shape, channels: usize, dy: &[T], index: Option<&[T]>, dx: &mut [T]) {
    assert!(dx.len() == shape.input_len() && dy.len() == shape.output_len(), "{shape:?}");
    assert!(index.is_none_or(|index| index.len() == dy.len()), "places for {shape:?}");
    let line = shape.input[1] * channels;
    let each = items_per_task(line);
    let pixel = channels * size_of::<T>();
    let aligned = (dx.as_ptr() as usize).is_multiple_of(64) && pixel.is_multiple_of(64);
    let past = aligned && past::is_large(dx);
    for_each_piece(dx, each * line, |task, dx| {
        with_simd(Passed { shape, channels, first: task * each, dy, index, dx, past });
        if past {
            past::fence();
        }
    });
}

/// Most windows that are looked at together.
const TOGETHER: usize = 16;

/// Rows of pixels from one on, counted over all images.
struct Passed<'a, T> {
    shape: &'a Shape,
    channels: usize,
    first: usize,
    dy: &'a [T],
    index: Option<&'a [T]>,
    dx: &'a mut [T],
    /// Whether results are written past the caches.
    past: bool,
}

impl<T: Real> WithSimd for Passed<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Passed { shape, channels, first, dy, index, dx, past } = self;
        let [h, w] = shape.pool.axes;
        let ([height, width], [rows, columns]) = (shape.input, shape.output);
        // Where windows begin, and the part of their gradient that is passed on.
        let mut windows = [(0, T::ONE); TOGETHER];
        for (line, dx) in (first..).zip(dx.chunks_exact_mut(width * channels)) {
            let (image, row) = (line / height, line % height);
            let down = Covering::new(&h, rows).at(row);
            let mut across = Covering::new(&w, columns);
            for (column, dx) in dx.chunks_exact_mut(channels).enumerate() {
                let here = row * width + column;
                let (mut count, mut begins) = (0, true);
                let across = across.at(column);
                for oh in down.clone() {
                    for ow in across.clone() {
                        if count == TOGETHER {
                            pass::<T, S>(simd, (here, begins), &windows, dy, index, dx, false);
                            (count, begins) = (0, false);
                        }
                        windows[count].0 = ((image * rows + oh) * columns + ow) * channels;
                        if index.is_none() {
                            windows[count].1 = T::ONE / count_of::<T>(shape, oh, ow);
                        }
                        count += 1;
                    }
                }
                pass::<T, S>(
                    simd,
                    (here, begins),
                    &windows[..count],
                    dy,
                    index,
                    dx,
                    past && begins,
                );
            }
        }
    }
}

/// Adds what windows pass on to the pixel `here`, or sets it to that if it begins with them.
#[inline(always)]
fn pass<T: Real, S: Simd>(
    simd: S,
    (here, begins): (usize, bool),
    windows: &[(usize, T)],
    dy: &[T],
    index: Option<&[T]>,
    dx: &mut [T],
    past: bool,
) {
    let (channels, lanes) = (dx.len(), T::lanes::<S>());
    let nothing = T::splat(simd, T::ZERO);
    let here = T::splat(simd, T::from_usize(here));
    for first in (0..channels).step_by(lanes) {
        let len = lanes.min(channels - first);
        // SAFETY: every window and the pixel have these channels.
        unsafe {
            let mut sum = match begins {
                true => nothing,
                false => load_some::<T, S>(simd, dx[first..].as_ptr(), len),
            };
            for &(window, part) in windows {
                let at = window + first;
                let mut passed = load_some::<T, S>(simd, dy.as_ptr().add(at), len);
                if let Some(index) = index {
                    let place = load_some::<T, S>(simd, index.as_ptr().add(at), len);
                    passed = T::vector_above(simd, place, here, nothing, passed);
                    passed = T::vector_above(simd, here, place, nothing, passed);
                }
                sum = T::mul_add(simd, passed, T::splat(simd, part), sum);
            }
            match past {
                true => store_past::<T, S>(dx[first..].as_mut_ptr(), sum),
                false => store_some::<T, S>(dx[first..].as_mut_ptr(), len, sum),
            }
        }
    }
}
