//! Replaces steps by others that do their work at less cost.
//!
//! The gradient that comes back through maximum pooling is zero but for one element a window. A convolution's gradients
//! of such a blob become the kernels that sum over the maxima only, and its bias' gradient the sum of the gradients of
//! the maxima, after which nobody reads the blob and [`simplify`](super::simplify()) drops it. Forward, a convolution and
//! the pooling behind it become one kernel where an image of the blob between them is small.

use super::expr::arg;
use super::fold::{is_map, uses};
use super::{Kernel, Program, ReduceOp, Source, Step, ValueId, join_pooling};
use crate::window::Conv;

/// Elements of an image up to which sums over maxima pay: they read it in no order.
const LARGEST: usize = 16 * 1024;

/// Fewest elements of a window's row in all channels for which the gradient to the input pays.
const SHORTEST: usize = 16;

/// Rewrites a program in place. Results are the same but for rounding; values stay where they are.
pub fn fuse(program: &mut Program) {
    for number in 0..program.steps.len() {
        let step = &program.steps[number];
        let unpooled = |&arg| Unpooled::find(program, arg);
        let Some(unpooled) = step.args.iter().find_map(unpooled) else { continue };
        if let Some((kernel, args)) = unpooled.replacement(program, step) {
            let step = &mut program.steps[number];
            (step.kernel, step.args) = (kernel, args);
        }
    }
    accumulate(program);
    join_pooling(program);
}

/// The last of these alone: bias gradients behind maximum pooling, for devices without the other kernels.
pub fn sum_maxima(program: &mut Program) {
    for number in 0..program.steps.len() {
        let step = &program.steps[number];
        let (Kernel::Reduce(..), &[blob]) = (&step.kernel, &step.args[..]) else { continue };
        let unpooled = Unpooled::find(program, blob);
        if let Some((_, args)) = unpooled.and_then(|found| found.replacement(program, step)) {
            program.steps[number].args = args;
        }
    }
}

/// Turns a sum, one of whose terms is a product of matrices that nothing else reads, into a product that adds to the other
/// term, where that was computed before. Towers that share weights give such sums.
fn accumulate(program: &mut Program) {
    let uses = uses(program);
    for number in 0..program.steps.len() {
        let step = &program.steps[number];
        let &[sum, term] = &step.args[..] else { continue };
        let Source::Step(product) = program.source(term) else { continue };
        let before = match program.source(sum) {
            Source::Step(other) => other < product,
            _ => true,
        };
        let (out, product) = (step.outs[0], product as usize);
        let is_output = program.outputs.iter().any(|(_, v)| *v == term);
        let alike = program.shape(sum) == program.shape(term);
        let read_once = uses[term.0 as usize] == 1 && !is_output;
        if !(before && alike && read_once && is_map(step, &(arg(0) + arg(1)))) {
            continue;
        }
        let Step { kernel: Kernel::MatMul { trans_a, trans_b }, args, .. } =
            &program.steps[product]
        else {
            continue;
        };
        let kernel = Kernel::MatMulAdd { trans_a: *trans_a, trans_b: *trans_b };
        if args.len() == 2 && program.shape(out) == program.shape(term) {
            let step = &mut program.steps[product];
            step.kernel = kernel;
            step.args.push(sum);
            let step = &mut program.steps[number];
            (step.kernel, step.args) = (Kernel::View, vec![term]);
        }
    }
}

/// A gradient that came back through maximum pooling.
struct Unpooled {
    /// The gradient itself.
    blob: ValueId,
    /// The gradients of the maxima, and where these were.
    maxima: ValueId,
    places: ValueId,
    /// Whether at most a third of the elements are maxima.
    sparse: bool,
}

impl Unpooled {
    fn find(program: &Program, blob: ValueId) -> Option<Unpooled> {
        let Source::Step(number) = program.source(blob) else { return None };
        let Step { kernel: Kernel::MaxPoolGrad(pool), args, .. } = &program.steps[number as usize]
        else {
            return None;
        };
        let (maxima, places) = (args[0], args[1]);
        // A window that saw only padding has a gradient, but no place for it.
        let padded = pool.axes.iter().any(|axis| 0 < axis.pad_before + axis.pad_after);
        let plane = |v: ValueId| program.shape(v).count_of(2..4);
        let sparse = 3 * plane(maxima) <= plane(blob);
        (!padded).then_some(Unpooled { blob, maxima, places, sparse })
    }

    /// The kernel that does a step's work with the maxima, and its arguments.
    fn replacement(&self, program: &Program, step: &Step) -> Option<(Kernel, Vec<ValueId>)> {
        match (&step.kernel, &step.args[..]) {
            (Kernel::ConvFilter(conv), &[x, dy]) if dy == self.blob && x != dy => {
                let kernel = Kernel::PooledConvFilter(conv.clone());
                self.pays(program, conv, x).then(|| (kernel, vec![x, self.maxima, self.places]))
            }
            (Kernel::ConvInput(conv), &[dy, w]) if dy == self.blob && w != dy => {
                let channels = program.shape(step.outs[0]).0[1];
                let long = SHORTEST <= channels * conv.axes.last()?.kernel;
                let kernel = Kernel::PooledConvInput(conv.clone());
                (long && self.pays(program, conv, step.outs[0]))
                    .then(|| (kernel, vec![self.maxima, self.places, w]))
            }
            (Kernel::Reduce(ReduceOp::Sum, axes), _) if axes[..] == [0, 2, 3] => {
                Some((step.kernel.clone(), vec![self.maxima]))
            }
            _ => None,
        }
    }

    /// Whether sums over maxima can take the place of this convolution's gradient and are quicker; `x` is its input.
    fn pays(&self, program: &Program, conv: &Conv, x: ValueId) -> bool {
        let image = program.shape(x).count_of(1..program.shape(x).rank());
        let plain = conv.group == 1 && conv.axes.iter().all(|axis| axis.dilation == 1);
        self.sparse && plain && conv.axes.len() == 2 && image <= LARGEST
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::program::{Builder, differentiate, simplify, verify};
    use crate::ty::Shape;
    use crate::window::{Axis, Pool, Rounding};

    /// The kernels of the backward pass of a convolution and a pooling with this pad.
    fn backward(pad: usize, group: usize) -> Vec<Cow<'static, str>> {
        let mut b = Builder::new();
        let x = b.input("x", Shape::from([2, 4, 9, 9]));
        let w = b.input("w", Shape::from([6, 4 / group, 4, 4]));
        let bias = b.input("b", Shape::from([6]));
        let y = b.conv(x, w, Some(bias), Conv { axes: vec![Axis::new(4, 1, 0); 2], group });
        let axes = [Axis::new(2, 2, pad); 2];
        let (y, _) = b.max_pool(y, Pool { axes, rounding: Rounding::Ceil, count_pad: true });
        let dy = b.input("dy", b.shape(y).clone());
        let gradients = differentiate(&mut b, &[(y, dy)], &[x, w, bias]);
        let wanted = [x, w, bias].map(|v| gradients.of(v).expect("a gradient"));
        b.output("y", y);
        wanted.into_iter().for_each(|v| b.output("d", v));
        let mut program = b.finish();
        fuse(&mut program);
        simplify(&mut program);
        assert_eq!(verify(&program), Ok(()));
        let mut names: Vec<_> = program.steps.iter().map(|step| step.kernel.name()).collect();
        names.sort_unstable();
        names.retain(|name| !["conv", "max-pool", "pooled-conv", "view"].contains(&&**name));
        names
    }

    #[test]
    fn the_gradient_of_a_pooled_convolution_is_summed_over_the_maxima() {
        assert_eq!(backward(0, 1), ["pooled-conv-filter", "pooled-conv-input", "sum"]);
    }

    #[test]
    fn without_other_kernels_the_bias_alone_sums_over_the_maxima() {
        let mut b = Builder::new();
        let x = b.input("x", Shape::from([2, 6, 8, 8]));
        let bias = b.input("b", Shape::from([1, 6, 1, 1]));
        let y = b.add(x, bias);
        let axes = [Axis::new(2, 2, 0); 2];
        let (y, _) = b.max_pool(y, Pool { axes, rounding: Rounding::Ceil, count_pad: true });
        let dy = b.input("dy", b.shape(y).clone());
        let gradients = differentiate(&mut b, &[(y, dy)], &[bias]);
        b.output("d", gradients.of(bias).expect("a gradient"));
        let mut program = b.finish();
        sum_maxima(&mut program);
        simplify(&mut program);
        assert_eq!(verify(&program), Ok(()));
        let names: Vec<_> = program.steps.iter().map(|step| step.kernel.name()).collect();
        assert_eq!(names, ["sum"]);
    }

    #[test]
    fn the_second_of_two_products_adds_to_the_first() {
        let mut b = Builder::new();
        let [x, y] = ["x", "y"].map(|name| b.input(name, Shape::from([3, 4])));
        let [dx, dy] = ["dx", "dy"].map(|name| b.input(name, Shape::from([3, 5])));
        let first = b.matmul(dx, true, x, false, None);
        let second = b.matmul(dy, true, y, false, None);
        let sum = b.add(first, second);
        b.output("sum", sum);
        let mut program = b.finish();
        fuse(&mut program);
        simplify(&mut program);
        assert_eq!(verify(&program), Ok(()));
        let names: Vec<_> = program.steps.iter().map(|step| step.kernel.name()).collect();
        assert_eq!(names, ["matmul", "matmul-add", "view"]);
    }

    #[test]
    fn padding_and_groups_keep_the_dense_kernels() {
        let dense = ["conv-filter", "conv-input", "max-pool-grad", "sum"];
        assert_eq!(backward(1, 1), dense);
        assert_eq!(backward(0, 2), dense);
    }
}
