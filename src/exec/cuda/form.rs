//! The CUDA form of every kernel: turns a step into calls of functions, matrix products and convolutions.

use super::chain;
use super::channels::{ChannelSums, Planes};
use super::library::{Convolution, Product, Way, product};
use super::module::{Module, Precision};
use super::{reduction, small_conv};
use crate::exec::cpu::conv;
use crate::exec::cpu::dispatch::{around, conv_shape, pool_shape};
use crate::exec::cpu::im2col::Windows;
use crate::program::device::{Call, DeviceForm, Number, Operand, Pass, Spread, is_small_product};
use crate::program::native::{Native, ViewMut};
use crate::program::{
    Distribution, FusedConv, Kernel, Lrn, Normalize, Program, ReduceOp, Step, ValueId,
};
use crate::ty::Shape;
use crate::window::{Axis, Conv, Pool};

/// Something that is done on a GPU; operands are those of a step.
#[derive(Clone, Debug, PartialEq)]
pub enum Act<O> {
    /// A launch of a kernel: its entry in the module, its arguments, its blocks.
    Launch {
        /// The entry.
        entry: usize,
        /// What it reads and writes.
        operands: Vec<O>,
        /// Blocks of threads.
        blocks: usize,
    },
    /// A matrix product.
    Product(Product<O>),
    /// A convolution or a gradient of one.
    Convolution(Convolution<O>),
}

/// What a step becomes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Form {
    /// What is done, in order.
    pub acts: Vec<Act<Operand>>,
    /// Elements of scratch memory.
    pub work: usize,
}

/// The form of step `number` of a program, whose entries are added to a module. `gathered` says of which slice an argument's
/// elements are read where they are; only pointwise steps have such.
///
/// # Errors
/// The kernel has no CUDA form; says so.
pub fn form(
    module: &mut Module,
    program: &Program,
    step: &Step,
    number: usize,
    gathered: &dyn Fn(ValueId) -> Option<Step>,
) -> Result<Form, String> {
    let args: Vec<Shape> = step.args.iter().map(|&a| program.shape(a).clone()).collect();
    let among = step.args.iter().map(|&v| {
        let slice = gathered(v)?;
        let Kernel::Slice { axis, start, step } = slice.kernel else { return None };
        let shapes = [slice.args[0], slice.outs[0]].map(|v| program.shape(v).clone());
        Some((shapes, axis, start, step))
    });
    let among = among.collect();
    let outs: Vec<Shape> = step.outs.iter().map(|&o| program.shape(o).clone()).collect();
    let mut writer = Writer { module, form: Form::default(), args, among, outs };
    writer.kernel(&step.kernel, number)?;
    Ok(writer.form)
}

struct Writer<'a> {
    module: &'a mut Module,
    form: Form,
    args: Vec<Shape>,
    /// The blobs among whose elements those of arguments are, and how.
    among: Vec<Option<chain::Among>>,
    outs: Vec<Shape>,
}

const fn a(i: usize) -> Operand {
    Operand::Arg(i)
}

const fn y(i: usize) -> Operand {
    Operand::Out(i)
}

/// Lines from which on a block works on each rather than a thread.
const LONG_LINE: usize = 32;

/// Indices from which on they are followed from one to the next of the same row, rather than all read for every element.
const FEW_INDICES: usize = 64;

/// Indices from which on their places are no exact numbers in single precision.
const MANY_INDICES: usize = 1 << 24;

impl Writer<'_> {
    fn call(&mut self, call: Call) {
        let blocks = super::module::blocks(call.spread);
        if 0 < blocks {
            let entry = self.module.entry(&call);
            self.form.acts.push(Act::Launch { entry, operands: call.operands, blocks });
        }
    }

    fn count(&self) -> usize {
        self.outs[0].count()
    }

    fn kernel(&mut self, kernel: &Kernel, number: usize) -> Result<(), String> {
        match kernel {
            Kernel::Fill(value) => {
                self.call(Call::each("fill", self.count(), vec![y(0)]).with(*value));
            }
            Kernel::Pointwise(f) => self.pointwise(f),
            Kernel::Reduce(op, axes) => {
                let (largest, parts) = match *op {
                    ReduceOp::Sum => (false, 1),
                    ReduceOp::SumByPart(parts) => (false, parts),
                    ReduceOp::Max => (true, 1),
                };
                let reduction = reduction::calls(largest, &self.args[0], axes, parts)?;
                self.form.work = reduction.work;
                reduction.calls.into_iter().for_each(|call| self.call(call));
            }
            Kernel::View | Kernel::Stop => {}
            Kernel::Transpose(perm) => self.transpose(perm)?,
            &Kernel::Slice { axis, start, step } => {
                let (_, extent, inner) = around(&self.args[0], axis);
                let numbers = [extent, inner, self.outs[0].0[axis], start, step];
                self.call(Call::fours("slice", self.count(), vec![a(0), y(0)]).with_all(numbers));
            }
            &Kernel::Pad { axis, start, step } => {
                let (_, extent, inner) = around(&self.outs[0], axis);
                let numbers = [extent, inner, self.args[0].0[axis], start, step];
                self.call(Call::each("pad", self.count(), vec![a(0), y(0)]).with_all(numbers));
            }
            &Kernel::Concat(axis) => {
                let (_, extent, inner) = around(&self.outs[0], axis);
                let mut start = 0;
                for i in 0..self.args.len() {
                    let count = self.args[i].0[axis];
                    let n = self.args[i].count();
                    let call = Call::fours("place", n, vec![a(i), y(0)]);
                    self.call(call.with_all([extent, inner, count, start]));
                    start += count;
                }
            }
            &Kernel::MatMul { trans_a, trans_b } => {
                let product = product(&self.args[0], &self.args[1], trans_a, trans_b);
                if is_small_product(self.count(), product.k) {
                    self.small_product(&product);
                } else {
                    let columns = product.n;
                    self.form.acts.push(Act::Product(product));
                    self.bias(columns, 1);
                }
            }
            Kernel::Conv(c) => self.convolution(c, Way::Forward),
            Kernel::ConvInput(c) => self.convolution(c, Way::Input),
            Kernel::ConvFilter(c) => self.convolution(c, Way::Filter),
            Kernel::PooledConv(fused, pool) if !fused.packed => self.pooled_conv(fused, pool),
            Kernel::PooledConvInput(c) => self.pooled(c, Way::Input),
            Kernel::PooledConvFilter(c) => self.pooled(c, Way::Filter),
            Kernel::Im2col(c) => self.columns("im2col", c, 0)?,
            Kernel::Col2im(c) => self.columns("col2im", c, 1)?,
            Kernel::MaxPool(p) => {
                let numbers = pool_numbers(p, &self.args[0]);
                let call = Call::each("max_pool", self.count(), vec![a(0), y(0), y(1)]);
                self.call(call.with_all(numbers));
            }
            Kernel::MaxPoolGrad(p) => {
                let numbers = pool_numbers(p, &self.outs[0]);
                let call = Call::each("index_grad", self.count(), vec![a(0), a(1), y(0)]);
                self.call(call.with_all(numbers));
            }
            Kernel::AvePool(p) => {
                let numbers = average_numbers(p, &self.args[0]);
                let call = Call::each("average_pool", self.count(), vec![a(0), y(0)]);
                self.call(call.with_all(numbers));
            }
            Kernel::AvePoolGrad(p) => {
                let numbers = average_numbers(p, &self.outs[0]);
                let call = Call::each("average_grad", self.count(), vec![a(0), y(0)]);
                self.call(call.with_all(numbers));
            }
            Kernel::Lrn(l) => {
                let call = self.lrn(["lrn", "lrn_wide"], vec![a(0), y(0), y(1)], l);
                self.call(call.with(l.k));
            }
            Kernel::LrnGrad(l) => {
                let operands = vec![a(0), a(1), a(2), a(3), y(0)];
                let call = self.lrn(["lrn_grad", "lrn_wide_grad"], operands, l);
                self.call(call.with(2.0 * l.beta));
            }
            Kernel::Moments => self.moments(),
            Kernel::Normalize(n) => self.normalize(n),
            Kernel::NormalizeGrad(n) => self.normalize_grad(n),
            Kernel::MatMulAdd { .. }
            | Kernel::FusedConv(_)
            | Kernel::PooledConv(..)
            | Kernel::PackConv(_)
            | Kernel::PackTiles { .. }
            | Kernel::MaskedConv(_)
            | Kernel::NormalizeSum(_)
            | Kernel::TilesFilter(_)
            | Kernel::ChannelsLast(_) => {
                return Err("it has no form for a GPU".into());
            }
            &Kernel::Softmax(axis) => self.softmax(axis, false),
            &Kernel::LogSoftmax(axis) => self.softmax(axis, true),
            &Kernel::SoftmaxGrad(axis) => self.softmax_grad(axis, false),
            &Kernel::LogSoftmaxGrad(axis) => self.softmax_grad(axis, true),
            &Kernel::Gather(axis) => {
                let (_, rows, inner) = around(&self.args[0], axis);
                let picked = self.check_indices(rows, number);
                let call = Call::each("gather", self.count(), vec![a(0), a(1), y(0)]);
                self.call(call.with_all([rows, inner, picked]));
            }
            &Kernel::Scatter(axis) => {
                let (_, rows, inner) = around(&self.outs[0], axis);
                let picked = self.check_indices(rows, number);
                self.scatter([rows, inner, picked]);
            }
            &Kernel::Random(distribution, stream) => {
                let total = self.count();
                let (function, threads) = match distribution {
                    Distribution::Uniform => ("random_uniform", total.div_ceil(4)),
                    Distribution::Normal => ("random_normal", total.div_ceil(2)),
                };
                let call = Call::each(function, threads, vec![Operand::Control, y(0)]);
                self.call(call.with(total).with(stream as i64));
            }
            Kernel::Native(native) => self.native(&**native)?,
            Kernel::NativeGrad(native, wrt) => self.native_grad(&**native, wrt)?,
        }
        Ok(())
    }

    fn pointwise(&mut self, f: &crate::program::expr::PointFn) {
        let reads = self.args.iter().zip(&self.among);
        let reads =
            reads.map(|(shape, among)| chain::Read { shape: shape.clone(), among: among.clone() });
        let reads: Vec<chain::Read> = reads.collect();
        let (out, ops) = (&self.outs[0], &f.ops);
        let key = format!("{ops:?} {reads:?} {out:?}");
        let write = |name: &str| chain::function(name, f, &reads, out);
        let name = self.module.generate(key, write);
        let operands = (0..self.args.len()).map(a).chain([y(0)]).collect();
        let mut call = match chain::in_fours(out) {
            true => Call::fours("", out.count(), operands),
            false => Call::each("", out.count(), operands),
        };
        call.function = name.into();
        self.call(call);
    }

    fn transpose(&mut self, perm: &[usize]) -> Result<(), String> {
        const AXES: usize = 8;
        let x = &self.args[0];
        if AXES < perm.len() {
            return Err(format!("permutes {} axes, {AXES} at most", perm.len()));
        }
        let strides: Vec<usize> = (0..x.rank()).map(|i| x.count_of(i + 1..x.rank())).collect();
        let ones = AXES - perm.len();
        let mut numbers = vec![1; ones];
        numbers.extend(perm.iter().map(|&p| x.0[p].max(1)));
        numbers.extend(vec![0; ones]);
        numbers.extend(perm.iter().map(|&p| strides[p]));
        self.call(Call::each("strided", self.count(), vec![a(0), y(0)]).with_all(numbers));
        Ok(())
    }

    fn small_product(&mut self, product: &Product<Operand>) {
        let &Product { m, n, k, trans_a, trans_b, .. } = product;
        let lanes = match k {
            0..=16 => 1,
            17..=128 => 8,
            _ => 32,
        };
        let biased = self.args.len() == 3;
        let operands = vec![a(0), a(1), if biased { a(2) } else { a(0) }, y(0)];
        let blocks = self.count().div_ceil(super::module::THREADS / lanes);
        let call = Call::teams("small_product", blocks, operands).with(self.count());
        let call = call.with_all([m, n, k]).with(trans_a).with(trans_b);
        self.call(call.with(lanes).with(biased));
    }

    /// Adds argument 2, if there is one, to the result: one number for each channel.
    fn bias(&mut self, channels: usize, pixels: usize) {
        if self.args.len() == 3 {
            let call = Call::each("add_bias", self.count(), vec![a(2), y(0)]);
            self.call(call.with_all([channels, pixels]));
        }
    }

    /// A convolution whose pads differ at the two ends works on a padded copy of the image.
    fn convolution(&mut self, conv: &Conv, way: Way) {
        let (image, weights, operands) = match way {
            Way::Forward => (&self.args[0], &self.args[1], [a(0), a(1), y(0)]),
            Way::Input => (&self.outs[0], &self.args[1], [y(0), a(1), a(0)]),
            Way::Filter => (&self.args[0], &self.outs[0], [a(0), y(0), a(1)]),
        };
        let shape = conv_shape(conv, image, weights);
        if !self.small(&shape, way, operands.clone(), None) {
            self.convolve(Convolution::new(&shape, way, operands), 0);
            if way == Way::Forward {
                let outputs = self.outs[0].0[1];
                self.bias(outputs, self.outs[0].count_of(2..self.outs[0].rank()));
            }
        }
    }

    /// Whether kernels of our own do a convolution: then they are called.
    fn small(
        &mut self,
        shape: &conv::Shape,
        way: Way,
        [image, weights, result]: [Operand; 3],
        pooling: Option<small_conv::Pooling>,
    ) -> bool {
        let bias = (way == Way::Forward && self.args.len() == 3).then(|| a(2));
        let operands = small_conv::Operands { image, weights, result, bias };
        let single = self.module.precision() == Precision::Single;
        let form = single.then(|| small_conv::form(shape, way, operands, pooling)).flatten();
        form.map(|form| self.texts_and_calls(form)).is_some()
    }

    fn texts_and_calls(&mut self, form: DeviceForm) {
        form.texts.iter().for_each(|text| self.module.include(text));
        self.form.work = form.work;
        form.calls.into_iter().for_each(|call| self.call(call));
    }

    /// Adds a convolution, with scratch memory from element `free` on.
    fn convolve(&mut self, mut c: Convolution<Operand>, free: usize) {
        self.form.work = self.form.work.max(free);
        if c.axes.iter().all(|axis| axis.pad_before == axis.pad_after) {
            self.form.acts.push(Act::Convolution(c));
            return;
        }
        let (inner, pads) = (c.input, c.axes.map(|axis| axis.pad_before));
        let outer: [usize; 3] =
            std::array::from_fn(|i| inner[i] + c.axes[i].pad_before + c.axes[i].pad_after);
        let planes = c.batch * c.channels;
        let room = planes * outer.iter().product::<usize>();
        self.form.work = self.form.work.max(free + room);
        let image = std::mem::replace(&mut c.image, Operand::Work(free));
        c.input = outer;
        c.axes = c.axes.map(|axis| Axis { pad_before: 0, pad_after: 0, ..axis });
        let numbers: Vec<usize> = inner.into_iter().chain(outer).chain(pads).collect();
        if c.way == Way::Input {
            self.form.acts.push(Act::Convolution(c));
            let n = planes * inner.iter().product::<usize>();
            let call = Call::each("crop_volume", n, vec![Operand::Work(free), image]);
            self.call(call.with_all(numbers));
        } else {
            let call = Call::each("pad_volume", room, vec![image, Operand::Work(free)]);
            self.call(call.with_all(numbers));
            self.form.acts.push(Act::Convolution(c));
        }
    }

    /// A pooling of a convolution, which is in the scratch memory: the bias is added to what the windows read.
    fn pooled_conv(&mut self, fused: &FusedConv, pool: &Pool) {
        let shape = conv_shape(&fused.conv, &self.args[0], &self.args[1]);
        let [_, height, width] = shape.windows.output;
        let blob = Shape::from([shape.batch, shape.out_channels, height, width]);
        let (index, relu, numbers) = (y(1), fused.relu, pool_numbers(pool, &blob));
        let pooling = small_conv::Pooling { index, relu, numbers: numbers.clone() };
        if self.small(&shape, Way::Forward, [a(0), a(1), y(0)], Some(pooling)) {
            return;
        }
        let free = shape.output_len().next_multiple_of(crate::plan::ALIGN);
        let operands = [a(0), a(1), Operand::Work(0)];
        self.convolve(Convolution::new(&shape, Way::Forward, operands), free);
        let bias = if fused.bias { a(2) } else { a(1) };
        let operands = vec![Operand::Work(0), bias, y(0), y(1)];
        let call = Call::each("max_pool_biased", self.count(), operands);
        let call = call.with_all(numbers).with(blob.0[1]);
        self.call(call.with(fused.bias).with(fused.relu));
    }

    /// A gradient by the maxima of a pooling: they are spread over the scratch memory first.
    fn pooled(&mut self, conv: &Conv, way: Way) {
        let (shape, maxima, operands) = match way {
            Way::Input => {
                let shape = conv_shape(conv, &self.outs[0], &self.args[2]);
                (shape, [0, 1], [y(0), a(2), Operand::Work(0)])
            }
            _ => {
                let shape = conv_shape(conv, &self.args[0], &self.outs[0]);
                (shape, [1, 2], [a(0), y(0), Operand::Work(0)])
            }
        };
        let dy = &self.args[maxima[0]];
        let (planes, each) = (dy.0[0] * dy.0[1], dy.count_of(2..dy.rank()));
        let dense = shape.output_len();
        let spread = vec![a(maxima[0]), a(maxima[1]), Operand::Work(0)];
        let call = Call::each("spread_maxima", planes, spread);
        self.call(call.with_all([each, dense / planes.max(1)]));
        let free = dense.next_multiple_of(crate::plan::ALIGN);
        self.convolve(Convolution::new(&shape, way, operands), free);
    }

    fn columns(&mut self, function: &'static str, conv: &Conv, image: usize) -> Result<(), String> {
        let image = if image == 0 { &self.args[0] } else { &self.outs[0] };
        let windows = Windows::new(&conv.axes, &image.0[2..])
            .ok_or("its windows have more than three axes")?;
        let axes = windows.axes.iter();
        let taps = axes.flat_map(|axis| [axis.kernel, axis.stride, axis.pad_before, axis.dilation]);
        let numbers = windows.input.into_iter().chain(windows.output).chain(taps);
        let call = Call::each(function, self.count(), vec![a(0), y(0)]).with_all(numbers);
        self.call(call);
        Ok(())
    }

    /// A thread for each pixel where these are enough for a GPU, else one for each element.
    fn lrn(&self, names: [&'static str; 2], operands: Vec<Operand>, l: &Lrn) -> Call {
        const PIXELS: usize = 1 << 13;
        const MOST: usize = 9;
        let x = &self.args[0];
        let (size, inner) = (l.size.max(1), x.count_of(2..x.rank()));
        let before = (size - 1) / 2;
        let behind = size - 1 - before;
        let pixels = x.0[0] * inner;
        let call = match PIXELS <= pixels && size <= MOST {
            true => Call::each(names[0], pixels, operands),
            false => Call::each(names[1], x.count(), operands),
        };
        call.with_all([x.0[1], inner, before, behind]).with_all([l.alpha, l.beta])
    }

    /// Blob, mean, variance, factor and shift; the last two stand for nothing if there are none.
    fn normalized(n: &Normalize) -> Vec<Operand> {
        let affine = if n.affine { [a(3), a(4)] } else { [a(1), a(2)] };
        [a(0), a(1), a(2)].into_iter().chain(affine).collect()
    }

    fn moments(&mut self) {
        let sums = ChannelSums::of(&self.args[0]);
        let ChannelSums { channels, pieces, count, inner } = sums;
        let operands = vec![a(0), Operand::Work(0), y(0), y(1)];
        let parts = Call::teams("channel_moments", channels * pieces, operands.clone());
        self.call(parts.with_all([channels, pieces, count, inner]));
        if 1 < pieces {
            self.form.work = sums.work();
            let total = Call::each("channel_moments_total", channels, operands);
            self.call(total.with_all([pieces, count, inner]));
        }
    }

    fn normalize(&mut self, n: &Normalize) {
        let (planes, mut operands) = (Planes::of(&self.args[0]), Self::normalized(n));
        operands.push(y(0));
        let call = Call::teams("normalize", planes.blocks(), operands).with_all(planes.numbers());
        self.call(call.with(n.affine).with(n.relu).with(n.eps));
    }

    fn normalize_grad(&mut self, n: &Normalize) {
        let (planes, mut operands) = (Planes::of(&self.args[0]), Self::normalized(n));
        let sums = ChannelSums::of(&self.args[0]);
        let ChannelSums { channels, pieces, count, inner } = sums;
        operands.push(a(self.args.len() - 1));
        let (totals, free) = match n.affine {
            true => ([y(1), y(2)], 0),
            false => {
                let second = channels.next_multiple_of(crate::plan::ALIGN);
                ([Operand::Work(0), Operand::Work(second)], 2 * second)
            }
        };
        operands.extend(totals.clone());
        self.form.work = free;
        if n.affine || n.batch {
            let mut all = operands.clone();
            all.push(Operand::Work(free));
            let parts = Call::teams("normalize_sums", channels * pieces, all);
            let parts = parts.with_all([channels, pieces, count, inner]);
            self.call(parts.with(n.affine).with(n.relu).with(n.eps));
            if 1 < pieces {
                self.form.work += sums.work();
                let [dscale, dshift] = totals;
                let operands = vec![a(2), Operand::Work(free), dscale, dshift];
                let total = Call::each("normalize_sums_total", channels, operands);
                self.call(total.with(pieces).with(n.eps));
            }
        }
        operands.push(y(0));
        let call = Call::teams("normalize_grad", planes.blocks(), operands);
        let call = call.with_all(planes.numbers()).with(count);
        self.call(call.with(n.affine).with(n.batch).with(n.relu).with(n.eps));
    }

    fn softmax(&mut self, axis: usize, log: bool) {
        let (outer, axis, inner) = around(&self.args[0], axis);
        let names = ["softmax_each", "softmax_teams"];
        self.call(lines(names, vec![a(0), y(0)], outer, axis, inner).with(log));
    }

    fn softmax_grad(&mut self, axis: usize, log: bool) {
        let (outer, axis, inner) = around(&self.args[0], axis);
        let names = ["softmax_grad_each", "softmax_grad_teams"];
        self.call(lines(names, vec![a(0), a(1), y(0)], outer, axis, inner).with(log));
    }

    /// Reports indices that are no row; returns their number.
    fn check_indices(&mut self, rows: usize, number: usize) -> usize {
        let picked = self.args[1].count();
        let call = Call::teams("check_indices", 1, vec![a(1), Operand::Trouble]);
        self.call(call.with_all([picked, rows, number]));
        picked
    }

    /// An operation of a layer's own; one without arguments gives the same results every time.
    fn scatter(&mut self, [rows, inner, picked]: [usize; 3]) {
        if !(FEW_INDICES..MANY_INDICES).contains(&picked) {
            let call = Call::each("scatter", self.count(), vec![a(0), a(1), y(0)]);
            return self.call(call.with_all([rows, inner, picked]));
        }
        self.form.work = self.form.work.max(2 * picked);
        let link = Operand::Work(0);
        let call = Call::each("follow_indices", picked, vec![a(1), link.clone()]);
        self.call(call.with(rows));
        self.call(Call::each("fill", self.count(), vec![y(0)]).with(0.0));
        let (n, operands) = (self.args[0].count(), vec![a(0), a(1), link, y(0)]);
        self.call(Call::each("scatter_followed", n, operands).with_all([rows, inner, picked]));
    }

    fn native(&mut self, native: &dyn Native) -> Result<(), String> {
        if self.args.is_empty() {
            let mut values: Vec<Vec<f64>> =
                self.outs.iter().map(|shape| vec![0.0; shape.count()]).collect();
            let shapes = self.outs.iter().zip(&mut values);
            let mut views: Vec<ViewMut<f64>> =
                shapes.map(|(shape, data)| ViewMut { shape, data }).collect();
            native.forward_f64(&[], &mut views, &mut vec![0.0; native.workspace(&[])]);
            for (i, values) in values.into_iter().enumerate() {
                let n = values.len();
                self.call(Call::fours("copy", n, vec![Operand::Table(values), y(i)]));
            }
            return Ok(());
        }
        let shapes: Vec<&Shape> = self.args.iter().collect();
        let form = native.device(Pass::Forward, &shapes).ok_or("no CUDA form")?;
        self.texts_and_calls(form);
        Ok(())
    }

    fn native_grad(&mut self, native: &dyn Native, wrt: &[usize]) -> Result<(), String> {
        let all: Vec<&Shape> = self.args.iter().collect();
        let results = native.shapes(&all).len();
        let kept = if native.gradient_reads_outputs() { results } else { 0 };
        let given = self.args.len() - kept - results;
        let mut form = native
            .device(Pass::Backward(wrt), &all[..given])
            .ok_or("its gradient has no CUDA form")?;
        for operand in form.calls.iter_mut().flat_map(|call| &mut call.operands) {
            *operand = match std::mem::replace(operand, Operand::Control) {
                Operand::Out(i) => Operand::Arg(given + i),
                Operand::OutGradient(i) => Operand::Arg(given + kept + i),
                Operand::ArgGradient(i) => Operand::Out(i),
                other => other,
            };
        }
        self.texts_and_calls(form);
        Ok(())
    }
}

/// A call for each line along the middle axis of `outer x axis x inner`: a thread for short lines, a block for long ones.
pub(super) fn lines(
    [each, teams]: [&'static str; 2],
    operands: Vec<Operand>,
    outer: usize,
    axis: usize,
    inner: usize,
) -> Call {
    let n = outer * inner;
    let call = match axis <= LONG_LINE || LONG_LINE < inner {
        true => Call::each(each, n, operands),
        false => Call::teams(teams, n, operands),
    };
    debug_assert!(matches!(call.spread, Spread::Each(_) | Spread::Teams(_)));
    call.with_all([axis, inner])
}

fn pool_numbers(pool: &Pool, x: &Shape) -> Vec<Number> {
    let shape = pool_shape(pool, x);
    let axes = pool.axes.iter();
    let taps = axes.flat_map(|axis| [axis.kernel, axis.stride, axis.pad_before, axis.dilation]);
    shape.input.into_iter().chain(shape.output).chain(taps).map(Number::from).collect()
}

fn average_numbers(pool: &Pool, x: &Shape) -> Vec<Number> {
    let mut numbers = pool_numbers(pool, x);
    numbers.extend(pool.axes.map(|axis| Number::from(axis.pad_after)));
    numbers.push(pool.count_pad.into());
    numbers
}
