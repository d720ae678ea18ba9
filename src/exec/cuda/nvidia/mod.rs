//! NVIDIA's GPUs: candle's device, stream and storage, NVRTC's kernels, cuBLAS and cuDNN, and CUDA graphs.
//!
//! A script runs launch by launch the first time, is captured as a graph the second time, and from then on is one launch.
//! The memory is one candle tensor, whose address never changes. What a run is given travels as one copy that begins when
//! the run is asked for.

mod compile;
mod libraries;
mod staging;

use std::any::Any;
use std::ffi::c_void;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use candle_core::{DType, Device, Storage, Tensor};
use cudarc::driver::sys::{CUevent_flags, CUgraphInstantiate_flags, CUstreamCaptureMode};
use cudarc::driver::{
    CudaContext, CudaEvent, CudaFunction, CudaGraph, CudaStream, DevicePtr, DriverError, result,
};

use self::libraries::{Libraries, Prepared, Rules};
use self::staging::Staging;
use super::driver::{Driver, Piece, Script};
use super::form::Act;
use super::module::{Precision, THREADS};
use crate::error::{Error, Result};

/// Held while a graph is captured, and by everything that waits for a whole GPU, which breaks any capture there: opening and
/// closing, getting memory, loading kernels, as libraries do where they start one for the first time (CUDA Programming Guide,
/// "Prohibited and Unhandled Operations").
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The context of every GPU that was opened. The last reference to a context resets the GPU, and libraries that were used
/// before a reset may not work after it.
static CONTEXTS: Mutex<Vec<Arc<CudaContext>>> = Mutex::new(vec![]);

/// Keeps the context of a GPU until the program ends.
fn keep_context(ordinal: usize) -> std::result::Result<(), DriverError> {
    let mut kept = CONTEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.iter().all(|context| context.ordinal() != ordinal) {
        kept.push(CudaContext::new(ordinal)?);
    }
    Ok(())
}

/// Opens the GPU of a number.
///
/// # Errors
/// There is none, or its driver or a library is missing or too old.
pub(super) fn open(ordinal: usize, precision: Precision) -> Result<Box<dyn Driver>> {
    let cards = match CudaContext::device_count() {
        Ok(cards) => cards.max(0) as usize,
        Err(why) => {
            return Err(Error::refused(format!(
                "cuda:{ordinal} cannot be used: CUDA finds no driver or no GPU ({why}); see README, section GPU"
            )));
        }
    };
    if cards <= ordinal {
        return Err(Error::refused(format!(
            "there is no cuda:{ordinal}: this machine has {cards} GPUs"
        )));
    }
    let _alone = alone();
    let unopened =
        |why: &dyn std::fmt::Display| Error::refused(format!("cannot open cuda:{ordinal}: {why}"));
    keep_context(ordinal).map_err(|why| unopened(&why))?;
    let device = Device::new_cuda_with_stream(ordinal).map_err(|why| unopened(&why))?;
    let stream = device.as_cuda_device().map_err(|why| said(ordinal, &why))?.cuda_stream();
    let context = stream.context().clone();
    // SAFETY: everything here happens on one stream, but the copies of a batch, which have events of their own.
    unsafe { context.disable_event_tracking() };
    let staging = Staging::new(&context).map_err(|why| said(ordinal, &why))?;
    let met = context.new_event(None).map_err(|why| said(ordinal, &why))?;
    let direct = super::library::told("direct");
    let rules = Rules { tf32: wants("CORTADO_TF32"), direct };
    let libraries = Libraries::new(&device, &stream, precision, rules)?;
    let graphs = match std::env::var("CORTADO_CUDA_GRAPHS").as_deref() {
        Ok("0") => Graphs::Never,
        Ok("always") => Graphs::Always,
        _ => Graphs::IfPossible,
    };
    let (memory, base, scripts) = (None, 0, vec![]);
    Ok(Box::new(Nvidia {
        ordinal,
        precision,
        device,
        context,
        stream,
        met,
        staging,
        libraries,
        memory,
        base,
        scripts,
        graphs,
        note: None,
        alone: None,
    }))
}

/// Whether scripts are captured as graphs.
#[derive(Clone, Copy, PartialEq)]
enum Graphs {
    Never,
    /// What cannot be captured runs launch by launch, and a note says so.
    IfPossible,
    /// What cannot be captured is an error.
    Always,
}

/// Whether an environment variable is set to something else than 0.
fn wants(name: &str) -> bool {
    std::env::var(name).is_ok_and(|value| !value.is_empty() && value != "0")
}

fn said(ordinal: usize, why: &dyn std::fmt::Display) -> Error {
    Error::refused(format!("cuda:{ordinal}: {why}"))
}

struct Nvidia {
    /// First, so that graphs go before what they use.
    scripts: Vec<Loaded>,
    ordinal: usize,
    precision: Precision,
    device: Device,
    context: Arc<CudaContext>,
    stream: Arc<CudaStream>,
    /// What another one's stream has come to, or waits for.
    met: CudaEvent,
    staging: Staging,
    libraries: Libraries,
    memory: Option<Tensor>,
    /// The address of the memory.
    base: u64,
    graphs: Graphs,
    /// Why it is slower than it should be.
    note: Option<String>,
    /// Held while everything above goes, so last.
    alone: Option<MutexGuard<'static, ()>>,
}

// SAFETY: the handles of CUDA's libraries may be used from any thread, one at a time, which `&mut self` ensures; the
// context is made current at the start of every call. Acts are shared among the scripts of one of these only.
unsafe impl Send for Nvidia {}

/// A script on the device.
struct Loaded {
    /// First, so that it goes before the kernels in it.
    graph: Option<CudaGraph>,
    acts: Vec<Rc<Ready>>,
    /// Number of runs so far.
    runs: usize,
}

/// An act that needs nothing more than to be started.
enum Ready {
    Launch { function: CudaFunction, addresses: Vec<u64>, blocks: u32 },
    Library(Prepared),
}

impl Nvidia {
    fn current(&self) -> Result<()> {
        self.done(self.context.bind_to_thread())
    }

    fn done<T>(&self, result: std::result::Result<T, DriverError>) -> Result<T> {
        result.map_err(|why| said(self.ordinal, &why))
    }

    /// Lets what was staged begin its way.
    fn send(&mut self) -> Result<()> {
        self.current()?;
        let sent = self.staging.send(&self.stream, self.base);
        self.done(sent)
    }

    /// Starts an act, which a library may refuse to do in the way that was chosen if it is the `first` time.
    fn start(&self, act: &Ready, first: bool) -> Result<()> {
        match act {
            Ready::Launch { function, addresses, blocks } => {
                let mut addresses = addresses.clone();
                let mut parameters: Vec<*mut c_void> =
                    addresses.iter_mut().map(|a| std::ptr::from_mut(a).cast()).collect();
                // SAFETY: the function takes as many addresses as its entry has arguments, all inside the memory; they
                // are copied before the call returns.
                let launched = unsafe {
                    result::launch_kernel(
                        function.cu_function(),
                        (*blocks, 1, 1),
                        (THREADS as u32, 1, 1),
                        0,
                        self.stream.cu_stream(),
                        &mut parameters,
                    )
                };
                self.done(launched)
            }
            Ready::Library(prepared) => self.libraries.start(prepared, first),
        }
    }

    /// Copies pieces from the memory that begins at an address.
    fn copy_from(&self, base: u64, pieces: &[Piece]) -> Result<()> {
        pieces.iter().try_for_each(|piece| {
            let (to, from) = (self.base + piece.to as u64, base + piece.from as u64);
            // SAFETY: both ends are inside their memory, which lives until its stream has come to an end.
            let copied = unsafe {
                result::memcpy_dtod_async(to, from, piece.bytes, self.stream.cu_stream())
            };
            self.done(copied)
        })
    }

    /// Lets what is asked of this one next wait for all that was asked of another one.
    fn wait_for(&self, other: &Nvidia) -> Result<()> {
        self.done(other.met.record(&other.stream))?;
        self.done(self.stream.wait(&other.met))
    }

    fn start_all(&self, script: usize) -> Result<()> {
        let Loaded { acts, runs, .. } = &self.scripts[script];
        acts.iter().try_for_each(|act| self.start(act, *runs == 0))
    }

    /// Captures a script as a graph.
    fn capture(&self, script: usize) -> Result<CudaGraph> {
        let mode = CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL;
        let _alone = alone();
        // An error that some destructor left would keep the capture from ending.
        self.done(self.context.check_err())?;
        self.done(self.stream.begin_capture(mode))?;
        let started = self.start_all(script);
        // The capture ends in any case.
        let flags = CUgraphInstantiate_flags::CUDA_GRAPH_INSTANTIATE_FLAG_AUTO_FREE_ON_LAUNCH;
        let graph = self.done(self.stream.end_capture(flags));
        started?;
        graph?.ok_or_else(|| said(self.ordinal, &"the capture of a graph gives none"))
    }

    /// The same, or none where launches serve as well.
    fn graph(&mut self, script: usize) -> Result<Option<CudaGraph>> {
        match (self.graphs, self.capture(script)) {
            (_, Ok(graph)) => Ok(Some(graph)),
            (Graphs::Always, Err(why)) => Err(why),
            (_, Err(why)) => {
                self.note = Some(format!(
                    "no CUDA graph can be made ({why}); every kernel is launched by itself"
                ));
                Ok(None)
            }
        }
    }
}

impl Drop for Nvidia {
    fn drop(&mut self) {
        // What is still running is waited for before anything goes; there is nobody to tell about a failure.
        let _ = self.context.bind_to_thread();
        if self.stream.synchronize().is_err() {
            // On a broken device libraries cannot be closed, and cudarc would panic over it.
            std::mem::forget(self.device.clone());
        }
        self.alone = Some(alone());
        // Scripts share kernels, so all graphs go first.
        self.scripts.iter_mut().for_each(|script| script.graph = None);
    }
}

impl Driver for Nvidia {
    fn allocate(&mut self, bytes: usize, staged: usize) -> Result<()> {
        let _alone = alone();
        self.current()?;
        // What sessions that are gone gave back counts as free from the next wait on.
        self.done(self.stream.synchronize())?;
        let (free, _) = self.done(self.context.mem_get_info())?;
        let mib = |bytes: usize| bytes.div_ceil(1 << 20);
        let short = |why: &str| {
            let (need, free) = (mib(bytes), mib(free));
            Error::refused(format!(
                "cuda:{} has not enough memory: the plan needs {need} MiB, {free} MiB are free{why}; a smaller batch_size \
                 needs less",
                self.ordinal
            ))
        };
        if free < bytes {
            return Err(short(""));
        }
        let (dtype, size) = match self.precision {
            Precision::Single => (DType::F32, 4),
            Precision::Double => (DType::F64, 8),
        };
        let memory = Tensor::zeros(bytes.div_ceil(size), dtype, &self.device)
            .map_err(|why| short(&format!(" ({why})")))?;
        self.base = {
            let (storage, _) = memory.storage_and_layout();
            let Storage::Cuda(storage) = &*storage else {
                return Err(said(self.ordinal, &"candle gives memory of another device"));
            };
            let refused = |why: candle_core::Error| said(self.ordinal, &why);
            match self.precision {
                Precision::Single => {
                    storage.as_cuda_slice::<f32>().map_err(refused)?.device_ptr(&self.stream).0
                }
                Precision::Double => {
                    storage.as_cuda_slice::<f64>().map_err(refused)?.device_ptr(&self.stream).0
                }
            }
        };
        self.memory = Some(memory);
        let made = self.staging.allocate(staged);
        self.done(made)
    }

    fn write(&mut self, at: usize, bytes: &[u8]) -> Result<()> {
        self.send()?;
        // SAFETY: the place is inside the memory; the source lives until the copy is done, just below.
        let copied = unsafe {
            result::memcpy_htod_async(self.base + at as u64, bytes, self.stream.cu_stream())
        };
        self.done(copied)?;
        self.done(self.stream.synchronize())
    }

    fn read(&mut self, at: usize, bytes: &mut [u8]) -> Result<()> {
        self.send()?;
        // SAFETY: as for `write`.
        let copied = unsafe {
            result::memcpy_dtoh_async(bytes, self.base + at as u64, self.stream.cu_stream())
        };
        self.done(copied)?;
        self.done(self.stream.synchronize())
    }

    fn stage(&mut self, pieces: &[(usize, &[u8])]) -> Result<()> {
        self.current()?;
        let staged = self.staging.stage(&self.stream, self.base, pieces);
        self.done(staged)
    }

    fn copy(&mut self, pieces: &[Piece]) -> Result<()> {
        self.send()?;
        self.copy_from(self.base, pieces)
    }

    fn take(&mut self, other: &mut dyn Driver, pieces: &[Piece]) -> Result<()> {
        let other: &mut dyn Any = other;
        let Some(other) = other.downcast_mut::<Nvidia>() else {
            return Err(said(self.ordinal, &"the other memory is of another device"));
        };
        other.send()?;
        self.send()?;
        self.wait_for(other)?;
        self.copy_from(other.base, pieces)?;
        other.wait_for(self)
    }

    fn prepare(&mut self, script: &Script) -> Result<usize> {
        self.current()?;
        let unusable = |why: String| said(self.ordinal, &why);
        let binary = compile::binary(&self.context, script).map_err(unusable)?;
        let _alone = alone();
        let functions = compile::load(&self.context, script, binary).map_err(unusable)?;
        let (free, _) = self.done(self.context.mem_get_info())?;
        self.libraries.get_along_with(free);
        let mut acts = vec![];
        for act in &script.acts {
            acts.push(Rc::new(match act {
                Act::Launch { entry, operands, blocks } => {
                    let addresses = operands.iter().map(|&at| self.base + at as u64).collect();
                    let function = functions[*entry].clone();
                    Ready::Launch { function, addresses, blocks: *blocks as u32 }
                }
                Act::Product(product) => Ready::Library(self.libraries.product(product, self.base)),
                Act::Convolution(convolution) => {
                    Ready::Library(self.libraries.convolution(convolution, self.base)?)
                }
            }));
        }
        self.libraries.make_room()?;
        self.scripts.push(Loaded { graph: None, acts, runs: 0 });
        Ok(self.scripts.len() - 1)
    }

    fn join(&mut self, scripts: &[usize]) -> usize {
        let acts = scripts.iter().flat_map(|&script| self.scripts[script].acts.clone()).collect();
        self.scripts.push(Loaded { graph: None, acts, runs: 0 });
        self.scripts.len() - 1
    }

    fn run(&mut self, script: usize) -> Result<()> {
        self.send()?;
        if self.graphs != Graphs::Never && self.scripts[script].runs == 1 {
            self.scripts[script].graph = self.graph(script)?;
        }
        // Libraries load what they need when it is first started.
        let _alone = (self.scripts[script].runs == 0).then(alone);
        match &self.scripts[script].graph {
            Some(graph) => self.done(graph.launch())?,
            None => self.start_all(script)?,
        }
        self.scripts[script].runs += 1;
        Ok(())
    }

    fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    fn run_timed(&mut self, script: usize) -> Result<Vec<f64>> {
        self.send()?;
        let _alone = (self.scripts[script].runs == 0).then(alone);
        let event = || self.done(self.stream.record_event(Some(CUevent_flags::CU_EVENT_DEFAULT)));
        let mut events = vec![event()?];
        for act in &self.scripts[script].acts {
            self.start(act, self.scripts[script].runs == 0)?;
            events.push(event()?);
        }
        self.done(self.stream.synchronize())?;
        let seconds = events.windows(2).map(|pair| {
            let milliseconds = self.done(pair[0].elapsed_ms(&pair[1]))?;
            Ok(f64::from(milliseconds) / 1e3)
        });
        seconds.collect()
    }
}
