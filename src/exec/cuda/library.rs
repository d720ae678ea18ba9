//! What libraries compute: matrix products (cuBLAS) and convolutions (cuDNN), by their extents and operands.

use crate::exec::cpu::{conv, dispatch};
use crate::program::device::Operand;
use crate::ty::Shape;
use crate::window::Axis;

/// A batch of row-major matrix products `c = op(a) op(b)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Product<O> {
    /// Number of products; the matrices of each follow those of the last.
    pub batch: usize,
    /// Rows of c.
    pub m: usize,
    /// Columns of c.
    pub n: usize,
    /// Length of the sums.
    pub k: usize,
    /// Whether a is stored `k x m`.
    pub trans_a: bool,
    /// Whether b is stored `n x k`.
    pub trans_b: bool,
    /// The left matrices.
    pub a: O,
    /// The right matrices.
    pub b: O,
    /// The results.
    pub c: O,
}

/// Which operand of a convolution is computed from the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// The result.
    Forward,
    /// The gradient to the image.
    Input,
    /// The gradient to the weights.
    Filter,
}

/// A convolution over three spatial axes, of which the first ones may have extent 1. The pads of an axis are equal.
#[derive(Clone, Debug, PartialEq)]
pub struct Convolution<O> {
    /// What is computed.
    pub way: Way,
    /// Number of images.
    pub batch: usize,
    /// Channels of the image.
    pub channels: usize,
    /// Channels of the result.
    pub outputs: usize,
    /// Groups of channels.
    pub group: usize,
    /// Spatial extents of the image.
    pub input: [usize; 3],
    /// Spatial extents of the result.
    pub output: [usize; 3],
    /// The windows.
    pub axes: [Axis; 3],
    /// The images, or their gradient.
    pub image: O,
    /// The weights, or their gradient.
    pub weights: O,
    /// The results, or their gradient.
    pub result: O,
}

/// Whether a word is among those that tell how cuDNN is used (`CORTADO_CUDNN`).
pub(super) fn told(word: &str) -> bool {
    let told = |value: String| value.split(',').any(|other| other == word);
    std::env::var("CORTADO_CUDNN").is_ok_and(told)
}

impl<O> Product<O> {
    /// With addresses in the place of operands.
    pub(super) fn at<P>(self, mut place: impl FnMut(O) -> P) -> Product<P> {
        let Product { batch, m, n, k, trans_a, trans_b, a, b, c } = self;
        let [a, b, c] = [a, b, c].map(&mut place);
        Product { batch, m, n, k, trans_a, trans_b, a, b, c }
    }
}

/// A product as cuBLAS takes it: all matrices are stored column by column.
///
/// A row-major matrix is its transpose stored by columns, so `c = a b` is computed as `c' = b' a'`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColumnMajor {
    /// Whether the left operand is transposed.
    pub trans_left: bool,
    /// Whether the right operand is.
    pub trans_right: bool,
    /// Rows of the result, its columns, and the length of the sums.
    pub extents: [usize; 3],
    /// The left operand, its leading extent, and the elements from one of the batch to the next.
    pub left: (usize, usize, usize),
    /// The right operand, likewise.
    pub right: (usize, usize, usize),
    /// The result, likewise.
    pub result: (usize, usize, usize),
}

impl Product<usize> {
    /// What cuBLAS is told.
    pub fn column_major(&self) -> ColumnMajor {
        let &Product { m, n, k, trans_a, trans_b, a, b, c, .. } = self;
        ColumnMajor {
            trans_left: trans_b,
            trans_right: trans_a,
            extents: [n, m, k],
            left: (b, if trans_b { k } else { n }, k * n),
            right: (a, if trans_a { m } else { k }, m * k),
            result: (c, n, m * n),
        }
    }
}

impl<O> Convolution<O> {
    /// A convolution of these extents on (image, weights, result).
    pub(super) fn new(shape: &conv::Shape, way: Way, [image, weights, result]: [O; 3]) -> Self {
        let conv::Shape { batch, channels, out_channels: outputs, group, windows } = *shape;
        let (input, output, axes) = (windows.input, windows.output, windows.axes);
        Convolution {
            way,
            batch,
            channels,
            outputs,
            group,
            input,
            output,
            axes,
            image,
            weights,
            result,
        }
    }

    /// With addresses in the place of operands.
    pub(super) fn at<P>(self, mut place: impl FnMut(O) -> P) -> Convolution<P> {
        let Convolution { way, batch, channels, outputs, group, input, output, axes, .. } = self;
        let [image, weights, result] = [self.image, self.weights, self.result].map(&mut place);
        Convolution {
            way,
            batch,
            channels,
            outputs,
            group,
            input,
            output,
            axes,
            image,
            weights,
            result,
        }
    }
}

/// The product of arguments 0 and 1 of these shapes, to result 0.
pub(super) fn product(a: &Shape, b: &Shape, trans_a: bool, trans_b: bool) -> Product<Operand> {
    let shape = dispatch::product(a, b, trans_a, trans_b);
    let (batch, m, n, k) = (shape.batch, shape.m, shape.n, shape.k);
    let (a, b, c) = (Operand::Arg(0), Operand::Arg(1), Operand::Out(0));
    Product { batch, m, n, k, trans_a, trans_b, a, b, c }
}
