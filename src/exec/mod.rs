//! Runs plans on a device; the only place that names candle, cudarc and the `cuda` feature.
//!
//! [`candle`] evaluates programs by candle's operations, to compare. A [`Session`] owns the arena of a plan as one candle tensor and runs the whole plan as one in-place operation on
//! it, so that a step costs no dispatch and allocates nothing.

pub mod candle;
pub mod cpu;
pub mod query;
mod session;

pub use session::{Device, Element, Session, SessionOptions, available, workspace};
