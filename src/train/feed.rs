//! Brings batches from a source into the inputs of a session.

use super::labels::Labels;
use crate::data::prefetch::Prefetcher;
use crate::data::source::Source;
use crate::error::{Error, Result};
use crate::exec::Session;
use crate::ir::TypedNet;
use crate::plan::Slot;

/// Batches that wait to be made ahead of the step.
const AHEAD: usize = 3;

/// Serves some inputs of a net from one source.
pub struct Feed {
    prefetcher: Prefetcher,
    /// For each input: which top of the source, and the place in the arena.
    wires: Vec<(usize, Slot)>,
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
                let have = crate::ty::Shape(source.tops()[position].shape.clone());
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
                wires.push((position, slot));
            }
        }
        let prefetcher = Prefetcher::new(source, batch.unwrap_or(1), AHEAD)?;
        Ok(Feed { prefetcher, wires })
    }

    /// Writes the next batch into the arena.
    pub fn next(&mut self, session: &mut Session<f32>) -> Result<()> {
        let batch = self.prefetcher.next_batch()?;
        let tops = self.wires.iter().map(|&(top, slot)| (slot, &batch.tops[top][..]));
        session.stage(&tops.collect::<Vec<_>>());
        Ok(())
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
