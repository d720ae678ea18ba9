//! Plans on an NVIDIA GPU: every step as launches of kernels and calls of libraries, on one piece of memory.
//!
//! Nothing here but `nvidia` knows CUDA: [`form`] says for every kernel of the closed set which functions of the texts in
//! `text/` do it (an operation of a layer's own brings a text of its own, which lies beside the layer), [`module`] gives
//! every call an entry, `script` puts addresses in, `together` makes small launches that follow each other one, and a
//! [`Driver`](driver::Driver) compiles and runs that. The texts are
//! written so that a C compiler reads them as well (`text/prelude.cu`); a driver that compiles them so and calls the
//! entries on the processor proves texts, entries, arguments and addresses on a machine without a GPU.
//!
//! Sums are in an order that depends on shapes alone, and no kernel adds by atomic operations, so a run gives the same bits
//! every time.

mod chain;
mod channels;
pub mod driver;
pub mod form;
mod gpu;
pub mod library;
pub mod module;
#[cfg(feature = "cuda")]
mod nvidia;
mod reduction;
mod script;
mod small_conv;
mod solver;
mod space;
mod together;

pub use gpu::OnGpu;
pub(super) use gpu::{Gpu, unsupported, workspace_of};

use crate::error::Result;
use driver::Driver;
use module::Precision;

/// Opens a GPU.
///
/// # Errors
/// There is none of this number, or this cortado was built without the feature `cuda`.
pub(super) fn open(ordinal: usize, precision: Precision) -> Result<Box<dyn Driver>> {
    match driver::installed() {
        Some(open) => open(ordinal, precision),
        None => open_nvidia(ordinal, precision),
    }
}

#[cfg(feature = "cuda")]
fn open_nvidia(ordinal: usize, precision: Precision) -> Result<Box<dyn Driver>> {
    nvidia::open(ordinal, precision)
}

#[cfg(not(feature = "cuda"))]
fn open_nvidia(ordinal: usize, _precision: Precision) -> Result<Box<dyn Driver>> {
    Err(crate::error::Error::refused(format!(
        "cuda:{ordinal} needs a cortado built with `--features cuda`; see README, section GPU"
    )))
}

/// Whether there is a GPU of this number.
///
/// # Errors
/// There is none, or this cortado was built without the feature `cuda`.
pub(super) fn available(ordinal: usize) -> Result<()> {
    open(ordinal, Precision::Single).map(drop)
}
