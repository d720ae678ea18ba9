//! Pooling over the last two axes of `N x C x H x W`: maximum, average and stochastic, with gradients.
//!
//! Windows are clipped as Caffe clips them. A maximum keeps where it was found as an index plane: the
//! position `h W + w` in the input plane as a number of the same type, exact up to 2^24 in f32, and -1
//! for a window without elements above -FLT_MAX. The first maximum in scan order wins.

use super::bands::Bands;
use super::halves;
use super::im2col::{clip, position, scale};
use super::real::{Real, vectorize};
use super::reduce::Reduction;
use super::tasks::{Shared, for_each_piece, for_each_range, items_per_task};
use crate::window::{Axis, Pool};

/// All extents of a pooling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Number of planes: images times channels.
    pub planes: usize,
    /// Height and width of the input.
    pub input: [usize; 2],
    /// Height and width of the output.
    pub output: [usize; 2],
    /// The window and the divisor of averages.
    pub pool: Pool,
}

impl Shape {
    /// The extents of `pool` over `planes` planes of `input`; `None` if no window fits.
    pub fn new(pool: &Pool, planes: usize, input: [usize; 2]) -> Option<Shape> {
        let [h, w] = pool.axes;
        let output = [h.pooled(input[0], pool.rounding)?, w.pooled(input[1], pool.rounding)?];
        Some(Shape { planes, input, output, pool: pool.clone() })
    }

    /// Elements of the input.
    pub fn input_len(&self) -> usize {
        self.planes * self.pixels()
    }

    /// Elements of the output.
    pub fn output_len(&self) -> usize {
        self.planes * self.count()
    }

    fn pixels(&self) -> usize {
        self.input[0] * self.input[1]
    }

    fn count(&self) -> usize {
        self.output[0] * self.output[1]
    }

    /// The divisor of the only window, where it is all of the plane.
    fn whole<T: Real>(&self) -> Option<T> {
        let [h, w] = &self.pool.axes;
        let covers = |axis: &Axis, extent: usize| {
            axis.pad_before == 0 && axis.dilation == 1 && extent <= axis.kernel
        };
        let whole = self.count() == 1 && covers(h, self.input[0]) && covers(w, self.input[1]);
        let divisor = |axis, extent| divisor(axis, extent, 0, self.pool.count_pad);
        whole.then(|| T::from_i32((divisor(h, self.input[0]) * divisor(w, self.input[1])) as i32))
    }

    /// Planes that make one task.
    fn each(&self) -> usize {
        let [h, w] = self.pool.axes;
        items_per_task(self.pixels().max(self.count() * h.kernel * w.kernel))
    }

    /// Runs `body(input plane, output plane)` for every plane, with planes of `x` read only.
    fn map_planes<T: Real>(&self, x: &[T], y: &mut [T], body: impl Fn(&[T], &mut [T]) + Sync) {
        let (pixels, count, each) = (self.pixels(), self.count(), self.each());
        for_each_piece(y, each * count, |task, y| {
            let x = &x[task * each * pixels..];
            vectorize(
                #[inline(always)]
                || {
                    for (x, y) in x.chunks_exact(pixels).zip(y.chunks_exact_mut(count)) {
                        body(x, y);
                    }
                },
            );
        });
    }

    /// Asserts that blobs fit; `index` is only there for kinds that keep one.
    fn fits(&self, input: usize, output: usize) {
        assert!(input == self.input_len(), "input of {input} elements");
        assert!(output == self.output_len(), "output of {output} elements");
    }
}

/// Maxima and their places. `y` and `index` are written over all windows.
pub fn max_forward<T: Real>(shape: &Shape, x: &[T], y: &mut [T], index: &mut [T]) {
    shape.fits(x.len(), y.len());
    shape.fits(x.len(), index.len());
    let (pixels, count, each) = (shape.pixels(), shape.count(), shape.each());
    let y = Shared::new(y);
    let index = Shared::new(index);
    let in_halves = halves::fits(shape);
    for_each_range(shape.planes, each, |planes| {
        // SAFETY: every plane is in one task.
        let (y, index) = unsafe {
            let range = planes.start * count..planes.end * count;
            (y.slice(range.clone()), index.slice(range))
        };
        let x = &x[planes.start * pixels..planes.end * pixels];
        if in_halves {
            halves::planes(shape.input[1], x, y, index, count);
            return;
        }
        vectorize(
            #[inline(always)]
            || {
                let outputs = y.chunks_exact_mut(count).zip(index.chunks_exact_mut(count));
                let planes = x.chunks_exact(pixels).zip(outputs);
                if let Some(mut bands) = Bands::new(shape) {
                    for (x, (y, index)) in planes {
                        bands.plane(shape, x, y, index);
                    }
                    return;
                }
                for (x, (y, index)) in planes {
                    max_any(shape, x, y, index);
                }
            },
        );
    });
}

/// The maxima of windows of any kind.
#[inline(always)]
fn max_any<T: Real>(shape: &Shape, x: &[T], y: &mut [T], index: &mut [T]) {
    let [h, w] = shape.pool.axes;
    let [height, width] = shape.input;
    y.fill(-T::FLT_MAX);
    index.fill(-T::ONE);
    let rows = y.chunks_exact_mut(shape.output[1]).zip(index.chunks_exact_mut(shape.output[1]));
    for (oh, (y, index)) in rows.enumerate() {
        for kh in 0..h.kernel {
            let Some(row) = position(&h, height, oh, kh) else { continue };
            let x = &x[row * width..][..width];
            for kw in 0..w.kernel {
                let (windows, first) = clip(&w, width, 0, shape.output[1], kw);
                let from = x[first..].iter().step_by(w.stride).enumerate();
                let to = y[windows.clone()].iter_mut().zip(&mut index[windows]);
                for ((best, place), (i, x)) in to.zip(from) {
                    if *best < *x {
                        *best = *x;
                        *place = T::from_usize(row * width + first + i * w.stride);
                    }
                }
            }
        }
    }
}

/// The gradient through kept places (maximum and stochastic): `dx = gradient + beta dx`.
pub fn index_backward<T: Real>(shape: &Shape, dy: &[T], index: &[T], beta: T, dx: &mut [T]) {
    shape.fits(dx.len(), dy.len());
    shape.fits(dx.len(), index.len());
    let (pixels, count, each) = (shape.pixels(), shape.count(), shape.each());
    for_each_piece(dx, each * pixels, |task, dx| {
        vectorize(
            #[inline(always)]
            || scale(beta, dx),
        );
        let from = task * each * count;
        let planes = dy[from..].chunks_exact(count).zip(index[from..].chunks_exact(count));
        for (dx, (dy, index)) in dx.chunks_exact_mut(pixels).zip(planes) {
            for (dy, index) in dy.iter().zip(index) {
                if let Some(dx) = dx.get_mut(index.to_usize()).filter(|_| T::ZERO <= *index) {
                    *dx += *dy;
                }
            }
        }
    });
}

/// The element count that Caffe or Torch divides a window's sum by, along one axis.
#[inline(always)]
pub(super) fn divisor(axis: &Axis, extent: usize, window: usize, count_pad: bool) -> isize {
    let (extent, pad) = (extent as isize, axis.pad_before as isize);
    let start = (window * axis.stride) as isize - pad;
    let end = (start + axis.reach() as isize).min(extent + axis.pad_after as isize);
    if count_pad { end - start } else { end.min(extent) - start.max(0) }
}

/// One over the divisors of the windows of one row, a chunk at a time.
#[inline(always)]
fn divisors<T: Real>(shape: &Shape, oh: usize, first: usize, to: &mut [T]) {
    let [h, w] = shape.pool.axes;
    let rows = divisor(&h, shape.input[0], oh, shape.pool.count_pad);
    for (i, to) in to.iter_mut().enumerate() {
        let columns = divisor(&w, shape.input[1], first + i, shape.pool.count_pad);
        *to = T::from_i32((rows * columns) as i32);
    }
}

/// Windows whose divisors are computed together.
const CHUNK: usize = 64;

/// Averages; a window with nothing to count gives 0/0 as in Caffe.
pub fn average_forward<T: Real>(shape: &Shape, x: &[T], y: &mut [T]) {
    shape.fits(x.len(), y.len());
    let [h, w] = shape.pool.axes;
    let [height, width] = shape.input;
    let whole = shape.whole::<T>();
    shape.map_planes(
        x,
        y,
        #[inline(always)]
        |x, y| {
            if let Some(count) = whole {
                y[0] = Reduction::Sum.row(x) / count;
                return;
            }
            for (oh, y) in y.chunks_exact_mut(shape.output[1]).enumerate() {
                y.fill(T::ZERO);
                for kh in 0..h.kernel {
                    let Some(row) = position(&h, height, oh, kh) else { continue };
                    let x = &x[row * width..][..width];
                    for kw in 0..w.kernel {
                        let (windows, first) = clip(&w, width, 0, shape.output[1], kw);
                        let from = x[first..].iter().step_by(w.stride);
                        y[windows].iter_mut().zip(from).for_each(|(y, x)| *y += *x);
                    }
                }
                for (chunk, y) in y.chunks_mut(CHUNK).enumerate() {
                    let mut counts = [T::ONE; CHUNK];
                    divisors(shape, oh, chunk * CHUNK, &mut counts[..y.len()]);
                    y.iter_mut().zip(counts).for_each(|(y, count)| *y /= count);
                }
            }
        },
    );
}

/// The gradient of averages: `dx = gradient + beta dx`.
pub fn average_backward<T: Real>(shape: &Shape, dy: &[T], beta: T, dx: &mut [T]) {
    shape.fits(dx.len(), dy.len());
    let (pixels, count, each) = (shape.pixels(), shape.count(), shape.each());
    let whole = shape.whole::<T>();
    for_each_piece(dx, each * pixels, |task, dx| {
        let dy = &dy[task * each * count..];
        vectorize(
            #[inline(always)]
            || {
                scale(beta, dx);
                for (dy, dx) in dy.chunks_exact(count).zip(dx.chunks_exact_mut(pixels)) {
                    if let Some(count) = whole {
                        let share = dy[0] / count;
                        dx.iter_mut().for_each(|dx| *dx += share);
                        continue;
                    }
                    average_plane_back(shape, dy, dx);
                }
            },
        );
    });
}

/// Spreads the gradient of one plane of averages.
#[inline(always)]
fn average_plane_back<T: Real>(shape: &Shape, dy: &[T], dx: &mut [T]) {
    let [h, w] = shape.pool.axes;
    let [height, width] = shape.input;
    for (oh, dy) in dy.chunks_exact(shape.output[1]).enumerate() {
        for (chunk, dy) in dy.chunks(CHUNK).enumerate() {
            let mut share = [T::ZERO; CHUNK];
            let share = &mut share[..dy.len()];
            divisors(shape, oh, chunk * CHUNK, share);
            share.iter_mut().zip(dy).for_each(|(share, dy)| *share = *dy / *share);
            for kh in 0..h.kernel {
                let Some(row) = position(&h, height, oh, kh) else { continue };
                let dx = &mut dx[row * width..][..width];
                for kw in 0..w.kernel {
                    let (windows, first) = clip(&w, width, chunk * CHUNK, share.len(), kw);
                    let to = dx[first..].iter_mut().step_by(w.stride);
                    to.zip(&share[windows]).for_each(|(dx, share)| *dx += *share);
                }
            }
        }
    }
}

/// Visits the elements of the window at (`oh`, `ow`) in scan order: place and value.
#[inline(always)]
fn window<T: Real>(shape: &Shape, x: &[T], at: [usize; 2], mut body: impl FnMut(usize, T)) {
    let [h, w] = &shape.pool.axes;
    let [height, width] = shape.input;
    for kh in 0..h.kernel {
        let Some(row) = position(h, height, at[0], kh) else { continue };
        for kw in 0..w.kernel {
            let Some(column) = position(w, width, at[1], kw) else { continue };
            body(row * width + column, x[row * width + column]);
        }
    }
}

/// Stochastic pooling in training (Zeiler and Fergus 2013): an element is drawn with probability
/// proportional to its value, which is not negative, by the uniform number in [0, 1) of its window.
pub fn stochastic_forward<T: Real>(
    shape: &Shape,
    x: &[T],
    uniform: &[T],
    y: &mut [T],
    index: &mut [T],
) {
    shape.fits(x.len(), y.len());
    shape.fits(x.len(), index.len());
    shape.fits(x.len(), uniform.len());
    let (pixels, count, each) = (shape.pixels(), shape.count(), shape.each());
    let y = Shared::new(y);
    for_each_piece(index, each * count, |task, index| {
        let first = task * each * count;
        // SAFETY: the same windows as those of this piece of `index`.
        let y = unsafe { y.slice(first..first + index.len()) };
        for (i, (y, index)) in y.iter_mut().zip(index).enumerate() {
            let (plane, at) = ((first + i) / count, (first + i) % count);
            let x = &x[plane * pixels..][..pixels];
            let at = [at / shape.output[1], at % shape.output[1]];
            let mut sum = T::ZERO;
            window(
                shape,
                x,
                at,
                #[inline(always)]
                |_, x| sum += x,
            );
            let threshold = uniform[first + i] * sum;
            let mut cumulated = T::ZERO;
            (*y, *index) = (T::ZERO, -T::ONE);
            window(
                shape,
                x,
                at,
                #[inline(always)]
                |place, x| {
                    cumulated += x;
                    if *index < T::ZERO && threshold <= cumulated {
                        (*y, *index) = (x, T::from_usize(place));
                    }
                },
            );
        }
    });
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Dice, close, fill, same_for_any_threads};
    use super::*;
    use crate::window::Rounding;

    /// Elements of a window by comparing every pixel with it.
    fn members(shape: &Shape, o: usize) -> Vec<usize> {
        let inside = |axis: &Axis, window: usize, at: usize| {
            (0..axis.kernel)
                .any(|k| window * axis.stride + k * axis.dilation == at + axis.pad_before)
        };
        let [h, w] = &shape.pool.axes;
        (0..shape.pixels())
            .filter(|p| {
                inside(h, o / shape.output[1], p / shape.input[1])
                    && inside(w, o % shape.output[1], p % shape.input[1])
            })
            .collect()
    }

    fn check<T: Real>(shape: &Shape) {
        let (pixels, count) = (shape.pixels(), shape.count());
        // Few different values, so that ties are frequent.
        let x: Vec<T> = fill::<T>(shape.input_len(), 1)
            .iter()
            .map(|x| T::from_f64((x.to_f64() * 3.0).round()))
            .collect();
        let dy: Vec<T> = fill(shape.output_len(), 2);
        let (mut max, mut place, mut average) = (vec![], vec![], vec![]);
        let (mut dmax, mut daverage) = (vec![0.0; x.len()], vec![0.0; x.len()]);
        for (i, dy) in dy.iter().enumerate() {
            let (plane, o) = (i / count, i % count);
            let members = members(shape, o);
            let value = |p: usize| x[plane * pixels + p].to_f64();
            let first = members.iter().copied().fold(None, |best: Option<usize>, p| match best {
                Some(b) if value(p) <= value(b) => best,
                _ => Some(p),
            });
            max.push(first.map_or(-f64::from(f32::MAX), value));
            place.push(first.map_or(-1.0, |p| p as f64));
            if let Some(p) = first {
                dmax[plane * pixels + p] += dy.to_f64();
            }
            let [h, w] = &shape.pool.axes;
            let size = divisor(h, shape.input[0], o / shape.output[1], shape.pool.count_pad)
                * divisor(w, shape.input[1], o % shape.output[1], shape.pool.count_pad);
            average.push(members.iter().map(|p| value(*p)).sum::<f64>() / size as f64);
            for p in members {
                daverage[plane * pixels + p] += dy.to_f64() / size as f64;
            }
        }
        let index = same_for_any_threads(dy.len(), |index| {
            max_forward(shape, &x, &mut vec![T::ZERO; dy.len()], index);
        });
        let y = same_for_any_threads(dy.len(), |y| {
            max_forward(shape, &x, y, &mut vec![T::ZERO; dy.len()]);
        });
        close(&y, &max, 0.0);
        close(&index, &place, 0.0);
        let dx = same_for_any_threads(x.len(), |dx| {
            index_backward(shape, &dy, &index, T::ZERO, dx);
        });
        close(&dx, &dmax, 1e-6);
        if average.iter().all(|a| a.is_finite()) {
            let y = same_for_any_threads(dy.len(), |y| average_forward(shape, &x, y));
            close(&y, &average, 1e-6);
            let dx = same_for_any_threads(x.len(), |dx| average_backward(shape, &dy, T::ZERO, dx));
            close(&dx, &daverage, 1e-6);
        }
    }

    #[test]
    fn random_windows_agree_with_their_members() {
        let mut dice = Dice(5);
        let mut checked = 0;
        while checked < 200 {
            let mut axis = || Axis {
                kernel: dice.roll(1, 4),
                stride: dice.roll(1, 3),
                pad_before: dice.roll(0, 2),
                pad_after: dice.roll(0, 2),
                dilation: 1,
            };
            let axes = if checked % 3 == 0 {
                let [kernel, stride, pad] = [[2, 2, 0], [3, 2, 0], [3, 1, 1]][checked / 3 % 3];
                [Axis::new(kernel, stride, pad); 2]
            } else {
                [axis(), axis()]
            };
            let rounding = [Rounding::Floor, Rounding::Ceil][dice.roll(0, 1)];
            let pool = Pool { axes, rounding, count_pad: dice.roll(0, 1) == 1 };
            let input = [dice.roll(1, 40), dice.roll(1, 40)];
            let Some(shape) = Shape::new(&pool, dice.roll(1, 5), input) else { continue };
            check::<f64>(&shape);
            check::<f32>(&shape);
            checked += 1;
        }
        let halves =
            Pool { axes: [Axis::new(2, 2, 0); 2], rounding: Rounding::Ceil, count_pad: true };
        for input in [[2, 2], [8, 8], [24, 24], [40, 48], [6, 514]] {
            check::<f32>(&Shape::new(&halves, 3, input).expect("windows fit"));
        }
        for (kernel, pad, count_pad) in [(7, 0, false), (7, 0, true), (9, 1, true), (9, 1, false)] {
            let axes = [Axis::new(kernel, 1, pad); 2];
            let whole = Pool { axes, rounding: Rounding::Ceil, count_pad };
            check::<f32>(&Shape::new(&whole, 40, [7, 7]).expect("windows fit"));
        }
    }

    #[test]
    fn a_window_outside_the_image_is_as_in_caffe() {
        let axis = Axis::new(1, 3, 0);
        let pool = Pool { axes: [axis, axis], rounding: Rounding::Ceil, count_pad: true };
        let shape = Shape::new(&pool, 1, [3, 3]).unwrap();
        assert_eq!(shape.output, [2, 2]);
        let (mut y, mut index) = ([0f32; 4], [0f32; 4]);
        max_forward(&shape, &[1., 2., 3., 4., 5., 6., 7., 8., 9.], &mut y, &mut index);
        assert_eq!((y, index), ([1., -f32::MAX, -f32::MAX, -f32::MAX], [0., -1., -1., -1.]));
    }

    #[test]
    fn stochastic_pooling_draws_by_value() {
        let axis = Axis::new(2, 2, 0);
        let pool = Pool { axes: [axis, axis], rounding: Rounding::Ceil, count_pad: true };
        let shape = Shape::new(&pool, 1, [2, 4]).unwrap();
        let x = [1f32, 3., 0., 0., 2., 4., 0., 5.];
        let (mut y, mut index) = ([0f32; 2], [0f32; 2]);
        stochastic_forward(&shape, &x, &[0.35, 0.9], &mut y, &mut index);
        assert_eq!((y, index), ([3., 5.], [1., 7.]));
    }
}
