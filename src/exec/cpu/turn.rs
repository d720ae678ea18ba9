//! Turns blocks of numbers: from lines that begin anywhere to columns that go anywhere; numbers of four bytes go through
//! registers where the machine can.

use crate::real::Real;

/// Most lines and columns of a block.
pub const SIDE: usize = 16;

/// `to[j][i] = from[i][j]` for every line `i` of `from` and column `j` of `to`; the columns behind their last line become 0
/// up to `height`, at most [`SIDE`] as is the number of lines and of columns.
///
/// # Safety
/// Every line is valid for reading `to.len()` numbers and every column for writing `height`, and they do not overlap.
#[inline]
pub unsafe fn turn<T: Real>(from: &[*const T], to: &[*mut T], height: usize) {
    debug_assert!(from.len() <= height && height <= SIDE && to.len() <= SIDE);
    #[cfg(target_arch = "x86_64")]
    if size_of::<T>() == 4 && is_x86_feature_detected!("avx512f") {
        let mut lines = [std::ptr::null(); SIDE];
        lines.iter_mut().zip(from).for_each(|(line, from)| *line = from.cast());
        let mut columns = [std::ptr::null_mut(); SIDE];
        columns.iter_mut().zip(to).for_each(|(column, to)| *column = to.cast());
        // SAFETY: the instructions exist; the places are promised by the caller.
        unsafe { wide::turn(&lines[..from.len()], &columns[..to.len()], height) };
        return;
    }
    for (j, to) in to.iter().enumerate() {
        for i in 0..height {
            // SAFETY: promised by the caller.
            unsafe { *to.add(i) = from.get(i).map_or(T::ZERO, |from| *from.add(j)) };
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod wide {
    use std::arch::x86_64::*;

    use super::SIDE;

    fn mask(lanes: usize) -> __mmask16 {
        (0xffff_u32 >> (SIDE - lanes.min(SIDE))) as __mmask16
    }

    /// [`super::turn`] of numbers of four bytes.
    ///
    /// # Safety
    /// As [`super::turn`].
    #[target_feature(enable = "avx512f")]
    pub unsafe fn turn(from: &[*const f32], to: &[*mut f32], height: usize) {
        let (across, down) = (mask(to.len()), mask(height));
        let mut x = [_mm512_setzero_ps(); SIDE];
        for (x, from) in x.iter_mut().zip(from) {
            // SAFETY: masked lanes are not read, the others are promised by the caller.
            *x = unsafe { _mm512_maskz_loadu_ps(across, *from) };
        }
        // Pairs, fours, and then the quarters of registers change places.
        let mut y = x;
        for i in (0..SIDE).step_by(2) {
            y[i] = _mm512_unpacklo_ps(x[i], x[i + 1]);
            y[i + 1] = _mm512_unpackhi_ps(x[i], x[i + 1]);
        }
        for i in (0..SIDE).step_by(4) {
            let pair = |a, b| {
                let (a, b) = (_mm512_castps_pd(a), _mm512_castps_pd(b));
                let (low, high) = (_mm512_unpacklo_pd(a, b), _mm512_unpackhi_pd(a, b));
                (_mm512_castpd_ps(low), _mm512_castpd_ps(high))
            };
            (x[i], x[i + 1]) = pair(y[i], y[i + 2]);
            (x[i + 2], x[i + 3]) = pair(y[i + 1], y[i + 3]);
        }
        for i in 0..4 {
            y[i] = _mm512_shuffle_f32x4::<0b10_00_10_00>(x[i], x[i + 4]);
            y[i + 4] = _mm512_shuffle_f32x4::<0b11_01_11_01>(x[i], x[i + 4]);
            y[i + 8] = _mm512_shuffle_f32x4::<0b10_00_10_00>(x[i + 8], x[i + 12]);
            y[i + 12] = _mm512_shuffle_f32x4::<0b11_01_11_01>(x[i + 8], x[i + 12]);
        }
        for i in 0..8 {
            x[i] = _mm512_shuffle_f32x4::<0b10_00_10_00>(y[i], y[i + 8]);
            x[i + 8] = _mm512_shuffle_f32x4::<0b11_01_11_01>(y[i], y[i + 8]);
        }
        for (to, x) in to.iter().zip(x) {
            // SAFETY: masked lanes are not written, the others are promised by the caller.
            unsafe { _mm512_mask_storeu_ps(*to, down, x) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: Real>(rows: usize, columns: usize, height: usize) {
        let from: Vec<T> = (0..rows * 20).map(T::from_usize).collect();
        let mut to = vec![-T::ONE; columns * 30];
        let lines: Vec<*const T> = from.chunks(20).map(|line| line.as_ptr()).collect();
        let places: Vec<*mut T> = to.chunks_mut(30).map(|column| column.as_mut_ptr()).collect();
        // SAFETY: lines have 20 numbers and columns 30.
        unsafe { turn(&lines, &places, height) };
        for (j, column) in to.chunks(30).enumerate() {
            for (i, x) in column.iter().enumerate() {
                let expected = match i {
                    _ if i < rows => T::from_usize(i * 20 + j),
                    _ if i < height => T::ZERO,
                    _ => -T::ONE,
                };
                assert!(*x == expected, "{rows} x {columns}: {i} {j} is {x}");
            }
        }
    }

    #[test]
    fn lines_become_columns() {
        for (rows, columns, height) in [(1, 1, 1), (12, 9, 16), (16, 16, 16), (3, 16, 8)] {
            check::<f32>(rows, columns, height);
            check::<f64>(rows, columns, height);
        }
    }
}
