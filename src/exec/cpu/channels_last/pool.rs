//! Pooling of pixels, all channels at once; windows, places and divisors are those of [`super::super::pool`].

use std::ops::Range;

use crate::exec::cpu::im2col::position;
use crate::exec::cpu::pool::{Shape, divisor};
use crate::exec::cpu::tasks::{for_each_piece, items_per_task};
use crate::real::{Real, vectorize};
use crate::window::Axis;

/// The elements of an axis that a window covers, in steps of the dilation.
#[inline(always)]
fn covered(axis: &Axis, extent: usize, window: usize) -> impl Iterator<Item = usize> + Clone {
    let axis = *axis;
    (0..axis.kernel).filter_map(move |tap| position(&axis, extent, window, tap))
}

/// The part of a blob of pixels that holds one of them.
#[inline(always)]
fn pixel(number: usize, channels: usize) -> Range<usize> {
    number * channels..(number + 1) * channels
}

/// Maxima and their places, `h W + w` in the image. The first of equals wins.
pub fn max_forward<T: Real>(shape: &Shape, channels: usize, x: &[T], y: &mut [T], index: &mut [T]) {
    assert!(x.len() == shape.input_len() && y.len() == shape.output_len(), "blobs of {shape:?}");
    let [h, w] = shape.pool.axes;
    let [height, width] = shape.input;
    let rows = shape.planes / channels * shape.output[0];
    let row_len = shape.output[1] * channels;
    let each = items_per_task(row_len * h.kernel * w.kernel);
    let index = crate::exec::cpu::tasks::Shared::new(index);
    for_each_piece(y, each * row_len, |task, y| {
        let first = task * each;
        // SAFETY: every row is in one task.
        let index = unsafe { index.slice(first * row_len..first * row_len + y.len()) };
        vectorize(
            #[inline(always)]
            || {
                let lines = y.chunks_exact_mut(row_len).zip(index.chunks_exact_mut(row_len));
                for (row, (y, index)) in (first..rows).zip(lines) {
                    let (image, oh) = (row / shape.output[0], row % shape.output[0]);
                    let windows =
                        y.chunks_exact_mut(channels).zip(index.chunks_exact_mut(channels));
                    for (ow, (y, index)) in windows.enumerate() {
                        y.fill(-T::FLT_MAX);
                        index.fill(-T::ONE);
                        for ih in covered(&h, height, oh) {
                            for iw in covered(&w, width, ow) {
                                let at = ih * width + iw;
                                let x = &x[pixel(image * height * width + at, channels)];
                                let here = T::from_usize(at);
                                for ((y, index), x) in y.iter_mut().zip(index.iter_mut()).zip(x) {
                                    let better = *y < *x;
                                    *y = if better { *x } else { *y };
                                    *index = if better { here } else { *index };
                                }
                            }
                        }
                    }
                }
            },
        );
    });
}

/// The gradient of maxima.
pub fn max_backward<T: Real>(shape: &Shape, channels: usize, dy: &[T], index: &[T], dx: &mut [T]) {
    spread(
        shape,
        channels,
        dx,
        #[inline(always)]
        |window, at, _, dx| {
            let here = T::from_usize(at);
            let from = dy[pixel(window, channels)].iter().zip(&index[pixel(window, channels)]);
            for (dx, (dy, index)) in dx.iter_mut().zip(from) {
                *dx += if *index == here { *dy } else { T::ZERO };
            }
        },
    );
}

/// Means.
pub fn average_forward<T: Real>(shape: &Shape, channels: usize, x: &[T], y: &mut [T]) {
    assert!(x.len() == shape.input_len() && y.len() == shape.output_len(), "blobs of {shape:?}");
    let [h, w] = shape.pool.axes;
    let [height, width] = shape.input;
    let row_len = shape.output[1] * channels;
    let each = items_per_task(row_len * h.kernel * w.kernel);
    for_each_piece(y, each * row_len, |task, y| {
        vectorize(
            #[inline(always)]
            || {
                for (row, y) in y.chunks_exact_mut(row_len).enumerate() {
                    let row = task * each + row;
                    let (image, oh) = (row / shape.output[0], row % shape.output[0]);
                    for (ow, y) in y.chunks_exact_mut(channels).enumerate() {
                        y.fill(T::ZERO);
                        for ih in covered(&h, height, oh) {
                            for iw in covered(&w, width, ow) {
                                let at = (image * height + ih) * width + iw;
                                let x = &x[pixel(at, channels)];
                                y.iter_mut().zip(x).for_each(|(y, x)| *y += *x);
                            }
                        }
                        let count = count_of::<T>(shape, oh, ow);
                        y.iter_mut().for_each(|y| *y /= count);
                    }
                }
            },
        );
    });
}

/// The gradient of means.
pub fn average_backward<T: Real>(shape: &Shape, channels: usize, dy: &[T], dx: &mut [T]) {
    spread(
        shape,
        channels,
        dx,
        #[inline(always)]
        |window, _, [oh, ow], dx| {
            let count = count_of::<T>(shape, oh, ow);
            let dy = &dy[pixel(window, channels)];
            dx.iter_mut().zip(dy).for_each(|(dx, dy)| *dx += *dy / count);
        },
    );
}

/// The divisor of a mean.
#[inline(always)]
fn count_of<T: Real>(shape: &Shape, oh: usize, ow: usize) -> T {
    let [h, w] = shape.pool.axes;
    let rows = divisor(&h, shape.input[0], oh, shape.pool.count_pad);
    let columns = divisor(&w, shape.input[1], ow, shape.pool.count_pad);
    T::from_i32((rows * columns) as i32)
}

/// Starts a gradient from zeros and visits every pixel of every window: the number of the window, the pixel's place in its
/// image, the place of the window, and the gradient there.
fn spread<T: Real>(
    shape: &Shape,
    channels: usize,
    dx: &mut [T],
    body: impl Fn(usize, usize, [usize; 2], &mut [T]) + Sync,
) {
    assert!(dx.len() == shape.input_len(), "gradient of {shape:?}");
    let [h, w] = shape.pool.axes;
    let [height, width] = shape.input;
    // Windows overlap, so a task has whole images.
    for_each_piece(dx, height * width * channels, |image, dx| {
        vectorize(
            #[inline(always)]
            || {
                dx.fill(T::ZERO);
                for oh in 0..shape.output[0] {
                    for ow in 0..shape.output[1] {
                        let window = (image * shape.output[0] + oh) * shape.output[1] + ow;
                        for ih in covered(&h, height, oh) {
                            for iw in covered(&w, width, ow) {
                                let at = ih * width + iw;
                                body(window, at, [oh, ow], &mut dx[pixel(at, channels)]);
                            }
                        }
                    }
                }
            },
        );
    });
}
