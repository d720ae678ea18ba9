//! From the shapes of normalised blobs to the extents that their kernels want.

use super::dispatch::around;
use super::{lrn, normalize, softmax};
use crate::ty::Shape;

/// A normalisation as its kernel wants it.
pub(super) fn lrn_of(l: &crate::program::Lrn) -> lrn::Lrn {
    let &crate::program::Lrn { size, alpha, beta, k } = l;
    lrn::Lrn { size, alpha, beta, k }
}

/// The extents of a normalisation by channel.
pub(super) fn channels_of(x: &Shape) -> normalize::Shape {
    let inner = x.count_of(2..x.rank());
    normalize::Shape { batch: x.0[0], channels: x.0[1], inner }
}

/// The extents of a normalisation across channels.
pub(super) fn lrn_shape(x: &Shape) -> lrn::Shape {
    let width = x.count_of(2..x.rank());
    lrn::Shape { batch: x.0[0], channels: x.0[1], height: 1, width }
}

/// The extents of a softmax.
pub(super) fn softmax_shape(shape: &Shape, axis: usize) -> softmax::Shape {
    let (outer, axis, inner) = around(shape, axis);
    softmax::Shape { outer, axis, inner }
}
