//! Brings groups of elements to mean 0 and, if wanted, deviation 1: the arithmetic of BatchNorm and MVN.

use super::prelude::*;
use crate::program::expr::Expr;

/// Mean and biased variance of `x` over some axes, which stay with extent 1.
///
/// The variance is that of the elements minus their mean, in two passes, because the difference of the mean square
/// and the squared mean loses all digits where the mean is large.
pub fn moments(b: &mut Builder, x: ValueId, axes: &[usize]) -> (ValueId, ValueId) {
    let count: usize = axes.iter().map(|&axis| b.shape(x).dims()[axis]).product();
    let sum = b.sum(x, axes);
    let mean = b.scale(sum, 1.0 / count as f64);
    // Deviations from the mean sum to 0, so the variance has no gradient to the mean.
    let centre = b.stop(mean);
    let squares = b.map(&[x, centre], &(arg(0) - arg(1)).squared());
    let squares = b.sum(squares, axes);
    let variance = b.scale(squares, 1.0 / count as f64);
    (mean, variance)
}

/// (x - mean) · factor(variance), where `factor` is 1 over a deviation.
///
/// Its gradient is Caffe's: -factor³/2, as if all of `factor` were the inverse root of the variance.
pub fn standardize(
    b: &mut Builder,
    x: ValueId,
    (mean, variance): (ValueId, ValueId),
    factor: Expr,
) -> ValueId {
    let cubed = factor.clone() * factor.clone().squared();
    let factor = b.map(&[variance], &factor.with_gradient(vec![cubed * -0.5]));
    b.map(&[x, mean, factor], &((arg(0) - arg(1)) * arg(2)))
}
