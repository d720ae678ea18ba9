//! A plan with its memory on a device.

use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use candle_core::{CpuStorage, DType, InplaceOp1, Layout, Tensor};

use super::cpu::dispatch::{Machine, prepare};
use super::cpu::tasks::alone;
use super::cpu::vecmath::Transcendental;
use crate::error::{Error, Result};
use crate::plan::{ALIGN, Plan, Slot};
use crate::program::native::{Native, Saved, View, ViewMut};
use crate::program::{Program, Step};

pub use super::cpu::dispatch::workspace_of;

/// Where a session runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// The processor.
    Cpu,
    /// The NVIDIA GPU of this number.
    Cuda(usize),
}

impl std::str::FromStr for Device {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let ordinal = |n: &str| n.parse().map_err(|_| format!("`{n}` is no GPU number"));
        match text.split_once(':') {
            _ if text == "cpu" => Ok(Device::Cpu),
            _ if text == "cuda" => Ok(Device::Cuda(0)),
            Some(("cuda", n)) => Ok(Device::Cuda(ordinal(n)?)),
            _ => Err(format!("`{text}` is no device; write cpu or cuda:0")),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Device::Cpu => f.write_str("cpu"),
            Device::Cuda(n) => write!(f, "cuda:{n}"),
        }
    }
}

/// How a session runs.
#[derive(Clone, Debug)]
pub struct SessionOptions {
    /// The device.
    pub device: Device,
    /// Threads that share the work; 0 takes one for each core. Never changes a bit of the results.
    pub threads: usize,
    /// Chooses the random numbers of dropout and the like.
    pub seed: u64,
}

impl Default for SessionOptions {
    fn default() -> Self {
        SessionOptions { device: Device::Cpu, threads: 0, seed: 0 }
    }
}

/// A number type that sessions run in: `f32` or `f64`.
pub trait Element: Transcendental {
    /// candle's name for it.
    const DTYPE: DType;
    /// The elements of a CPU storage of this type.
    fn storage(storage: &mut CpuStorage) -> Option<&mut [Self]>;
    /// Runs an operation of a layer's own.
    fn native_forward(
        native: &dyn Native,
        args: &[View<Self>],
        outs: &mut [ViewMut<Self>],
        work: &mut [Self],
    );
    /// Runs its gradient.
    fn native_backward(
        native: &dyn Native,
        saved: &Saved<Self>,
        wrt: &[usize],
        dargs: &mut [ViewMut<Self>],
        work: &mut [Self],
    );
}

macro_rules! element {
    ($t:ty, $dtype:ident, $forward:ident, $backward:ident) => {
        impl Element for $t {
            const DTYPE: DType = DType::$dtype;

            fn storage(storage: &mut CpuStorage) -> Option<&mut [Self]> {
                match storage {
                    CpuStorage::$dtype(data) => Some(data),
                    _ => None,
                }
            }

            fn native_forward(
                native: &dyn Native,
                args: &[View<Self>],
                outs: &mut [ViewMut<Self>],
                work: &mut [Self],
            ) {
                native.$forward(args, outs, work);
            }

            fn native_backward(
                native: &dyn Native,
                saved: &Saved<Self>,
                wrt: &[usize],
                dargs: &mut [ViewMut<Self>],
                work: &mut [Self],
            ) {
                native.$backward(saved, wrt, dargs, work);
            }
        }
    };
}

element!(f32, F32, forward_f32, backward_f32);
element!(f64, F64, forward_f64, backward_f64);

/// Elements of scratch that a step needs when this many threads share the work; for [`crate::plan::plan`].
pub fn workspace<T: Element>(threads: usize) -> impl Fn(&Program, &Step) -> usize {
    let threads = resolve(threads);
    move |program, step| workspace_of::<T>(program, step, threads)
}

fn resolve(threads: usize) -> usize {
    match threads {
        0 => std::thread::available_parallelism().map_or(1, |n| n.get()),
        n => n,
    }
}

/// Whether sessions can run on a device.
///
/// # Errors
/// They cannot; says what is needed.
pub fn available(device: Device) -> Result<()> {
    match device {
        Device::Cpu => Ok(()),
        Device::Cuda(_) => Err(Error::refused(format!(
            "{device} needs a cortado built with `--features cuda`; see README, section GPU"
        ))),
    }
}
/// Bytes of a cache line.
const LINE: usize = 64;

/// A plan with its memory on a device.
pub struct Session<T: Element> {
    plan: Arc<Plan>,
    arena: Tensor,
    machine: Machine<T>,
    pool: Arc<rayon::ThreadPool>,
    threads: usize,
    /// Number of runs so far, which chooses the random numbers of the next.
    runs: u64,
    /// Whether what depends on the parameters alone has been computed since they changed.
    settled: bool,
}

impl<T: Element> Session<T> {
    /// Allocates the arena, filled with zeros, and prepares every step.
    ///
    /// # Errors
    /// The device is not there, or has too little memory.
    pub fn new(plan: Arc<Plan>, options: &SessionOptions) -> Result<Self> {
        available(options.device)?;
        let arena = Tensor::zeros(plan.arena + ALIGN, T::DTYPE, &candle_core::Device::Cpu)
            .map_err(|e| Error::refused(format!("cannot allocate the arena: {e}")))?;
        let threads = resolve(options.threads);
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .map_err(|e| Error::refused(format!("cannot start threads: {e}")))?;
        let machine = prepare(&plan, options.seed);
        Ok(Session { plan, arena, machine, pool: Arc::new(pool), threads, runs: 0, settled: false })
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Number of runs so far.
    pub fn runs(&self) -> u64 {
        self.runs
    }

    /// Continues as after this many runs: the next run draws the random numbers that belong to it.
    pub fn set_runs(&mut self, runs: u64) {
        self.runs = runs;
    }

    /// Lets `body` read and write the arena on the host, within the session's threads.
    pub fn with_arena<R: Send>(&mut self, body: impl FnOnce(&mut [T]) -> R + Send) -> R {
        self.settled = false;
        self.with_data(body)
    }

    /// The same, for a body that leaves the parameters alone.
    pub fn with_data<R: Send>(&mut self, body: impl FnOnce(&mut [T]) -> R + Send) -> R {
        on_arena(&self.arena, |data| match self.threads {
            1 => alone(|| body(data)),
            _ => self.pool.install(|| body(data)),
        })
    }

    /// Copies data into a place.
    pub fn write(&mut self, slot: Slot, data: &[T]) {
        self.settled &= !slot.overlaps(&self.plan.parameters);
        self.with_data(|arena| arena[slot.range()].copy_from_slice(data));
    }

    /// Copies a place out.
    pub fn read(&mut self, slot: Slot) -> Vec<T> {
        self.with_data(|arena| arena[slot.range()].to_vec())
    }

    /// Runs all steps once and carries out the assignments.
    ///
    /// # Errors
    /// The data do not fit the net: an index or a label is out of range.
    pub fn run(&mut self) -> Result<()> {
        let run = self.runs;
        self.runs += 1;
        let settled = std::mem::replace(&mut self.settled, true);
        let done =
            on_arena(&self.arena, |data| match self.machine.is_small() || self.threads == 1 {
                true => alone(|| self.machine.run(data, run, settled)),
                false => self.pool.install(|| self.machine.run(data, run, settled)),
            });
        done.map_err(Error::Refused)
    }

    /// Runs all steps once, timing each: seconds by step.
    pub fn run_timed(&mut self) -> Vec<f64> {
        let run = self.runs;
        self.runs += 1;
        let settled = std::mem::replace(&mut self.settled, true);
        let run = |data: &mut [T]| self.pool.install(|| self.machine.run_timed(data, run, settled));
        on_arena(&self.arena, run)
    }
}

/// Runs a host function as one in-place operation on the arena.
fn on_arena<T: Element, R>(arena: &Tensor, body: impl FnOnce(&mut [T]) -> R) -> R {
    let mut result = None;
    let ran = arena.inplace_op1(&OnArena::new(|data: &mut [T]| {
        // The places of a plan begin at cache lines if the arena does.
        let first = data.as_ptr().align_offset(LINE).min(ALIGN);
        let last = data.len() - (ALIGN - first);
        result = Some(body(&mut data[first..last]));
    }));
    match (ran, result) {
        (Ok(()), Some(result)) => result,
        (ran, _) => panic!("internal error: the arena is not reachable: {ran:?}"),
    }
}

/// A host function as one in-place operation on the arena.
struct OnArena<T, F>(RefCell<Option<F>>, PhantomData<fn(T)>);

impl<T: Element, F: FnOnce(&mut [T])> OnArena<T, F> {
    fn new(body: F) -> Self {
        OnArena(RefCell::new(Some(body)), PhantomData)
    }
}

impl<T: Element, F: FnOnce(&mut [T])> InplaceOp1 for OnArena<T, F> {
    fn name(&self) -> &'static str {
        "plan"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, _layout: &Layout) -> candle_core::Result<()> {
        let data = T::storage(storage).ok_or_else(|| candle_core::Error::msg("other type"))?;
        if let Some(body) = self.0.borrow_mut().take() {
            body(data);
        }
        Ok(())
    }
}
