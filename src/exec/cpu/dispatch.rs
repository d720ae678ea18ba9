//! Prepares every step of a plan for the CPU: which kernel, which places, which geometry.
//!
//! All decisions are made when a session begins; a run is a loop over prepared calls.

mod joined;
mod last;
mod memory;
mod natives;

use std::time::Instant;

use memory::Memory;

use super::effort::{SMALL, SMALL_RUN, nanoseconds};
use super::extents::{channels_of, lrn_of, lrn_shape, softmax_shape};
use super::layout::Part;
use super::reduce::Reduction;
use super::tape::Tape;
use super::tasks::{CHUNK, alone, for_each_piece};
use super::trouble::Trouble;
use super::{conv, gather, im2col, layout, lrn, matmul, normalize, pool, reduce, softmax};
use crate::exec::Element;
use crate::plan::{Plan, Slot};
use crate::program::{
    Distribution, FusedConv, Kernel, Normalize, Program, ReduceOp, Step, ValueId,
};
use crate::random::Philox;
use crate::ty::Shape;
use crate::window::{Conv, Pool};

/// A prepared step: reads and writes its places in the arena.
type Call<T> = Box<dyn Fn(&Memory<T>, u64) + Send + Sync>;

/// The prepared steps of a plan.
pub struct Machine<T> {
    /// The steps, each with whether it is so small that one thread does it quickest.
    calls: Vec<(Call<T>, bool)>,
    /// Whether that is true of all of them together.
    small: bool,
    /// Steps at the start whose results only change with the parameters.
    settled: usize,
    assigns: Vec<(Slot, Slot)>,
    trouble: Trouble,
}

impl<T: Element> Machine<T> {
    /// Runs the steps on the arena; `run` chooses the random numbers. If `settled`, those that depend on the parameters
    /// alone have run before and no parameter has changed since.
    pub fn run(&self, arena: &mut [T], run: u64, settled: bool) -> Result<(), String> {
        self.steps(arena, run, settled, |_| {})
    }

    /// The same, with the seconds that each step took; 0 for those that need not run.
    pub fn run_timed(&self, arena: &mut [T], run: u64, settled: bool) -> Result<Vec<f64>, String> {
        let mut times = vec![0.0; self.calls.len()];
        let mut start = Instant::now();
        self.steps(arena, run, settled, |number| {
            let end = Instant::now();
            times[number] = (end - start).as_secs_f64();
            start = end;
        })?;
        Ok(times)
    }

    fn steps(
        &self,
        arena: &mut [T],
        run: u64,
        settled: bool,
        mut done: impl FnMut(usize),
    ) -> Result<(), String> {
        let memory = Memory::new(arena);
        let first = if settled { self.settled } else { 0 };
        for (number, (call, small)) in self.calls.iter().enumerate().skip(first) {
            match small {
                true => alone(|| call(&memory, run)),
                false => call(&memory, run),
            }
            done(number);
        }
        self.assign(arena);
        self.trouble.take()
    }

    /// Whether a run is so small that it should stay on the thread that asks for it.
    pub fn is_small(&self) -> bool {
        self.small
    }

    fn assign(&self, arena: &mut [T]) {
        for (state, new) in &self.assigns {
            arena.copy_within(new.range(), state.offset);
        }
    }
}

/// Prepares all steps of a plan.
pub fn prepare<T: Element>(plan: &Plan, seed: u64) -> Machine<T> {
    let steps = plan.program.steps.iter().zip(&plan.work);
    let trouble = Trouble::default();
    let calls = steps.map(|(step, &work)| {
        let slots = |ids: &[ValueId]| ids.iter().map(|&v| plan.slot(v)).collect::<Vec<_>>();
        let shapes = |ids: &[ValueId]| {
            ids.iter().map(|&v| plan.program.shape(v).clone()).collect::<Vec<_>>()
        };
        let (args, outs) = (slots(&step.args), slots(&step.outs));
        let (arg_shapes, out_shapes) = (shapes(&step.args), shapes(&step.outs));
        let places = Places { args, arg_shapes, outs, out_shapes, work };
        let call = places.call(&step.kernel, seed, &trouble);
        (call, nanoseconds(&plan.program, step) < SMALL)
    });
    let calls: Vec<_> = calls.collect();
    let later = plan.program.steps.iter().skip(plan.settled);
    let all: u64 = later.map(|step| nanoseconds(&plan.program, step)).sum();
    let assigns = plan.program.assigns.iter();
    Machine {
        calls,
        small: all < SMALL_RUN,
        settled: plan.settled,
        trouble: trouble.clone(),
        assigns: assigns.map(|&(state, new)| (plan.slot(state), plan.slot(new))).collect(),
    }
}

/// Elements of scratch that a step needs for `threads` to take part.
pub fn workspace_of<T: Element>(program: &Program, step: &Step, threads: usize) -> usize {
    let args: Vec<&Shape> = step.args.iter().map(|&a| program.shape(a)).collect();
    let out = |i: usize| program.shape(step.outs[i]);
    match &step.kernel {
        Kernel::MatMul { trans_a, trans_b } | Kernel::MatMulAdd { trans_a, trans_b } => {
            matmul::workspace::<T>(&product(args[0], args[1], *trans_a, *trans_b), threads)
        }
        Kernel::Conv(c) => conv::forward_workspace::<T>(&conv_shape(c, args[0], args[1]), threads),
        Kernel::FusedConv(fused) => {
            let shape = conv_shape(&fused.conv, args[0], args[1]);
            match fused.packed {
                true => conv::packed_workspace::<T>(&shape, threads),
                false => conv::forward_workspace::<T>(&shape, threads),
            }
        }
        Kernel::PooledConv(fused, pool) => {
            joined::pooled_conv(fused, pool, args[0], args[1], out(0)).workspace::<T>(threads)
        }
        Kernel::ConvInput(c) => {
            conv::input_gradient_workspace::<T>(&conv_shape(c, out(0), args[1]), threads)
        }
        Kernel::ConvFilter(c) => {
            conv::weight_gradient_workspace::<T>(&conv_shape(c, args[0], out(0)), threads)
        }
        Kernel::PooledConvInput(c) => {
            let maxima = args[0].count_of(2..args[0].rank());
            let shape = conv_shape(c, out(0), args[2]);
            conv::pooled_input_gradient_workspace::<T>(&shape, maxima, threads)
        }
        Kernel::PooledConvFilter(c) => {
            let maxima = args[1].count_of(2..args[1].rank());
            let shape = conv_shape(c, args[0], out(0));
            conv::pooled_weight_gradient_workspace::<T>(&shape, maxima, threads)
        }
        Kernel::ChannelsLast(kernel) => {
            let outs: Vec<&Shape> = step.outs.iter().map(|&v| program.shape(v)).collect();
            last::workspace_of::<T>(kernel, &args, &outs, threads)
        }
        Kernel::Native(native) => native.workspace(&args),
        Kernel::NativeGrad(native, _) => native.workspace(&args),
        _ => 0,
    }
}

/// The extents of a matrix product.
pub(in crate::exec) fn product(
    a: &Shape,
    b: &Shape,
    trans_a: bool,
    trans_b: bool,
) -> matmul::Matmul {
    let rank = a.rank();
    let (mut m, mut k) = (a.0[rank - 2], a.0[rank - 1]);
    if trans_a {
        (m, k) = (k, m);
    }
    let n = if trans_b { b.0[rank - 2] } else { b.0[rank - 1] };
    matmul::Matmul::new(m, n, k, trans_a, trans_b).batched(a.count_of(0..rank - 2))
}

/// The extents of a convolution.
pub(in crate::exec) fn conv_shape(conv: &Conv, x: &Shape, w: &Shape) -> conv::Shape {
    conv::Shape::new(conv, x.dims(), w.0[0]).expect("the layer has checked the geometry")
}

/// The extents of a convolution of one image of one window, for what depends on the weights alone.
fn least_conv_shape(conv: &Conv, w: &Shape) -> conv::Shape {
    let mut x = vec![1, w.0[1] * conv.group];
    x.extend(conv.axes.iter().map(|axis| axis.reach()));
    conv_shape(conv, &Shape(x), w)
}

/// The extents of a pooling.
pub(in crate::exec) fn pool_shape(pool: &Pool, x: &Shape) -> pool::Shape {
    let planes = x.0[0] * x.0[1];
    pool::Shape::new(pool, planes, [x.0[2], x.0[3]]).expect("the layer has checked the geometry")
}

/// Extents before an axis, of it, and after it.
pub(in crate::exec) fn around(shape: &Shape, axis: usize) -> (usize, usize, usize) {
    (shape.count_of(0..axis), shape.0[axis], shape.count_of(axis + 1..shape.rank()))
}

/// The places of a step.
struct Places {
    /// Those of the arguments.
    args: Vec<Slot>,
    /// Their shapes.
    arg_shapes: Vec<Shape>,
    /// Those of the results.
    outs: Vec<Slot>,
    /// Their shapes.
    out_shapes: Vec<Shape>,
    /// That of the scratch memory.
    work: Slot,
}

impl Places {
    /// Prepares the step that a kernel makes there.
    fn call<T: Element>(self, kernel: &Kernel, seed: u64, trouble: &Trouble) -> Call<T> {
        let Places { args, arg_shapes, outs, out_shapes, work } = self;
        let y = outs[0];
        match kernel {
            &Kernel::Fill(value) => Box::new(move |m, _| m.get_mut(y).fill(T::from_f64(value))),
            Kernel::Pointwise(f) => {
                let shapes: Vec<&Shape> = arg_shapes.iter().collect();
                let tape = Tape::new(f, &shapes, &out_shapes[0]);
                Box::new(move |m, _| {
                    let mut given = [None; 16];
                    for (place, &arg) in given.iter_mut().zip(&args) {
                        *place = (arg != y).then(|| m.get(arg));
                    }
                    tape.run(&given[..args.len()], m.get_mut(y));
                })
            }
            Kernel::Reduce(op, axes) => {
                let (kind, parts) = match *op {
                    ReduceOp::Sum => (Reduction::Sum, 1),
                    ReduceOp::SumByPart(parts) => (Reduction::Sum, parts),
                    ReduceOp::Max => (Reduction::Max, 1),
                };
                let mut extents = arg_shapes[0].0.clone();
                if let Some(first) = extents.first_mut() {
                    *first /= parts;
                }
                let len = arg_shapes[0].count() / parts;
                let reduced: Vec<bool> = (0..extents.len()).map(|i| axes.contains(&i)).collect();
                Box::new(move |m, _| {
                    let (x, y) = (m.get(args[0]), m.get_mut(y));
                    for part in 0..parts {
                        let (x, beta) = (&x[part * len..][..len], [T::ZERO, T::ONE][part.min(1)]);
                        reduce::reduce_axes(kind, &extents, &reduced, x, beta, y);
                    }
                })
            }
            Kernel::View | Kernel::Stop => Box::new(|_, _| {}),
            Kernel::Transpose(perm) => {
                let (extents, perm) = (arg_shapes[0].0.clone(), perm.clone());
                Box::new(move |m, _| {
                    layout::transpose(&extents, &perm, m.get(args[0]), m.get_mut(y));
                })
            }
            &Kernel::Slice { axis, start, step } | &Kernel::Pad { axis, start, step } => {
                let pads = matches!(kernel, Kernel::Pad { .. });
                let (whole, piece) = match pads {
                    true => (&out_shapes[0], &arg_shapes[0]),
                    false => (&arg_shapes[0], &out_shapes[0]),
                };
                let (outer, extent, inner) = around(whole, axis);
                let count = piece.0[axis];
                Box::new(move |m, _| {
                    let (x, y) = (m.get(args[0]), m.get_mut(y));
                    if pads {
                        y.fill(T::ZERO);
                    }
                    for i in 0..parts(step, count) {
                        let whole = Part { extent, start: start + i * step };
                        let piece = Part { extent: count, start: i };
                        let (from, to) = if pads { (piece, whole) } else { (whole, piece) };
                        let len = if step == 1 { count } else { 1 };
                        layout::copy_part(outer, len, inner, x, from, T::ZERO, y, to);
                    }
                })
            }
            &Kernel::Concat(axis) => {
                let (outer, extent, inner) = around(&out_shapes[0], axis);
                let counts: Vec<usize> = arg_shapes.iter().map(|shape| shape.0[axis]).collect();
                Box::new(move |m, _| {
                    let mut start = 0;
                    for (&count, &x) in counts.iter().zip(&args) {
                        let (from, to) = (Part { extent: count, start: 0 }, Part { extent, start });
                        let (x, y) = (m.get(x), m.get_mut(y));
                        layout::copy_part(outer, count, inner, x, from, T::ZERO, y, to);
                        start += count;
                    }
                })
            }
            &Kernel::MatMul { trans_a, trans_b } => {
                let shape = product(&arg_shapes[0], &arg_shapes[1], trans_a, trans_b);
                Box::new(move |m, _| {
                    let column_bias = args.get(2).map(|&bias| m.get(bias));
                    let finish = matmul::Finish { column_bias, ..Default::default() };
                    let (a, b) = (m.get(args[0]), m.get(args[1]));
                    let (y, work) = (m.get_mut(y), m.get_mut(work));
                    matmul::matmul(&shape, T::ONE, a, b, T::ZERO, y, finish, work);
                })
            }
            Kernel::Conv(c) => {
                let shape = conv_shape(c, &arg_shapes[0], &arg_shapes[1]);
                Box::new(move |m, _| {
                    let bias = args.get(2).map(|&bias| m.get(bias));
                    let (x, w, work) = (m.get(args[0]), m.get(args[1]), m.get_mut(work));
                    conv::forward(&shape, x, w, bias, false, T::ZERO, m.get_mut(y), work);
                })
            }
            Kernel::FusedConv(fused) => {
                let shape = conv_shape(&fused.conv, &arg_shapes[0], &arg_shapes[1]);
                let &FusedConv { bias, sum, relu, packed, .. } = fused;
                let addend = if sum { args.last().copied() } else { None };
                Box::new(move |m, _| {
                    let (x, w, work) = (m.get(args[0]), m.get(args[1]), m.get_mut(work));
                    let bias = bias.then(|| m.get(args[2]));
                    if packed {
                        let addend = match addend {
                            None => conv::Addend::None,
                            Some(addend) if addend == y => conv::Addend::InPlace,
                            Some(addend) => conv::Addend::Blob(m.get(addend)),
                        };
                        conv::forward_packed(&shape, x, w, bias, addend, relu, m.get_mut(y), work);
                        return;
                    }
                    let beta = if addend.is_some() { T::ONE } else { T::ZERO };
                    if let Some(addend) = addend.filter(|&addend| addend != y) {
                        m.get_mut(y).copy_from_slice(m.get(addend));
                    }
                    conv::forward(&shape, x, w, bias, relu, beta, m.get_mut(y), work);
                })
            }
            Kernel::MatMulAdd { .. } | Kernel::PooledConv(..) => {
                joined::call(kernel, Places { args, arg_shapes, outs, out_shapes, work })
            }
            Kernel::PackConv(c) => {
                let shape = least_conv_shape(c, &arg_shapes[0]);
                Box::new(move |m, _| conv::pack(&shape, m.get(args[0]), m.get_mut(y)))
            }
            Kernel::ConvInput(c) => {
                let shape = conv_shape(c, &out_shapes[0], &arg_shapes[1]);
                Box::new(move |m, _| {
                    let (dy, w, work) = (m.get(args[0]), m.get(args[1]), m.get_mut(work));
                    conv::input_gradient(&shape, dy, w, None, T::ZERO, m.get_mut(y), work);
                })
            }
            Kernel::ConvFilter(c) => {
                let shape = conv_shape(c, &arg_shapes[0], &out_shapes[0]);
                Box::new(move |m, _| {
                    let (x, dy, work) = (m.get(args[0]), m.get(args[1]), m.get_mut(work));
                    conv::weight_gradient(&shape, x, dy, T::ZERO, m.get_mut(y), work);
                })
            }
            Kernel::PooledConvInput(c) => {
                let shape = conv_shape(c, &out_shapes[0], &arg_shapes[2]);
                Box::new(move |m, _| {
                    let [dy, index, w] = [0, 1, 2].map(|i| m.get(args[i]));
                    let (dx, work) = (m.get_mut(y), m.get_mut(work));
                    conv::pooled_input_gradient(&shape, dy, index, w, dx, work);
                })
            }
            Kernel::PooledConvFilter(c) => {
                let shape = conv_shape(c, &arg_shapes[0], &out_shapes[0]);
                Box::new(move |m, _| {
                    let [x, dy, index] = [0, 1, 2].map(|i| m.get(args[i]));
                    let (dw, work) = (m.get_mut(y), m.get_mut(work));
                    conv::pooled_weight_gradient(&shape, x, dy, index, dw, work);
                })
            }
            Kernel::Im2col(c) | Kernel::Col2im(c) => {
                let forward = matches!(kernel, Kernel::Im2col(_));
                let image = if forward { &arg_shapes[0] } else { &out_shapes[0] };
                let (batch, channels) = (image.0[0], image.0[1]);
                let windows = im2col::Windows::new(&c.axes, &image.0[2..])
                    .expect("the layer has checked the geometry");
                Box::new(move |m, _| {
                    let (x, y) = (m.get(args[0]), m.get_mut(y));
                    match forward {
                        true => im2col::im2col(&windows, batch, channels, x, y),
                        false => im2col::col2im(&windows, batch, channels, x, T::ZERO, y),
                    }
                })
            }
            Kernel::MaxPool(p) => {
                let (shape, index) = (pool_shape(p, &arg_shapes[0]), outs[1]);
                Box::new(move |m, _| {
                    pool::max_forward(&shape, m.get(args[0]), m.get_mut(y), m.get_mut(index));
                })
            }
            Kernel::MaxPoolGrad(p) => {
                let shape = pool_shape(p, &out_shapes[0]);
                Box::new(move |m, _| {
                    let (dy, index) = (m.get(args[0]), m.get(args[1]));
                    pool::index_backward(&shape, dy, index, T::ZERO, m.get_mut(y));
                })
            }
            Kernel::AvePool(p) => {
                let shape = pool_shape(p, &arg_shapes[0]);
                Box::new(move |m, _| pool::average_forward(&shape, m.get(args[0]), m.get_mut(y)))
            }
            Kernel::AvePoolGrad(p) => {
                let shape = pool_shape(p, &out_shapes[0]);
                Box::new(move |m, _| {
                    pool::average_backward(&shape, m.get(args[0]), T::ZERO, m.get_mut(y));
                })
            }
            Kernel::Lrn(l) => {
                let (shape, lrn, scale) = (lrn_shape(&arg_shapes[0]), lrn_of(l), outs[1]);
                Box::new(move |m, _| {
                    let (y, scale) = (m.get_mut(y), m.get_mut(scale));
                    lrn::across_forward(&shape, &lrn, m.get(args[0]), y, scale);
                })
            }
            Kernel::LrnGrad(l) => {
                let (shape, lrn) = (lrn_shape(&arg_shapes[0]), lrn_of(l));
                Box::new(move |m, _| {
                    let [x, out, scale, dy] = [0, 1, 2, 3].map(|i| m.get(args[i]));
                    lrn::across_backward(&shape, &lrn, x, out, scale, dy, T::ZERO, m.get_mut(y));
                })
            }
            Kernel::Moments => {
                let (shape, variance) = (channels_of(&arg_shapes[0]), outs[1]);
                Box::new(move |m, _| {
                    let (mean, variance) = (m.get_mut(y), m.get_mut(variance));
                    normalize::moments(&shape, m.get(args[0]), mean, variance);
                })
            }
            &Kernel::Normalize(n) => {
                let shape = channels_of(&arg_shapes[0]);
                Box::new(move |m, _| {
                    let channels = channels(m, &n, &args);
                    normalize::forward(&shape, &channels, m.get(args[0]), m.get_mut(y));
                })
            }
            &Kernel::NormalizeGrad(n) => {
                let shape = channels_of(&arg_shapes[0]);
                let dy = args.len() - 1;
                Box::new(move |m, _| {
                    let channels = channels(m, &n, &args);
                    let (x, dy) = (m.get(args[0]), m.get(args[dy]));
                    let affine = n.affine.then(|| (m.get_mut(outs[1]), m.get_mut(outs[2])));
                    normalize::backward(&shape, &channels, n.batch, x, dy, m.get_mut(y), affine);
                })
            }
            Kernel::PackTiles { .. }
            | Kernel::TilesFilter(_)
            | Kernel::MaskedConv(_)
            | Kernel::NormalizeSum(_) => {
                panic!("internal error: {} is for channels that lie last", kernel.name())
            }
            Kernel::ChannelsLast(kernel) => {
                last::call(kernel, Places { args, arg_shapes, outs, out_shapes, work })
            }
            &Kernel::Softmax(axis) | &Kernel::LogSoftmax(axis) => {
                let shape = softmax_shape(&arg_shapes[0], axis);
                let log = matches!(kernel, Kernel::LogSoftmax(_));
                Box::new(move |m, _| softmax::forward(shape, log, m.get(args[0]), m.get_mut(y)))
            }
            &Kernel::SoftmaxGrad(axis) | &Kernel::LogSoftmaxGrad(axis) => {
                let shape = softmax_shape(&arg_shapes[0], axis);
                let log = matches!(kernel, Kernel::LogSoftmaxGrad(_));
                Box::new(move |m, _| {
                    let (out, dy) = (m.get(args[0]), m.get(args[1]));
                    softmax::backward(shape, log, out, dy, T::ZERO, m.get_mut(y));
                })
            }
            &Kernel::Gather(axis) => {
                let (outer, rows, inner) = around(&arg_shapes[0], axis);
                let shape = gather::Shape { outer, rows, inner };
                let trouble = trouble.clone();
                Box::new(move |m, _| {
                    let (x, index) = (m.get(args[0]), m.get(args[1]));
                    trouble.note(gather::gather(shape, x, index, m.get_mut(y)));
                })
            }
            &Kernel::Scatter(axis) => {
                let (outer, rows, inner) = around(&out_shapes[0], axis);
                let shape = gather::Shape { outer, rows, inner };
                let trouble = trouble.clone();
                Box::new(move |m, _| {
                    let (dy, index, dx) = (m.get(args[0]), m.get(args[1]), m.get_mut(y));
                    dx.fill(T::ZERO);
                    trouble.note(gather::scatter_add(shape, dy, index, dx));
                })
            }
            &Kernel::Random(distribution, stream) => {
                let generator = Philox::new(seed, stream);
                Box::new(move |m, run| {
                    for_each_piece(m.get_mut(y), CHUNK, |piece, numbers| {
                        // A block has four uniform numbers or two normal ones.
                        let (first, start) = (run << 32, (piece * CHUNK) as u64);
                        match distribution {
                            Distribution::Uniform => {
                                generator.uniforms(first + start / 4, numbers);
                            }
                            Distribution::Normal => {
                                let mut sequence = generator.sequence(first + start / 2);
                                numbers.fill_with(|| T::from_f64(sequence.normal()));
                            }
                        }
                    });
                })
            }
            Kernel::Native(native) => {
                Places { args, arg_shapes, outs, out_shapes, work }.forward(native.clone())
            }
            Kernel::NativeGrad(native, wrt) => Places { args, arg_shapes, outs, out_shapes, work }
                .backward(native.clone(), wrt.clone()),
        }
    }
}

/// What the arguments of a normalisation behind its blob say.
fn channels<'a, T: Element>(
    m: &'a Memory<T>,
    n: &Normalize,
    args: &[Slot],
) -> normalize::Channels<'a, T> {
    normalize::Channels {
        mean: m.get(args[1]),
        variance: m.get(args[2]),
        affine: n.affine.then(|| (m.get(args[3]), m.get(args[4]))),
        eps: T::from_f64(n.eps),
        relu: n.relu,
    }
}

/// Pieces in which a strided part is copied.
fn parts(step: usize, count: usize) -> usize {
    if step == 1 { 1 } else { count }
}
