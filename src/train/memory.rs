//! Predicts from the plans of a run how much memory it takes.

use super::checkpoint;
use super::feed::read_ahead;
use crate::error::Result;
use crate::exec::{Device, OnGpu};
use crate::plan::Plan;

/// Bytes that a run takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needed {
    /// Of the machine's memory, beside what the program holds before it opens the run.
    pub host: u64,
    /// Of a GPU's memory, beside the scratch of its libraries.
    pub gpu: u64,
}

impl Needed {
    /// Those of the memory that the plans lie in.
    pub fn on(&self, device: Device) -> u64 {
        match device {
            Device::Cpu => self.host,
            Device::Cuda(_) => self.gpu,
        }
    }
}

/// What a run takes: the nets that train and that test, the batches that are read ahead for them, and a snapshot.
///
/// # Errors
/// A GPU cannot run a step.
pub fn of_a_run<'a>(
    device: Device,
    training: &'a Plan,
    tests: impl IntoIterator<Item = &'a Plan>,
) -> Result<Needed> {
    let bytes = |elements: u64| elements.saturating_mul(size_of::<f32>() as u64);
    let mut needed = Needed { host: bytes(checkpoint::memory(training)), gpu: 0 };
    for plan in tests.into_iter().chain([training]) {
        needed.host = needed.host.saturating_add(bytes(read_ahead(plan)));
        match device {
            Device::Cpu => needed.host = needed.host.saturating_add(bytes(plan.arena as u64)),
            Device::Cuda(_) => needed.gpu = needed.gpu.saturating_add(OnGpu::of(plan)?.bytes),
        }
    }
    Ok(needed)
}
