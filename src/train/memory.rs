//! Predicts from the plans of a run how much memory it takes.

use super::checkpoint;
use super::feed::read_ahead;
use crate::plan::Plan;

/// Bytes of a run: of the nets that train and that test, of the batches that are read ahead for them, and of a snapshot; what
/// the program holds before it opens the run is not among them.
pub fn of_a_run<'a>(training: &'a Plan, tests: impl IntoIterator<Item = &'a Plan>) -> u64 {
    let plans = tests.into_iter().chain([training]);
    let elements = plans.map(|plan| (plan.arena as u64).saturating_add(read_ahead(plan)));
    let snapshot = checkpoint::memory(training);
    elements.fold(snapshot, u64::saturating_add).saturating_mul(size_of::<f32>() as u64)
}
