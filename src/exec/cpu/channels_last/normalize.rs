//! Batch normalisation of pixels by channel, as [`super::super::normalize`] has it.
//!
//! Sums over all pixels are made in blocks, a number fixed by the shape, whose sums are added in order.

use std::ops::Range;

use crate::exec::cpu::conv::Addend;
use crate::exec::cpu::normalize::Channels;
use crate::exec::cpu::tasks::{for_each_piece, items_per_task};
use crate::real::{Real, vectorize};

/// Most blocks of pixels.
const BLOCKS: usize = 32;

/// Fewest elements of a block.
const SMALLEST: usize = 16 * 1024;

/// Elements of workspace of all functions here.
pub fn normalize_workspace(channels: usize) -> usize {
    (2 * BLOCKS + 4) * channels
}

/// Pixels of a block.
fn block(pixels: usize, channels: usize) -> usize {
    let blocks = (pixels * channels / SMALLEST).clamp(1, BLOCKS);
    pixels.div_ceil(blocks).max(1)
}

/// Sums over all pixels of two functions of the channels: `term(channel, pixel's range, first sums, second sums)` adds
/// one pixel.
fn sums<T: Real>(
    pixels: usize,
    channels: usize,
    work: &mut [T],
    add: impl Fn(Range<usize>, &mut [T], &mut [T]) + Sync,
) {
    let each = block(pixels, channels);
    let blocks = pixels.div_ceil(each);
    let work = &mut work[..2 * BLOCKS * channels];
    for_each_piece(&mut work[..2 * blocks * channels], 2 * channels, |block, total| {
        vectorize(
            #[inline(always)]
            || {
                total.fill(T::ZERO);
                let (first, second) = total.split_at_mut(channels);
                for pixel in block * each..((block + 1) * each).min(pixels) {
                    add(pixel * channels..(pixel + 1) * channels, first, second);
                }
            },
        );
    });
    let (total, others) = work.split_at_mut(2 * channels);
    for more in others.chunks_exact(2 * channels).take(blocks - 1) {
        total.iter_mut().zip(more).for_each(|(total, more)| *total += *more);
    }
}

/// Mean and biased variance of every channel, in two passes.
pub fn moments<T: Real>(x: &[T], mean: &mut [T], variance: &mut [T], work: &mut [T]) {
    let channels = mean.len();
    let pixels = x.len() / channels;
    let count = T::ONE / T::from_usize(pixels);
    sums(
        pixels,
        channels,
        work,
        #[inline(always)]
        |range, sum, _| sum.iter_mut().zip(&x[range]).for_each(|(sum, x)| *sum += *x),
    );
    mean.iter_mut().zip(&*work).for_each(|(mean, sum)| *mean = *sum * count);
    let middle = &*mean;
    sums(
        pixels,
        channels,
        work,
        #[inline(always)]
        |range, sum, _| {
            for ((sum, x), mean) in sum.iter_mut().zip(&x[range]).zip(middle) {
                *sum += (*x - *mean) * (*x - *mean);
            }
        },
    );
    variance.iter_mut().zip(&*work).for_each(|(variance, sum)| *variance = *sum * count);
}

/// Writes, by channel, one over the deviation times the factor, and the shift.
fn factors<T: Real>(channels: &Channels<T>, factor: &mut [T], shift: &mut [T]) {
    for (channel, factor) in factor.iter_mut().enumerate() {
        let scale = channels.affine.map_or(T::ONE, |(scale, _)| scale[channel]);
        *factor = T::ONE / (channels.variance[channel] + channels.eps).sqrt() * scale;
    }
    match channels.affine {
        Some((_, from)) => shift.copy_from_slice(from),
        None => shift.fill(T::ZERO),
    }
}

/// `y = (x - mean) / sqrt(variance + eps) scale + shift + addend`, then ReLU.
pub fn normalize<T: Real>(
    of: &Channels<T>,
    x: &[T],
    addend: Addend<T>,
    y: &mut [T],
    work: &mut [T],
) {
    let channels = of.mean.len();
    let (factor, shift) = work[..2 * channels].split_at_mut(channels);
    factors(of, factor, shift);
    let numbers = Numbers { mean: of.mean, factor, shift, relu: of.relu };
    let each = items_per_task(channels) * channels;
    for_each_piece(y, each, |task, y| {
        let start = task * each;
        let x = &x[start..][..y.len()];
        vectorize(
            #[inline(always)]
            || {
                for (row, y) in y.chunks_exact_mut(channels).enumerate() {
                    let x = &x[row * channels..][..channels];
                    match addend {
                        Addend::None => numbers.apply(x, y, |_, _| T::ZERO),
                        Addend::InPlace => numbers.apply(x, y, |_, y| y),
                        Addend::Blob(more) => {
                            let more = &more[start + row * channels..][..channels];
                            numbers.apply(x, y, |i, _| more[i]);
                        }
                    }
                }
            },
        );
    });
}

/// The numbers of all channels.
struct Numbers<'a, T> {
    mean: &'a [T],
    factor: &'a [T],
    shift: &'a [T],
    relu: bool,
}

impl<T: Real> Numbers<'_, T> {
    /// Normalises one pixel; `more` tells what is added, by channel and from what the result holds.
    #[inline(always)]
    fn apply(&self, x: &[T], y: &mut [T], more: impl Fn(usize, T) -> T) {
        let n = y.len();
        let (x, mean) = (&x[..n], &self.mean[..n]);
        let (factor, shift) = (&self.factor[..n], &self.shift[..n]);
        match self.relu {
            true => {
                for i in 0..n {
                    let value = (x[i] - mean[i]) * factor[i] + shift[i] + more(i, y[i]);
                    y[i] = if T::ZERO < value { value } else { T::ZERO };
                }
            }
            false => {
                for i in 0..n {
                    y[i] = (x[i] - mean[i]) * factor[i] + shift[i] + more(i, y[i]);
                }
            }
        }
    }
}

/// The gradients to `x`, and to factor and shift if there are any. With `batch` the moments are those of `x`.
pub fn normalize_backward<T: Real>(
    of: &Channels<T>,
    batch: bool,
    x: &[T],
    dy: &[T],
    dx: &mut [T],
    daffine: Option<(&mut [T], &mut [T])>,
    work: &mut [T],
) {
    match of.relu {
        true => {
            backward(
                of,
                batch,
                x,
                dy,
                dx,
                daffine,
                work,
                |y, dy| {
                    if T::ZERO < y { dy } else { T::ZERO }
                },
            )
        }
        false => backward(of, batch, x, dy, dx, daffine, work, |_, dy| dy),
    }
}

/// `passed` is what comes through of the gradient to a result.
#[expect(clippy::too_many_arguments, reason = "those of a gradient, and a function")]
fn backward<T: Real>(
    of: &Channels<T>,
    batch: bool,
    x: &[T],
    dy: &[T],
    dx: &mut [T],
    daffine: Option<(&mut [T], &mut [T])>,
    work: &mut [T],
    passed: impl Fn(T, T) -> T + Sync,
) {
    let channels = of.mean.len();
    let pixels = x.len() / channels;
    let count = T::ONE / T::from_usize(pixels);
    let (work, numbers) = work.split_at_mut(2 * BLOCKS * channels);
    let mut parts = numbers.chunks_exact_mut(channels);
    let [factor, shift, slope, lift] =
        std::array::from_fn(|_| parts.next().expect("workspace for four numbers a channel"));
    factors(of, factor, shift);
    let (mean, factor, shift) = (of.mean, &*factor, &*shift);
    sums(
        pixels,
        channels,
        work,
        #[inline(always)]
        |range, sum, product| {
            let (x, dy) = (&x[range.clone()], &dy[range]);
            let n = x.len();
            let (mean, factor, shift) = (&mean[..n], &factor[..n], &shift[..n]);
            let (sum, product) = (&mut sum[..n], &mut product[..n]);
            for i in 0..n {
                let centred = x[i] - mean[i];
                let dy = passed(centred * factor[i] + shift[i], dy[i]);
                sum[i] += dy;
                product[i] += dy * centred;
            }
        },
    );
    let inverse = |channel: usize| T::ONE / (of.variance[channel] + of.eps).sqrt();
    let (sum, product) = work[..2 * channels].split_at(channels);
    if let Some((scale, shift)) = daffine {
        shift.copy_from_slice(sum);
        for (channel, scale) in scale.iter_mut().enumerate() {
            *scale = product[channel] * inverse(channel);
        }
    }
    for channel in 0..channels {
        let inverse = inverse(channel);
        (lift[channel], slope[channel]) = match batch {
            true => (sum[channel] * count, product[channel] * inverse * inverse * count),
            false => (T::ZERO, T::ZERO),
        };
    }
    let (slope, lift) = (&*slope, &*lift);
    let each = items_per_task(channels) * channels;
    for_each_piece(dx, each, |task, dx| {
        let (x, dy) = (&x[task * each..][..dx.len()], &dy[task * each..][..dx.len()]);
        vectorize(
            #[inline(always)]
            || {
                let blobs = x.chunks_exact(channels).zip(dy.chunks_exact(channels));
                for (dx, (x, dy)) in dx.chunks_exact_mut(channels).zip(blobs) {
                    let n = dx.len();
                    let (x, dy, mean) = (&x[..n], &dy[..n], &mean[..n]);
                    let (factor, shift) = (&factor[..n], &shift[..n]);
                    let (slope, lift) = (&slope[..n], &lift[..n]);
                    for i in 0..n {
                        let centred = x[i] - mean[i];
                        let dy = passed(centred * factor[i] + shift[i], dy[i]);
                        dx[i] = (dy - lift[i] - centred * slope[i]) * factor[i];
                    }
                }
            },
        );
    });
}
