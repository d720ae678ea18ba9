//! The product under the dense kernels of this folder: a tile of pixels times packed panels of channels.
//!
//! Like [`super::super::micro`], with two differences: a panel may be one register wide, so that 16, 48 or 80 channels
//! waste nothing, and the left operand is read where it lies.

use pulp::{Simd, WithSimd};

use crate::exec::cpu::micro::{Epilogue, Target, Tile, finish};
use crate::real::{Real, load, store, with_simd};

/// Most depth of one pass.
pub const DEPTH: usize = 256;

/// Distance between the rows of a left operand given as [`Left::Rows`]; rows do not fall on each other in the cache.
pub const ROW_STRIDE: usize = DEPTH + 16;

/// Neighbouring terms of the sums of a tile.
#[derive(Clone, Copy, Debug)]
pub struct Segment<T> {
    /// The first row of the left operand at the first depth.
    pub left: *const T,
    /// The right operand at the first depth: `len x columns`.
    pub right: *const T,
    /// Number of terms.
    pub len: usize,
}

/// How the left operand lies in memory.
#[derive(Clone, Copy, Debug)]
pub enum Left {
    /// Rows of [`ROW_STRIDE`] numbers.
    Rows,
    /// Rows that begin so many numbers apart.
    Apart(usize),
    /// The rows of one depth are neighbours; so many numbers lie between depths.
    Depths(usize),
}

/// One tile: rows times the columns of one panel.
#[derive(Clone, Copy, Debug)]
pub struct Product<'a, T> {
    /// Rows, 1 to [`Tile::rows`].
    pub rows: usize,
    /// Registers of columns, 1 or 2.
    pub registers: usize,
    /// The terms, in the order in which they are added.
    pub segments: &'a [Segment<T>],
    /// How left operands lie.
    pub left: Left,
    /// Elements that the operands of this tile lie behind the segments' places, left and right.
    pub offsets: [usize; 2],
    /// Where the tile goes.
    pub target: Target<T>,
    /// How sums are finished, unless the target is raw.
    pub epilogue: Epilogue<T>,
}

impl<T: Real> Product<'_, T> {
    /// Computes and stores the tile.
    ///
    /// # Safety
    /// The operands are readable and the target writable over the extents given, and the target overlaps no operand.
    pub unsafe fn run(&self) {
        debug_assert!(0 < self.rows && self.rows <= Tile::of::<T>().rows);
        with_simd(self);
    }
}

impl<T: Real> WithSimd for &Product<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // SAFETY: the extents are promised to `run`.
        unsafe {
            match self.rows {
                1 => wide::<T, S, 1>(simd, self),
                2 => wide::<T, S, 2>(simd, self),
                3 => wide::<T, S, 3>(simd, self),
                4 => wide::<T, S, 4>(simd, self),
                5 => wide::<T, S, 5>(simd, self),
                6 => wide::<T, S, 6>(simd, self),
                _ if S::REGISTER_COUNT < 32 || S::IS_SCALAR => {}
                7 => wide::<T, S, 7>(simd, self),
                8 => wide::<T, S, 8>(simd, self),
                9 => wide::<T, S, 9>(simd, self),
                10 => wide::<T, S, 10>(simd, self),
                11 => wide::<T, S, 11>(simd, self),
                12 => wide::<T, S, 12>(simd, self),
                _ => {}
            }
        }
    }
}

/// Computes and stores a tile of `R` rows.
///
/// # Safety
/// As [`Product::run`].
#[inline(always)]
unsafe fn wide<T: Real, S: Simd, const R: usize>(simd: S, job: &Product<T>) {
    // SAFETY: `run`'s caller vouches for all extents.
    unsafe {
        match job.registers {
            1 => tile::<T, S, R, 1>(simd, job),
            _ => tile::<T, S, R, 2>(simd, job),
        }
    }
}

/// The same in `V` registers.
///
/// # Safety
/// As [`Product::run`].
#[inline(always)]
unsafe fn tile<T: Real, S: Simd, const R: usize, const V: usize>(simd: S, job: &Product<T>) {
    // SAFETY: `run`'s caller vouches for all extents.
    unsafe {
        let sums = match job.left {
            Left::Rows => sums::<T, S, R, V>(simd, job, ROW_STRIDE, 1),
            Left::Apart(step) => sums::<T, S, R, V>(simd, job, step, 1),
            Left::Depths(step) => sums::<T, S, R, V>(simd, job, 1, step),
        };
        if !job.target.raw {
            finish::<T, S, R, V>(simd, &job.epilogue, sums, &job.target, 0);
            return;
        }
        for (row, sum) in sums.iter().enumerate() {
            for (r, value) in sum.iter().enumerate() {
                let at = row * job.target.stride + r * T::lanes::<S>();
                store::<T, S>(job.target.start.add(at), *value);
            }
        }
    }
}

/// The sums of such a tile.
///
/// # Safety
/// As [`Product::run`].
#[inline(always)]
unsafe fn sums<T: Real, S: Simd, const R: usize, const V: usize>(
    simd: S,
    job: &Product<T>,
    row_step: usize,
    depth_step: usize,
) -> [[T::Vector<S>; V]; R] {
    let lanes = T::lanes::<S>();
    let mut sums = [[T::splat(simd, T::ZERO); V]; R];
    for segment in job.segments {
        let mut left = segment.left.wrapping_add(job.offsets[0]);
        let mut right = segment.right.wrapping_add(job.offsets[1]);
        for _ in 0..segment.len {
            // SAFETY: both operands extend over the segment, promised to `run`.
            unsafe {
                // A closure would be compiled for the oldest machine where so many copies of it are made.
                let mut b = [T::splat(simd, T::ZERO); V];
                for (r, b) in b.iter_mut().enumerate() {
                    *b = load::<T, S>(right.add(r * lanes));
                }
                for (row, sum) in sums.iter_mut().enumerate() {
                    let a = T::splat(simd, *left.add(row * row_step));
                    for (r, value) in sum.iter_mut().enumerate() {
                        *value = T::mul_add(simd, a, b[r], *value);
                    }
                }
                left = left.add(depth_step);
                right = right.add(V * lanes);
            }
        }
    }
    sums
}
