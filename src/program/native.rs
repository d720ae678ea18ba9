//! Operations that a layer defines itself, with their own gradient: the escape from the closed set.
//!
//! A layer implements [`Operation`] once, generically over the number type; the blanket
//! implementation makes it a [`Native`], which the program carries as an object.

use std::fmt::Debug;

use super::device::{DeviceForm, Pass};
use super::{Builder, ValueId};
use crate::real::Real;
use crate::ty::Shape;

/// An argument: its shape and its elements.
#[derive(Clone, Copy, Debug)]
pub struct View<'a, T> {
    /// Extents.
    pub shape: &'a Shape,
    /// Elements, row-major.
    pub data: &'a [T],
}

/// A result: its shape and the place for its elements, which hold anything beforehand.
#[derive(Debug)]
pub struct ViewMut<'a, T> {
    /// Extents.
    pub shape: &'a Shape,
    /// Elements, row-major.
    pub data: &'a mut [T],
}

/// What a layer writes to define an operation of its own.
pub trait Operation: Debug + Send + Sync + PartialEq + 'static {
    /// A short name for printing; that of its gradient has `-grad` behind it.
    const NAME: &'static str;
    /// The first so many arguments have gradients; labels have none. See [`Operation::differentiable`].
    const DIFFERENTIABLE: usize = usize::MAX;

    /// The shapes of the results.
    fn shapes(&self, args: &[&Shape]) -> Vec<Shape>;

    /// Elements of scratch that `forward` and `backward` need.
    fn workspace(&self, _args: &[&Shape]) -> usize {
        0
    }

    /// Whether `backward` reads the results of `forward`; if not, they need not be kept.
    fn gradient_reads_outputs(&self) -> bool {
        false
    }

    /// Whether an argument has a gradient at all.
    fn differentiable(&self, arg: usize) -> bool {
        arg < Self::DIFFERENTIABLE
    }

    /// Computes the results. Must give the same bits every time.
    fn forward<T: Real>(&self, args: &[View<T>], outs: &mut [ViewMut<T>], work: &mut [T]);

    /// Computes the gradient to the arguments in [`Saved::wrt`], in that order. Never asked for where no argument has
    /// a gradient or [`Operation::rule`] writes it.
    fn backward<T: Real>(&self, _saved: &Saved<T>, _dargs: &mut [ViewMut<T>], _work: &mut [T]) {
        unreachable!("{} computes no gradient", Self::NAME);
    }

    /// Writes the gradient as steps of the program, as pairs of an argument and its gradient, in the place of `backward`.
    fn rule(
        &self,
        _b: &mut Builder,
        _args: &[ValueId],
        _douts: &[Option<ValueId>],
    ) -> Option<Vec<(usize, ValueId)>> {
        None
    }

    /// How the operation runs on a GPU for arguments of these shapes; none if nobody has written it. An operation
    /// without arguments needs no form: its results are always the same.
    fn device(&self, _pass: Pass, _args: &[&Shape]) -> Option<DeviceForm> {
        None
    }
}

/// What a backward pass may read.
#[derive(Debug)]
pub struct Saved<'a, T> {
    /// The arguments of the forward pass.
    pub args: &'a [View<'a, T>],
    /// Its results; empty unless [`Operation::gradient_reads_outputs`].
    pub outs: &'a [View<'a, T>],
    /// The gradient of each result.
    pub douts: &'a [View<'a, T>],
    /// The arguments to which gradients are asked for.
    pub wrt: &'a [usize],
}

/// [`Operation`] as an object. Implemented for every operation; not to be implemented by hand.
pub trait Native: Debug + Send + Sync {
    /// A short name for printing.
    fn name(&self) -> &'static str;
    /// The shapes of the results.
    fn shapes(&self, args: &[&Shape]) -> Vec<Shape>;
    /// Elements of scratch.
    fn workspace(&self, args: &[&Shape]) -> usize;
    /// See [`Operation::gradient_reads_outputs`].
    fn gradient_reads_outputs(&self) -> bool;
    /// See [`Operation::differentiable`].
    fn differentiable(&self, arg: usize) -> bool;
    /// Forward in f32.
    fn forward_f32(&self, args: &[View<f32>], outs: &mut [ViewMut<f32>], work: &mut [f32]);
    /// Forward in f64.
    fn forward_f64(&self, args: &[View<f64>], outs: &mut [ViewMut<f64>], work: &mut [f64]);
    /// Backward in f32.
    fn backward_f32(&self, saved: &Saved<f32>, dargs: &mut [ViewMut<f32>], work: &mut [f32]);
    /// Backward in f64.
    fn backward_f64(&self, saved: &Saved<f64>, dargs: &mut [ViewMut<f64>], work: &mut [f64]);
    /// See [`Operation::rule`].
    fn rule(
        &self,
        b: &mut Builder,
        args: &[ValueId],
        douts: &[Option<ValueId>],
    ) -> Option<Vec<(usize, ValueId)>>;
    /// See [`Operation::device`].
    fn device(&self, pass: Pass, args: &[&Shape]) -> Option<DeviceForm>;
    /// For comparisons between objects.
    fn as_any(&self) -> &dyn std::any::Any;
    /// Equal operations with equal parameters.
    fn equals(&self, other: &dyn Native) -> bool;
}

impl<O: Operation> Native for O {
    fn name(&self) -> &'static str {
        O::NAME
    }
    fn shapes(&self, args: &[&Shape]) -> Vec<Shape> {
        Operation::shapes(self, args)
    }
    fn workspace(&self, args: &[&Shape]) -> usize {
        Operation::workspace(self, args)
    }
    fn rule(
        &self,
        b: &mut Builder,
        args: &[ValueId],
        douts: &[Option<ValueId>],
    ) -> Option<Vec<(usize, ValueId)>> {
        Operation::rule(self, b, args, douts)
    }
    fn gradient_reads_outputs(&self) -> bool {
        Operation::gradient_reads_outputs(self)
    }
    fn differentiable(&self, arg: usize) -> bool {
        Operation::differentiable(self, arg)
    }
    fn forward_f32(&self, args: &[View<f32>], outs: &mut [ViewMut<f32>], work: &mut [f32]) {
        self.forward(args, outs, work);
    }
    fn forward_f64(&self, args: &[View<f64>], outs: &mut [ViewMut<f64>], work: &mut [f64]) {
        self.forward(args, outs, work);
    }
    fn backward_f32(&self, saved: &Saved<f32>, dargs: &mut [ViewMut<f32>], work: &mut [f32]) {
        self.backward(saved, dargs, work);
    }
    fn backward_f64(&self, saved: &Saved<f64>, dargs: &mut [ViewMut<f64>], work: &mut [f64]) {
        self.backward(saved, dargs, work);
    }
    fn device(&self, pass: Pass, args: &[&Shape]) -> Option<DeviceForm> {
        Operation::device(self, pass, args)
    }
    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
    fn equals(&self, other: &dyn Native) -> bool {
        other.as_any().downcast_ref::<O>() == Some(self)
    }
}

impl PartialEq for dyn Native {
    fn eq(&self, other: &dyn Native) -> bool {
        self.equals(other)
    }
}
