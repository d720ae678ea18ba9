//! Local response normalisation (Krizhevsky et al. 2012) across channels.
//!
//! `y = x scale^-beta` with `scale = k + a sum of x^2 over the neighbourhood`. The forward pass keeps
//! `scale` for the gradient.

use super::im2col::scale as scaled;
use super::real::{Real, vectorize};
use super::tasks::{Shared, for_each_range, items_per_task};

/// Pixels whose channels are handled together.
const WIDTH: usize = 128;

/// A normalisation over `N x C x pixels`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lrn {
    /// Channels of the neighbourhood.
    pub size: usize,
    /// Factor of the sum of squares.
    pub alpha: f64,
    /// The power.
    pub beta: f64,
    /// What is added to the sum.
    pub k: f64,
}

impl Lrn {
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
        for_each_range(self.batch * blocks, each, |items| {
            vectorize(
                #[inline(always)]
                || {
                    for item in items.clone() {
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
    let (factor, k) = (T::from_f64(lrn.alpha), T::from_f64(lrn.k));
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
    let factor = T::from_f64(lrn.alpha) * T::from_f64(2.0 * lrn.beta);
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

#[cfg(test)]
mod tests {
    use super::super::testing::{close, fill, same_for_any_threads};
    use super::*;

    /// The definition, element by element.
    fn exact(shape: &Shape, lrn: &Lrn, x: &[f64]) -> Vec<f64> {
        let Shape { channels, height, width, .. } = *shape;
        let (before, behind) = lrn.reach();
        let at = |i: usize| {
            let pixel = i % (height * width);
            (i / (channels * height * width), i / (height * width) % channels, pixel)
        };
        let value = |i: usize| {
            let (n, c, p) = at(i);
            let near = |j: &usize| {
                let (m, d, q) = at(*j);
                (n, p) == (m, q) && c <= d + before && d <= c + behind
            };
            let sum: f64 = (0..x.len()).filter(near).map(|j| x[j] * x[j]).sum();
            x[i] * (lrn.k + lrn.alpha * sum).powf(-lrn.beta)
        };
        (0..x.len()).map(value).collect()
    }

    fn check<T: Real>(lrn: Lrn, shape: Shape) {
        let len = shape.batch * shape.channels * shape.pixels();
        let x: Vec<T> = fill(len, 1);
        let dy: Vec<T> = fill(len, 2);
        let x64: Vec<f64> = x.iter().map(|x| x.to_f64()).collect();
        let mut scale = vec![T::ZERO; len];
        let y = same_for_any_threads(len, |y| {
            across_forward(&shape, &lrn, &x, y, &mut vec![T::ZERO; len]);
        });
        across_forward(&shape, &lrn, &x, &mut vec![T::ZERO; len], &mut scale);
        close(&y, &exact(&shape, &lrn, &x64), 1e-6);
        let dx = same_for_any_threads(len, |dx| {
            across_backward(&shape, &lrn, &x, &y, &scale, &dy, T::ZERO, dx);
        });
        let slopes = (0..len).map(|i| {
            let nudged = |by: f64| -> f64 {
                let mut x = x64.clone();
                x[i] += by;
                let y = exact(&shape, &lrn, &x);
                y.iter().zip(&dy).map(|(y, dy)| y * dy.to_f64()).sum()
            };
            (nudged(1e-5) - nudged(-1e-5)) / 2e-5
        });
        for (dx, slope) in dx.iter().zip(slopes) {
            assert!((dx.to_f64() - slope).abs() < 2e-6, "{dx} {slope}");
        }
    }

    #[test]
    fn values_and_gradients_follow_the_definition() {
        let lrn = |size, beta| Lrn { size, alpha: 0.14, beta, k: 1.5 };
        let shape = |channels, height, width| Shape { batch: 2, channels, height, width };
        for lrn in [lrn(5, 0.75), lrn(3, 0.6), lrn(4, 0.5)] {
            check::<f64>(lrn, shape(7, 3, 5));
            check::<f32>(lrn, shape(3, 2, 6));
        }
    }
}
