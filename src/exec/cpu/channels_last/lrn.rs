//! Local response normalisation across the channels of pixels, as [`super::super::lrn`] has it.

use crate::exec::cpu::lrn::Lrn;
use crate::exec::cpu::tasks::{Shared, for_each_piece, items_per_task};
use crate::real::{Real, vectorize};

/// Channels that are normalised together.
const WIDTH: usize = 128;

/// `y = x scale^-beta` with `scale = k + alpha sum of x^2` over the neighbouring channels of every pixel.
pub fn lrn_forward<T: Real>(lrn: &Lrn, channels: usize, x: &[T], y: &mut [T], scale: &mut [T]) {
    assert!(x.len() == y.len() && x.len() == scale.len(), "blobs of one size");
    let (factor, k) = (T::from_f64(lrn.alpha), T::from_f64(lrn.k));
    let each = items_per_task(channels * lrn.size) * channels;
    let scale = Shared::new(scale);
    for_each_piece(y, each, |task, y| {
        // SAFETY: every pixel is in one task.
        let scale = unsafe { scale.slice(task * each..task * each + y.len()) };
        let x = &x[task * each..][..y.len()];
        vectorize(
            #[inline(always)]
            || {
                let results = y.chunks_exact_mut(channels).zip(scale.chunks_exact_mut(channels));
                for (x, (y, scale)) in x.chunks_exact(channels).zip(results) {
                    for first in (0..channels).step_by(WIDTH) {
                        let scale = &mut scale[first..channels.min(first + WIDTH)];
                        scale.fill(T::ZERO);
                        neighbours(lrn, channels, first, scale, |x, sum| *sum += *x * *x, x);
                    }
                    scale.iter_mut().for_each(|scale| *scale = k + factor * *scale);
                    lrn.times_power(x, scale, false, y);
                }
            },
        );
    });
}

/// The gradient.
pub fn lrn_backward<T: Real>(
    lrn: &Lrn,
    channels: usize,
    [x, y, scale, dy]: [&[T]; 4],
    dx: &mut [T],
) {
    assert!([x, y, scale, dy].iter().all(|blob| blob.len() == dx.len()), "blobs of one size");
    let factor = T::from_f64(lrn.alpha) * T::from_f64(2.0 * lrn.beta);
    let each = items_per_task(channels * lrn.size) * channels;
    for_each_piece(dx, each, |task, dx| {
        let start = task * each;
        vectorize(
            #[inline(always)]
            || {
                for (pixel, dx) in dx.chunks_exact_mut(channels).enumerate() {
                    let range = start + pixel * channels..start + (pixel + 1) * channels;
                    let [x, y, scale, dy] = [x, y, scale, dy].map(|blob| &blob[range.clone()]);
                    lrn.times_power(dy, scale, false, dx);
                    for first in (0..channels).step_by(WIDTH) {
                        let len = WIDTH.min(channels - first);
                        let mut sums = [T::ZERO; WIDTH];
                        let sums = &mut sums[..len];
                        for offset in lrn.offsets().rev() {
                            // The channel that is normalised by this neighbour.
                            let (low, high) = within(-offset, channels, first, len);
                            let from = (first + low) as isize - offset;
                            for (sum, near) in sums[low..high].iter_mut().zip(from as usize..) {
                                *sum += dy[near] * y[near] / scale[near];
                            }
                        }
                        let results = dx[first..first + len].iter_mut().zip(&x[first..]);
                        for ((dx, x), sum) in results.zip(sums) {
                            *dx -= factor * *x * *sum;
                        }
                    }
                }
            },
        );
    });
}

/// The columns, of `len` from channel `first`, whose neighbour at this distance exists.
#[inline(always)]
fn within(offset: isize, channels: usize, first: usize, len: usize) -> (usize, usize) {
    let low = (-offset - first as isize).clamp(0, len as isize) as usize;
    let high = (channels as isize - offset - first as isize).clamp(0, len as isize) as usize;
    (low, high.max(low))
}

/// Adds what `add` makes of the neighbours of every channel from `first` on.
#[inline(always)]
fn neighbours<T: Real>(
    lrn: &Lrn,
    channels: usize,
    first: usize,
    sums: &mut [T],
    add: impl Fn(&T, &mut T),
    x: &[T],
) {
    for offset in lrn.offsets() {
        let (low, high) = within(offset, channels, first, sums.len());
        let from = ((first + low) as isize + offset) as usize;
        let near = &x[from.min(channels)..];
        sums[low..high].iter_mut().zip(near).for_each(|(sum, x)| add(x, sum));
    }
}
