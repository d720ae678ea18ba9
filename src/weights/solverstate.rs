//! Reads what Caffe's solvers need to go on, `.solverstate`, and writes it in Caffe's binary format.

use std::path::Path;

use prost::Message;

use super::hdf5::is_hdf5;
use super::stream::BlobField;
use super::{Blob, parse_message};
use crate::data::proto;
use crate::{Error, Result, file};

/// The field of the history in the message.
const HISTORY: u32 = 3;

/// A solver between two updates.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SolverState {
    /// Updates made so far.
    pub iter: usize,
    /// Path of the weights that belong to it, as the solver wrote it.
    pub learned_net: Option<String>,
    /// Momentum and the like, one blob for each parameter; for solvers with two kinds (Adam, AdaDelta) first all of
    /// the first kind, then all of the second.
    pub history: Vec<Blob>,
    /// The step reached by the `multistep` policy.
    pub current_step: usize,
}

impl SolverState {
    /// Reads a `.solverstate` in either of Caffe's formats.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = file::read(path)?;
        if is_hdf5(&bytes) {
            return Self::of_hdf5(path, bytes);
        }
        let state: proto::SolverState = parse_message(path, &bytes, "a solver state")?;
        let number = |name: &str, n: Option<i32>| {
            let n = n.unwrap_or(0);
            usize::try_from(n).map_err(|_| Error::format(path, format!("`{name}` is {n}")))
        };
        let mut history = Vec::with_capacity(state.history.len());
        for (i, blob) in state.history.into_iter().enumerate() {
            let blob = Blob::from_proto(blob);
            history.push(blob.map_err(|m| Error::format(path, format!("history blob {i} {m}")))?);
        }
        Ok(SolverState {
            iter: number("iter", state.iter)?,
            learned_net: state.learned_net,
            history,
            current_step: number("current_step", state.current_step)?,
        })
    }

    /// Writes a `.solverstate` that Caffe reads.
    pub fn write(&self, path: &Path) -> Result<()> {
        let number = |n: usize| {
            i32::try_from(n)
                .map_err(|_| Error::format(path, format!("{n} iterations are too many")))
        };
        let first = proto::SolverState {
            iter: Some(number(self.iter)?),
            learned_net: self.learned_net.clone(),
            ..proto::SolverState::default()
        };
        let last = proto::SolverState {
            current_step: Some(number(self.current_step)?),
            ..proto::SolverState::default()
        };
        file::write_atomically(path, |writer| {
            writer.write_all(&first.encode_to_vec())?;
            for blob in &self.history {
                BlobField { tag: HISTORY, blob, diff: &[], four_axes: false }.write(writer)?;
            }
            writer.write_all(&last.encode_to_vec())
        })
    }
}
