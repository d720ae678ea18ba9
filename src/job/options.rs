//! What the command line says about a job.

use std::path::PathBuf;

use crate::exec::Device;

/// What the command line says about a job.
#[derive(Clone, Debug)]
pub struct JobOptions {
    /// The device.
    pub device: Device,
    /// Threads; 0 takes one for each core.
    pub threads: usize,
    /// Weights to start from.
    pub weights: Vec<PathBuf>,
    /// Layers that keep their fillers' values.
    pub reinit: Vec<String>,
    /// A saved state to continue from.
    pub resume: Option<PathBuf>,
    /// Changes of the run file, `train.epochs=3`, or of the solver, `max_iter=500`.
    pub set: Vec<(String, String)>,
    /// Batches of tensors to train on, instead of the data that the job names.
    pub tensors: Option<PathBuf>,
    /// The folder of the results, instead of the one that the job names.
    pub output: Option<PathBuf>,
    /// Whether the job is only looked at, so that pairs that are not there are not made.
    pub only_look: bool,
}

impl Default for JobOptions {
    fn default() -> Self {
        JobOptions {
            device: Device::Cpu,
            threads: 0,
            weights: vec![],
            reinit: vec![],
            resume: None,
            set: vec![],
            tensors: None,
            output: None,
            only_look: false,
        }
    }
}
