//! Pooling of pixels, a register of channels at a time; windows, places and divisors are those of [`super::super::pool`].

use std::ops::Range;

use pulp::{Simd, WithSimd};

use crate::exec::cpu::pool::{Shape, divisor};
use crate::exec::cpu::tasks::{Shared, for_each_piece, items_per_task};
use crate::real::{Real, load_some, store_some, with_simd};
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

/// What every window passes on: its gradient to the maximum, which is where `index` says, or to the mean.
fn backward<T: Real>(shape: &Shape, channels: usize, dy: &[T], index: Option<&[T]>, dx: &mut [T]) {
    assert!(dx.len() == shape.input_len() && dy.len() == shape.output_len(), "{shape:?}");
    assert!(index.is_none_or(|index| index.len() == dy.len()), "places for {shape:?}");
    // Windows overlap, so a task has whole images.
    let ([height, width], [rows, columns]) = (shape.input, shape.output);
    for_each_piece(dx, height * width * channels, |image, dx| {
        let windows = Windows { shape, channels, first: image * rows * columns };
        with_simd(Passed { windows, dy, index, dx });
    });
}

/// What the windows over one image pass on.
struct Passed<'a, T> {
    windows: Windows<'a>,
    dy: &'a [T],
    index: Option<&'a [T]>,
    dx: &'a mut [T],
}

impl<T: Real> WithSimd for Passed<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Passed { windows, dy, index, dx } = self;
        let (shape, channels) = (windows.shape, windows.channels);
        let [h, w] = shape.pool.axes;
        let nothing = T::splat(simd, T::ZERO);
        dx.fill(T::ZERO);
        for oh in 0..shape.output[0] {
            for ow in 0..shape.output[1] {
                let window = (windows.first + oh * shape.output[1] + ow) * channels;
                let [rows, columns] = windows.under(oh, ow);
                let part = match index {
                    Some(_) => T::ONE,
                    None => T::ONE / count_of::<T>(shape, oh, ow),
                };
                let part = T::splat(simd, part);
                for (first, len) in windows.registers(T::lanes::<S>()) {
                    let at = window + first;
                    // SAFETY: the window has these channels, and the pixels under it lie in the image.
                    unsafe {
                        let passed = load_some::<T, S>(simd, dy.as_ptr().add(at), len);
                        let passed = T::vector_mul(simd, passed, part);
                        let index = index.map(
                            #[inline(always)]
                            |index| load_some::<T, S>(simd, index.as_ptr().add(at), len),
                        );
                        for row in rows.clone().step_by(h.dilation) {
                            for column in columns.clone().step_by(w.dilation) {
                                let pixel = row * shape.input[1] + column;
                                let mut passed = passed;
                                if let Some(place) = index {
                                    let here = T::splat(simd, T::from_usize(pixel));
                                    passed = T::vector_above(simd, place, here, nothing, passed);
                                    passed = T::vector_above(simd, here, place, nothing, passed);
                                }
                                let to = dx.as_mut_ptr().add(pixel * channels + first);
                                let sum = load_some::<T, S>(simd, to, len);
                                store_some::<T, S>(to, len, T::vector_add(simd, sum, passed));
                            }
                        }
                    }
                }
            }
        }
    }
}
