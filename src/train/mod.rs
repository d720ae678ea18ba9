//! Trains: solvers, schedules, runs, checkpoints.
//!
//! A [`Trainer`] makes one update a call and knows nothing of run files; `job` is the loop around it with tests, snapshots and the log.

pub mod checkpoint;
mod feed;
pub mod log;
pub mod rule;
pub mod schedule;
mod trainer;

pub use feed::Feed;
pub(crate) use trainer::users;
pub use trainer::{StepReport, TestReport, Trainer};
