//! Transposes parts of matrices, block by block.

use super::real::Real;
use super::turn::{SIDE, turn};

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
    for j in (0..columns).step_by(SIDE) {
        for i in (0..rows).step_by(SIDE) {
            let (height, width) = ((rows - i).min(SIDE), (columns - j).min(SIDE));
            let line = |line: usize| from.wrapping_add((i + line) * from_step + j);
            let place =
                |column: usize| to.wrapping_offset((j + column) as isize * to_step).wrapping_add(i);
            let lines: [*const T; SIDE] = std::array::from_fn(line);
            let places: [*mut T; SIDE] = std::array::from_fn(place);
            // SAFETY: lines and places are parts of what the caller vouches for.
            unsafe { turn(&lines[..height], &places[..width], height) };
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
