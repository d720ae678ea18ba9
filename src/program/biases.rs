//! Takes biases out of convolutions and matrix products: from a program whose kernels add them to one for a device on which
//! that would be a pass over memory and a launch of its own.
//!
//! Where a maximum pooling alone reads a convolution, both become one kernel, which adds the bias to what it reads. Elsewhere
//! the sum is a pointwise step, for chains to take in, unless the product is small enough for a kernel of its own.

use super::device::is_small_product;
use super::expr::{PointFn, arg};
use super::fold::{producer, uses};
use super::{FusedConv, Kernel, Program, Source, Step, ValueId};
use crate::ty::Shape;

/// Rewrites a program in place, after differentiation. Results are the same; values stay where they are, and convolutions that
/// nobody reads any more are left to [`simplify`](super::simplify()).
pub fn part_biases(program: &mut Program) {
    let mut uses = uses(program);
    let ends = program.outputs.iter().map(|(_, v)| v);
    ends.chain(program.assigns.iter().map(|(_, new)| new)).for_each(|v| uses[v.0 as usize] += 1);
    for number in 0..program.steps.len() {
        if let Some(step) = pooled(program, &program.steps[number], &uses) {
            uses[program.steps[number].args[0].0 as usize] = 0;
            program.steps[number] = step;
        }
    }
    let mut steps = vec![];
    for mut step in std::mem::take(&mut program.steps) {
        let axis = match (&step.kernel, &step.args[..]) {
            (Kernel::Conv(_), [_, _, _]) => 1,
            (Kernel::MatMul { trans_a, .. }, [a, _, _])
                if !is_small(program, &step, *a, *trans_a) =>
            {
                program.shape(step.outs[0]).rank() - 1
            }
            _ => {
                steps.push(step);
                continue;
            }
        };
        let origin = step.origin;
        let shape = program.shape(step.outs[0]).clone();
        let bias = step.args.pop().expect("a third argument");
        let mut row = Shape(vec![1; shape.rank()]);
        row.0[axis] = shape.0[axis];
        let [product, row] = [shape, row].map(|shape| program.value(shape, Source::Dead));
        let sum = std::mem::replace(&mut step.outs, vec![product]);
        let add = Kernel::Pointwise(PointFn::new(&(arg(0) + arg(1))));
        steps.push(step);
        steps.push(Step { kernel: Kernel::View, args: vec![bias], outs: vec![row], origin });
        steps.push(Step { kernel: add, args: vec![product, row], outs: sum, origin });
    }
    program.renumber(steps);
}

/// Whether a kernel of its own does a product `a b`, which adds the bias.
fn is_small(program: &Program, step: &Step, a: ValueId, trans_a: bool) -> bool {
    let (a, results) = (program.shape(a), program.shape(step.outs[0]).count());
    is_small_product(results, a.0[a.rank() - if trans_a { 2 } else { 1 }])
}

/// The step that does the work of a pooling and of the convolution before it, if that has a bias and nobody else reads it.
fn pooled(program: &Program, step: &Step, uses: &[usize]) -> Option<Step> {
    let Kernel::MaxPool(pool) = &step.kernel else { return None };
    let read: ValueId = step.args[0];
    let before = producer(program, read)?;
    let (Kernel::Conv(conv), 3) = (&before.kernel, before.args.len()) else { return None };
    let conv = conv.clone();
    let fused =
        FusedConv { conv, bias: true, sum: false, relu: false, packed: false, tiled: false };
    (uses[read.0 as usize] == 1).then(|| Step {
        kernel: Kernel::PooledConv(fused, pool.clone()),
        args: before.args.clone(),
        outs: step.outs.clone(),
        origin: before.origin,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::expr::{constant, select};
    use crate::program::{Builder, fuse_chains, simplify, verify};
    use crate::window::{Axis, Conv, Pool, Rounding};

    #[test]
    fn a_bias_goes_to_the_pooling_or_the_chain_that_reads_it() {
        for watched in [false, true] {
            let mut b = Builder::new();
            let x = b.input("x", Shape::from([2, 3, 8, 8]));
            let w = b.input("w", Shape::from([4, 3, 3, 3]));
            let bias = b.input("b", Shape::from([4]));
            let conv = Conv { axes: vec![Axis::new(3, 1, 0); 2], group: 1 };
            let y = b.conv(x, w, Some(bias), conv);
            let axes = [Axis::new(2, 2, 0); 2];
            let pool = Pool { axes, rounding: Rounding::Ceil, count_pad: true };
            let (top, _) = b.max_pool(y, pool);
            let flat = b.view(top, [2, 36]);
            let w = b.input("w2", Shape::from([36, 20_000]));
            let bias = b.input("b2", Shape::from([20_000]));
            let z = b.matmul(flat, false, w, false, Some(bias));
            let z = b.map(&[z], &select(arg(0).lt(0.0), constant(0.0), arg(0)));
            b.output("z", z);
            if watched {
                b.output("y", y);
            }
            let mut program = b.finish();
            part_biases(&mut program);
            fuse_chains(&mut program);
            simplify(&mut program);
            assert_eq!(verify(&program), Ok(()));
            let mut names: Vec<_> = program.steps.iter().map(|step| step.kernel.name()).collect();
            names.retain(|name| name != "view");
            let first: &[_] =
                if watched { &["conv", "pointwise", "max-pool"] } else { &["pooled-conv"] };
            assert_eq!(names, [first, &["matmul", "pointwise"]].concat());
        }
    }
}
