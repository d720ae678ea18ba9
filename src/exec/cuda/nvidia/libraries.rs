//! Matrix products by cuBLAS and convolutions by cuDNN, with algorithms that give the same bits every time.

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::sync::Arc;

use candle_core::Device;
use cudarc::cublas::{CudaBlas, sys as blas};
use cudarc::cudnn::{result as dnn, sys};
use cudarc::driver::{CudaStream, result as driver};

use super::super::library::{ColumnMajor, Convolution, Product, Way};
use super::super::module::Precision;
use crate::error::{Error, Result};

/// Bytes that cuBLAS works in: what NVIDIA recommends for its largest GPUs.
const BLAS_ROOM: usize = 32 << 20;

/// Most bytes that a convolution works in, where so much is free.
const MOST_ROOM: usize = 1 << 30;

/// Algorithms that cuDNN is asked for: each of them, in every kind of arithmetic.
const CANDIDATES: usize = 24;

/// How many of a convolution's algorithms find the room that they want.
const SERVED: usize = 3;

/// The libraries on one stream.
pub(super) struct Libraries {
    precision: Precision,
    rules: Rules,
    blas: Arc<CudaBlas>,
    blas_room: u64,
    dnn: sys::cudnnHandle_t,
    /// What convolutions work in: the last is the largest; those before are in graphs that were captured earlier.
    rooms: Vec<u64>,
    /// Bytes of the last, how many the largest convolution wants, and how many it may want.
    has: usize,
    wants: usize,
    most: usize,
}

/// What the libraries may do.
#[derive(Clone, Copy)]
pub(super) struct Rules {
    /// Round operands to 10 bits.
    pub(super) tf32: bool,
    /// Convolve by sums alone: transforms of images (Winograd's, Fourier's) are further from the exact result.
    pub(super) direct: bool,
}

/// A call of a library with everything decided.
pub(super) enum Prepared {
    Product { batch: usize, call: ColumnMajor },
    Convolution(Box<Chosen>),
}

/// A convolution with its descriptors and its algorithms.
pub(super) struct Chosen {
    shapes: Shapes,
    /// What cuDNN expects to be quickest first.
    choices: Vec<Choice>,
    /// The one that is used.
    at: Cell<usize>,
    image: u64,
    weights: u64,
    result: u64,
}

/// An algorithm with its arithmetic and the bytes that it works in.
#[derive(Clone, Copy)]
struct Choice {
    algorithm: Algorithm,
    math: sys::cudnnMathType_t,
    room: usize,
}

#[derive(Clone, Copy)]
enum Algorithm {
    Forward(sys::cudnnConvolutionFwdAlgo_t),
    Input(sys::cudnnConvolutionBwdDataAlgo_t),
    Filter(sys::cudnnConvolutionBwdFilterAlgo_t),
}

impl Algorithm {
    /// Whether it convolves transforms of the images.
    fn transforms(self) -> bool {
        use sys::cudnnConvolutionBwdDataAlgo_t as Input;
        use sys::cudnnConvolutionBwdFilterAlgo_t as Filter;
        use sys::cudnnConvolutionFwdAlgo_t as Forward;
        match self {
            Algorithm::Forward(algorithm) => matches!(
                algorithm,
                Forward::CUDNN_CONVOLUTION_FWD_ALGO_FFT
                    | Forward::CUDNN_CONVOLUTION_FWD_ALGO_FFT_TILING
                    | Forward::CUDNN_CONVOLUTION_FWD_ALGO_WINOGRAD
                    | Forward::CUDNN_CONVOLUTION_FWD_ALGO_WINOGRAD_NONFUSED
            ),
            Algorithm::Input(algorithm) => matches!(
                algorithm,
                Input::CUDNN_CONVOLUTION_BWD_DATA_ALGO_FFT
                    | Input::CUDNN_CONVOLUTION_BWD_DATA_ALGO_FFT_TILING
                    | Input::CUDNN_CONVOLUTION_BWD_DATA_ALGO_WINOGRAD
                    | Input::CUDNN_CONVOLUTION_BWD_DATA_ALGO_WINOGRAD_NONFUSED
            ),
            Algorithm::Filter(algorithm) => matches!(
                algorithm,
                Filter::CUDNN_CONVOLUTION_BWD_FILTER_ALGO_FFT
                    | Filter::CUDNN_CONVOLUTION_BWD_FILTER_ALGO_FFT_TILING
                    | Filter::CUDNN_CONVOLUTION_BWD_FILTER_ALGO_WINOGRAD
                    | Filter::CUDNN_CONVOLUTION_BWD_FILTER_ALGO_WINOGRAD_NONFUSED
            ),
        }
    }
}

/// cuDNN's descriptions of a convolution.
struct Shapes {
    image: sys::cudnnTensorDescriptor_t,
    weights: sys::cudnnFilterDescriptor_t,
    result: sys::cudnnTensorDescriptor_t,
    window: sys::cudnnConvolutionDescriptor_t,
}

impl Drop for Shapes {
    fn drop(&mut self) {
        // SAFETY: made by `describe` and destroyed once.
        unsafe {
            let _ = dnn::destroy_tensor_descriptor(self.image);
            let _ = dnn::destroy_filter_descriptor(self.weights);
            let _ = dnn::destroy_tensor_descriptor(self.result);
            let _ = dnn::destroy_convolution_descriptor(self.window);
        }
    }
}

/// Whether an algorithm cannot do what cuDNN expected of it, so that another may.
fn is_unsupported(dnn::CudnnError(status): dnn::CudnnError) -> bool {
    status == sys::cudnnStatus_t::CUDNN_STATUS_BAD_PARAM_MISALIGNED_POINTER
        || (3000..4000).contains(&(status as u32))
}

/// The error of a library.
fn refused(library: &str, why: impl std::fmt::Debug) -> Error {
    Error::refused(format!("{library} refuses: {why:?}"))
}

/// A convolution in words.
fn what(c: &Convolution<usize>) -> String {
    let Convolution { way, batch, channels, input, outputs, .. } = c;
    format!("{way:?} of {batch} x {channels} x {input:?} to {outputs} channels")
}

fn of_dnn(why: dnn::CudnnError) -> Error {
    refused("cuDNN", why)
}

impl Libraries {
    /// Takes candle's cuBLAS, and opens cuDNN on the same stream.
    pub(super) fn new(
        device: &Device,
        stream: &CudaStream,
        precision: Precision,
        rules: Rules,
    ) -> Result<Libraries> {
        let candle = device.as_cuda_device().map_err(|why| refused("candle", why))?;
        let blas = candle.cublas_handle();
        let mode = match rules.tf32 {
            true => blas::cublasMath_t::CUBLAS_TF32_TENSOR_OP_MATH,
            false => blas::cublasMath_t::CUBLAS_DEFAULT_MATH,
        };
        // SAFETY: the handle is candle's and lives as long as this; the room is freed after it is no longer used.
        let blas_room = unsafe {
            let room = driver::malloc_sync(BLAS_ROOM).map_err(|why| refused("CUDA", why))?;
            let said = |status: blas::cublasStatus_t| {
                status.result().map_err(|why| refused("cuBLAS", why))
            };
            said(blas::cublasSetMathMode(*blas.handle(), mode))?;
            said(blas::cublasSetWorkspace_v2(*blas.handle(), room as *mut c_void, BLAS_ROOM))?;
            room
        };
        let dnn = dnn::create_handle().map_err(of_dnn)?;
        // SAFETY: handle and stream are alive; CUDA's runtime and driver have the same streams.
        unsafe { dnn::set_stream(dnn, stream.cu_stream().cast()) }.map_err(of_dnn)?;
        let (rooms, has, wants, most) = (vec![], 0, 0, MOST_ROOM);
        Ok(Libraries { precision, rules, blas, blas_room, dnn, rooms, has, wants, most })
    }

    /// From now on algorithms are chosen that get along with half of what is free.
    pub(super) fn get_along_with(&mut self, free: usize) {
        self.most = MOST_ROOM.min(free / 2).max(self.has);
    }

    /// A product, ready to start.
    pub(super) fn product(&self, product: &Product<usize>, base: u64) -> Prepared {
        let mut call = product.column_major();
        for operand in [&mut call.left, &mut call.right, &mut call.result] {
            operand.0 += base as usize;
        }
        Prepared::Product { batch: product.batch, call }
    }

    /// A convolution, ready to start once there is room for it.
    pub(super) fn convolution(&mut self, c: &Convolution<usize>, base: u64) -> Result<Prepared> {
        let shapes = self.describe(c)?;
        let choices = self.choose(c, &shapes)?;
        let wanted = choices.iter().take(SERVED).map(|choice| choice.room);
        self.wants = wanted.fold(self.wants, usize::max);
        let [image, weights, result] = [c.image, c.weights, c.result].map(|at| base + at as u64);
        let at = Cell::new(0);
        Ok(Prepared::Convolution(Box::new(Chosen { shapes, choices, at, image, weights, result })))
    }

    /// Gets the room that the prepared convolutions want.
    pub(super) fn make_room(&mut self) -> Result<()> {
        if self.wants <= self.has {
            return Ok(());
        }
        // SAFETY: freed once, when this is dropped.
        let room = unsafe { driver::malloc_sync(self.wants) };
        let mib = self.wants.div_ceil(1 << 20);
        self.rooms.push(room.map_err(|why| {
            Error::refused(format!("convolutions need {mib} MiB more than are free: {why}"))
        })?);
        self.has = self.wants;
        Ok(())
    }

    fn describe(&self, c: &Convolution<usize>) -> Result<Shapes> {
        let kind = match self.precision {
            Precision::Single => sys::cudnnDataType_t::CUDNN_DATA_FLOAT,
            Precision::Double => sys::cudnnDataType_t::CUDNN_DATA_DOUBLE,
        };
        // Volumes have three axes, all else has two.
        let volume = c.input[0] != 1 || c.output[0] != 1 || c.axes[0].kernel != 1;
        let from = if volume { 0 } else { 1 };
        let all = |first: [usize; 2], rest: &[usize]| -> Vec<c_int> {
            first.iter().chain(rest).map(|&n| n as c_int).collect()
        };
        let kernel = c.axes.map(|axis| axis.kernel);
        let image = all([c.batch, c.channels], &c.input[from..]);
        let weights = all([c.outputs, c.channels / c.group], &kernel[from..]);
        let result = all([c.batch, c.outputs], &c.output[from..]);
        let pads: Vec<c_int> = c.axes[from..].iter().map(|a| a.pad_before as c_int).collect();
        let strides: Vec<c_int> = c.axes[from..].iter().map(|a| a.stride as c_int).collect();
        let holes: Vec<c_int> = c.axes[from..].iter().map(|a| a.dilation as c_int).collect();
        let tensor = |dims: &[c_int]| {
            let described = dnn::create_tensor_descriptor()?;
            let mut steps = vec![1; dims.len()];
            for axis in (1..dims.len()).rev() {
                steps[axis - 1] = steps[axis] * dims[axis];
            }
            let count = dims.len() as c_int;
            // SAFETY: both lists have `count` numbers.
            unsafe {
                dnn::set_tensornd_descriptor(
                    described,
                    kind,
                    count,
                    dims.as_ptr(),
                    steps.as_ptr(),
                )?;
            }
            Ok::<_, dnn::CudnnError>(described)
        };
        let described = || {
            let shapes = Shapes {
                image: tensor(&image)?,
                weights: dnn::create_filter_descriptor()?,
                result: tensor(&result)?,
                window: dnn::create_convolution_descriptor()?,
            };
            let format = sys::cudnnTensorFormat_t::CUDNN_TENSOR_NCHW;
            let mode = sys::cudnnConvolutionMode_t::CUDNN_CROSS_CORRELATION;
            let math = match (self.precision, self.rules.tf32) {
                (Precision::Single, false) => sys::cudnnMathType_t::CUDNN_FMA_MATH,
                _ => sys::cudnnMathType_t::CUDNN_DEFAULT_MATH,
            };
            // SAFETY: the lists have the numbers of axes that are said.
            unsafe {
                dnn::set_filternd_descriptor(
                    shapes.weights,
                    kind,
                    format,
                    weights.len() as c_int,
                    weights.as_ptr(),
                )?;
                dnn::set_convolutionnd_descriptor(
                    shapes.window,
                    pads.len() as c_int,
                    pads.as_ptr(),
                    strides.as_ptr(),
                    holes.as_ptr(),
                    mode,
                    kind,
                )?;
                dnn::set_convolution_math_type(shapes.window, math)?;
                dnn::set_convolution_group_count(shapes.window, c.group as c_int)?;
            }
            Ok(shapes)
        };
        described().map_err(|dnn::CudnnError(why)| {
            Error::refused(format!("cuDNN refuses {}: {why:?}", what(c)))
        })
    }

    /// The algorithms that give the same bits every time and get along with the memory, that which cuDNN expects to be
    /// quickest first.
    fn choose(&self, c: &Convolution<usize>, s: &Shapes) -> Result<Vec<Choice>> {
        let mut choices = vec![];
        macro_rules! add {
            ($perf:ty, $ask:path, [$($given:expr),*], $sort:ident, $room:path, [$($sized:expr),*]) => {{
                let mut found: Vec<$perf> = Vec::with_capacity(CANDIDATES);
                let mut count = 0;
                // SAFETY: there is room for so many candidates, and `count` says how many were written.
                unsafe {
                    let to = found.as_mut_ptr();
                    $ask(self.dnn, $($given,)* CANDIDATES as c_int, &mut count, to).map_err(of_dnn)?;
                    found.set_len(count.max(0) as usize);
                }
                for candidate in found {
                    let (algorithm, math) = (Algorithm::$sort(candidate.algo), candidate.mathType);
                    let works = candidate.status == sys::cudnnStatus_t::CUDNN_STATUS_SUCCESS;
                    let steady =
                        candidate.determinism == sys::cudnnDeterminism_t::CUDNN_DETERMINISTIC;
                    let allowed = !(self.rules.direct && algorithm.transforms());
                    if !works || !steady || !allowed || self.most < candidate.memory {
                        continue;
                    }
                    self.calculate_by(math, s).map_err(of_dnn)?;
                    // SAFETY: the descriptions are alive.
                    let room = unsafe { $room(self.dnn, $($sized,)* candidate.algo) };
                    if let Ok(room) = room && room <= self.most {
                        choices.push(Choice { algorithm, math, room });
                    }
                }
            }};
        }
        match c.way {
            Way::Forward => add!(
                sys::cudnnConvolutionFwdAlgoPerf_t,
                dnn::get_convolution_forward_algorithm,
                [s.image, s.weights, s.window, s.result],
                Forward,
                dnn::get_convolution_forward_workspace_size,
                [s.image, s.weights, s.window, s.result]
            ),
            Way::Input => add!(
                sys::cudnnConvolutionBwdDataAlgoPerf_t,
                dnn::get_convolution_backward_data_algorithm,
                [s.weights, s.result, s.window, s.image],
                Input,
                dnn::get_convolution_backward_data_workspace_size,
                [s.weights, s.result, s.window, s.image]
            ),
            Way::Filter => add!(
                sys::cudnnConvolutionBwdFilterAlgoPerf_t,
                dnn::get_convolution_backward_filter_algorithm,
                [s.image, s.result, s.window, s.weights],
                Filter,
                dnn::get_convolution_backward_filter_workspace_size,
                [s.image, s.result, s.window, s.weights]
            ),
        }
        if choices.is_empty() {
            let most = self.most >> 20;
            return Err(Error::refused(format!(
                "cuDNN has no algorithm that gives the same bits every time and works in {most} MiB for {}",
                what(c)
            )));
        }
        Ok(choices)
    }

    /// Lets a convolution use the arithmetic that belongs to an algorithm, where there is a choice.
    fn calculate_by(
        &self,
        math: sys::cudnnMathType_t,
        shapes: &Shapes,
    ) -> std::result::Result<(), dnn::CudnnError> {
        match self.rules.tf32 {
            // SAFETY: the description is alive.
            true => unsafe { dnn::set_convolution_math_type(shapes.window, math) },
            false => Ok(()),
        }
    }

    /// Starts a call. What is started for the `first` time may turn out to need another algorithm.
    pub(super) fn start(&self, prepared: &Prepared, first: bool) -> Result<()> {
        match prepared {
            Prepared::Product { batch, call } => self.multiply(*batch, call),
            Prepared::Convolution(chosen) => loop {
                let at = chosen.at.get();
                let next = (at + 1..chosen.choices.len())
                    .find(|&next| chosen.choices[next].room <= self.has);
                match (self.convolve(chosen, chosen.choices[at]), next) {
                    (Err(why), Some(next)) if first && is_unsupported(why) => chosen.at.set(next),
                    (done, _) => return done.map_err(of_dnn),
                }
            },
        }
    }

    fn multiply(&self, batch: usize, call: &ColumnMajor) -> Result<()> {
        let way = |trans: bool| match trans {
            true => blas::cublasOperation_t::CUBLAS_OP_T,
            false => blas::cublasOperation_t::CUBLAS_OP_N,
        };
        let [rows, columns, terms] = call.extents.map(|n| n as c_int);
        let (left, right) = (way(call.trans_left), way(call.trans_right));
        let handle = *self.blas.handle();
        macro_rules! gemm {
            ($gemm:path, $real:ty) => {{
                let (one, zero): ($real, $real) = (1.0, 0.0);
                // SAFETY: the matrices are inside the memory; the factors are read before the call returns.
                unsafe {
                    $gemm(
                        handle,
                        left,
                        right,
                        rows,
                        columns,
                        terms,
                        &one,
                        call.left.0 as *const $real,
                        call.left.1 as c_int,
                        call.left.2 as i64,
                        call.right.0 as *const $real,
                        call.right.1 as c_int,
                        call.right.2 as i64,
                        &zero,
                        call.result.0 as *mut $real,
                        call.result.1 as c_int,
                        call.result.2 as i64,
                        batch as c_int,
                    )
                }
            }};
        }
        let status = match self.precision {
            Precision::Single => gemm!(blas::cublasSgemmStridedBatched, f32),
            Precision::Double => gemm!(blas::cublasDgemmStridedBatched, f64),
        };
        status.result().map_err(|why| refused("cuBLAS", why))
    }

    fn convolve(&self, c: &Chosen, choice: Choice) -> std::result::Result<(), dnn::CudnnError> {
        let Choice { algorithm, math, room: bytes } = choice;
        self.calculate_by(math, &c.shapes)?;
        let (singles, doubles) = ([1f32, 0.0], [1f64, 0.0]);
        let [one, zero]: [*const c_void; 2] = match self.precision {
            Precision::Single => [0, 1].map(|i: usize| std::ptr::from_ref(&singles[i]).cast()),
            Precision::Double => [0, 1].map(|i: usize| std::ptr::from_ref(&doubles[i]).cast()),
        };
        let [image, weights, result] = [c.image, c.weights, c.result].map(|at| at as *mut c_void);
        let room = self.rooms.last().copied().unwrap_or(0) as *mut c_void;
        let s = &c.shapes;
        // SAFETY: the blobs are inside the memory and have the described extents; the room is large enough.
        unsafe {
            match algorithm {
                Algorithm::Forward(algorithm) => dnn::convolution_forward(
                    self.dnn, one, s.image, image, s.weights, weights, s.window, algorithm, room,
                    bytes, zero, s.result, result,
                ),
                Algorithm::Input(algorithm) => dnn::convolution_backward_data(
                    self.dnn, one, s.weights, weights, s.result, result, s.window, algorithm, room,
                    bytes, zero, s.image, image,
                ),
                Algorithm::Filter(algorithm) => dnn::convolution_backward_filter(
                    self.dnn, one, s.image, image, s.result, result, s.window, algorithm, room,
                    bytes, zero, s.weights, weights,
                ),
            }
        }
    }
}

impl Drop for Libraries {
    fn drop(&mut self) {
        // SAFETY: opened and allocated by this, and used no more; there is nobody to tell about a failure.
        unsafe {
            let _ = dnn::destroy_handle(self.dnn);
            for &room in &self.rooms {
                let _ = driver::free_sync(room);
            }
            let _ = blas::cublasSetWorkspace_v2(*self.blas.handle(), std::ptr::null_mut(), 0);
            let _ = driver::free_sync(self.blas_room);
        }
    }
}
