//! Transposes parts of matrices; numbers of four bytes go through registers, sixteen by sixteen, where the machine can.

use super::real::Real;

/// `to[j to_step + i] = from[i from_step + j]` for every `i` below `rows` and `j` below `columns`.
///
/// # Safety
/// All these places are valid for reading and for writing, and do not overlap.
pub unsafe fn transpose<T: Real>(
    from: *const T,
    from_step: usize,
    rows: usize,
    columns: usize,
    to: *mut T,
    to_step: isize,
) {
    #[cfg(target_arch = "x86_64")]
    if size_of::<T>() == 4 && is_x86_feature_detected!("avx512f") {
        // SAFETY: the instructions exist; the places are promised by the caller.
        unsafe { wide::transpose(from.cast(), from_step, rows, columns, to.cast(), to_step) };
        return;
    }
    for j in 0..columns {
        for i in 0..rows {
            // SAFETY: promised by the caller.
            unsafe { *to.offset(j as isize * to_step).add(i) = *from.add(i * from_step + j) };
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod wide {
    use std::arch::x86_64::*;

    /// Numbers in a register.
    const LANES: usize = 16;

    fn mask(lanes: usize) -> __mmask16 {
        (0xffff_u32 >> (LANES - lanes.min(LANES))) as __mmask16
    }

    /// [`super::transpose`] of numbers of four bytes.
    #[target_feature(enable = "avx512f")]
    pub unsafe fn transpose(
        from: *const f32,
        from_step: usize,
        rows: usize,
        columns: usize,
        to: *mut f32,
        to_step: isize,
    ) {
        for j in (0..columns).step_by(LANES) {
            for i in (0..rows).step_by(LANES) {
                // SAFETY: a part of what the caller vouches for.
                unsafe {
                    let from = from.add(i * from_step + j);
                    let to = to.offset(j as isize * to_step).add(i);
                    block(from, from_step, rows - i, columns - j, to, to_step);
                }
            }
        }
    }

    /// The first sixteen rows and columns, or as many as there are.
    #[target_feature(enable = "avx512f")]
    #[inline]
    unsafe fn block(
        from: *const f32,
        from_step: usize,
        rows: usize,
        columns: usize,
        to: *mut f32,
        to_step: isize,
    ) {
        let (across, down) = (mask(columns), mask(rows));
        let mut x = [_mm512_setzero_ps(); LANES];
        for (i, x) in x.iter_mut().enumerate().take(rows) {
            // SAFETY: masked lanes are not read, the others are promised by the caller.
            *x = unsafe { _mm512_maskz_loadu_ps(across, from.add(i * from_step)) };
        }
        // Pairs, fours, and then the quarters of registers change places.
        let mut y = x;
        for i in (0..LANES).step_by(2) {
            y[i] = _mm512_unpacklo_ps(x[i], x[i + 1]);
            y[i + 1] = _mm512_unpackhi_ps(x[i], x[i + 1]);
        }
        for i in (0..LANES).step_by(4) {
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
        for (j, x) in x.into_iter().enumerate().take(columns) {
            // SAFETY: masked lanes are not written, the others are promised by the caller.
            unsafe { _mm512_mask_storeu_ps(to.offset(j as isize * to_step), down, x) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: Real>(rows: usize, columns: usize) {
        let from: Vec<T> = (0..rows * 40).map(T::from_usize).collect();
        for upward in [false, true] {
            let mut to = vec![-T::ONE; columns * 40];
            let (start, step) = if upward { (40 * (columns - 1), -40) } else { (0, 40) };
            // SAFETY: both have `rows` and `columns` lines of 40.
            unsafe {
                transpose(from.as_ptr(), 40, rows, columns, to.as_mut_ptr().add(start), step)
            };
            for (j, line) in to.chunks(40).enumerate() {
                let j = if upward { columns - 1 - j } else { j };
                for (i, x) in line.iter().enumerate() {
                    let expected = if i < rows { T::from_usize(i * 40 + j) } else { -T::ONE };
                    assert!(*x == expected, "{rows} x {columns}: {i} {j} is {x}");
                }
            }
        }
    }

    #[test]
    fn rows_become_columns() {
        for (rows, columns) in [(1, 1), (12, 9), (16, 16), (17, 33), (39, 5), (8, 40), (3, 31)] {
            check::<f32>(rows, columns);
            check::<f64>(rows, columns);
        }
    }
}
