//! Predicts from the plans of a run and from its data how much memory it takes.

use super::checkpoint;
use super::feed::read_ahead;
use crate::error::Result;
use crate::exec::{Device, OnGpu};
use crate::ir::TypedNet;
use crate::plan::Plan;

/// Bytes of the program's file that are in memory while it trains. The system counts those of a process differently from
/// one time to the next, so that a measured number would make predictions differ.
pub const PROGRAM: u64 = 16 << 20;

/// What every run allocates beside its nets and its data: stacks of threads, the log, plots, buffers of files.
const BESIDE: u64 = 5 << 20;

/// What a net takes beside its plan for every step of its program: the layer it comes from, shapes, names, places.
const STEP: u64 = 2 << 10;

/// A net of a run.
#[derive(Clone, Copy, Debug)]
pub struct OfNet<'a> {
    /// The net.
    pub typed: &'a TypedNet,
    /// Its plan.
    pub plan: &'a Plan,
    /// The names by which the definition's dialect numbers parameters.
    pub names: &'a [(String, String)],
    /// Bytes that the sources of its inputs hold.
    pub data: u64,
}

/// Bytes that a run takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needed {
    /// Of the net that is trained.
    pub training: u64,
    /// Of the nets that test.
    pub tests: u64,
    /// Of batches that are read ahead for all of them.
    pub ahead: u64,
    /// Of the data that their sources hold.
    pub data: u64,
    /// Of a snapshot while it is written.
    pub snapshot: u64,
    /// Of the program and of what it keeps of definitions.
    pub program: u64,
    /// Of pairs while they are made, before there are nets.
    pub making: u64,
    /// Of a GPU's memory, beside the scratch of its libraries; the nets are there and not in the machine's memory. None
    /// without one.
    pub gpu: Option<u64>,
}

impl Needed {
    /// Of the machine's memory.
    pub fn host(&self) -> u64 {
        let nets = if self.gpu.is_some() { [0; 2] } else { [self.training, self.tests] };
        let beside = [self.ahead, self.data, self.snapshot, self.program];
        let running = nets.into_iter().chain(beside).fold(0, u64::saturating_add);
        running.max(self.program.saturating_add(self.making))
    }

    /// Of the memory that the nets lie in.
    pub fn on_device(&self) -> u64 {
        self.gpu.unwrap_or_else(|| self.host())
    }
}

/// What a run takes: the nets that train and that test, the batches that are read ahead for them, their data, a snapshot,
/// and the program. It follows from the plans and the sizes of the data alone.
///
/// # Errors
/// A GPU cannot run a step.
pub fn of_a_run<'a>(
    device: Device,
    training: OfNet<'a>,
    tests: impl IntoIterator<Item = OfNet<'a>>,
) -> Result<Needed> {
    let bytes = |elements: u64| elements.saturating_mul(size_of::<f32>() as u64);
    let mut needed = Needed {
        training: bytes(training.plan.arena as u64),
        snapshot: bytes(checkpoint::memory(training.typed, training.plan, training.names)),
        program: PROGRAM + BESIDE,
        ..Needed::default()
    };
    let tests: Vec<OfNet> = tests.into_iter().collect();
    for test in &tests {
        needed.tests = needed.tests.saturating_add(bytes(test.plan.arena as u64));
    }
    for OfNet { plan, data, .. } in tests.into_iter().chain([training]) {
        needed.ahead = needed.ahead.saturating_add(bytes(read_ahead(plan)));
        needed.data = needed.data.saturating_add(data);
        needed.program = needed.program.saturating_add(STEP * plan.program.steps.len() as u64);
        if let Device::Cuda(_) = device {
            let all = needed.gpu.unwrap_or(0).saturating_add(OnGpu::of(plan)?.bytes);
            needed.gpu = Some(all);
        }
    }
    Ok(needed)
}
