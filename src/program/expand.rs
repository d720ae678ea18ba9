//! Writes the kernels that are quick on a processor as compositions of others, for devices that do not have them.

use super::expr::{Expr, PointFn, arg, constant, select};
use super::{Kernel, Normalize, Program, ReduceOp, Source, Step, ValueId};
use crate::ty::Shape;

/// Replaces moments and normalisations by reductions and pointwise steps. Results are the same but for rounding; values
/// stay where they are.
pub fn expand(program: &mut Program) {
    let mut steps = vec![];
    for step in std::mem::take(&mut program.steps) {
        let mut parts = Parts { program, steps: &mut steps, step: &step };
        match &step.kernel {
            Kernel::Moments => parts.moments(),
            Kernel::Normalize(n) => parts.normalize(n),
            Kernel::NormalizeGrad(n) => parts.gradient(n),
            _ => steps.push(step),
        }
    }
    for (number, step) in steps.iter().enumerate() {
        for out in &step.outs {
            program.values[out.0 as usize].source = Source::Step(number as u32);
        }
    }
    program.steps = steps;
}

/// One step that is taken apart.
struct Parts<'a> {
    program: &'a mut Program,
    steps: &'a mut Vec<Step>,
    step: &'a Step,
}

impl Parts<'_> {
    fn add(&mut self, kernel: Kernel, args: &[ValueId], told: Option<Shape>) -> ValueId {
        let out = self.program.step(kernel, args, told, self.step.origin)[0];
        self.steps.extend(self.program.steps.pop());
        out
    }

    fn map(&mut self, args: &[ValueId], e: &Expr) -> ValueId {
        self.add(Kernel::Pointwise(PointFn::new(e)), args, None)
    }

    /// The same elements as the result `i` of the step.
    fn finish(&mut self, i: usize, v: ValueId) {
        let out = self.step.outs[i];
        self.steps.push(Step {
            kernel: Kernel::View,
            args: vec![v],
            outs: vec![out],
            origin: self.step.origin,
        });
    }

    fn rank(&self) -> usize {
        self.program.shape(self.step.args[0]).rank()
    }

    /// The sum by channel.
    fn sum(&mut self, v: ValueId) -> ValueId {
        let axes = (0..self.rank()).filter(|&axis| axis != 1).collect();
        self.add(Kernel::Reduce(ReduceOp::Sum, axes), &[v], None)
    }

    /// 1 over the number of elements of a channel.
    fn share(&self) -> f64 {
        let x = self.program.shape(self.step.args[0]);
        x.0[1] as f64 / x.count() as f64
    }

    /// An argument of the step with an element for each channel.
    fn by_channel(&mut self, i: usize) -> ValueId {
        let v = self.step.args[i];
        let mut shape = Shape(vec![1; self.rank()]);
        shape.0[1] = self.program.shape(v).count();
        if *self.program.shape(v) == shape {
            return v;
        }
        self.add(Kernel::View, &[v], Some(shape))
    }

    fn moments(&mut self) {
        let x = self.step.args[0];
        let share = self.share();
        let sum = self.sum(x);
        let mean = self.map(&[sum], &(arg(0) * share));
        let squares = self.map(&[x, mean], &(arg(0) - arg(1)).squared());
        let squares = self.sum(squares);
        let variance = self.map(&[squares], &(arg(0) * share));
        self.finish(0, mean);
        self.finish(1, variance);
    }

    /// The mean, 1 over the deviation, and factor and shift if there are any.
    fn numbers(&mut self, n: &Normalize) -> (ValueId, ValueId, Option<(ValueId, ValueId)>) {
        let (mean, variance) = (self.by_channel(1), self.by_channel(2));
        let inverse = self.map(&[variance], &(arg(0) + n.eps).pow(-0.5));
        let affine = n.affine.then(|| (self.by_channel(3), self.by_channel(4)));
        (mean, inverse, affine)
    }

    /// The result before ReLU.
    fn value(
        &mut self,
        mean: ValueId,
        inverse: ValueId,
        affine: Option<(ValueId, ValueId)>,
    ) -> ValueId {
        let x = self.step.args[0];
        let normal = (arg(0) - arg(1)) * arg(2);
        match affine {
            Some((scale, shift)) => {
                self.map(&[x, mean, inverse, scale, shift], &(normal * arg(3) + arg(4)))
            }
            None => self.map(&[x, mean, inverse], &normal),
        }
    }

    fn normalize(&mut self, n: &Normalize) {
        let (mean, inverse, affine) = self.numbers(n);
        let mut y = self.value(mean, inverse, affine);
        if n.relu {
            y = self.map(&[y], &select(arg(0).gt(0.0), arg(0), constant(0.0)));
        }
        self.finish(0, y);
    }

    fn gradient(&mut self, n: &Normalize) {
        let (mean, inverse, affine) = self.numbers(n);
        let x = self.step.args[0];
        let mut dy = self.step.args[self.step.args.len() - 1];
        if n.relu {
            let y = self.value(mean, inverse, affine);
            dy = self.map(&[y, dy], &select(arg(0).gt(0.0), arg(1), constant(0.0)));
        }
        let sum = self.sum(dy);
        let products = self.map(&[x, mean, inverse, dy], &((arg(0) - arg(1)) * arg(2) * arg(3)));
        let product = self.sum(products);
        let factor = match affine {
            Some((scale, _)) => self.map(&[inverse, scale], &(arg(0) * arg(1))),
            None => inverse,
        };
        let share = self.share();
        let dx = match n.batch {
            true => {
                let normal = (arg(1) - arg(2)) * arg(3);
                let through = arg(0) - arg(4) * share - normal * arg(5) * share;
                let args = [dy, x, mean, inverse, sum, product, factor];
                self.map(&args, &(through * arg(6)))
            }
            false => self.map(&[dy, factor], &(arg(0) * arg(1))),
        };
        self.finish(0, dx);
        if n.affine {
            self.finish(1, product);
            self.finish(2, sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::{Builder, differentiate, verify};

    #[test]
    fn only_kernels_that_every_device_has_are_left() {
        for (batch, affine) in [(true, true), (false, false), (true, false)] {
            let mut b = Builder::new();
            let x = b.input("x", Shape::from([2, 3, 5, 5]));
            let [scale, shift] = ["scale", "shift"].map(|name| b.input(name, Shape::from([3])));
            let moments = b.channel_moments(x);
            let y = b.normalize(x, moments, affine.then_some((scale, shift)), 1e-5, batch);
            let dy = b.input("dy", b.shape(y).clone());
            let gradients = differentiate(&mut b, &[(y, dy)], &[x, scale, shift]);
            b.output("y", y);
            for v in [x, scale, shift].into_iter().filter_map(|v| gradients.of(v)) {
                b.output("d", v);
            }
            let mut program = b.finish();
            expand(&mut program);
            assert_eq!(verify(&program), Ok(()));
            let mut names: Vec<_> = program.steps.iter().map(|step| step.kernel.name()).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names, ["pointwise", "sum", "view"]);
        }
    }
}
