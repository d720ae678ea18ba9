//! Products of a few rows with the rows of a large matrix, as inner products: nothing is packed, the matrix is read once.

use pulp::{Simd, WithSimd};

use super::matmul::Finish;
use super::real::{Real, load, with_simd};
use super::tasks::{Shared, for_each_range, items_per_task};

/// Most rows for which packing the matrix would cost more.
pub const MOST: usize = 16;

/// Rows of either operand whose products are summed at once.
const BLOCK: usize = 4;

/// The inner products of `L` rows with [`BLOCK`] rows, all of one length.
struct Block<'a, T, const L: usize> {
    left: [&'a [T]; L],
    right: [&'a [T]; BLOCK],
}

impl<T: Real, const L: usize> WithSimd for Block<'_, T, L> {
    type Output = [[T; BLOCK]; L];

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let (lanes, len) = (T::lanes::<S>(), self.left[0].len());
        assert!(self.left.iter().chain(&self.right).all(|row| row.len() == len), "rows");
        let whole = len / lanes * lanes;
        let mut sums = [[T::splat(simd, T::ZERO); BLOCK]; L];
        for at in (0..whole).step_by(lanes) {
            // SAFETY: a whole register is left in every row.
            let right: [T::Vector<S>; BLOCK] =
                std::array::from_fn(|j| unsafe { load::<T, S>(self.right[j].as_ptr().add(at)) });
            for (row, sums) in self.left.iter().zip(&mut sums) {
                // SAFETY: as above.
                let left = unsafe { load::<T, S>(row.as_ptr().add(at)) };
                for (sum, right) in sums.iter_mut().zip(right) {
                    *sum = T::mul_add(simd, left, right, *sum);
                }
            }
        }
        let mut result = [[T::ZERO; BLOCK]; L];
        for (i, sums) in sums.into_iter().enumerate() {
            for (j, sum) in sums.into_iter().enumerate() {
                let rest = self.left[i][whole..].iter().zip(&self.right[j][whole..]);
                let rest = rest.fold(T::ZERO, |sum, (a, b)| sum + *a * *b);
                result[i][j] = T::reduce_sum(simd, sum) + rest;
            }
        }
        result
    }
}

/// `C = alpha A B^T + beta C` and what follows, for `A` of `m` and `B` of `n` rows of `k` numbers.
pub fn product<T: Real>(
    [m, n, k]: [usize; 3],
    alpha: T,
    a: &[T],
    b: &[T],
    beta: T,
    c: &mut [T],
    finish: Finish<T>,
) {
    let each = items_per_task(m.div_ceil(2) * k).next_multiple_of(BLOCK);
    let c = Shared::new(c);
    for_each_range(n, each, |columns| {
        let end = columns.end;
        for first in columns.step_by(BLOCK) {
            // Rows behind the last are the last once more.
            let right: [&[T]; BLOCK] =
                std::array::from_fn(|j| &b[(first + j).min(end - 1) * k..][..k]);
            let put = |row: usize, sums: &[T; BLOCK]| {
                for (column, sum) in (first..end).zip(sums) {
                    // SAFETY: every column is in one task.
                    let c = unsafe { &mut *c.pointer(row * n + column) };
                    let mut value = alpha * *sum;
                    if beta != T::ZERO {
                        value += beta * *c;
                    }
                    value += finish.addend.map_or(T::ZERO, |addend| addend[row * n + column]);
                    value += finish.row_bias.map_or(T::ZERO, |bias| bias[row]);
                    value += finish.column_bias.map_or(T::ZERO, |bias| bias[column]);
                    *c = if finish.relu && value < T::ZERO { T::ZERO } else { value };
                }
            };
            let mut row = 0;
            while row < m {
                row += match m - row {
                    1 => rows::<T, 1>(a, k, row, right, put),
                    2 => rows::<T, 2>(a, k, row, right, put),
                    3 => rows::<T, 3>(a, k, row, right, put),
                    _ => rows::<T, 4>(a, k, row, right, put),
                };
            }
        }
    });
}

/// Computes `L` rows of the result from `row` on; returns `L`.
fn rows<T: Real, const L: usize>(
    a: &[T],
    k: usize,
    row: usize,
    right: [&[T]; BLOCK],
    put: impl Fn(usize, &[T; BLOCK]),
) -> usize {
    let left: [&[T]; L] = std::array::from_fn(|i| &a[(row + i) * k..][..k]);
    let sums = with_simd(Block { left, right });
    sums.iter().enumerate().for_each(|(i, sums)| put(row + i, sums));
    L
}
