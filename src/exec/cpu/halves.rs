//! Maximum pooling by windows of 2 x 2 that neither overlap nor hang over: a plane and its maxima, with their places.
//!
//! Rows of the plane are first laid out by whether they are the upper or the lower one of their windows, so that short
//! rows fill registers as well as long ones.

use super::pool::Shape;
use crate::real::Real;

/// Most windows that are looked at together.
const WINDOWS: usize = 256;

/// Whether a pooling is of this kind.
pub fn fits(shape: &Shape) -> bool {
    let axis = |i: usize| {
        let axis = &shape.pool.axes[i];
        let plain = (axis.kernel, axis.stride, axis.dilation) == (2, 2, 1);
        plain && axis.pad_before + axis.pad_after == 0 && shape.input[i] == 2 * shape.output[i]
    };
    axis(0) && axis(1) && shape.output[1] <= WINDOWS
}

/// The places of the first windows' corners, relative to the first.
pub struct Corners<T>([T; WINDOWS]);

impl<T: Real> Corners<T> {
    /// For planes of this width.
    pub fn new(width: usize) -> Self {
        let half = (width / 2).max(1);
        Corners(std::array::from_fn(|i| T::from_usize(i / half * 2 * width + i % half * 2)))
    }
}

/// The maxima of a plane and their places; the first of equals wins, as everywhere.
#[inline(always)]
pub fn plane<T: Real>(corners: &Corners<T>, width: usize, x: &[T], y: &mut [T], index: &mut [T]) {
    let half = width / 2;
    let together = WINDOWS / half * half;
    let [zero, one] = [T::ZERO, T::ONE];
    let (below, beside) = (T::from_usize(width), T::from_usize(width + 1));
    let (mut upper, mut lower) = ([zero; 2 * WINDOWS], [zero; 2 * WINDOWS]);
    let blocks = y.chunks_mut(together).zip(index.chunks_mut(together));
    for (block, (y, index)) in blocks.enumerate() {
        let first = block * together * 4;
        let n = 2 * y.len();
        let rows = x[first..first + 2 * n].chunks_exact(2 * width);
        let halves = upper[..n].chunks_exact_mut(width).zip(lower[..n].chunks_exact_mut(width));
        for (rows, (upper, lower)) in rows.zip(halves) {
            upper.copy_from_slice(&rows[..width]);
            lower.copy_from_slice(&rows[width..]);
        }
        let first = T::from_usize(first);
        let pairs = upper[..n].chunks_exact(2).zip(lower[..n].chunks_exact(2)).zip(&corners.0);
        for ((y, index), ((upper, lower), corner)) in y.iter_mut().zip(index).zip(pairs) {
            let corner = first + *corner;
            let (mut best, mut place) = (-T::FLT_MAX, -one);
            let window = [
                (upper[0], corner),
                (upper[1], corner + one),
                (lower[0], corner + below),
                (lower[1], corner + beside),
            ];
            for (x, at) in window {
                let above = best < x;
                best = if above { x } else { best };
                place = if above { at } else { place };
            }
            *y = best;
            *index = place;
        }
    }
}
