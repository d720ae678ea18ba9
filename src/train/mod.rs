//! Trains: solvers, schedules, runs, checkpoints.
//!
//! A [`Trainer`] makes one update a call and knows nothing of run files; `job` is the loop around it with tests, snapshots and the log.

mod caffe_log;
pub mod checkpoint;
mod console_log;
pub mod curves;
mod debug;
pub mod feed;
pub(crate) mod hdf5_output;
pub mod labels;
pub mod log;
pub mod machine;
pub mod memory;
mod rewriting;
pub mod rule;
pub mod schedule;
mod trainer;

pub use feed::Feed;
pub use trainer::{StepReport, TestReport, Trainer};
