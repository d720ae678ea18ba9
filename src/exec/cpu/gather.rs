//! Chooses slices along an axis by index, and the adjoint.

use super::real::Real;

/// `y[o, j, i] = x[o, index[j], i]`.
pub fn gather<T: Real>(
    outer: usize,
    extent: usize,
    inner: usize,
    x: &[T],
    index: &[T],
    y: &mut [T],
) {
    for o in 0..outer {
        for (j, ix) in index.iter().enumerate() {
            let from = (o * extent + ix.to_usize().min(extent - 1)) * inner;
            let to = (o * index.len() + j) * inner;
            y[to..to + inner].copy_from_slice(&x[from..from + inner]);
        }
    }
}

/// `x[o, index[j], i] += y[o, j, i]`, from `beta x`.
pub fn scatter_add<T: Real>(
    outer: usize,
    extent: usize,
    inner: usize,
    y: &[T],
    index: &[T],
    beta: T,
    x: &mut [T],
) {
    super::im2col::scale(beta, x);
    for o in 0..outer {
        for (j, ix) in index.iter().enumerate() {
            let to = (o * extent + ix.to_usize().min(extent - 1)) * inner;
            let from = (o * index.len() + j) * inner;
            for i in 0..inner {
                x[to + i] += y[from + i];
            }
        }
    }
}
