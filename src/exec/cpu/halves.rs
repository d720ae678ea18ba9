//! Maximum pooling by windows of 2 x 2 that neither overlap nor hang over: a plane and its maxima, with their places.
//!
//! Rows of the plane are first laid out by whether they are the upper or the lower one of their windows, so that short
//! rows fill registers as well as long ones.

use super::pool::Shape;
use crate::real::{Real, vectorize};

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
struct Corners<T>([T; WINDOWS]);

impl<T: Real> Corners<T> {
    /// For planes of this width.
    fn new(width: usize) -> Self {
        let half = (width / 2).max(1);
        Corners(std::array::from_fn(|i| T::from_usize(i / half * 2 * width + i % half * 2)))
    }
}

/// The maxima of neighbouring planes of one width and their places; the first of equals wins, as everywhere.
pub fn planes<T: Real>(width: usize, x: &[T], y: &mut [T], index: &mut [T], count: usize) {
    assert!(x.len() == 4 * y.len() && y.len() == index.len(), "planes of {} elements", x.len());
    let half = width / 2;
    assert!(width.is_multiple_of(2) && 0 < half && count.is_multiple_of(half), "planes of {width}");
    let planes = x.chunks_exact(4 * count);
    let planes = planes.zip(y.chunks_exact_mut(count).zip(index.chunks_exact_mut(count)));
    #[cfg(target_arch = "x86_64")]
    if size_of::<T>() == 4 && is_x86_feature_detected!("avx512f") {
        for (x, (y, index)) in planes {
            let (x, y, index) = (x.as_ptr().cast(), y.as_mut_ptr().cast(), index.as_mut_ptr());
            // SAFETY: the instructions exist; the numbers are `f32`, four for each of the whole rows of windows.
            unsafe { wide::plane(width, count, x, y, index.cast()) };
        }
        return;
    }
    let corners = Corners::new(width);
    vectorize(
        #[inline(always)]
        || planes.for_each(|(x, (y, index))| plane(&corners, width, x, y, index)),
    );
}

/// Sixteen windows at a time.
#[cfg(target_arch = "x86_64")]
mod wide {
    use std::arch::x86_64::*;

    fn mask(lanes: usize) -> __mmask16 {
        (0xffff_u32 >> (16 - lanes.min(16))) as __mmask16
    }

    /// [`super::plane`] of numbers of four bytes, for `count` windows in rows of half the width.
    ///
    /// # Safety
    /// `x` is valid for reading `4 count` numbers, `y` and `index` for writing `count`, whole rows of windows.
    #[target_feature(enable = "avx512f")]
    pub unsafe fn plane(width: usize, count: usize, x: *const f32, y: *mut f32, index: *mut f32) {
        let half = width / 2;
        let twice = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
        let next = _mm512_add_epi32(twice, _mm512_set1_epi32(1));
        let steps = _mm512_cvtepi32_ps(twice);
        let lowest = _mm512_set1_ps(-f32::MAX);
        let none = _mm512_set1_ps(-1.0);
        for row in 0..count / half {
            for first in (0..half).step_by(16) {
                let corner = 2 * row * width + 2 * first;
                let lanes = half - first;
                let (low, high) = (mask(2 * lanes), mask((2 * lanes).saturating_sub(16)));
                let mut best = lowest;
                let mut place = none;
                for below in [0, width] {
                    // SAFETY: only elements of windows in this row are read.
                    let (a, b) = unsafe {
                        let from = x.add(corner + below);
                        (
                            _mm512_maskz_loadu_ps(low, from),
                            match high {
                                0 => lowest,
                                _ => _mm512_maskz_loadu_ps(high, from.add(16)),
                            },
                        )
                    };
                    for (beside, which) in [(0, twice), (1, next)] {
                        let value = _mm512_permutex2var_ps(a, which, b);
                        let at = _mm512_set1_ps((corner + below + beside) as f32);
                        let at = _mm512_add_ps(steps, at);
                        let above = _mm512_cmp_ps_mask::<_CMP_LT_OQ>(best, value);
                        best = _mm512_mask_mov_ps(best, above, value);
                        place = _mm512_mask_mov_ps(place, above, at);
                    }
                }
                // SAFETY: as many windows are left in the row.
                unsafe {
                    let at = row * half + first;
                    _mm512_mask_storeu_ps(y.add(at), mask(lanes), best);
                    _mm512_mask_storeu_ps(index.add(at), mask(lanes), place);
                }
            }
        }
    }
}

/// The maxima of a plane and their places.
#[inline(always)]
fn plane<T: Real>(corners: &Corners<T>, width: usize, x: &[T], y: &mut [T], index: &mut [T]) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_and_narrow_agree() {
        for (width, height) in [(2, 2), (8, 8), (24, 24), (16, 6), (34, 4), (96, 2), (66, 2)] {
            let x: Vec<f32> = (0..3 * width * height)
                .map(|i| match i * 7919 % 13 {
                    0 => f32::NAN,
                    1 => -f32::MAX,
                    n => (n % 5) as f32 - 2.0,
                })
                .collect();
            let count = width * height / 4;
            let (mut y, mut index) = (vec![0.0; 3 * count], vec![0.0; 3 * count]);
            planes(width, &x, &mut y, &mut index, count);
            let corners = Corners::new(width);
            for (i, x) in x.chunks_exact(width * height).enumerate() {
                let (mut best, mut place) = (vec![0.0; count], vec![0.0; count]);
                plane(&corners, width, x, &mut best, &mut place);
                assert_eq!(y[i * count..][..count], best, "{width} x {height}");
                assert_eq!(index[i * count..][..count], place, "{width} x {height}");
            }
        }
    }
}
