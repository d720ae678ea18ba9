//! Rows picked along an axis by indices, and the adjoint that adds rows back.

use super::real::Real;
use super::tasks::{CHUNK, Shared, for_each, for_each_piece, items_per_task};

/// Extents of a gather: `outer x rows x inner` to `outer x picked x inner`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Product of the extents before the axis.
    pub outer: usize,
    /// Extent of the axis that rows are picked from.
    pub rows: usize,
    /// Product of the extents behind the axis.
    pub inner: usize,
}

/// An index that is not a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OutOfRange {
    /// Where in the indices.
    pub position: usize,
    /// The index.
    pub index: f64,
    /// The number of rows.
    pub rows: usize,
}

impl std::fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let OutOfRange { position, index, rows } = self;
        write!(f, "index {index}, number {position} of the indices, is not among {rows} rows")
    }
}

impl Shape {
    /// The first index that, its fraction cut off, is not a row.
    fn verify<T: Real>(&self, indices: &[T]) -> Result<(), OutOfRange> {
        let bad = |index: &T| {
            let index = index.to_f64();
            !(-1.0 < index && index < self.rows as f64)
        };
        match indices.iter().position(bad) {
            None => Ok(()),
            Some(position) => {
                let index = indices[position].to_f64();
                Err(OutOfRange { position, index, rows: self.rows })
            }
        }
    }

    /// Runs `body(outer, columns)` over pieces of the inner extent.
    fn pieces(&self, picked: usize, body: impl Fn(usize, std::ops::Range<usize>) + Sync) {
        let width = (CHUNK / picked.max(1)).max(64);
        let blocks = self.inner.div_ceil(width);
        for_each(self.outer * blocks, |task| {
            let from = task % blocks * width;
            body(task / blocks, from..(from + width).min(self.inner));
        });
    }
}

/// `y[o, j, i] = x[o, indices[j], i]`; fractions of indices are cut off.
pub fn gather<T: Real>(
    shape: Shape,
    x: &[T],
    indices: &[T],
    y: &mut [T],
) -> Result<(), OutOfRange> {
    let Shape { outer, rows, inner } = shape;
    assert!(x.len() == outer * rows * inner, "{} elements to gather from", x.len());
    assert!(y.len() == outer * indices.len() * inner, "{} elements gathered", y.len());
    shape.verify(indices)?;
    let each = items_per_task(inner);
    for_each_piece(y, each * inner, |piece, y| {
        for (i, y) in y.chunks_exact_mut(inner).enumerate() {
            let row = piece * each + i;
            let (o, j) = (row / indices.len(), row % indices.len());
            let from = (o * rows + indices[j].to_usize()) * inner;
            y.copy_from_slice(&x[from..from + inner]);
        }
    });
    Ok(())
}

/// `dx[o, indices[j], i] += dy[o, j, i]` in the order of the indices.
pub fn scatter_add<T: Real>(
    shape: Shape,
    dy: &[T],
    indices: &[T],
    dx: &mut [T],
) -> Result<(), OutOfRange> {
    let Shape { outer, rows, inner } = shape;
    assert!(dx.len() == outer * rows * inner, "{} elements to scatter to", dx.len());
    assert!(dy.len() == outer * indices.len() * inner, "{} elements to scatter", dy.len());
    shape.verify(indices)?;
    let dx = Shared::new(dx);
    shape.pieces(indices.len(), |o, columns| {
        for (j, index) in indices.iter().enumerate() {
            let to = (o * rows + index.to_usize()) * inner;
            let from = (o * indices.len() + j) * inner;
            // SAFETY: every column is in one piece.
            let dx = unsafe { dx.slice(to + columns.start..to + columns.end) };
            let dy = &dy[from + columns.start..from + columns.end];
            dx.iter_mut().zip(dy).for_each(|(dx, dy)| *dx += *dy);
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{close, fill, same_for_any_threads};
    use super::*;

    fn check<T: Real>(shape: Shape, indices: &[usize]) {
        let Shape { outer, rows, inner } = shape;
        let x: Vec<T> = fill(outer * rows * inner, 1);
        let dy: Vec<T> = fill(outer * indices.len() * inner, 2);
        let numbers: Vec<T> = indices.iter().map(|i| T::from_f64(*i as f64 + 0.4)).collect();
        let mut expected = vec![0.0; dy.len()];
        let mut back = vec![0.0; x.len()];
        for (at, expected) in expected.iter_mut().enumerate() {
            let (o, j, i) = (at / inner / indices.len(), at / inner % indices.len(), at % inner);
            let from = (o * rows + indices[j]) * inner + i;
            *expected = x[from].to_f64();
            back[from] += dy[at].to_f64();
        }
        let y = same_for_any_threads(dy.len(), |y| gather(shape, &x, &numbers, y).unwrap());
        close(&y, &expected, 0.0);
        let dx = same_for_any_threads(x.len(), |dx| {
            dx.fill(T::ZERO);
            scatter_add(shape, &dy, &numbers, dx).unwrap();
        });
        close(&dx, &back, 1e-6);
    }

    #[test]
    fn rows_are_picked_and_added_back() {
        check::<f32>(Shape { outer: 2, rows: 5, inner: 3 }, &[4, 0, 0, 2, 4, 4]);
        check::<f64>(Shape { outer: 1, rows: 7, inner: 1000 }, &[6, 1, 6]);
        check::<f32>(Shape { outer: 9, rows: 2, inner: 1 }, &[1]);
    }

    #[test]
    fn a_bad_index_is_an_error_with_its_place() {
        let shape = Shape { outer: 1, rows: 2, inner: 1 };
        for bad in [2.0, -1.0, f32::NAN, f32::INFINITY] {
            let error = gather(shape, &[1.0, 2.0], &[1.0, bad], &mut [0.0, 0.0]).unwrap_err();
            assert_eq!((error.position, error.rows), (1, 2));
            assert!(scatter_add(shape, &[1.0, 2.0], &[0.0, bad], &mut [0.0, 0.0]).is_err());
        }
    }
}
