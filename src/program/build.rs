//! Typed constructors with which a layer writes its part of a program.

use std::collections::HashMap;
use std::sync::Arc;

use super::expr::{Expr, PointFn, arg};
use super::kernel::{Distribution, Kernel, Lrn, Normalize, ReduceOp};
use super::native::Operation;
use super::{Origin, Program, Source, ValueId, VarId};
use crate::ty::Shape;
use crate::window::{Axis, Conv, Pool};

/// Fewest columns of an image of one channel that are channels instead where windows span them.
const COLUMNS: usize = 8;

/// Appends steps to a program on behalf of one layer at a time.
#[derive(Debug, Default)]
pub struct Builder {
    program: Program,
    origin: Origin,
    streams: u64,
    variables: HashMap<VarId, ValueId>,
    /// Where among the program's assignments that of a variable is.
    assigned: HashMap<ValueId, usize>,
    /// Whether gradients are written with kernels that have gradients themselves.
    pub(super) composes: bool,
}

impl Default for Origin {
    fn default() -> Self {
        Origin(u32::MAX)
    }
}

impl Builder {
    /// An empty program.
    pub fn new() -> Self {
        Self::default()
    }

    /// The program written so far.
    pub fn finish(self) -> Program {
        self.program
    }

    /// The program written so far.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// The program written so far, for passes that rewrite it.
    pub(super) fn program_mut(&mut self) -> &mut Program {
        &mut self.program
    }

    /// Lets every reader of a value read the one that stands for it.
    pub(super) fn replace(&mut self, stands: &[ValueId]) {
        let program = &mut self.program;
        let read = program.steps.iter_mut().flat_map(|step| &mut step.args);
        let kept = program.outputs.iter_mut().map(|(_, v)| v);
        let new = program.assigns.iter_mut().map(|(_, new)| new);
        read.chain(kept).chain(new).for_each(|v| *v = stands[v.0 as usize]);
    }

    /// A value that the caller reads after every run.
    pub fn output(&mut self, name: impl Into<String>, v: ValueId) {
        self.program.outputs.push((name.into(), v));
    }

    /// Steps from here on belong to this layer.
    pub fn set_origin(&mut self, origin: Origin) {
        self.origin = origin;
    }

    /// The layer that steps belong to.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// The shape of a value.
    pub fn shape(&self, v: ValueId) -> &Shape {
        self.program.shape(v)
    }

    /// A value that the caller writes before every run.
    pub fn input(&mut self, name: &str, shape: Shape) -> ValueId {
        let v = self.program.value(shape, Source::Input);
        self.program.inputs.push((name.to_owned(), v));
        v
    }

    /// A parameter or a state; asked for twice, it is the same value.
    pub fn variable(&mut self, var: VarId, shape: &Shape) -> ValueId {
        let value = || self.program.value(shape.clone(), Source::Variable(var));
        *self.variables.entry(var).or_insert_with(value)
    }

    /// After the run, the variable behind `state` takes the value `new`, a view of the same elements. A second
    /// assignment takes the place of the first, which [`Builder::latest`] makes part of it.
    pub fn assign(&mut self, state: ValueId, new: ValueId) {
        let variable = self.behind(state);
        let new = self.view(new, self.shape(variable).clone());
        let assigns = &mut self.program.assigns;
        let at = *self.assigned.entry(variable).or_insert(assigns.len());
        match assigns.get_mut(at) {
            Some(assignment) => assignment.1 = new,
            None => assigns.push((variable, new)),
        }
    }

    /// What a state holds at this point: what was last assigned to it, in the state's shape, else itself.
    pub fn latest(&mut self, state: ValueId) -> ValueId {
        let variable = self.behind(state);
        let last = self.assigned.get(&variable).map(|&at| self.program.assigns[at].1);
        match last {
            Some(new) => self.view(new, self.shape(state).clone()),
            None => state,
        }
    }

    /// The value that a chain of views shows.
    fn behind(&self, mut v: ValueId) -> ValueId {
        while let Source::Step(number) = self.program.source(v)
            && let step = &self.program.steps[number as usize]
            && step.kernel == Kernel::View
        {
            v = step.args[0];
        }
        v
    }

    /// A step of any kernel; `told` is the shape of the result where the arguments do not determine it.
    pub fn step(&mut self, kernel: Kernel, args: &[ValueId], told: Option<Shape>) -> Vec<ValueId> {
        self.program.step(kernel, args, told, self.origin)
    }

    fn one(&mut self, kernel: Kernel, args: &[ValueId], told: Option<Shape>) -> ValueId {
        self.step(kernel, args, told)[0]
    }

    /// A constant everywhere.
    pub fn fill(&mut self, value: f64, shape: Shape) -> ValueId {
        self.one(Kernel::Fill(value), &[], Some(shape))
    }

    /// One element at a time; arguments are repeated along axes where they have extent 1.
    pub fn map(&mut self, args: &[ValueId], f: &Expr) -> ValueId {
        self.one(Kernel::Pointwise(PointFn::new(f)), args, None)
    }

    /// `f` of one argument, whose derivative is known from the result alone: `derivative` has the result as
    /// argument 0. The argument then need not be kept for the backward pass.
    pub fn activation(&mut self, x: ValueId, f: &Expr, derivative: &Expr) -> ValueId {
        let mut f = PointFn::new(f);
        f.set_output_derivative(PointFn::new(derivative));
        self.one(Kernel::Pointwise(f), &[x], None)
    }

    /// x in a larger shape of the same rank: repeated along axes where it has extent 1.
    pub fn repeat(&mut self, x: ValueId, shape: impl Into<Shape>) -> ValueId {
        self.one(Kernel::Pointwise(PointFn::new(&arg(0))), &[x], Some(shape.into()))
    }

    /// a + b, both of one shape or repeated along axes of extent 1.
    pub fn add(&mut self, a: ValueId, b: ValueId) -> ValueId {
        self.map(&[a, b], &(arg(0) + arg(1)))
    }

    /// a b, likewise.
    pub fn mul(&mut self, a: ValueId, b: ValueId) -> ValueId {
        self.map(&[a, b], &(arg(0) * arg(1)))
    }

    /// a times a constant.
    pub fn scale(&mut self, a: ValueId, factor: f64) -> ValueId {
        self.map(&[a], &(arg(0) * factor))
    }

    /// Sum along axes, which stay with extent 1.
    pub fn sum(&mut self, x: ValueId, axes: &[usize]) -> ValueId {
        self.one(Kernel::Reduce(ReduceOp::Sum, axes.to_vec()), &[x], None)
    }

    /// Maximum along axes, which stay with extent 1.
    pub fn max(&mut self, x: ValueId, axes: &[usize]) -> ValueId {
        self.one(Kernel::Reduce(ReduceOp::Max, axes.to_vec()), &[x], None)
    }

    /// The sum of all elements, as a scalar.
    pub fn sum_all(&mut self, x: ValueId) -> ValueId {
        let axes: Vec<usize> = (0..self.shape(x).rank()).collect();
        let sum = self.sum(x, &axes);
        self.view(sum, Shape::scalar())
    }

    /// The same elements in another shape of the same count.
    pub fn view(&mut self, x: ValueId, shape: impl Into<Shape>) -> ValueId {
        let shape = shape.into();
        if *self.shape(x) == shape {
            return x;
        }
        self.one(Kernel::View, &[x], Some(shape))
    }

    /// The same value under another number, so that its readers' gradients are not added to those of the other's.
    pub fn same(&mut self, x: ValueId) -> ValueId {
        let shape = self.shape(x).clone();
        self.one(Kernel::View, &[x], Some(shape))
    }

    /// The same value, through which no gradient passes.
    pub fn stop(&mut self, x: ValueId) -> ValueId {
        let shape = self.shape(x).clone();
        self.one(Kernel::Stop, &[x], Some(shape))
    }

    /// Axis `i` of the result is axis `perm[i]` of `x`.
    pub fn transpose(&mut self, x: ValueId, perm: &[usize]) -> ValueId {
        self.one(Kernel::Transpose(perm.to_vec()), &[x], None)
    }

    /// `count` elements of an axis from `start`.
    pub fn slice(&mut self, x: ValueId, axis: usize, start: usize, count: usize) -> ValueId {
        self.strided_slice(x, axis, start, 1, count)
    }

    /// `count` elements of an axis: `start, start + step, ...`.
    pub fn strided_slice(
        &mut self,
        x: ValueId,
        axis: usize,
        start: usize,
        step: usize,
        count: usize,
    ) -> ValueId {
        let shape = self.shape(x).with(axis, count);
        if shape == *self.shape(x) {
            return x;
        }
        self.one(Kernel::Slice { axis, start, step }, &[x], Some(shape))
    }

    /// Zeros around `x` along an axis: `before` in front, `extent` in all.
    pub fn pad(&mut self, x: ValueId, axis: usize, before: usize, extent: usize) -> ValueId {
        self.spread(x, axis, (before, 1), extent)
    }

    /// Elements of an axis at `start, start + step, ...` among zeros.
    pub fn spread(
        &mut self,
        x: ValueId,
        axis: usize,
        (start, step): (usize, usize),
        extent: usize,
    ) -> ValueId {
        let shape = self.shape(x).with(axis, extent);
        self.one(Kernel::Pad { axis, start, step }, &[x], Some(shape))
    }

    /// One after the other along an axis.
    pub fn concat(&mut self, xs: &[ValueId], axis: usize) -> ValueId {
        if let [x] = xs {
            return *x;
        }
        self.one(Kernel::Concat(axis), xs, None)
    }

    /// Matrix product over the last two axes; see [`Kernel::MatMul`].
    pub fn matmul(
        &mut self,
        a: ValueId,
        trans_a: bool,
        b: ValueId,
        trans_b: bool,
        bias: Option<ValueId>,
    ) -> ValueId {
        let args: Vec<_> = [a, b].into_iter().chain(bias).collect();
        self.one(Kernel::MatMul { trans_a, trans_b }, &args, None)
    }

    /// Convolution; see [`Kernel::Conv`].
    pub fn conv(&mut self, x: ValueId, w: ValueId, bias: Option<ValueId>, conv: Conv) -> ValueId {
        let (x, w, conv) = self.columns_as_channels(x, w, &conv).unwrap_or((x, w, conv));
        let args: Vec<_> = [x, w].into_iter().chain(bias).collect();
        self.one(Kernel::Conv(conv), &args, None)
    }

    /// The same convolution where a window spans all columns of an image of one channel, as over the words of a text: the
    /// columns are channels, which lie last already.
    fn columns_as_channels(
        &mut self,
        x: ValueId,
        w: ValueId,
        conv: &Conv,
    ) -> Option<(ValueId, ValueId, Conv)> {
        let (&[n, 1, rows, columns], &[outputs, _, taps, kernel]) =
            (self.shape(x).dims(), self.shape(w).dims())
        else {
            return None;
        };
        let &[down, across] = &conv.axes[..] else { return None };
        let spans = across == Axis::new(columns, across.stride, 0) && kernel == columns;
        if !(spans && taps < rows && COLUMNS <= columns) {
            return None;
        }
        let (x, w) =
            (self.view(x, [n, rows, 1, columns]), self.view(w, [outputs, taps, 1, columns]));
        let [x, w] = [x, w].map(|v| self.transpose(v, &[0, 3, 1, 2]));
        Some((x, w, Conv { axes: vec![down, Axis::new(1, 1, 0)], group: 1 }))
    }

    /// Deconvolution: the adjoint of the convolution `conv`, which maps `shape` to the shape of `x`.
    pub fn deconv(&mut self, x: ValueId, w: ValueId, conv: Conv, shape: Shape) -> ValueId {
        self.one(Kernel::ConvInput(conv), &[x, w], Some(shape))
    }

    /// Windows as columns; see [`Kernel::Im2col`].
    pub fn im2col(&mut self, x: ValueId, conv: Conv) -> ValueId {
        self.one(Kernel::Im2col(conv), &[x], None)
    }

    /// The largest of each window, and where it was.
    pub fn max_pool(&mut self, x: ValueId, pool: Pool) -> (ValueId, ValueId) {
        let pool = pool.plain(self.extents(x), false);
        let outs = self.program.step(Kernel::MaxPool(pool), &[x], None, self.origin);
        (outs[0], outs[1])
    }

    /// The mean of each window.
    pub fn ave_pool(&mut self, x: ValueId, pool: Pool) -> ValueId {
        let pool = pool.plain(self.extents(x), true);
        self.one(Kernel::AvePool(pool), &[x], None)
    }

    /// Rows and columns of images.
    fn extents(&self, x: ValueId) -> [usize; 2] {
        let dims = self.shape(x).dims();
        [dims[2], dims[3]]
    }

    /// Local response normalisation across axis 1.
    pub fn lrn(&mut self, x: ValueId, lrn: Lrn) -> ValueId {
        self.one(Kernel::Lrn(lrn), &[x], None)
    }

    /// Mean and biased variance of every channel, axis 1; see [`Kernel::Moments`].
    pub fn channel_moments(&mut self, x: ValueId) -> (ValueId, ValueId) {
        let outs = self.step(Kernel::Moments, &[x], None);
        (outs[0], outs[1])
    }

    /// Normalises channels by moments, then by a factor and a shift if `affine` are there; see [`Kernel::Normalize`].
    /// With `batch` the moments are the [`Builder::channel_moments`] of `x`.
    pub fn normalize(
        &mut self,
        x: ValueId,
        moments: (ValueId, ValueId),
        affine: Option<(ValueId, ValueId)>,
        eps: f64,
        batch: bool,
    ) -> ValueId {
        let kernel = Normalize { eps, batch, affine: affine.is_some(), relu: false };
        let mut args = vec![x, moments.0, moments.1];
        args.extend(affine.into_iter().flat_map(|(scale, shift)| [scale, shift]));
        self.one(Kernel::Normalize(kernel), &args, None)
    }

    /// Softmax along an axis.
    pub fn softmax(&mut self, x: ValueId, axis: usize) -> ValueId {
        self.one(Kernel::Softmax(axis), &[x], None)
    }

    /// Logarithm of the softmax along an axis.
    pub fn log_softmax(&mut self, x: ValueId, axis: usize) -> ValueId {
        self.one(Kernel::LogSoftmax(axis), &[x], None)
    }

    /// Slices of `x` along an axis, chosen by whole numbers counted from 0.
    pub fn gather(&mut self, x: ValueId, axis: usize, index: ValueId) -> ValueId {
        self.one(Kernel::Gather(axis), &[x, index], None)
    }

    /// Fresh random numbers in every run.
    pub fn random(&mut self, distribution: Distribution, shape: Shape) -> ValueId {
        self.streams += 1;
        self.one(Kernel::Random(distribution, self.streams), &[], Some(shape))
    }

    /// An operation of a layer's own.
    pub fn native(&mut self, operation: impl Operation, args: &[ValueId]) -> Vec<ValueId> {
        self.program.step(Kernel::Native(Arc::new(operation)), args, None, self.origin)
    }
}
