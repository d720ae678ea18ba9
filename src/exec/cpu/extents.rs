//! Turns the shapes of blobs into the extents that kernels take.

use super::{conv, lrn, matmul, normalize, pool, softmax};
use crate::program::Lrn;
use crate::ty::Shape;
use crate::window::{Conv, Pool};

/// The extents of a matrix product.
pub(in crate::exec) fn product(
    a: &Shape,
    b: &Shape,
    trans_a: bool,
    trans_b: bool,
) -> matmul::Matmul {
    let rank = a.rank();
    let (mut m, mut k) = (a.0[rank - 2], a.0[rank - 1]);
    if trans_a {
        (m, k) = (k, m);
    }
    let n = if trans_b { b.0[rank - 2] } else { b.0[rank - 1] };
    matmul::Matmul::new(m, n, k, trans_a, trans_b).batched(a.count_of(0..rank - 2))
}

/// The extents of a convolution.
pub(in crate::exec) fn conv_shape(conv: &Conv, x: &Shape, w: &Shape) -> conv::Shape {
    conv::Shape::new(conv, x.dims(), w.0[0]).expect("the layer has checked the geometry")
}

/// The extents of a pooling.
pub(in crate::exec) fn pool_shape(pool: &Pool, x: &Shape) -> pool::Shape {
    let planes = x.0[0] * x.0[1];
    pool::Shape::new(pool, planes, [x.0[2], x.0[3]]).expect("the layer has checked the geometry")
}

/// Extents before an axis, of it, and after it.
pub(in crate::exec) fn around(shape: &Shape, axis: usize) -> (usize, usize, usize) {
    (shape.count_of(0..axis), shape.0[axis], shape.count_of(axis + 1..shape.rank()))
}

/// The extents of a softmax.
pub(super) fn softmax_shape(shape: &Shape, axis: usize) -> softmax::Shape {
    let (outer, axis, inner) = around(shape, axis);
    softmax::Shape { outer, axis, inner }
}

/// The numbers of a local response normalisation.
pub(super) fn lrn_of(l: &Lrn) -> lrn::Lrn {
    let &Lrn { size, alpha, beta, k } = l;
    lrn::Lrn { size, alpha, beta, k, divided: false }
}

/// The extents of a normalisation by channel.
pub(super) fn channels_of(x: &Shape) -> normalize::Shape {
    let inner = x.count_of(2..x.rank());
    normalize::Shape { batch: x.0[0], channels: x.0[1], inner }
}

/// The extents of a local response normalisation across channels.
pub(super) fn lrn_shape(x: &Shape) -> lrn::Shape {
    let width = x.count_of(2..x.rank());
    lrn::Shape { batch: x.0[0], channels: x.0[1], height: 1, width }
}

/// Pieces in which a strided part is copied.
pub(super) fn parts(step: usize, count: usize) -> usize {
    if step == 1 { 1 } else { count }
}
