//! cortado reads network definitions of Caffe, Torch7 and DIGITS-TensorFlow, checks them, draws them,
//! and trains and runs them.
//!
//! ```text
//!  text ── front ──▶ ir::Definition ── passes ──▶ ir::TypedNet ── lowering ──▶ program::Program
//!       ── autodiff ──▶ plan::Plan ── exec::Session ──▶ outputs, losses, gradients
//! ```

pub mod cli;
pub mod data;
pub mod diag;
pub mod error;
pub mod exec;
pub mod file;
pub mod front;
pub mod ir;
pub mod job;
pub mod layers;
pub mod one_pass;
pub mod passes;
pub mod pipeline;
pub mod plan;
pub mod program;
pub mod random;
pub mod real;
pub mod report;
pub mod source;
pub mod spec;
pub mod train;
pub mod ty;
pub mod weights;
pub mod window;

pub use error::{Error, Result};
