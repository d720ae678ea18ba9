//! Copies parts of blobs along an axis, and transposes.

use super::real::Real;

/// A part of an axis: `count` elements from `start`, `step` apart, of `outer x extent x inner`.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    pub outer: usize,
    pub extent: usize,
    pub inner: usize,
    pub start: usize,
    pub step: usize,
    pub count: usize,
}

/// The part of `x`.
pub fn slice<T: Real>(p: &Part, x: &[T], y: &mut [T]) {
    for o in 0..p.outer {
        for i in 0..p.count {
            let from = (o * p.extent + p.start + i * p.step) * p.inner;
            let to = (o * p.count + i) * p.inner;
            y[to..to + p.inner].copy_from_slice(&x[from..from + p.inner]);
        }
    }
}

/// Puts `x` into its part of `y`.
pub fn put<T: Real>(p: &Part, x: &[T], y: &mut [T]) {
    for o in 0..p.outer {
        for i in 0..p.count {
            let to = (o * p.extent + p.start + i * p.step) * p.inner;
            let from = (o * p.count + i) * p.inner;
            y[to..to + p.inner].copy_from_slice(&x[from..from + p.inner]);
        }
    }
}

/// Zeros with `x` in its part.
pub fn pad<T: Real>(p: &Part, x: &[T], y: &mut [T]) {
    y.fill(T::ZERO);
    put(p, x, y);
}

/// Axis `i` of `y` is axis `perm[i]` of `x`.
pub fn transpose<T: Real>(extents: &[usize], perm: &[usize], x: &[T], y: &mut [T]) {
    let rank = extents.len();
    let stride = |axis: usize| extents[axis + 1..].iter().product::<usize>();
    let strides: Vec<usize> = perm.iter().map(|&p| stride(p)).collect();
    let out: Vec<usize> = perm.iter().map(|&p| extents[p]).collect();
    let mut at = vec![0; rank];
    for y in y {
        *y = x[at.iter().zip(&strides).map(|(a, s)| a * s).sum::<usize>()];
        for axis in (0..rank).rev() {
            at[axis] += 1;
            if at[axis] < out[axis] {
                break;
            }
            at[axis] = 0;
        }
    }
}
