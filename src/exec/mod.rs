//! Runs plans on a device; the only place that names candle, cudarc and the `cuda` feature.
//!
//! A [`Session`] owns the arena of a plan as one candle tensor and runs the whole plan as one in-place operation on
//! it, so that a step costs no dispatch and allocates nothing. On a GPU ([`cuda`]) the plan is a list of launches.
//! [`candle`] evaluates programs by candle's own operations, to compare.

pub mod candle;
pub mod cpu;
pub mod cuda;
pub mod query;
mod session;
pub mod solve;

pub use cuda::OnGpu;
pub use session::{Device, Element, Session, SessionOptions, available, supported, workspace};
