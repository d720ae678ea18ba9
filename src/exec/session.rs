//! A plan with its memory on a device.

use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use candle_core::{CpuStorage, DType, InplaceOp1, Layout, Tensor};

use super::cpu::dispatch::{Machine, prepare};
use super::cpu::pages;
use super::cpu::tasks::alone;
use super::cpu::team::Team;
use super::cuda::module::Precision;
use super::cuda::{self, Gpu};
use super::solve::{Update, ahead_on_host, on_host};
use crate::error::{Error, Result};
use crate::ir::Net;
use crate::plan::{ALIGN, Plan, Slot};
use crate::program::native::{Native, Saved, View, ViewMut};
use crate::program::{Program, Step};
use crate::real::Real;

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
pub trait Element: Real {
    /// candle's name for it.
    const DTYPE: DType;
    /// Its name in the texts of a GPU.
    const PRECISION: Precision;
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
        dargs: &mut [ViewMut<Self>],
        work: &mut [Self],
    );
}

macro_rules! element {
    ($t:ty, $dtype:ident, $precision:ident, $forward:ident, $backward:ident) => {
        impl Element for $t {
            const DTYPE: DType = DType::$dtype;
            const PRECISION: Precision = Precision::$precision;

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
                dargs: &mut [ViewMut<Self>],
                work: &mut [Self],
            ) {
                native.$backward(saved, dargs, work);
            }
        }
    };
}

element!(f32, F32, Single, forward_f32, backward_f32);
element!(f64, F64, Double, forward_f64, backward_f64);

/// Elements of scratch that a step needs on a device, on the processor when this many threads share the work; for
/// [`crate::plan::plan`].
pub fn workspace<T: Element>(device: Device, threads: usize) -> impl Fn(&Program, &Step) -> usize {
    let threads = resolve(threads);
    move |program, step| match device {
        Device::Cpu => workspace_of::<T>(program, step, threads),
        Device::Cuda(_) => cuda::workspace_of(T::PRECISION, program, step),
    }
}

/// Whether a device can run all steps of a program that was lowered from a net.
///
/// # Errors
/// It cannot; names the layer.
pub fn supported(device: Device, program: &Program, net: &Net) -> Result<()> {
    if device == Device::Cpu {
        return Ok(());
    }
    let Some((step, why)) = cuda::unsupported(program) else { return Ok(()) };
    let step = &program.steps[step];
    let layers = net.nodes().find(|(index, _)| index.index() == step.origin.0 as usize);
    let layer =
        layers.map(|(_, node)| format!("layer `{}` ({})", node.name.value, node.type_name.value));
    let layer = layer.unwrap_or_else(|| format!("net `{}`", net.name));
    Err(Error::refused(format!(
        "{layer} cannot run on {device}: its operation {}: {why}; --device cpu runs it",
        step.kernel.name()
    )))
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
        Device::Cuda(ordinal) => cuda::available(ordinal),
    }
}

/// Most threads of a session: more than any machine runs at once, and no more than every system starts.
const MOST_THREADS: usize = 1024;

/// Bytes of a cache line.
const LINE: usize = 64;

/// A plan with its memory on a device.
pub struct Session<T: Element> {
    plan: Arc<Plan>,
    seat: Seat<T>,
    /// Number of runs so far, which chooses the random numbers of the next.
    runs: u64,
    /// Whether what depends on the parameters alone has been computed since they changed.
    settled: bool,
    /// The first copy that a GPU refused, until somebody is told.
    broken: Option<Error>,
}

/// Where a session's memory is, and what runs there.
enum Seat<T: Element> {
    Host { arena: Tensor, machine: Machine<T>, threads: Threads },
    Gpu(Box<Gpu<T>>),
}

/// The threads of a session on the processor: the caller's, and helpers if there are to be several.
struct Threads(Option<Team>);

impl Threads {
    fn new(count: usize) -> Result<Self> {
        if MOST_THREADS < count {
            return Err(Error::refused(format!(
                "{count} threads are asked for; {MOST_THREADS} are the most"
            )));
        }
        let team = (1 < count).then(|| Team::new(count)).transpose();
        team.map(Threads).map_err(|e| Error::refused(format!("cannot start threads: {e}")))
    }

    /// Runs work that may spread over all threads; work that is `small`, and all where there is one thread, stays on the
    /// caller's.
    fn run<R>(&mut self, small: bool, work: impl FnOnce() -> R) -> R {
        match &mut self.0 {
            Some(team) if !small => team.lead(work),
            _ => alone(work),
        }
    }
}

impl<T: Element> Session<T> {
    /// Allocates the arena, filled with zeros, and prepares every step.
    ///
    /// # Errors
    /// The device is not there, or has too little memory.
    pub fn new(plan: Arc<Plan>, options: &SessionOptions) -> Result<Self> {
        let seat = match options.device {
            Device::Cpu => {
                let elements = plan.arena + ALIGN;
                // Candle would end the program where the system refuses.
                let scarce = Vec::<T>::new().try_reserve_exact(elements).is_err();
                if scarce {
                    let gibibytes = (elements as f64) * size_of::<T>() as f64 / f64::from(1 << 30);
                    return Err(Error::refused(format!(
                        "the net needs {gibibytes:.1} GiB of memory, more than there is; a smaller batch needs less \
                         (`train --fit 2GiB` finds the largest that fits)"
                    )));
                }
                let arena = Tensor::zeros(elements, T::DTYPE, &candle_core::Device::Cpu)
                    .map_err(|e| Error::refused(format!("cannot allocate the arena: {e}")))?;
                on_arena::<T, _>(&arena, pages::large);
                let machine = prepare(&plan, options.seed);
                Seat::Host { arena, machine, threads: Threads::new(resolve(options.threads))? }
            }
            Device::Cuda(ordinal) => {
                let driver = cuda::open(ordinal, T::PRECISION)?;
                Seat::Gpu(Box::new(Gpu::new(plan.clone(), options.seed, driver)?))
            }
        };
        Ok(Session { plan, seat, runs: 0, settled: false, broken: None })
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

    /// Lets `body` read and write the arena on the host, within the session's threads. That of a GPU is copied to the
    /// host and back.
    pub fn with_arena<R: Send>(&mut self, body: impl FnOnce(&mut [T]) -> R + Send) -> R {
        self.settled = false;
        self.with_data(body)
    }

    /// The same, for a body that leaves the parameters alone.
    pub fn with_data<R: Send>(&mut self, body: impl FnOnce(&mut [T]) -> R + Send) -> R {
        let whole = Slot { offset: 0, len: self.plan.arena };
        match &mut self.seat {
            Seat::Host { arena, threads, .. } => {
                on_arena(arena, |data| threads.run(false, || body(data)))
            }
            Seat::Gpu(_) => {
                let mut copy = self.read(whole);
                let result = body(&mut copy);
                self.write(whole, &copy);
                result
            }
        }
    }

    /// Copies data into a place.
    pub fn write(&mut self, slot: Slot, data: &[T]) {
        self.settled &= !slot.overlaps(&self.plan.parameters);
        match &mut self.seat {
            Seat::Host { .. } => {
                self.with_data(|arena| arena[slot.range()].copy_from_slice(data));
            }
            Seat::Gpu(gpu) => {
                let written = gpu.write(slot, data);
                self.note(written);
            }
        }
    }

    /// Copies data into places for the next run, on a GPU while the last one is still running.
    pub fn stage(&mut self, pieces: &[(Slot, &[T])]) {
        match &mut self.seat {
            Seat::Host { .. } => self.with_data(|arena| {
                for (slot, data) in pieces {
                    arena[slot.range()].copy_from_slice(data);
                }
            }),
            Seat::Gpu(gpu) => {
                let staged = gpu.stage(pieces);
                self.note(staged);
            }
        }
    }

    /// Fills a place with zeros.
    pub fn clear(&mut self, slot: Slot) {
        self.settled &= !slot.overlaps(&self.plan.parameters);
        match &mut self.seat {
            Seat::Host { .. } => self.with_data(|arena| arena[slot.range()].fill(T::ZERO)),
            Seat::Gpu(gpu) => {
                let cleared = gpu.clear(slot);
                self.note(cleared);
            }
        }
    }

    /// Copies a place out; zeros if a GPU refuses, which [`Session::sound`] and the next run say.
    pub fn read(&mut self, slot: Slot) -> Vec<T> {
        match &mut self.seat {
            Seat::Host { .. } => self.with_data(|arena| arena[slot.range()].to_vec()),
            Seat::Gpu(gpu) => {
                let data = gpu.read(slot);
                let data = data.map_err(|why| self.note(Err(why)));
                data.unwrap_or_else(|()| vec![T::ZERO; slot.len])
            }
        }
    }

    /// Copies places to others of the same lengths: pairs of where to and where from.
    pub fn copy(&mut self, places: &[(Slot, Slot)]) {
        self.unsettle(places);
        match &mut self.seat {
            Seat::Host { .. } => self.with_data(|arena| {
                for (to, from) in places {
                    arena.copy_within(from.range(), to.offset);
                }
            }),
            Seat::Gpu(gpu) => {
                let copied = gpu.copy(places);
                self.note(copied);
            }
        }
    }

    /// The same from places of another session, which stay on a GPU if both are there.
    pub fn take(&mut self, other: &mut Session<T>, places: &[(Slot, Slot)]) {
        self.unsettle(places);
        match (&mut self.seat, &mut other.seat) {
            (Seat::Gpu(gpu), Seat::Gpu(others)) => {
                let taken = gpu.take(others, places);
                self.note(taken);
            }
            _ => {
                for &(to, from) in places {
                    let values = other.read(from);
                    self.write(to, &values);
                }
            }
        }
    }

    /// Notes that places are written.
    fn unsettle(&mut self, places: &[(Slot, Slot)]) {
        self.settled &= !places.iter().any(|(to, _)| to.overlaps(&self.plan.parameters));
    }

    /// What its user should know of the device, if anything: why a GPU is slower than it should be.
    pub fn remark(&self) -> Option<&str> {
        match &self.seat {
            Seat::Host { .. } => None,
            Seat::Gpu(gpu) => gpu.note(),
        }
    }

    /// How many of the last runs can be asked for their small outputs while others are on their way; 0 where every run
    /// is over when it returns.
    pub fn kept(&self) -> usize {
        match &self.seat {
            Seat::Host { .. } => 0,
            Seat::Gpu(gpu) => gpu.kept(),
        }
    }

    /// What small outputs of the program were after each of these runs, of the last [`Session::kept`]: by run, then by
    /// output.
    ///
    /// # Errors
    /// A GPU refused something.
    pub fn recent(&mut self, runs: &[u64], outputs: &[Slot]) -> Result<Vec<Vec<Vec<T>>>> {
        match &mut self.seat {
            Seat::Host { .. } => Ok(vec![]),
            Seat::Gpu(gpu) => gpu.recent(runs, outputs),
        }
    }

    /// Whether every copy since the last run was made; what was read is to be believed only then.
    ///
    /// # Errors
    /// A GPU refused one.
    pub fn sound(&mut self) -> Result<()> {
        self.broken.take().map_or(Ok(()), Err)
    }

    fn note(&mut self, done: Result<()>) {
        if let Err(why) = done {
            self.broken.get_or_insert(why);
        }
    }

    /// Runs all steps once and carries out the assignments.
    ///
    /// # Errors
    /// The data do not fit the net: an index or a label is out of range. Or a GPU refused something.
    pub fn run(&mut self) -> Result<()> {
        let run = self.next_run()?;
        let settled = std::mem::replace(&mut self.settled, true);
        match &mut self.seat {
            Seat::Host { arena, machine, threads } => {
                let run = |data: &mut [T]| {
                    threads.run(machine.is_small(), || machine.run(data, run, settled))
                };
                on_arena(arena, run).map_err(Error::Refused)
            }
            Seat::Gpu(gpu) => gpu.run(run),
        }
    }

    fn next_run(&mut self) -> Result<u64> {
        self.sound()?;
        self.runs += 1;
        Ok(self.runs - 1)
    }

    /// Runs all steps once, timing each: seconds by step.
    ///
    /// # Errors
    /// As [`Session::run`].
    pub fn run_timed(&mut self) -> Result<Vec<f64>> {
        let run = self.next_run()?;
        let settled = std::mem::replace(&mut self.settled, true);
        match &mut self.seat {
            Seat::Host { arena, machine, threads } => {
                let run =
                    |data: &mut [T]| threads.run(false, || machine.run_timed(data, run, settled));
                on_arena(arena, run).map_err(Error::Refused)
            }
            Seat::Gpu(gpu) => gpu.run_timed(run),
        }
    }

    /// Applies a solver's rule to every parameter: clip, divide, decay, update.
    ///
    /// # Errors
    /// A GPU refused something.
    pub fn update(&mut self, update: &Update<T>) -> Result<()> {
        let plan = self.plan.clone();
        match &mut self.seat {
            Seat::Host { .. } => {
                self.with_arena(|arena| on_host(&plan, update, arena));
                Ok(())
            }
            Seat::Gpu(gpu) => gpu.update(update, None),
        }
    }

    /// [`Session::run`] and [`Session::update`], on a GPU as one.
    ///
    /// # Errors
    /// Those of the two.
    pub fn run_and_update(&mut self, update: &Update<T>) -> Result<()> {
        if let Seat::Host { .. } = self.seat {
            self.run()?;
            return self.update(update);
        }
        let run = self.next_run()?;
        match &mut self.seat {
            Seat::Host { .. } => Ok(()),
            Seat::Gpu(gpu) => gpu.update(update, Some(run)),
        }
    }

    /// Moves the parameters that have multipliers by `momentum` times their first history.
    ///
    /// # Errors
    /// A GPU refused something.
    pub fn look_ahead(&mut self, momentum: T, mults: &[Option<[T; 2]>]) -> Result<()> {
        let plan = self.plan.clone();
        match &mut self.seat {
            Seat::Host { .. } => {
                self.with_arena(|arena| ahead_on_host(&plan, momentum, mults, arena));
                Ok(())
            }
            Seat::Gpu(gpu) => gpu.look_ahead(momentum, mults),
        }
    }

    /// Adds the gradients of the last run to an array of the same layout.
    ///
    /// # Errors
    /// A GPU refused something.
    pub fn accumulate(&mut self, sum: Slot) -> Result<()> {
        let from = self.plan.gradients;
        match &mut self.seat {
            Seat::Host { .. } => {
                self.with_arena(|arena| {
                    for i in 0..from.len {
                        let gradient = arena[from.offset + i];
                        arena[sum.offset + i] += gradient;
                    }
                });
                Ok(())
            }
            Seat::Gpu(gpu) => gpu.accumulate(sum),
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Request, plan};

    #[test]
    fn a_net_larger_than_memory_is_refused() {
        let mut plan = plan(Program::default(), &Request::default(), &|_, _| 0);
        plan.arena = 1 << 55;
        let refused = Session::<f32>::new(Arc::new(plan), &SessionOptions::default());
        let message = refused.err().expect("no machine has so much").to_string();
        assert!(message.contains("more than there is"), "{message}");
    }
}
