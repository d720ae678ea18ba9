//! Brings batches from a source into the inputs of a session.

use super::labels::Labels;
use crate::data::prefetch::{Batch, Prefetcher};
use crate::data::source::Source;
use crate::error::{Error, Result};
use crate::exec::Session;
use crate::ir::TypedNet;
use crate::plan::{Plan, Slot};
use crate::ty::Shape;

/// Batches that wait to be made ahead of the step.
const AHEAD: usize = 3;

/// Numbers that batches made ahead take beside the plan, with the one that the net is working on.
pub fn read_ahead(plan: &Plan) -> u64 {
    let inputs = plan.program.inputs.iter();
    let batch: u64 = inputs.map(|(_, v)| plan.program.shape(*v).count() as u64).sum();
    batch.saturating_mul(AHEAD as u64 + 1)
}

/// Serves some inputs of a net from one source.
pub struct Feed {
    prefetcher: Prefetcher,
    /// Records of a batch.
    batch: usize,
    /// Bytes that the source holds beside batches.
    held: u64,
    wires: Vec<Wire>,
}

/// An input that is served.
struct Wire {
    input: String,
    /// Which top of the source serves it.
    top: usize,
    /// The shape of a record of it in the net as it is planned.
    shape: Vec<usize>,
    /// The place in the arena.
    slot: Slot,
}

impl Feed {
    /// Serves the inputs `names` (pairs of an input and the source's top for it) of a planned net.
    ///
    /// # Errors
    /// A top of the source does not have the shape of the input.
    pub fn new(
        mut source: Source,
        names: &[(String, String)],
        typed: &TypedNet,
        session: &Session<f32>,
    ) -> Result<Self> {
        let program = &session.plan().program;
        let mut wires = vec![];
        let mut batch = None;
        for (input, top) in names {
            let Some(&(_, v)) = program.inputs.iter().find(|(name, _)| name == input) else {
                continue;
            };
            let shape = program.shape(v);
            let position = source.tops().iter().position(|t| t.name == *top);
            let Some(position) = position else {
                return Err(Error::refused(format!("the data have no `{top}` for `{input}`")));
            };
            let n = shape.dims().first().copied().unwrap_or(1);
            let each = source.tops()[position].len();
            if shape.count() != n * each || batch.is_some_and(|batch| batch != n) {
                let have = Shape(source.tops()[position].shape.clone());
                return Err(Error::refused(format!(
                    "`{input}` of net `{}` is {shape}, but the data's `{top}` are records of {have}",
                    typed.net.name
                )));
            }
            batch = Some(n);
            let labels = Labels::of(typed, input);
            if !labels.is_free() {
                source.watch(position, Box::new(move |label| labels.complaint(label)));
            }
            if let Some(slot) = session.plan().slots[v.0 as usize] {
                let shape = source.tops()[position].shape.clone();
                wires.push(Wire { input: input.clone(), top: position, shape, slot });
            }
        }
        let batch = batch.unwrap_or(1);
        if batch == 1 {
            source.vary();
        }
        let held = source.held(batch);
        let prefetcher = Prefetcher::new(source, batch, AHEAD)?;
        Ok(Feed { prefetcher, batch, held, wires })
    }

    /// Bytes that its source [holds](Source::held) beside batches.
    pub fn held(&self) -> u64 {
        self.held
    }

    /// Takes the next batch. Says which inputs have another shape in it than in the net.
    pub fn take(&mut self) -> Result<Vec<(String, Shape)>> {
        let Batch { shapes, .. } = self.prefetcher.next_batch()?;
        let others = self.wires.iter().filter(|wire| wire.shape != shapes[wire.top]);
        let batch = |shape: &[usize]| Shape([&[self.batch][..], shape].concat());
        Ok(others.map(|wire| (wire.input.clone(), batch(&shapes[wire.top]))).collect())
    }

    /// Finds the inputs in a net that is planned anew for this batch.
    pub fn rewire(&mut self, plan: &Plan) {
        let Some(batch) = self.prefetcher.current() else { return };
        for wire in &mut self.wires {
            let input = plan.program.inputs.iter().find(|(name, _)| *name == wire.input);
            let slot = input.and_then(|&(_, v)| plan.slots[v.0 as usize]);
            wire.slot = slot.expect("the same net reads the same inputs");
            wire.shape.clone_from(&batch.shapes[wire.top]);
        }
    }

    /// Writes the batch into the arena.
    pub fn stage(&self, session: &mut Session<f32>) {
        let Some(batch) = self.prefetcher.current() else { return };
        let tops = self.wires.iter().map(|wire| (wire.slot, &batch.tops[wire.top][..]));
        session.stage(&tops.collect::<Vec<_>>());
    }

    /// Serves the first batch again next.
    pub fn rewind(&mut self) -> Result<()> {
        self.prefetcher.rewind()
    }

    /// The position of the source after the batches handed out so far.
    pub fn position(&self) -> u64 {
        self.prefetcher.position()
    }
}
