//! What the command line says of where a net runs.

use crate::exec::{Device, SessionOptions};

/// The device, and the threads that share the work of a processor.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct Processor {
    /// cpu or cuda:0
    #[arg(long, default_value = "cpu")]
    pub device: Device,
    /// Threads; 0 takes one for each core
    #[arg(long, default_value_t = 0)]
    pub threads: usize,
}

impl Processor {
    /// A session there, whose random numbers nobody chooses.
    pub(super) fn session(self) -> SessionOptions {
        SessionOptions { device: self.device, threads: self.threads, seed: 0 }
    }
}
