//! Local response normalisation (Krizhevsky et al. 2012), across channels and within a channel.
//!
//! `y = x scale^-beta` with `scale = k + a sum of x^2 over the neighbourhood`. The forward pass keeps
//! `scale` for the gradient.

use super::im2col::{clip, position, scale as scaled};
use super::real::{Real, vectorize};
use super::tasks::{Shared, for_each, for_each_piece, items_per_task};
use crate::window::Axis;

/// Pixels whose channels are handled together.
const WIDTH: usize = 128;

/// A normalisation over `N x C x pixels`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lrn {
    /// Channels of the neighbourhood, or its extent along height and width.
    pub size: usize,
    /// Factor of the sum of squares.
    pub alpha: f64,
    /// The power.
    pub beta: f64,
    /// What is added to the sum. Caffe ignores its own within a channel and takes 1.
    pub k: f64,
    /// Whether alpha is divided by the number of elements of the neighbourhood (Caffe, Torch) or
    /// not (TensorFlow).
    pub divided: bool,
}

impl Lrn {
    pub(super) fn factor<T: Real>(&self, elements: usize) -> T {
        T::from_f64(if self.divided { self.alpha / elements as f64 } else { self.alpha })
    }

    /// `to = x scale^-beta`, added to what is there if `adds`; common powers by square roots.
    #[inline(always)]
    pub(super) fn times_power<T: Real>(&self, x: &[T], scale: &[T], adds: bool, to: &mut [T]) {
        // The power is chosen outside of the loops, so that these become vector instructions.
        match self.beta {
            0.75 => times(x, scale, adds, to, |scale| {
                let root = scale.sqrt();
                T::ONE / (root * root.sqrt())
            }),
            0.5 => times(x, scale, adds, to, |scale| T::ONE / scale.sqrt()),
            1.0 => times(x, scale, adds, to, |scale| T::ONE / scale),
            beta => times(x, scale, adds, to, |scale| scale.powf(T::from_f64(-beta))),
        }
    }

    /// Channels before the middle of the neighbourhood, and behind it.
    fn reach(&self) -> (usize, usize) {
        let before = (self.size.max(1) - 1) / 2;
        (before, self.size.max(1) - 1 - before)
    }

    /// The distances of the neighbourhood's channels from its middle.
    pub(super) fn offsets(&self) -> impl DoubleEndedIterator<Item = isize> + use<> {
        let (before, behind) = self.reach();
        -(before as isize)..behind as isize + 1
    }
}

#[inline(always)]
fn times<T: Real>(x: &[T], scale: &[T], adds: bool, to: &mut [T], power: impl Fn(T) -> T) {
    let terms = to.iter_mut().zip(x.iter().zip(scale));
    match adds {
        true => terms.for_each(|(to, (x, scale))| *to += *x * power(*scale)),
        false => terms.for_each(|(to, (x, scale))| *to = *x * power(*scale)),
    }
}

/// Extents of the blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Number of images.
    pub batch: usize,
    /// Channels of each.
    pub channels: usize,
    /// Height.
    pub height: usize,
    /// Width.
    pub width: usize,
}

impl Shape {
    fn pixels(&self) -> usize {
        self.height * self.width
    }

    fn fits(&self, lens: &[usize]) {
        let len = self.batch * self.channels * self.pixels();
        assert!(lens.iter().all(|l| *l == len), "blobs of {lens:?} for {self:?}");
    }

    /// Runs `body(first element, width)` for all bundles of neighbouring pixels, all channels each.
    fn bundles(&self, body: impl Fn(usize, usize) + Sync) {
        let pixels = self.pixels();
        let blocks = pixels.div_ceil(WIDTH);
        let each = items_per_task(self.channels * WIDTH);
        let all = self.batch * blocks;
        for_each(all.div_ceil(each), |task| {
            vectorize(
                #[inline(always)]
                || {
                    for item in task * each..((task + 1) * each).min(all) {
                        let (image, from) = (item / blocks, item % blocks * WIDTH);
                        body(image * self.channels * pixels + from, WIDTH.min(pixels - from));
                    }
                },
            );
        });
    }
}

/// Normalises across channels.
pub fn across_forward<T: Real>(shape: &Shape, lrn: &Lrn, x: &[T], y: &mut [T], scale: &mut [T]) {
    shape.fits(&[x.len(), y.len(), scale.len()]);
    let (factor, k) = (lrn.factor::<T>(lrn.size), T::from_f64(lrn.k));
    let (before, behind) = lrn.reach();
    let (y, scale) = (Shared::new(y), Shared::new(scale));
    shape.bundles(
        #[inline(always)]
        |first, width| {
            let part = |c: usize| {
                let from = first + c * shape.pixels();
                from..from + width
            };
            for c in 0..shape.channels {
                let mut sums = [T::ZERO; WIDTH];
                for near in c.saturating_sub(before)..(c + behind + 1).min(shape.channels) {
                    sums.iter_mut().zip(&x[part(near)]).for_each(|(sum, x)| *sum += *x * *x);
                }
                // SAFETY: every pixel is in one bundle.
                let (y, scale) = unsafe { (y.slice(part(c)), scale.slice(part(c))) };
                scale.iter_mut().zip(&sums).for_each(|(scale, sum)| *scale = k + factor * *sum);
                lrn.times_power(&x[part(c)], scale, false, y);
            }
        },
    );
}

/// The gradient across channels: `dx = gradient + beta dx`.
#[expect(clippy::too_many_arguments, reason = "all blobs of the forward pass and their gradients")]
pub fn across_backward<T: Real>(
    shape: &Shape,
    lrn: &Lrn,
    x: &[T],
    y: &[T],
    scale: &[T],
    dy: &[T],
    beta: T,
    dx: &mut [T],
) {
    shape.fits(&[x.len(), y.len(), scale.len(), dy.len(), dx.len()]);
    let factor = lrn.factor::<T>(lrn.size) * T::from_f64(2.0 * lrn.beta);
    let (before, behind) = lrn.reach();
    let dx = Shared::new(dx);
    shape.bundles(
        #[inline(always)]
        |first, width| {
            let part = |c: usize| {
                let from = first + c * shape.pixels();
                from..from + width
            };
            for c in 0..shape.channels {
                // SAFETY: every pixel is in one bundle.
                let dx = unsafe { dx.slice(part(c)) };
                if beta != T::ZERO {
                    scaled(beta, dx);
                }
                lrn.times_power(&dy[part(c)], &scale[part(c)], beta != T::ZERO, dx);
            }
            for c in 0..shape.channels {
                let mut ratios = [T::ZERO; WIDTH];
                let terms = dy[part(c)].iter().zip(y[part(c)].iter().zip(&scale[part(c)]));
                for (ratio, (dy, (y, scale))) in ratios.iter_mut().zip(terms) {
                    *ratio = factor * *dy * *y / *scale;
                }
                for near in c.saturating_sub(before)..(c + behind + 1).min(shape.channels) {
                    // SAFETY: as above.
                    let dx = unsafe { dx.slice(part(near)) };
                    for (dx, (x, ratio)) in dx.iter_mut().zip(x[part(near)].iter().zip(&ratios)) {
                        *dx -= *x * *ratio;
                    }
                }
            }
        },
    );
}

/// The square neighbourhood within a channel.
fn square(lrn: &Lrn) -> Axis {
    let (before, behind) = lrn.reach();
    Axis { pad_before: before, pad_after: behind, ..Axis::new(lrn.size.max(1), 1, 0) }
}

/// Visits, for every row of a plane, the rows of its neighbourhood: (row, neighbour, columns of the
/// row, first column of the neighbour) for each tap.
#[inline(always)]
fn neighbours(
    shape: &Shape,
    lrn: &Lrn,
    row: usize,
    mut body: impl FnMut(usize, std::ops::Range<usize>, usize),
) {
    let axis = square(lrn);
    for kh in 0..axis.kernel {
        let Some(near) = position(&axis, shape.height, row, kh) else { continue };
        for kw in 0..axis.kernel {
            let (columns, first) = clip(&axis, shape.width, 0, shape.width, kw);
            body(near * shape.width, columns, first);
        }
    }
}

/// Normalises within each channel over a square of `size x size` pixels, as Caffe's WITHIN_CHANNEL.
pub fn within_forward<T: Real>(shape: &Shape, lrn: &Lrn, x: &[T], y: &mut [T], scale: &mut [T]) {
    shape.fits(&[x.len(), y.len(), scale.len()]);
    let (factor, k) = (lrn.factor::<T>(lrn.size * lrn.size), T::from_f64(lrn.k));
    let each = items_per_task(shape.pixels() * lrn.size * lrn.size) * shape.pixels();
    let y = Shared::new(y);
    for_each_piece(scale, each, |task, scale| {
        let part = task * each..task * each + scale.len();
        // SAFETY: the pieces of `y` are those of `scale`.
        let y = unsafe { y.slice(part.clone()) };
        let x = &x[part];
        vectorize(
            #[inline(always)]
            || {
                for from in (0..scale.len()).step_by(shape.pixels()) {
                    let x = &x[from..from + shape.pixels()];
                    for (row, scale) in
                        scale[from..][..shape.pixels()].chunks_mut(shape.width).enumerate()
                    {
                        scale.fill(T::ZERO);
                        neighbours(
                            shape,
                            lrn,
                            row,
                            #[inline(always)]
                            |near, columns, first| {
                                let x = &x[near + first..];
                                let to = scale[columns].iter_mut();
                                to.zip(x).for_each(|(sum, x)| *sum += *x * *x);
                            },
                        );
                        scale.iter_mut().for_each(|scale| *scale = k + factor * *scale);
                    }
                }
                lrn.times_power(x, scale, false, y);
            },
        );
    });
}

/// The gradient within channels: `dx = gradient + beta dx`.
#[expect(clippy::too_many_arguments, reason = "all blobs of the forward pass and their gradients")]
pub fn within_backward<T: Real>(
    shape: &Shape,
    lrn: &Lrn,
    x: &[T],
    y: &[T],
    scale: &[T],
    dy: &[T],
    beta: T,
    dx: &mut [T],
) {
    shape.fits(&[x.len(), y.len(), scale.len(), dy.len(), dx.len()]);
    let factor = lrn.factor::<T>(lrn.size * lrn.size) * T::from_f64(2.0 * lrn.beta);
    let each = items_per_task(shape.pixels() * lrn.size * lrn.size) * shape.pixels();
    for_each_piece(dx, each, |task, dx| {
        let part = task * each..task * each + dx.len();
        let (x, y, scale, dy) =
            (&x[part.clone()], &y[part.clone()], &scale[part.clone()], &dy[part]);
        vectorize(
            #[inline(always)]
            || {
                scaled(beta, dx);
                lrn.times_power(dy, scale, true, dx);
                for from in (0..dx.len()).step_by(shape.width) {
                    let (plane, row) = (from / shape.pixels() * shape.pixels(), from / shape.width);
                    neighbours(
                        shape,
                        lrn,
                        row % shape.height,
                        #[inline(always)]
                        |near, columns, first| {
                            let near = plane + near + first;
                            let (from, len) = (from + columns.start, columns.len());
                            let terms =
                                dy[from..][..len].iter().zip(&y[from..]).zip(&scale[from..]);
                            let to = dx[near..][..len].iter_mut().zip(&x[near..]);
                            for ((dx, x), ((dy, y), scale)) in to.zip(terms) {
                                *dx -= factor * *x * *dy * *y / *scale;
                            }
                        },
                    );
                }
            },
        );
    });
}

#[cfg(test)]
mod tests {
    use super::super::testing::{close, fill, same_for_any_threads};
    use super::*;

    type Forward<T> = fn(&Shape, &Lrn, &[T], &mut [T], &mut [T]);
    type Backward<T> = fn(&Shape, &Lrn, &[T], &[T], &[T], &[T], T, &mut [T]);

    /// The definition, element by element.
    fn exact(shape: &Shape, lrn: &Lrn, across: bool, x: &[f64]) -> Vec<f64> {
        let Shape { channels, height, width, .. } = *shape;
        let near = |a: usize, b: usize| {
            let (before, behind) = lrn.reach();
            a <= b + before && b <= a + behind
        };
        let at = |i: usize| {
            let p = i % (height * width);
            (i / (channels * height * width), i / (height * width) % channels, p / width, p % width)
        };
        let elements = if across { lrn.size } else { lrn.size * lrn.size };
        (0..x.len())
            .map(|i| {
                let (n, c, h, w) = at(i);
                let sum: f64 = (0..x.len())
                    .filter(|j| {
                        let (m, d, g, v) = at(*j);
                        let same = (h, w) == (g, v);
                        let beside = c == d && near(h, g) && near(w, v);
                        n == m && if across { same && near(c, d) } else { beside }
                    })
                    .map(|j| x[j] * x[j])
                    .sum();
                x[i] * (lrn.k + lrn.factor::<f64>(elements) * sum).powf(-lrn.beta)
            })
            .collect()
    }

    fn check<T: Real>(
        across: bool,
        lrn: Lrn,
        shape: Shape,
        forward: Forward<T>,
        backward: Backward<T>,
    ) {
        let len = shape.batch * shape.channels * shape.pixels();
        let x: Vec<T> = fill(len, 1);
        let dy: Vec<T> = fill(len, 2);
        let x64: Vec<f64> = x.iter().map(|x| x.to_f64()).collect();
        let mut scale = vec![T::ZERO; len];
        let y =
            same_for_any_threads(len, |y| forward(&shape, &lrn, &x, y, &mut vec![T::ZERO; len]));
        forward(&shape, &lrn, &x, &mut vec![T::ZERO; len], &mut scale);
        close(&y, &exact(&shape, &lrn, across, &x64), 1e-6);
        let dx = same_for_any_threads(len, |dx| {
            backward(&shape, &lrn, &x, &y, &scale, &dy, T::ZERO, dx);
        });
        let slopes: Vec<f64> = (0..len)
            .map(|i| {
                let nudged = |by: f64| -> f64 {
                    let mut x = x64.clone();
                    x[i] += by;
                    let y = exact(&shape, &lrn, across, &x);
                    y.iter().zip(&dy).map(|(y, dy)| y * dy.to_f64()).sum()
                };
                (nudged(1e-5) - nudged(-1e-5)) / 2e-5
            })
            .collect();
        for (dx, slope) in dx.iter().zip(slopes) {
            assert!((dx.to_f64() - slope).abs() < 2e-6, "{dx} {slope}");
        }
    }

    #[test]
    fn values_and_gradients_follow_the_definition() {
        let lrn = |size, beta, divided| Lrn { size, alpha: 0.7, beta, k: 1.5, divided };
        let shape = |channels, height, width| Shape { batch: 2, channels, height, width };
        for lrn in [lrn(5, 0.75, true), lrn(3, 0.6, false), lrn(4, 0.5, true)] {
            check::<f64>(true, lrn, shape(7, 3, 5), across_forward, across_backward);
            check::<f32>(true, lrn, shape(3, 2, 6), across_forward, across_backward);
            check::<f64>(false, lrn, shape(2, 6, 5), within_forward, within_backward);
            check::<f32>(false, lrn, shape(3, 4, 7), within_forward, within_backward);
        }
    }
}
