//! CPU kernels: functions on slices of `f32` or `f64`, deterministic for any number of threads.
//!
//! No kernel allocates. One that needs scratch memory takes `work` and has a function that says how
//! many elements it wants. Work is cut into tasks by shapes alone ([`tasks`]) and sums are added in a
//! fixed order, so the bits do not depend on how many threads the caller's team or rayon pool has.
//! Lengths that do not fit the shapes are a caller's mistake and panic.

mod bands;
pub mod channels_last;
pub mod conv;
pub mod dispatch;
mod effort;
mod extents;
pub mod gather;
mod halves;
pub mod im2col;
pub mod layout;
pub mod lrn;
pub mod matmul;
mod micro;
mod narrow;
pub mod normalize;
mod pack;
pub(super) mod pages;
mod past;
pub mod pointwise;
pub mod pool;
use crate::real;
pub mod reduce;
pub mod softmax;
mod tape;
pub mod tasks;
pub mod team;
#[cfg(test)]
mod testing;
mod transpose;
mod trouble;
mod turn;
pub mod update;
