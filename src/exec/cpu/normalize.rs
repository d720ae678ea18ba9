//! Batch normalisation by channel: moments, normalisation with factor, shift and ReLU, and the gradient of all of it.
//!
//! A blob is `N x C x inner`. A task owns whole channels and adds up planes in the order of the images, so the bits do not
//! depend on the number of threads.

use std::ops::Range;

use super::real::{Real, vectorize};
use super::reduce::LANES;
use super::tasks::{Shared, for_each_range, items_per_task};

/// Extents of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Number of images.
    pub batch: usize,
    /// Channels of each.
    pub channels: usize,
    /// Elements of a channel of one image.
    pub inner: usize,
}

impl Shape {
    fn len(&self) -> usize {
        self.batch * self.channels * self.inner
    }

    /// Elements of a channel of one image.
    fn plane(&self, image: usize, channel: usize) -> Range<usize> {
        let first = (image * self.channels + channel) * self.inner;
        first..first + self.inner
    }

    /// Runs `body` for every channel.
    fn each_channel(&self, body: impl Fn(usize) + Sync) {
        let each = items_per_task(self.batch * self.inner);
        for_each_range(self.channels, each, |channels| {
            vectorize(
                #[inline(always)]
                || channels.for_each(&body),
            );
        });
    }

    /// Runs `body` for every plane: image, channel.
    fn each_plane(&self, body: impl Fn(usize, usize) + Sync) {
        let each = items_per_task(self.inner);
        for_each_range(self.batch * self.channels, each, |planes| {
            vectorize(
                #[inline(always)]
                || {
                    for plane in planes {
                        body(plane / self.channels, plane % self.channels);
                    }
                },
            );
        });
    }
}

/// What brings a channel to its normal form.
#[derive(Clone, Copy, Debug)]
pub struct Channels<'a, T> {
    /// The mean of each channel.
    pub mean: &'a [T],
    /// The biased variance of each channel.
    pub variance: &'a [T],
    /// Factor and shift of each channel, if there are any.
    pub affine: Option<(&'a [T], &'a [T])>,
    /// Added to the variance.
    pub eps: T,
    /// Whether negative results become 0.
    pub relu: bool,
}

/// The numbers of one channel.
#[derive(Clone, Copy)]
struct One<T> {
    mean: T,
    /// 1 over the deviation.
    inverse: T,
    /// The same times the factor.
    factor: T,
    shift: T,
}

impl<T: Real> Channels<'_, T> {
    #[inline(always)]
    fn of(&self, channel: usize) -> One<T> {
        let inverse = T::ONE / (self.variance[channel] + self.eps).sqrt();
        let (scale, shift) =
            self.affine.map_or((T::ONE, T::ZERO), |(a, b)| (a[channel], b[channel]));
        One { mean: self.mean[channel], inverse, factor: inverse * scale, shift }
    }

    fn fits(&self, shape: &Shape) {
        let affine = self.affine.map_or([shape.channels; 2], |(a, b)| [a.len(), b.len()]);
        let lens = [self.mean.len(), self.variance.len(), affine[0], affine[1]];
        assert!(lens.iter().all(|&n| n == shape.channels), "{lens:?} for {shape:?}");
    }
}

impl<T: Real> One<T> {
    #[inline(always)]
    fn apply(&self, x: T) -> T {
        (x - self.mean) * self.factor + self.shift
    }
}

/// The sum of two functions of the elements of `a` and `b`, each in several accumulators.
#[inline(always)]
fn sums<T: Real>(a: &[T], b: &[T], term: impl Fn(T, T) -> (T, T)) -> (T, T) {
    let (mut first, mut second) = ([T::ZERO; LANES], [T::ZERO; LANES]);
    let (mut a, mut b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    for (a, b) in (&mut a).zip(&mut b) {
        for i in 0..LANES {
            let (x, y) = term(a[i], b[i]);
            first[i] += x;
            second[i] += y;
        }
    }
    for (i, (&a, &b)) in a.remainder().iter().zip(b.remainder()).enumerate() {
        let (x, y) = term(a, b);
        first[i] += x;
        second[i] += y;
    }
    let mut half = LANES / 2;
    while 0 < half {
        for i in 0..half {
            first[i] += first[i + half];
            second[i] += second[i + half];
        }
        half /= 2;
    }
    (first[0], second[0])
}

/// Mean and biased variance of every channel.
///
/// The variance is that of the elements minus their mean, in two passes, because the difference of the mean square and the
/// squared mean loses all digits where the mean is large.
pub fn moments<T: Real>(shape: &Shape, x: &[T], mean: &mut [T], variance: &mut [T]) {
    assert!(x.len() == shape.len(), "{} elements for {shape:?}", x.len());
    assert!(mean.len() == shape.channels && variance.len() == shape.channels, "moments");
    let count = T::ONE / T::from_usize(shape.batch * shape.inner);
    let (mean, variance) = (Shared::new(mean), Shared::new(variance));
    shape.each_channel(
        #[inline(always)]
        |channel| {
            let mut sum = T::ZERO;
            for image in 0..shape.batch {
                let x = &x[shape.plane(image, channel)];
                sum += sums(x, x, |x, _| (x, T::ZERO)).0;
            }
            let middle = sum * count;
            let mut squares = T::ZERO;
            for image in 0..shape.batch {
                let x = &x[shape.plane(image, channel)];
                let square = |x: T, _: T| ((x - middle) * (x - middle), T::ZERO);
                squares += sums(x, x, square).0;
            }
            // SAFETY: every channel is in one task.
            unsafe {
                *mean.pointer(channel) = middle;
                *variance.pointer(channel) = squares * count;
            }
        },
    );
}

/// `y = (x - mean) / sqrt(variance + eps) scale + shift`, then ReLU.
pub fn forward<T: Real>(shape: &Shape, channels: &Channels<T>, x: &[T], y: &mut [T]) {
    assert!(x.len() == shape.len() && y.len() == shape.len(), "blobs for {shape:?}");
    channels.fits(shape);
    let y = Shared::new(y);
    shape.each_plane(
        #[inline(always)]
        |image, channel| {
            let one = channels.of(channel);
            let plane = shape.plane(image, channel);
            // SAFETY: every plane is in one task.
            let y = unsafe { y.slice(plane.clone()) };
            let pairs = y.iter_mut().zip(&x[plane]);
            match channels.relu {
                true => pairs.for_each(|(y, x)| {
                    let value = one.apply(*x);
                    *y = if T::ZERO < value { value } else { T::ZERO };
                }),
                false => pairs.for_each(|(y, x)| *y = one.apply(*x)),
            }
        },
    );
}

/// The gradients to `x`, and to factor and shift if there are any. With `batch` the moments are those of `x`.
pub fn backward<T: Real>(
    shape: &Shape,
    channels: &Channels<T>,
    batch: bool,
    x: &[T],
    dy: &[T],
    dx: &mut [T],
    daffine: Option<(&mut [T], &mut [T])>,
) {
    assert!([x.len(), dy.len(), dx.len()] == [shape.len(); 3], "blobs for {shape:?}");
    channels.fits(shape);
    let count = T::ONE / T::from_usize(shape.batch * shape.inner);
    let dx = Shared::new(dx);
    let daffine = daffine.map(|(scale, shift)| {
        assert!(scale.len() == shape.channels && shift.len() == shape.channels, "gradients");
        (Shared::new(scale), Shared::new(shift))
    });
    shape.each_channel(
        #[inline(always)]
        |channel| {
            let one = channels.of(channel);
            let passed = |x: T, dy: T| {
                let open = !channels.relu || T::ZERO < one.apply(x);
                if open { dy } else { T::ZERO }
            };
            let (mut sum, mut product) = (T::ZERO, T::ZERO);
            for image in 0..shape.batch {
                let plane = shape.plane(image, channel);
                let term = |x: T, dy: T| {
                    let dy = passed(x, dy);
                    (dy, dy * (x - one.mean))
                };
                let (more, of_products) = sums(&x[plane.clone()], &dy[plane], term);
                sum += more;
                product += of_products;
            }
            if let Some((scale, shift)) = &daffine {
                // SAFETY: every channel is in one task.
                unsafe {
                    *scale.pointer(channel) = product * one.inverse;
                    *shift.pointer(channel) = sum;
                }
            }
            let (mean, slope) = match batch {
                true => (sum * count, product * one.inverse * one.inverse * count),
                false => (T::ZERO, T::ZERO),
            };
            for image in 0..shape.batch {
                let plane = shape.plane(image, channel);
                // SAFETY: every channel is in one task.
                let dx = unsafe { dx.slice(plane.clone()) };
                for (dx, (&x, &dy)) in dx.iter_mut().zip(x[plane.clone()].iter().zip(&dy[plane])) {
                    *dx = (passed(x, dy) - mean - (x - one.mean) * slope) * one.factor;
                }
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::super::testing::{close, fill, same_for_any_threads};
    use super::*;

    fn normal(shape: &Shape, x: &[f64], affine: &[Vec<f64>; 2], eps: f64, relu: bool) -> Vec<f64> {
        let count = (shape.batch * shape.inner) as f64;
        let of = |i: usize| i / shape.inner % shape.channels;
        let mean_of = |c: usize, f: &dyn Fn(f64) -> f64| -> f64 {
            (0..x.len()).filter(|&i| of(i) == c).map(|i| f(x[i])).sum::<f64>() / count
        };
        (0..x.len())
            .map(|i| {
                let c = of(i);
                let mean = mean_of(c, &|x| x);
                let variance = mean_of(c, &|x| (x - mean) * (x - mean));
                let y = (x[i] - mean) / (variance + eps).sqrt() * affine[0][c] + affine[1][c];
                if relu { y.max(0.0) } else { y }
            })
            .collect()
    }

    #[test]
    fn values_and_gradients_follow_the_definition() {
        for (batch, channels, inner, relu) in
            [(3, 4, 37, false), (2, 5, 6, true), (4, 3, 1, true), (1, 2, 70, false)]
        {
            let shape = Shape { batch, channels, inner };
            let x: Vec<f64> = fill(shape.len(), 1);
            let dy: Vec<f64> = fill(shape.len(), 2);
            let affine: [Vec<f64>; 2] = [fill(channels, 3), fill(channels, 4)];
            let (mut mean, mut variance) = (vec![0.0; channels], vec![0.0; channels]);
            moments(&shape, &x, &mut mean, &mut variance);
            let with = Channels {
                mean: &mean,
                variance: &variance,
                affine: Some((&affine[0], &affine[1])),
                eps: 0.1,
                relu,
            };
            let y = same_for_any_threads(x.len(), |y| forward(&shape, &with, &x, y));
            close(&y, &normal(&shape, &x, &affine, 0.1, relu), 1e-9);
            let (mut dscale, mut dshift) = (vec![0.0; channels], vec![0.0; channels]);
            let mut dx = vec![0.0; x.len()];
            let daffine = Some((&mut dscale[..], &mut dshift[..]));
            backward(&shape, &with, true, &x, &dy, &mut dx, daffine);
            let loss = |x: &[f64], affine: &[Vec<f64>; 2]| -> f64 {
                let y = normal(&shape, x, affine, 0.1, relu);
                y.iter().zip(&dy).map(|(y, dy)| y * dy).sum()
            };
            let slope = |change: &dyn Fn(f64) -> f64| (change(1e-5) - change(-1e-5)) / 2e-5;
            for (i, dx) in dx.iter().enumerate() {
                let change = |by: f64| {
                    let mut x = x.clone();
                    x[i] += by;
                    loss(&x, &affine)
                };
                assert!((dx - slope(&change)).abs() < 1e-6, "{i}: {dx}");
            }
            for (which, gradients) in [&dscale, &dshift].into_iter().enumerate() {
                for (c, gradient) in gradients.iter().enumerate() {
                    let change = |by: f64| {
                        let mut affine = affine.clone();
                        affine[which][c] += by;
                        loss(&x, &affine)
                    };
                    assert!((gradient - slope(&change)).abs() < 1e-6, "{which} {c}");
                }
            }
            let single = |values: &[f64]| values.iter().map(|&x| x as f32).collect::<Vec<_>>();
            let (x, dy) = (single(&x), single(&dy));
            let stored = Channels {
                mean: &single(&mean),
                variance: &single(&variance),
                affine: None,
                eps: 0.1,
                relu,
            };
            let dx = same_for_any_threads(x.len(), |dx| {
                backward(&shape, &stored, false, &x, &dy, dx, None);
            });
            for (i, dx) in dx.iter().enumerate() {
                let c = i / inner % channels;
                let open = !relu || 0.0 < f64::from(x[i]) - mean[c];
                let want = if open { f64::from(dy[i]) / (variance[c] + 0.1).sqrt() } else { 0.0 };
                assert!((f64::from(*dx) - want).abs() < 1e-4, "{dx} {want}");
            }
        }
    }
}
