//! Batch normalisation of pixels by channel, as [`super::super::normalize`] has it.
//!
//! Sums over all pixels are made in blocks, a number fixed by the shape, whose sums are added in order. What reads a blob a
//! second time begins at its end, which is still in the caches.

use std::ops::Range;

use crate::exec::cpu::conv::Addend;
use crate::exec::cpu::normalize::Channels;
use crate::exec::cpu::tasks::{for_each_piece, for_each_piece_back, items_per_task};
use crate::real::{Real, vectorize};

/// Most blocks of pixels. One of a large blob stays in the second-level cache.
const BLOCKS: usize = 64;

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

/// Two sums by channel for each block of pixels, one block's behind the other's: `add(pixels, first sums, second sums)` adds
/// those of a block to zeros. Says how many pixels a block has.
fn by_blocks<T: Real>(
    pixels: usize,
    channels: usize,
    work: &mut [T],
    add: impl Fn(Range<usize>, &mut [T], &mut [T]) + Sync,
) -> usize {
    let each = block(pixels, channels);
    let blocks = pixels.div_ceil(each);
    for_each_piece(&mut work[..2 * blocks * channels], 2 * channels, |block, sums| {
        vectorize(
            #[inline(always)]
            || {
                sums.fill(T::ZERO);
                let (first, second) = sums.split_at_mut(channels);
                add(block * each..((block + 1) * each).min(pixels), first, second);
            },
        );
    });
    each
}

/// Mean and biased variance of every channel. Every block is read once from memory: the squares of what is left of its
/// own mean are added up, and the blocks' joined (Chan, Golub and LeVeque, "Algorithms for computing the sample variance",
/// 1983).
pub fn moments<T: Real>(x: &[T], mean: &mut [T], variance: &mut [T], work: &mut [T]) {
    let channels = mean.len();
    let pixels = x.len() / channels;
    let each = by_blocks(
        pixels,
        channels,
        work,
        #[inline(always)]
        |block, mean, squares| {
            let share = T::ONE / T::from_usize(block.len());
            let block = &x[block.start * channels..block.end * channels];
            for x in block.chunks_exact(channels) {
                mean.iter_mut().zip(x).for_each(|(sum, x)| *sum += *x);
            }
            mean.iter_mut().for_each(|sum| *sum *= share);
            for x in block.chunks_exact(channels) {
                for ((sum, x), mean) in squares.iter_mut().zip(x).zip(&*mean) {
                    *sum += (*x - *mean) * (*x - *mean);
                }
            }
        },
    );
    let blocks = || {
        let of = work.chunks_exact(2 * channels).take(pixels.div_ceil(each)).enumerate();
        of.map(|(block, sums)| {
            let count = T::from_usize(each.min(pixels - block * each));
            (count, sums.split_at(channels))
        })
    };
    let share = T::ONE / T::from_usize(pixels);
    mean.fill(T::ZERO);
    for (count, (of_block, _)) in blocks() {
        mean.iter_mut().zip(of_block).for_each(|(mean, x)| *mean += *x * count);
    }
    mean.iter_mut().for_each(|mean| *mean *= share);
    variance.fill(T::ZERO);
    for (count, (of_block, squares)) in blocks() {
        let moments = variance.iter_mut().zip(&*mean).zip(of_block.iter().zip(squares));
        for ((variance, mean), (of_block, squares)) in moments {
            let away = *of_block - *mean;
            *variance += *squares + away * away * count;
        }
    }
    variance.iter_mut().for_each(|variance| *variance *= share);
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
    for_each_piece_back(y, each, |task, y| {
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
    let share = T::ONE / T::from_usize(pixels);
    let (work, numbers) = work.split_at_mut(2 * BLOCKS * channels);
    let mut parts = numbers.chunks_exact_mut(channels);
    let [factor, shift, slope, lift] =
        std::array::from_fn(|_| parts.next().expect("workspace for four numbers a channel"));
    factors(of, factor, shift);
    let (mean, factor, shift) = (of.mean, &*factor, &*shift);
    let each = by_blocks(
        pixels,
        channels,
        work,
        #[inline(always)]
        |block, sum, product| {
            let block = block.start * channels..block.end * channels;
            let blobs =
                x[block.clone()].chunks_exact(channels).zip(dy[block].chunks_exact(channels));
            for (x, dy) in blobs {
                let n = x.len();
                let (dy, mean, factor, shift) = (&dy[..n], &mean[..n], &factor[..n], &shift[..n]);
                let (sum, product) = (&mut sum[..n], &mut product[..n]);
                for i in 0..n {
                    let centred = x[i] - mean[i];
                    let dy = passed(centred * factor[i] + shift[i], dy[i]);
                    sum[i] += dy;
                    product[i] += dy * centred;
                }
            }
        },
    );
    let (total, others) = work.split_at_mut(2 * channels);
    for more in others.chunks_exact(2 * channels).take(pixels.div_ceil(each) - 1) {
        total.iter_mut().zip(more).for_each(|(total, more)| *total += *more);
    }
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
            true => (sum[channel] * share, product[channel] * inverse * inverse * share),
            false => (T::ZERO, T::ZERO),
        };
    }
    let (slope, lift) = (&*slope, &*lift);
    let each = items_per_task(channels) * channels;
    for_each_piece_back(dx, each, |task, dx| {
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
