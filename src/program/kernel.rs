//! The closed set of kernels: what is differentiated, planned and run.
//!
//! A kernel is matched exhaustively in exactly these concerns: the gradient table (`gradient.rs`), the
//! verifier, the cost model, the CPU and the CUDA executors. Everything else composes.

use std::borrow::Cow;
use std::sync::Arc;

use super::expr::PointFn;
use super::native::Native;
use crate::ty::Shape;
use crate::window;

/// How a reduction combines elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReduceOp {
    /// Their sum.
    Sum,
    /// Their sum by so many equal parts of the first axis, which is among those reduced: the sum of the sum of each.
    SumByPart(usize),
    /// The largest.
    Max,
}

/// What a [`Kernel::Random`] step draws, one independent number per element.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Distribution {
    /// Uniform in [0, 1).
    Uniform,
    /// Normal with mean 0 and deviation 1.
    Normal,
}

/// Local response normalisation (Krizhevsky et al. 2012, section 3.3).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lrn {
    /// Number of channels in the window; odd.
    pub size: usize,
    /// Factor of the sum of squares, already divided by whatever the framework divides it by.
    pub alpha: f64,
    /// Exponent.
    pub beta: f64,
    /// Offset inside the power.
    pub k: f64,
}

/// A convolution and what follows it element by element.
#[derive(Clone, Debug, PartialEq)]
pub struct FusedConv {
    /// The convolution.
    pub conv: window::Conv,
    /// Whether there is a bias.
    pub bias: bool,
    /// Whether another blob is added.
    pub sum: bool,
    /// Whether negative results become 0, after all else.
    pub relu: bool,
    /// Whether the weights are those that [`Kernel::PackConv`] has made.
    pub packed: bool,
    /// Whether they are those of [`Kernel::PackTiles`], for results by tiles (Lavin and Gray 2016).
    pub tiled: bool,
}

impl FusedConv {
    /// The shape of the weights as they were before they were packed, for so many outputs.
    pub fn weights(&self, packed: &Shape, outputs: usize) -> Shape {
        if !self.tiled {
            return packed.with(0, outputs);
        }
        let taps = self.conv.axes.iter().map(|axis| axis.kernel);
        Shape([outputs, packed.0[1]].into_iter().chain(taps).collect())
    }
}

/// A normalisation by the moments of each channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normalize {
    /// Added to the variance.
    pub eps: f64,
    /// Whether mean and variance are the [`Kernel::Moments`] of the argument, through which its gradient passes as well.
    pub batch: bool,
    /// Whether a factor and a shift follow.
    pub affine: bool,
    /// Whether negative results become 0, after all else.
    pub relu: bool,
}

/// One operation on values of a program.
#[derive(Clone, Debug, PartialEq)]
pub enum Kernel {
    /// `() -> t`: every element is this constant.
    Fill(f64),
    /// `(a, ...) -> t`: one element at a time. Arguments have the rank of the result and extents equal to
    /// its, or 1 where they are repeated.
    Pointwise(PointFn),
    /// `(a) -> t`: combines along these axes, which stay with extent 1.
    Reduce(ReduceOp, Vec<usize>),
    /// `(a) -> t`: the same elements in another shape; never moves data.
    View,
    /// `(a) -> t`: like `View`, and stops gradients.
    Stop,
    /// `(a) -> t`: axis `i` of the result is axis `perm[i]` of the argument.
    Transpose(Vec<usize>),
    /// `(a) -> t`: elements `start, start + step, ...` along an axis, as many as the result has.
    Slice {
        /// The axis.
        axis: usize,
        /// First element taken.
        start: usize,
        /// Distance between elements taken.
        step: usize,
    },
    /// `(a) -> t`: zeros, with the argument at `start, start + step, ...` along an axis.
    Pad {
        /// The axis.
        axis: usize,
        /// Where the first element goes.
        start: usize,
        /// Distance between elements.
        step: usize,
    },
    /// `(a, b, ...) -> t`: one after the other along an axis.
    Concat(usize),
    /// `(a, b[, bias]) -> t`: matrix product over the last two axes, with equal leading axes; an operand may be
    /// read transposed. `bias` has the extent of the last axis and is added to every row.
    MatMul {
        /// `a` is stored `K x M`.
        trans_a: bool,
        /// `b` is stored `N x K`.
        trans_b: bool,
    },
    /// `(a, b, c) -> t`: `MatMul` without a bias, plus `c`.
    MatMulAdd {
        /// `a` is stored `K x M`.
        trans_a: bool,
        /// `b` is stored `N x K`.
        trans_b: bool,
    },
    /// `(x, w[, bias]) -> y`: convolution, `N x C x spatial` with `O x C/group x kernel`.
    Conv(window::Conv),
    /// `(dy, w) -> dx`: its gradient to the input, which is a deconvolution.
    ConvInput(window::Conv),
    /// `(x, dy) -> dw`: its gradient to the weights.
    ConvFilter(window::Conv),
    /// `(x, w[, bias][, addend]) -> y`: convolution, sum and ReLU in one.
    FusedConv(FusedConv),
    /// `(x, w[, bias]) -> y, index`: `MaxPool` of a `FusedConv` that adds nothing; by tiles the results of a window are a tile.
    PooledConv(FusedConv, window::Pool),
    /// `(w) -> t`: the weights of a convolution in the order in which [`Kernel::FusedConv`] reads them quickest.
    PackConv(window::Conv),
    /// `(w) -> t`: weights of 3 x 3 or 5 x 5 transformed for tiles of 4 x 4 or 2 x 2 results, `36 x C x O`, with `O` rounded up
    /// to a multiple of [`Kernel::PACKED`]; only as [`Kernel::ChannelsLast`], also where [`Kernel::PooledConv`] reads them.
    PackTiles {
        /// Whether they are those of the gradient to the input: windows turned around, and `C` and `O` exchanged.
        turned: bool,
    },
    /// `(x, dy) -> dw`: `ConvFilter` by tiles of results; only as [`Kernel::ChannelsLast`].
    TilesFilter(window::Conv),
    /// `(..., mask, addend) -> y`: what this `ConvInput` or `FusedConv` makes of the first arguments plus the addend, and 0 where
    /// the mask is not above 0: the gradient that ReLU passes on; only as [`Kernel::ChannelsLast`].
    MaskedConv(Box<Kernel>),
    /// `(x, mean, variance[, factor, shift], addend) -> y`: `Normalize`, whose ReLU comes after the sum; only as
    /// [`Kernel::ChannelsLast`].
    NormalizeSum(Normalize),
    /// `(dy, index, w) -> dx`: `ConvInput` of the `MaxPoolGrad` of the first two.
    PooledConvInput(window::Conv),
    /// `(x, dy, index) -> dw`: `ConvFilter` of the `MaxPoolGrad` of the last two.
    PooledConvFilter(window::Conv),
    /// `(x) -> t`: windows as columns, `N x C·taps x spatial'`.
    Im2col(window::Conv),
    /// `(t) -> x`: the adjoint of `Im2col`: columns summed back into an image.
    Col2im(window::Conv),
    /// `(x) -> y, index`: the largest of each window and where it was, `h W + w` in its plane,
    /// -1 for a window without elements. The first of equals wins.
    MaxPool(window::Pool),
    /// `(dy, index) -> dx`.
    MaxPoolGrad(window::Pool),
    /// `(x) -> y`: the mean of each window.
    AvePool(window::Pool),
    /// `(dy) -> dx`.
    AvePoolGrad(window::Pool),
    /// `(x) -> y, scale`: across channels, axis 1; `scale` is the base of the power.
    Lrn(Lrn),
    /// `(x, y, scale, dy) -> dx`.
    LrnGrad(Lrn),
    /// `(x) -> mean, variance`: of every channel (axis 1) over all other axes, which stay with extent 1; the variance is
    /// biased. Their gradient is part of that of [`Kernel::Normalize`].
    Moments,
    /// `(x, mean, variance[, scale, shift]) -> y`: `(x - mean) / sqrt(variance + eps) scale + shift` by channel, then ReLU.
    Normalize(Normalize),
    /// `(x, mean, variance[, scale, shift], dy) -> dx[, dscale, dshift]`.
    NormalizeGrad(Normalize),
    /// `(x) -> y`: e^x normalised along an axis.
    Softmax(usize),
    /// `(y, dy) -> dx`.
    SoftmaxGrad(usize),
    /// `(x) -> y`: the logarithm of `Softmax`.
    LogSoftmax(usize),
    /// `(y, dy) -> dx`.
    LogSoftmaxGrad(usize),
    /// `(x, index) -> t`: slices of `x` along an axis, by a list of whole numbers counted from 0.
    Gather(usize),
    /// `(dt, index) -> dx`: the adjoint of `Gather`, adding where an index repeats.
    Scatter(usize),
    /// The same kernel on blobs whose channels lie last, `N x H x W x C`; which arguments and results are such blobs is told by
    /// [`Kernel::blobs`]. A convolution's weights are packed for it: `O` rounded up to a multiple of [`Kernel::PACKED`] in
    /// every group.
    ChannelsLast(Box<Kernel>),
    /// `() -> t`: random numbers, a function of the seed, the step and this stream.
    Random(Distribution, u64),
    /// `(args) -> outs`: an operation that a layer defines itself.
    Native(Arc<dyn Native>),
    /// `(args, outs, douts) -> dargs`, only of the arguments listed.
    NativeGrad(Arc<dyn Native>, Vec<usize>),
}

impl Kernel {
    /// What the outputs of a group are rounded up to in the packed weights of [`Kernel::ChannelsLast`].
    pub const PACKED: usize = 16;

    /// Most taps of a window that is a channel's own on blobs whose channels lie last.
    pub const DEPTHWISE_TAPS: usize = 64;

    /// Most channels of a convolution by tiles of results.
    pub const TILED: usize = 4096;

    /// Whether every channel of a convolution with these weights has a window of its own, and on blobs whose channels lie last
    /// goes by direct loops.
    pub fn is_depthwise(conv: &window::Conv, weights: &Shape) -> bool {
        let &[outputs, 1, ref taps @ ..] = weights.dims() else { return false };
        let few = taps.iter().product::<usize>() <= Self::DEPTHWISE_TAPS;
        1 < conv.group && outputs == conv.group && few
    }

    /// The shape of weights that [`Kernel::PackConv`] has packed, on blobs whose channels lie last.
    pub fn packed(conv: &window::Conv, weights: &Shape) -> Shape {
        if Self::is_depthwise(conv, weights) {
            return weights.clone();
        }
        let outputs = (weights.0[0] / conv.group).next_multiple_of(Self::PACKED);
        weights.with(0, outputs * conv.group)
    }

    /// The kernel without regard to where the channels lie.
    pub fn plain(&self) -> &Kernel {
        match self {
            Kernel::ChannelsLast(kernel) => kernel,
            kernel => kernel,
        }
    }

    /// Which of so many arguments are blobs whose channels [`Kernel::ChannelsLast`] wants last, and whether the first
    /// result is one, and all other results; `None` for kernels that do not come in that form.
    pub fn blobs(&self, args: usize) -> Option<(Vec<bool>, [bool; 2])> {
        let only = |blobs: &[usize]| (0..args).map(|i| blobs.contains(&i)).collect::<Vec<_>>();
        Some(match self {
            Kernel::FusedConv(fused) if fused.sum => (only(&[0, args - 1]), [true, false]),
            Kernel::FusedConv(_) => (only(&[0]), [true, false]),
            Kernel::PackConv(_) | Kernel::PackTiles { .. } => (only(&[]), [false, false]),
            Kernel::ConvInput(_) => (only(&[0]), [true, false]),
            Kernel::ConvFilter(_) | Kernel::TilesFilter(_) => (only(&[0, 1]), [false, false]),
            Kernel::MaxPool(_) | Kernel::Lrn(_) => (only(&[0]), [true, true]),
            Kernel::MaxPoolGrad(_) => (only(&[0, 1]), [true, false]),
            Kernel::AvePool(_) | Kernel::AvePoolGrad(_) => (only(&[0]), [true, false]),
            Kernel::LrnGrad(_) => (only(&[0, 1, 2, 3]), [true, false]),
            Kernel::Moments => (only(&[0]), [false, false]),
            Kernel::Normalize(_) => (only(&[0]), [true, false]),
            Kernel::NormalizeSum(_) | Kernel::NormalizeGrad(_) => {
                (only(&[0, args - 1]), [true, false])
            }
            Kernel::MaskedConv(kernel) => {
                let (mut blobs, results) = kernel.blobs(args - 2)?;
                blobs.extend([true, true]);
                (blobs, results)
            }
            _ => return None,
        })
    }

    /// A short name for printing: `conv`, `pointwise`.
    pub fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Kernel::Fill(_) => "fill",
            Kernel::Pointwise(_) => "pointwise",
            Kernel::Reduce(ReduceOp::Sum, _) => "sum",
            Kernel::Reduce(ReduceOp::SumByPart(_), _) => "sum-by-part",
            Kernel::Reduce(ReduceOp::Max, _) => "max",
            Kernel::View => "view",
            Kernel::Stop => "stop",
            Kernel::Transpose(_) => "transpose",
            Kernel::Slice { .. } => "slice",
            Kernel::Pad { .. } => "pad",
            Kernel::Concat(_) => "concat",
            Kernel::MatMul { .. } => "matmul",
            Kernel::MatMulAdd { .. } => "matmul-add",
            Kernel::Conv(_) => "conv",
            Kernel::ConvInput(_) => "conv-input",
            Kernel::ConvFilter(_) => "conv-filter",
            Kernel::FusedConv(_) => "fused-conv",
            Kernel::PooledConv(..) => "pooled-conv",
            Kernel::PackConv(_) => "pack-conv",
            Kernel::PackTiles { .. } => "pack-tiles",
            Kernel::TilesFilter(_) => "conv-filter-tiles",
            Kernel::MaskedConv(_) => "masked-conv",
            Kernel::NormalizeSum(_) => "normalize-sum",
            Kernel::PooledConvInput(_) => "pooled-conv-input",
            Kernel::PooledConvFilter(_) => "pooled-conv-filter",
            Kernel::Im2col(_) => "im2col",
            Kernel::Col2im(_) => "col2im",
            Kernel::MaxPool(_) => "max-pool",
            Kernel::MaxPoolGrad(_) => "max-pool-grad",
            Kernel::AvePool(_) => "ave-pool",
            Kernel::AvePoolGrad(_) => "ave-pool-grad",
            Kernel::Lrn(_) => "lrn",
            Kernel::LrnGrad(_) => "lrn-grad",
            Kernel::Moments => "moments",
            Kernel::Normalize(_) => "normalize",
            Kernel::NormalizeGrad(_) => "normalize-grad",
            Kernel::Softmax(_) => "softmax",
            Kernel::SoftmaxGrad(_) => "softmax-grad",
            Kernel::LogSoftmax(_) => "log-softmax",
            Kernel::LogSoftmaxGrad(_) => "log-softmax-grad",
            Kernel::ChannelsLast(kernel) => match **kernel {
                Kernel::FusedConv(FusedConv { tiled: true, .. }) => "fused-conv-tiles",
                Kernel::FusedConv(_) => "fused-conv-last",
                Kernel::PackTiles { .. } => "pack-tiles",
                Kernel::TilesFilter(_) => "conv-filter-tiles",
                Kernel::PackConv(_) => "pack-conv-last",
                Kernel::ConvInput(_) => "conv-input-last",
                Kernel::ConvFilter(_) => "conv-filter-last",
                Kernel::MaxPool(_) => "max-pool-last",
                Kernel::MaxPoolGrad(_) => "max-pool-grad-last",
                Kernel::AvePool(_) => "ave-pool-last",
                Kernel::AvePoolGrad(_) => "ave-pool-grad-last",
                Kernel::Lrn(_) => "lrn-last",
                Kernel::LrnGrad(_) => "lrn-grad-last",
                Kernel::Moments => "moments-last",
                Kernel::Normalize(_) => "normalize-last",
                Kernel::NormalizeGrad(_) => "normalize-grad-last",
                Kernel::NormalizeSum(_) => "normalize-sum-last",
                Kernel::MaskedConv(ref kernel) => match **kernel {
                    Kernel::FusedConv(FusedConv { tiled: true, .. }) => "masked-conv-tiles",
                    _ => "masked-conv-last",
                },
                _ => "channels-last",
            },
            Kernel::Gather(_) => "gather",
            Kernel::Scatter(_) => "scatter",
            Kernel::Random(..) => "random",
            Kernel::Native(native) => native.name(),
            Kernel::NativeGrad(native, _) => return format!("{}-grad", native.name()).into(),
        })
    }
}
