//! Softmax and its logarithm along an axis of `outer x axis x inner`, with gradients.

use super::real::{Real, vectorize};
use super::reduce::{Reduction, dot};
use super::tasks::{Shared, for_each_range, items_per_task};

/// Inner elements handled together.
const WIDTH: usize = 64;

/// Extents around the axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Product of the extents before the axis.
    pub outer: usize,
    /// Extent of the axis.
    pub axis: usize,
    /// Product of the extents behind the axis.
    pub inner: usize,
}

impl Shape {
    /// Elements of the blob.
    pub fn len(&self) -> usize {
        self.outer * self.axis * self.inner
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Runs `body(first element, width)` for every bundle of neighbouring lines along the axis.
    fn bundles(&self, body: impl Fn(usize, usize) + Sync) {
        let blocks = self.inner.div_ceil(WIDTH);
        let each = items_per_task(self.axis * WIDTH.min(self.inner));
        for_each_range(self.outer * blocks, each, |items| {
            vectorize(
                #[inline(always)]
                || {
                    for item in items.clone() {
                        let (o, from) = (item / blocks, item % blocks * WIDTH);
                        body(o * self.axis * self.inner + from, WIDTH.min(self.inner - from));
                    }
                },
            );
        });
    }

    fn fits(&self, lens: &[usize]) {
        assert!(lens.iter().all(|len| *len == self.len()), "blobs of {lens:?} for {self:?}");
    }
}

/// `y = e^x / sum e^x`, or with `log` its logarithm, shifted by the maximum against overflow.
pub fn forward<T: Real>(shape: Shape, log: bool, x: &[T], y: &mut [T]) {
    shape.fits(&[x.len(), y.len()]);
    let y = Shared::new(y);
    let stride = shape.inner;
    shape.bundles(
        #[inline(always)]
        |first, width| {
            if stride == 1 {
                // SAFETY: every line along the axis is in one bundle.
                let y = unsafe { y.slice(first..first + shape.axis) };
                line(log, &x[first..][..shape.axis], y);
                return;
            }
            let mut max = [T::NEG_INFINITY; WIDTH];
            let mut sum = [T::ZERO; WIDTH];
            let row = |i: usize| &x[first + i * stride..][..width];
            // SAFETY: every line along the axis is in one bundle.
            let out = |i: usize| unsafe { y.slice(first + i * stride..first + i * stride + width) };
            for i in 0..shape.axis {
                max.iter_mut().zip(row(i)).for_each(|(max, x)| *max = max.max(*x));
            }
            for i in 0..shape.axis {
                let lines = out(i).iter_mut().zip(row(i)).zip(max.iter().zip(&mut sum));
                for ((y, x), (max, sum)) in lines {
                    let e = (*x - *max).fast_exp();
                    *sum += e;
                    *y = if log { *x - *max } else { e };
                }
            }
            sum.iter_mut().for_each(|sum| *sum = if log { sum.fast_ln() } else { T::ONE / *sum });
            for i in 0..shape.axis {
                for (y, sum) in out(i).iter_mut().zip(&sum) {
                    *y = if log { *y - *sum } else { *y * *sum };
                }
            }
        },
    );
}

/// The maximum or the sum of a line; a short one is worth no accumulators.
#[inline(always)]
fn reduced<T: Real>(kind: Reduction, x: &[T]) -> T {
    match WIDTH <= x.len() {
        true => kind.row(x),
        false => x.iter().fold(kind.start(), |a, b| kind.join(a, *b)),
    }
}

/// One contiguous line.
#[inline(always)]
fn line<T: Real>(log: bool, x: &[T], y: &mut [T]) {
    let max = reduced(Reduction::Max, x);
    y.iter_mut().zip(x).for_each(|(y, x)| *y = (*x - max).fast_exp());
    let sum = reduced(Reduction::Sum, y);
    if log {
        let shift = max + sum.fast_ln();
        y.iter_mut().zip(x).for_each(|(y, x)| *y = *x - shift);
    } else {
        let scale = T::ONE / sum;
        y.iter_mut().for_each(|y| *y *= scale);
    }
}

/// `dx = gradient + beta dx` from the result `y`: `y (dy - sum dy y)`, or for the logarithm
/// `dy - e^y sum dy`.
pub fn backward<T: Real>(shape: Shape, log: bool, y: &[T], dy: &[T], beta: T, dx: &mut [T]) {
    shape.fits(&[y.len(), dy.len(), dx.len()]);
    let dx = Shared::new(dx);
    let stride = shape.inner;
    shape.bundles(
        #[inline(always)]
        |first, width| {
            if stride == 1 {
                let (y, dy) = (&y[first..][..shape.axis], &dy[first..][..shape.axis]);
                // SAFETY: every line along the axis is in one bundle.
                let dx = unsafe { dx.slice(first..first + shape.axis) };
                let sum = if log { reduced(Reduction::Sum, dy) } else { dot(y, dy) };
                dx.iter_mut().zip(y.iter().zip(dy)).for_each(|(dx, (y, dy))| {
                    *dx = slope(log, *y, *dy, sum, beta, *dx);
                });
                return;
            }
            let mut sum = [T::ZERO; WIDTH];
            let part = |i: usize| first + i * stride..first + i * stride + width;
            for i in 0..shape.axis {
                for (sum, (y, dy)) in sum.iter_mut().zip(y[part(i)].iter().zip(&dy[part(i)])) {
                    *sum += if log { *dy } else { *dy * *y };
                }
            }
            for i in 0..shape.axis {
                // SAFETY: every line along the axis is in one bundle.
                let dx = unsafe { dx.slice(part(i)) };
                let values = y[part(i)].iter().zip(&dy[part(i)]).zip(&sum);
                dx.iter_mut().zip(values).for_each(|(dx, ((y, dy), sum))| {
                    *dx = slope(log, *y, *dy, *sum, beta, *dx);
                });
            }
        },
    );
}

/// The gradient of one element, given the sum along its line.
#[inline(always)]
fn slope<T: Real>(log: bool, y: T, dy: T, sum: T, beta: T, old: T) -> T {
    let value = if log { dy - y.fast_exp() * sum } else { y * (dy - sum) };
    if beta == T::ZERO { value } else { beta * old + value }
}

/// `dx = (p - target) factor` from the softmax `p`, where the target of a line along the axis is 1 at its class and 0
/// elsewhere. `of` has the class, if there is one, and the factor of a line, counted without the axis; a line of which it
/// has nothing gets zeros.
pub fn towards_classes<T: Real>(
    shape: Shape,
    p: &[T],
    of: impl Fn(usize) -> Option<(Option<usize>, T)> + Sync,
    dx: &mut [T],
) {
    shape.fits(&[p.len(), dx.len()]);
    let dx = Shared::new(dx);
    let stride = shape.inner;
    shape.bundles(
        #[inline(always)]
        |first, width| {
            let line = first / (shape.axis * stride) * stride + first % stride;
            if stride == 1 {
                let p = &p[first..][..shape.axis];
                // SAFETY: every line along the axis is in one bundle.
                let dx = unsafe { dx.slice(first..first + shape.axis) };
                let Some((class, factor)) = of(line) else { return dx.fill(T::ZERO) };
                dx.iter_mut().zip(p).for_each(|(dx, p)| *dx = *p * factor);
                if let Some(class) = class {
                    dx[class] = (p[class] - T::ONE) * factor;
                }
                return;
            }
            let mut factors = [T::ZERO; WIDTH];
            let mut counts = [T::ZERO; WIDTH];
            for (j, (factor, counts)) in factors.iter_mut().zip(&mut counts).take(width).enumerate()
            {
                if let Some((_, own)) = of(line + j) {
                    (*factor, *counts) = (own, T::ONE);
                }
            }
            for i in 0..shape.axis {
                let part = first + i * stride..first + i * stride + width;
                // SAFETY: every line along the axis is in one bundle.
                let dx = unsafe { dx.slice(part.clone()) };
                let values = p[part].iter().zip(factors.iter().zip(&counts));
                dx.iter_mut().zip(values).for_each(|(dx, (p, (factor, counts)))| {
                    *dx = if *counts == T::ZERO { T::ZERO } else { *p * *factor };
                });
            }
            for j in 0..width {
                let Some((Some(class), factor)) = of(line + j) else { continue };
                let at = first + class * stride + j;
                // SAFETY: as above, and the slices before are gone.
                let dx = unsafe { dx.slice(at..at + 1) };
                dx[0] = (p[at] - T::ONE) * factor;
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::super::testing::{close, fill, same_for_any_threads};
    use super::*;

    fn check<T: Real>(outer: usize, axis: usize, inner: usize, log: bool) {
        let shape = Shape { outer, axis, inner };
        let x: Vec<T> = fill::<T>(shape.len(), 1).iter().map(|x| *x * T::from_f64(9.0)).collect();
        let dy: Vec<T> = fill(shape.len(), 2);
        let exact = |x: &[f64], i: usize| {
            let line =
                (0..axis).map(|a| x[i / (axis * inner) * axis * inner + a * inner + i % inner]);
            let value = x[i] - line.map(f64::exp).sum::<f64>().ln();
            if log { value } else { value.exp() }
        };
        let x64: Vec<f64> = x.iter().map(|x| x.to_f64()).collect();
        let expected: Vec<f64> = (0..x.len()).map(|i| exact(&x64, i)).collect();
        let y = same_for_any_threads(x.len(), |y| forward(shape, log, &x, y));
        close(&y, &expected, 2e-6);

        let dx = same_for_any_threads(x.len(), |dx| backward(shape, log, &y, &dy, T::ZERO, dx));
        // Central differences of the exact function, at every element of the first line.
        for a in 0..axis {
            let nudged = |by: f64| -> f64 {
                let mut x = x64.clone();
                x[a * inner] += by;
                (0..axis).map(|b| dy[b * inner].to_f64() * exact(&x, b * inner)).sum()
            };
            let slope = (nudged(1e-4) - nudged(-1e-4)) / 2e-4;
            assert!((dx[a * inner].to_f64() - slope).abs() < 1e-5, "{} {slope}", dx[a * inner]);
        }
        let mut twice = dx.clone();
        backward(shape, log, &y, &dy, T::ONE, &mut twice);
        let doubled: Vec<f64> = dx.iter().map(|x| 2.0 * x.to_f64()).collect();
        close(&twice, &doubled, 1e-6);
    }

    #[test]
    fn values_and_gradients_are_right_along_any_axis() {
        for log in [false, true] {
            for (outer, axis, inner) in
                [(5, 10, 1), (1, 7, 1), (3, 4, 130), (2, 5, 3), (300, 11, 9)]
            {
                check::<f64>(outer, axis, inner, log);
                check::<f32>(outer, axis, inner, log);
            }
        }
    }

    #[test]
    fn large_inputs_do_not_overflow() {
        let mut y = [0f32; 3];
        forward(Shape { outer: 1, axis: 3, inner: 1 }, false, &[1000., 1000., -1000.], &mut y);
        assert_eq!(y, [0.5, 0.5, 0.0]);
    }
}
