//! What the executor asks of a GPU: memory, copies, and scripts that run in it.

use std::any::Any;
use std::sync::OnceLock;

use super::form::Act;
use super::module::{Entry, Precision};
use crate::error::Result;

/// A list of acts on the memory of a device, and the text of the kernels among them. Addresses are bytes from the start
/// of the memory.
#[derive(Clone, Debug)]
pub struct Script {
    /// The number type of all elements.
    pub precision: Precision,
    /// The text of the kernels.
    pub text: String,
    /// The kernels.
    pub entries: Vec<Entry>,
    /// What is done, in order.
    pub acts: Vec<Act<usize>>,
}

/// Runs whose data may be on their way to the device at a time.
pub const BUFFERS: usize = 2;

/// Bytes that are copied from one place to another.
#[derive(Clone, Copy, Debug)]
pub struct Piece {
    /// Where they go.
    pub to: usize,
    /// Where they come from.
    pub from: usize,
    /// How many they are.
    pub bytes: usize,
}

/// A device with one piece of memory. Everything happens in the order in which it is asked for.
pub trait Driver: Any + Send {
    /// Allocates the memory, filled with zeros. A run is given `staged` bytes, counting each piece in units of 16.
    ///
    /// # Errors
    /// There is not so much.
    fn allocate(&mut self, bytes: usize, staged: usize) -> Result<()>;

    /// Copies bytes into the memory.
    fn write(&mut self, at: usize, bytes: &[u8]) -> Result<()>;

    /// Copies bytes out of the memory, once everything before is done.
    fn read(&mut self, at: usize, bytes: &mut [u8]) -> Result<()>;

    /// Copies into the memory what the next run needs, while the last one may still be running. All that is staged before
    /// a run may go in one copy.
    fn stage(&mut self, pieces: &[(usize, &[u8])]) -> Result<()> {
        pieces.iter().try_for_each(|(at, bytes)| self.write(*at, bytes))
    }

    /// Copies within the memory.
    fn copy(&mut self, pieces: &[Piece]) -> Result<()> {
        pieces.iter().try_for_each(|piece| {
            let mut data = vec![0; piece.bytes];
            self.read(piece.from, &mut data)?;
            self.write(piece.to, &data)
        })
    }

    /// Copies from the memory of another driver, once everything is done that it was asked for; what it is asked for next
    /// comes after the copies.
    fn take(&mut self, other: &mut dyn Driver, pieces: &[Piece]) -> Result<()> {
        pieces.iter().try_for_each(|piece| {
            let mut data = vec![0; piece.bytes];
            other.read(piece.from, &mut data)?;
            self.write(piece.to, &data)
        })
    }

    /// Compiles a script; returns its number.
    ///
    /// # Errors
    /// A text does not compile, or a library refuses an extent.
    fn prepare(&mut self, script: &Script) -> Result<usize>;

    /// Makes one script of several, which runs them one after the other; returns its number.
    fn join(&mut self, scripts: &[usize]) -> usize;

    /// Begins to run a script.
    fn run(&mut self, script: usize) -> Result<()>;

    /// What its user should know of it, if anything.
    fn note(&self) -> Option<&str> {
        None
    }

    /// The seconds of each act of a script, one after the other.
    fn run_timed(&mut self, script: usize) -> Result<Vec<f64>>;
}

/// Opens the device of a number.
pub type Open = fn(usize, Precision) -> Result<Box<dyn Driver>>;

static INSTALLED: OnceLock<Open> = OnceLock::new();

/// From now on sessions on GPUs run on these devices instead, as tests want that have no GPU. The first call counts.
pub fn install(open: Open) {
    INSTALLED.get_or_init(|| open);
}

/// What was installed.
pub(in crate::exec) fn installed() -> Option<Open> {
    INSTALLED.get().copied()
}
