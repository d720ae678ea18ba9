//! Matrices to the packed panels that the register-blocked product reads.

use std::ops::Range;

use super::micro::DEPTH;
use super::real::{Real, vectorize};
use super::transpose::transpose;

/// Packs one panel of rows of an `m x k` left operand, times `alpha`, depth block by depth block.
///
/// The panel of the rows from `r` in the depth block from `d` begins at `d m + r depth`, so that the
/// packed operand has `m k` elements, and holds the rows of one depth as neighbours.
///
/// # Safety
/// `to` is valid for writing `m k` elements, and nobody else uses the part of these rows.
#[expect(clippy::too_many_arguments, reason = "a strided matrix and a place in another")]
pub unsafe fn pack_rows<T: Real>(
    from: &[T],
    row_stride: usize,
    depth_stride: usize,
    alpha: T,
    m: usize,
    k: usize,
    rows: Range<usize>,
    to: *mut T,
) {
    let height = rows.len();
    for start in (0..k).step_by(DEPTH) {
        let depth = (k - start).min(DEPTH);
        // SAFETY: the parts of a packed operand do not overlap and fill `m k` elements.
        let to = unsafe {
            let part = to.add(start * m + rows.start * depth);
            std::slice::from_raw_parts_mut(part, height * depth)
        };
        vectorize(
            #[inline(always)]
            || {
                if row_stride == 1 {
                    for (d, to) in to.chunks_exact_mut(height).enumerate() {
                        let from = &from[(start + d) * depth_stride + rows.start..][..height];
                        for (to, from) in to.iter_mut().zip(from) {
                            *to = alpha * *from;
                        }
                    }
                    return;
                }
                if depth_stride == 1 {
                    let from = &from[rows.start * row_stride + start..];
                    assert!((height - 1) * row_stride + depth <= from.len(), "rows of the operand");
                    // SAFETY: the rows were asserted to be there, and `to` holds all of them.
                    unsafe {
                        transpose(
                            from.as_ptr(),
                            row_stride,
                            height,
                            depth,
                            to.as_mut_ptr(),
                            height as isize,
                        );
                    }
                    if alpha != T::ONE {
                        to.iter_mut().for_each(|to| *to = alpha * *to);
                    }
                    return;
                }
                for (i, row) in rows.clone().enumerate() {
                    let from = &from[row * row_stride + start * depth_stride..];
                    for (d, to) in to[i..].iter_mut().step_by(height).enumerate() {
                        *to = alpha * from[d * depth_stride];
                    }
                }
            },
        );
    }
}

/// Packs up to `width` columns of a right operand into one panel `depth x width`, zeros behind.
pub fn pack_columns<T: Real>(
    from: &[T],
    depth_stride: usize,
    column_stride: usize,
    start: usize,
    columns: Range<usize>,
    width: usize,
    to: &mut [T],
) {
    let count = columns.len();
    vectorize(
        #[inline(always)]
        || {
            if column_stride == 1 {
                for (d, to) in to.chunks_exact_mut(width).enumerate() {
                    let from = &from[(start + d) * depth_stride + columns.start..][..count];
                    to[..count].copy_from_slice(from);
                    to[count..].fill(T::ZERO);
                }
                return;
            }
            let from = &from[start * depth_stride + columns.start * column_stride..];
            transpose_into(from, column_stride, count, width, to);
        },
    );
}

/// Writes `count` rows, `stride` elements apart, as the columns of `to` (`depth x width`); the
/// columns behind them become 0.
#[inline(always)]
pub fn transpose_into<T: Real>(
    from: &[T],
    stride: usize,
    count: usize,
    width: usize,
    to: &mut [T],
) {
    let depth = to.len() / width;
    if 0 < count && 0 < depth {
        assert!(count <= width && (count - 1) * stride + depth <= from.len(), "rows of the matrix");
        // SAFETY: asserted just above; `to` has `depth` lines of `width`.
        unsafe {
            let to = to.as_mut_ptr();
            transpose(from.as_ptr(), stride, count, depth, to, width as isize);
        }
    }
    if count < width {
        for row in to.chunks_exact_mut(width) {
            row[count..].fill(T::ZERO);
        }
    }
}
