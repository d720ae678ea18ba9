//! The register-blocked matrix product under every dense kernel: a few rows times packed panels.
//!
//! `C = A B` is cut into panels of at most [`Tile::rows`] rows and exactly [`Tile::columns`]
//! columns. The right operand is packed panel by panel, depth-major (`depth x columns`), so that the
//! innermost loop reads it as whole registers; the left operand is read one number at a time. Packing
//! is done by the callers, which know where the numbers come from (a matrix, or the windows of an
//! image); see van Zee and van de Geijn, "BLIS", TOMS 2015, for the scheme.

use pulp::{Simd, WithSimd};

use super::real::{Real, load, store, store_past, with_simd};

/// Registers along the columns of a tile.
const REGISTERS: usize = 2;

/// Depth of one pass over the operands; their panels stay in the first-level cache.
pub const DEPTH: usize = 256;

/// Distance between the rows of a left operand given as [`Left::Rows`].
pub const ROW_STRIDE: usize = 128;

/// The largest tile that the registers of this machine hold.
#[derive(Clone, Copy, Debug)]
pub struct Tile {
    /// Most rows of a tile.
    pub rows: usize,
    /// Columns of every tile.
    pub columns: usize,
}

impl Tile {
    /// The tile for `T` on this machine.
    pub fn of<T: Real>() -> Tile {
        struct Probe<T>(std::marker::PhantomData<T>);
        impl<T: Real> WithSimd for Probe<T> {
            type Output = Tile;
            #[inline(always)]
            fn with_simd<S: Simd>(self, _: S) -> Tile {
                Tile { rows: most_rows::<S>(), columns: REGISTERS * T::lanes::<S>() }
            }
        }
        with_simd(Probe::<T>(std::marker::PhantomData))
    }

    /// Rows of each panel when `rows` rows are cut as evenly as the tile allows.
    pub fn panel_rows(&self, rows: usize) -> usize {
        rows.div_ceil(rows.div_ceil(self.rows).max(1)).max(1)
    }
}

const fn most_rows<S: Simd>() -> usize {
    if 32 <= S::REGISTER_COUNT && !S::IS_SCALAR { 12 } else { 6 }
}

/// How the left operand lies in memory.
#[derive(Clone, Copy, Debug)]
pub enum Left {
    /// Depth-major: the rows of one depth are neighbours.
    Packed,
    /// Row-major with [`ROW_STRIDE`] numbers from row to row.
    Rows,
}

/// Where one tile goes.
#[derive(Clone, Copy, Debug)]
pub struct Target<T> {
    /// The first element.
    pub start: *mut T,
    /// What `beta` weighs, laid out like the target: usually what it holds.
    pub old: *const T,
    /// Where sums are stored as 0 unless this is above 0, laid out like the target; or null.
    pub mask: *const T,
    /// Elements from row to row.
    pub stride: usize,
    /// Whether the epilogue is left out because the tile is only parked at `start`.
    pub raw: bool,
    /// Whether the tile is written past the caches, so that its rows begin at cache lines.
    pub past: bool,
}

impl<T> Target<T> {
    /// A place that holds what `beta` weighs itself.
    pub fn new(start: *mut T, stride: usize, raw: bool) -> Self {
        Target { start, old: start, mask: std::ptr::null(), stride, raw, past: false }
    }
}

/// What happens to a finished sum `s` before it is stored: `max(0, s + beta old + biases)`.
#[derive(Clone, Copy, Debug)]
pub struct Epilogue<T> {
    /// Weight of what the target holds; at 0 the target is not read.
    pub beta: T,
    /// A bias per row of the panel, or null.
    pub row_bias: *const T,
    /// A bias per column, over all panels, or null.
    pub column_bias: *const T,
    /// Whether negative results become 0.
    pub relu: bool,
}

impl<T: Real> Epilogue<T> {
    /// Stores `s + beta old`.
    pub fn adding(beta: T) -> Self {
        Epilogue { beta, row_bias: std::ptr::null(), column_bias: std::ptr::null(), relu: false }
    }

    /// The epilogue of one number that was parked in a tile.
    ///
    /// # Safety
    /// `row` and `column` are inside the biases that are not null.
    #[inline(always)]
    pub unsafe fn finish(&self, sum: T, old: T, row: usize, column: usize) -> T {
        let mut value = sum;
        if self.beta != T::ZERO {
            value += self.beta * old;
        }
        // SAFETY: promised by the caller.
        unsafe {
            if !self.row_bias.is_null() {
                value += *self.row_bias.add(row);
            }
            if !self.column_bias.is_null() {
                value += *self.column_bias.add(column);
            }
        }
        if self.relu && value < T::ZERO { T::ZERO } else { value }
    }
}

/// One panel of rows times a run of column panels.
#[derive(Clone, Copy, Debug)]
pub struct RowPanel<'a, T> {
    /// Rows of the panel, 1 to [`Tile::rows`].
    pub rows: usize,
    /// Length of the sums.
    pub depth: usize,
    /// The left operand: `rows x depth`.
    pub left: *const T,
    /// How `left` lies in memory.
    pub layout: Left,
    /// The right operand: packed panels of `depth x columns`.
    pub right: *const T,
    /// Elements from one packed panel to the next.
    pub right_panel: usize,
    /// Elements from one depth of a panel to the next: the columns, if it is packed.
    pub right_step: usize,
    /// Where the tile of each panel goes.
    pub targets: &'a [Target<T>],
    /// How sums are finished.
    pub epilogue: Epilogue<T>,
}

impl<T: Real> RowPanel<'_, T> {
    /// Computes and stores all tiles.
    ///
    /// # Safety
    /// The operands are readable and the targets writable over the extents given, and no target
    /// overlaps an operand.
    pub unsafe fn run(&self) {
        debug_assert!(0 < self.rows && self.rows <= Tile::of::<T>().rows);
        with_simd(self);
    }
}

impl<T: Real> WithSimd for &RowPanel<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // SAFETY: the extents are promised to `run`.
        unsafe {
            match self.rows {
                1 => panels::<T, S, 1>(simd, self),
                2 => panels::<T, S, 2>(simd, self),
                3 => panels::<T, S, 3>(simd, self),
                4 => panels::<T, S, 4>(simd, self),
                5 => panels::<T, S, 5>(simd, self),
                6 => panels::<T, S, 6>(simd, self),
                rows if most_rows::<S>() < rows => {}
                7 => panels::<T, S, 7>(simd, self),
                8 => panels::<T, S, 8>(simd, self),
                9 => panels::<T, S, 9>(simd, self),
                10 => panels::<T, S, 10>(simd, self),
                11 => panels::<T, S, 11>(simd, self),
                12 => panels::<T, S, 12>(simd, self),
                _ => {}
            }
        }
    }
}

/// Computes and stores tiles of `R` rows.
///
/// # Safety
/// As [`RowPanel::run`].
#[inline(always)]
unsafe fn panels<T: Real, S: Simd, const R: usize>(simd: S, job: &RowPanel<T>) {
    let columns = REGISTERS * T::lanes::<S>();
    for (index, target) in job.targets.iter().enumerate() {
        // SAFETY: `run`'s caller vouches for all extents.
        unsafe {
            let right = job.right.add(index * job.right_panel);
            let right = (right, job.right_step);
            let sums = match job.layout {
                Left::Packed => product::<T, S, R>(simd, job.depth, (job.left, 1, R), right),
                Left::Rows => product::<T, S, R>(simd, job.depth, (job.left, ROW_STRIDE, 1), right),
            };
            if target.raw {
                for (row, sum) in sums.iter().enumerate() {
                    for (r, value) in sum.iter().enumerate() {
                        let at = row * target.stride + r * T::lanes::<S>();
                        store::<T, S>(target.start.add(at), *value);
                    }
                }
            } else {
                finish::<T, S, R, REGISTERS>(simd, &job.epilogue, sums, target, index * columns);
            }
        }
    }
}

/// The sums of a tile of `R` rows.
///
/// # Safety
/// Both operands extend over `depth` steps of `R` rows and of all registers.
#[inline(always)]
unsafe fn product<T: Real, S: Simd, const R: usize>(
    simd: S,
    depth: usize,
    (mut left, row_step, depth_step): (*const T, usize, usize),
    (mut right, right_step): (*const T, usize),
) -> [[T::Vector<S>; REGISTERS]; R] {
    let lanes = T::lanes::<S>();
    let mut sums = [[T::splat(simd, T::ZERO); REGISTERS]; R];
    for _ in 0..depth {
        // SAFETY: both operands extend over `depth`, promised to `run`.
        unsafe {
            let b: [T::Vector<S>; REGISTERS] =
                std::array::from_fn(|r| load::<T, S>(right.add(r * lanes)));
            for (row, sum) in sums.iter_mut().enumerate() {
                let a = T::splat(simd, *left.add(row * row_step));
                for (r, value) in sum.iter_mut().enumerate() {
                    *value = T::mul_add(simd, a, b[r], *value);
                }
            }
            left = left.add(depth_step);
            right = right.wrapping_add(right_step);
        }
    }
    sums
}

/// Stores the sums of a tile, finished. `column` is the place of the first in the column biases.
///
/// # Safety
/// The target and the biases extend over the tile.
#[inline(always)]
pub(super) unsafe fn finish<T: Real, S: Simd, const R: usize, const V: usize>(
    simd: S,
    epilogue: &Epilogue<T>,
    sums: [[T::Vector<S>; V]; R],
    target: &Target<T>,
    column: usize,
) {
    let lanes = T::lanes::<S>();
    if epilogue.beta == T::ZERO && epilogue.row_bias.is_null() && target.mask.is_null() {
        let mut bias = [T::splat(simd, T::ZERO); V];
        if !epilogue.column_bias.is_null() {
            for (r, bias) in bias.iter_mut().enumerate() {
                // SAFETY: promised by the caller.
                *bias = unsafe { load::<T, S>(epilogue.column_bias.add(column + r * lanes)) };
            }
        }
        let least = if epilogue.relu { T::ZERO } else { T::NEG_INFINITY };
        let least = T::splat(simd, least);
        for (row, sum) in sums.into_iter().enumerate() {
            for (r, value) in sum.into_iter().enumerate() {
                // In this order a NaN stays one.
                let value = T::vector_max(simd, least, T::vector_add(simd, value, bias[r]));
                // SAFETY: promised by the caller.
                unsafe {
                    let to = target.start.add(row * target.stride + r * lanes);
                    match target.past {
                        true => store_past::<T, S>(to, value),
                        false => store::<T, S>(to, value),
                    }
                }
            }
        }
        return;
    }
    for (row, sum) in sums.into_iter().enumerate() {
        for (r, mut value) in sum.into_iter().enumerate() {
            // SAFETY: promised by the caller.
            unsafe {
                let to = target.start.add(row * target.stride + r * lanes);
                if epilogue.beta != T::ZERO {
                    let old = load::<T, S>(target.old.add(row * target.stride + r * lanes));
                    value = T::mul_add(simd, T::splat(simd, epilogue.beta), old, value);
                }
                if !epilogue.row_bias.is_null() {
                    value = T::vector_add(simd, value, T::splat(simd, *epilogue.row_bias.add(row)));
                }
                if !epilogue.column_bias.is_null() {
                    let bias = load::<T, S>(epilogue.column_bias.add(column + r * lanes));
                    value = T::vector_add(simd, value, bias);
                }
                if epilogue.relu {
                    // In this order a NaN stays one.
                    value = T::vector_max(simd, T::splat(simd, T::ZERO), value);
                }
                if !target.mask.is_null() {
                    let mask = load::<T, S>(target.mask.add(row * target.stride + r * lanes));
                    value = T::vector_mask(simd, mask, value);
                }
                match target.past {
                    true => store_past::<T, S>(to, value),
                    false => store::<T, S>(to, value),
                }
            }
        }
    }
}
