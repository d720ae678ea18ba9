//! Straight-line programs over the closed set of kernels, with all shapes known.
//!
//! Invariants, checked by [`verify`](verify::verify):
//! - single assignment: every value is an input, a variable, or an output of exactly one step;
//! - a step reads only values that exist before it;
//! - the shape of every value is what its kernel makes of the shapes of the arguments;
//! - a variable (parameter or state) is changed only by [`Program::assigns`], after the last step.
//!
//! Absent on purpose: aliasing and in-place execution (the planner's business), control flow,
//! dialects, and any number type: the same program runs in `f32` and in `f64`.

mod arrange;
mod autodiff;
mod biases;
mod build;
mod chains;
mod composed;
mod cost;
mod deploy;
pub mod device;
pub mod expr;
mod fold;
mod fuse;
mod gradient;
mod infer;
mod kernel;
pub mod native;
mod once;
mod pooling;
mod print;
mod residual;
mod simplify;
mod slices;
mod towers;
mod verify;

pub use arrange::{Arrange, arrange, arranges};
pub use autodiff::{Gradients, differentiate, differentiate_twice};
pub use biases::part_biases;
pub use build::Builder;
pub use chains::fuse_chains;
pub use cost::{Cost, cost};
pub use deploy::{deploy, settled};
pub use fold::fold;
pub use fuse::{fuse, sum_maxima};
pub use infer::infer;
pub use kernel::{Distribution, FusedConv, Kernel, Lrn, Normalize, ReduceOp};
pub use once::compute_once;
pub use pooling::join_pooling;
pub use residual::join_sums;
pub use simplify::simplify;
pub use slices::slice_first;
pub use towers::{join_towers, sum_by_tower};
pub use verify::verify;

use crate::ty::Shape;

/// A value of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ValueId(pub u32);

/// A variable of the net the program was lowered from: a parameter or a state that outlives a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VarId(pub u32);

/// The layer that a step came from: its position in the net.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin(pub u32);

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Written by the caller before every run.
    Input,
    /// Kept between runs.
    Variable(VarId),
    /// Computed by a step.
    Step(u32),
    /// Was computed by a step that [`simplify`] removed.
    Dead,
}

/// A value's shape and source.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// Extents.
    pub shape: Shape,
    /// Where it comes from.
    pub source: Source,
}

/// One application of a kernel.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The operation.
    pub kernel: Kernel,
    /// Arguments, in the kernel's order.
    pub args: Vec<ValueId>,
    /// Results, in the kernel's order.
    pub outs: Vec<ValueId>,
    /// The layer it came from; the backward pass of a layer has that layer's origin.
    pub origin: Origin,
}

/// A straight-line program.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Program {
    /// All values.
    pub values: Vec<Value>,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// Values the caller writes, by name.
    pub inputs: Vec<(String, ValueId)>,
    /// Values the caller reads, by name.
    pub outputs: Vec<(String, ValueId)>,
    /// What becomes of variables after a run: the variable takes the value.
    pub assigns: Vec<(ValueId, ValueId)>,
    /// Layers of towers that run as one, for the batches of all; their steps have the origin of the first.
    pub joined: Vec<Vec<Origin>>,
}

impl Program {
    /// The shape of a value.
    pub fn shape(&self, v: ValueId) -> &Shape {
        &self.values[v.0 as usize].shape
    }

    /// The source of a value.
    pub fn source(&self, v: ValueId) -> Source {
        self.values[v.0 as usize].source
    }

    /// Replaces the steps, and tells their results where they come from.
    fn renumber(&mut self, steps: Vec<Step>) {
        for value in &mut self.values {
            if matches!(value.source, Source::Step(_)) {
                value.source = Source::Dead;
            }
        }
        for (number, step) in steps.iter().enumerate() {
            for out in &step.outs {
                self.values[out.0 as usize].source = Source::Step(number as u32);
            }
        }
        self.steps = steps;
    }

    /// Adds a value.
    pub(crate) fn value(&mut self, shape: Shape, source: Source) -> ValueId {
        self.values.push(Value { shape, source });
        ValueId(self.values.len() as u32 - 1)
    }

    /// Adds a step and returns its results, whose shapes follow from the arguments; `shape` is the result's
    /// shape for kernels that need to be told (fill, view, random, slice, pad and adjoints).
    pub(crate) fn step(
        &mut self,
        kernel: Kernel,
        args: &[ValueId],
        shape: Option<Shape>,
        origin: Origin,
    ) -> Vec<ValueId> {
        let arg_shapes: Vec<&Shape> = args.iter().map(|&a| self.shape(a)).collect();
        let shapes = infer(&kernel, &arg_shapes, shape.as_ref());
        let shapes = match shapes {
            Ok(shapes) => shapes,
            Err(why) => panic!("internal error: {} of {arg_shapes:?}: {why}", kernel.name()),
        };
        let number = self.steps.len() as u32;
        let outs: Vec<_> =
            shapes.into_iter().map(|s| self.value(s, Source::Step(number))).collect();
        self.steps.push(Step { kernel, args: args.to_vec(), outs: outs.clone(), origin });
        outs
    }
}
