//! Kernels on blobs whose channels lie last, `N x H x W x C`: every pixel is one run of numbers.
//!
//! What a window of a convolution sees is then a few runs of memory, results are whole registers of channels, and small
//! images waste nothing. [`program::arrange`](crate::program::arrange()) chooses which blobs lie like this.
//!
//! As everywhere in [`super`], tasks are cut by shapes alone and sums have a fixed order.

mod ahead;
mod copies;
mod depthwise;
mod filter;
mod grid;
mod lines;
mod lrn;
pub(super) mod micro;
mod normalize;
mod pool;
mod sums;
mod then;
pub(super) mod tiles;
pub(super) mod weights;

#[cfg(test)]
mod tests;

pub use depthwise::{
    depthwise, depthwise_pack, depthwise_weight_gradient, depthwise_weight_gradient_workspace,
};
pub use filter::{weight_gradient, weight_gradient_workspace};
pub use lrn::{lrn_backward, lrn_forward};
pub use normalize::{moments, normalize, normalize_backward, normalize_workspace};
pub use pool::{average_backward, average_forward, max_backward, max_forward};
pub use sums::Sums;
pub use then::Then;
pub use tiles::{
    tiles_fit, tiles_forward, tiles_pack, tiles_weight_gradient, tiles_weight_gradient_workspace,
    tiles_weight_len, tiles_workspace,
};
pub use weights::pack;

/// Which of the two sums over taps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A convolution.
    Forward,
    /// Its gradient to the input.
    Input,
}
