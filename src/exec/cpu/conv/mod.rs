//! Convolution over one to three spatial axes, and its gradients, as packed matrix products.
//!
//! `y[n, o, q] = bias[o] + sum over c and taps of w[o, c, tap] x[n, c, window q, tap]`, with groups,
//! strides, dilation and padding that may differ at both ends. A deconvolution is the same with the
//! roles turned round: its forward pass is [`input_gradient`], its gradient to the input
//! [`forward`], and its gradient to the weights [`weight_gradient`] with the blobs exchanged.

mod depthwise;
mod forward;
mod input;
mod maxima;
mod pooled;
mod runs;
mod tiles;
mod weight;
mod windows;

pub use forward::{Addend, forward, forward_packed, forward_workspace, pack, packed_workspace};
pub use input::{input_gradient, input_gradient_workspace};
pub use maxima::Pooled;
pub use pooled::{
    pooled_input_gradient, pooled_input_gradient_workspace, pooled_weight_gradient,
    pooled_weight_gradient_workspace,
};
pub use tiles::PooledTiles;
pub use weight::{weight_gradient, weight_gradient_workspace};

use super::im2col::Windows;
use crate::window::Conv;

#[cfg(test)]
mod tests;

/// All extents of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Number of images.
    pub batch: usize,
    /// Channels of the input.
    pub channels: usize,
    /// Channels of the output.
    pub out_channels: usize,
    /// Groups of channels that do not see each other.
    pub group: usize,
    /// Spatial extents and windows.
    pub windows: Windows,
}

impl Shape {
    /// The extents of `conv` from `input` (`N, C, spatial`) to `out_channels`; `None` if the channels
    /// do not divide into the groups, no window fits, or there are not one to three spatial axes.
    pub fn new(conv: &Conv, input: &[usize], out_channels: usize) -> Option<Shape> {
        let [batch, channels, spatial @ ..] = input else { return None };
        let (batch, channels, group) = (*batch, *channels, conv.group);
        if group == 0 || channels % group != 0 || !out_channels.is_multiple_of(group) {
            return None;
        }
        let windows = Windows::new(&conv.axes, spatial)?;
        Some(Shape { batch, channels, out_channels, group, windows })
    }

    /// Elements of the input.
    pub fn input_len(&self) -> usize {
        self.batch * self.channels * self.windows.pixels()
    }

    /// Elements of the output.
    pub fn output_len(&self) -> usize {
        self.batch * self.out_channels * self.windows.count()
    }

    /// Elements of the weights, `O x C/group x kernel`.
    pub fn weight_len(&self) -> usize {
        self.out_channels * self.sum_len()
    }

    /// Panics unless input, weights and output, or their gradients, have their lengths.
    fn check<T>(&self, x: &[T], w: &[T], y: &[T]) {
        assert!(x.len() == self.input_len(), "input of {} elements", x.len());
        assert!(w.len() == self.weight_len(), "weights of {} elements", w.len());
        assert!(y.len() == self.output_len(), "output of {} elements", y.len());
    }

    /// Floating-point operations of a forward pass, and of each gradient: two per multiply-add.
    pub fn flops(&self) -> usize {
        2 * self.output_len() * self.sum_len()
    }

    /// Input channels of one group.
    fn group_channels(&self) -> usize {
        self.channels / self.group
    }

    /// Output channels of one group.
    fn group_outputs(&self) -> usize {
        self.out_channels / self.group
    }

    /// Terms of the sum that makes one output: channels of a group times taps.
    fn sum_len(&self) -> usize {
        self.group_channels() * self.windows.taps()
    }

    /// Whether every group has one input channel and few outputs, so that direct loops win.
    fn is_depthwise(&self) -> bool {
        self.group_channels() == 1 && 1 < self.group && self.group_outputs() < 5
    }
}
