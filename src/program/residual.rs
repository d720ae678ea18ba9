//! Takes the sums of residual blocks into the kernels that compute a term of them: from a program whose blobs lie with their
//! channels last to one with fewer passes over memory.
//!
//! Forward, a block ends with the sum of a normalisation and of what bypasses the block, and ReLU. Backward, the gradients of
//! both meet and pass that ReLU before they go on.

use super::expr::{Expr, arg, constant, select};
use super::fold::{is_map, uses};
use super::{FusedConv, Kernel, Normalize, Program, Step, ValueId, simplify};

/// Rewrites a program in place, after [`arrange`](super::arrange()). Results are the same but for rounding.
pub fn join_sums(program: &mut Program) {
    let mut uses = uses(program);
    let kept = program.outputs.iter().map(|(_, v)| v);
    kept.chain(program.assigns.iter().map(|(_, v)| v)).for_each(|v| uses[v.0 as usize] += 1);
    for number in 0..program.steps.len() {
        let step = &program.steps[number];
        let Some((kernel, args, origin)) =
            forward(program, step, &uses).or_else(|| backward(program, step, &uses))
        else {
            continue;
        };
        args.iter().for_each(|v| uses[v.0 as usize] += 1);
        let step = &mut program.steps[number];
        let before = std::mem::replace(&mut step.args, args);
        before.iter().for_each(|v| uses[v.0 as usize] -= 1);
        step.kernel = Kernel::ChannelsLast(Box::new(kernel));
        step.origin = origin;
    }
    simplify(program);
}

type Joined = (Kernel, Vec<ValueId>, super::Origin);

/// The kernel and arguments of a step that does the work of a sum and of the normalisation of one of its terms.
fn forward(program: &Program, step: &Step, uses: &[usize]) -> Option<Joined> {
    let &[a, b] = &step.args[..] else { return None };
    let both = || [arg(0) + arg(1), arg(1) + arg(0)];
    let relu = |sum: Expr| select(sum.clone().lt(0.0), constant(0.0), sum);
    let plain = both().iter().any(|sum| is_map(step, sum));
    if !plain && !both().into_iter().any(|sum| is_map(step, &relu(sum))) {
        return None;
    }
    // What was computed last is most likely still at hand.
    let mut terms = [(a, b), (b, a)].into_iter().filter_map(|(term, other)| {
        let before = only(program, step, term, other, uses)?;
        match *program.steps[before].kernel.plain() {
            Kernel::Normalize(n) if !n.relu => Some((before, n, other)),
            _ => None,
        }
    });
    let first = terms.next()?;
    let (before, n, other) = terms.chain([first]).max_by_key(|term| term.0)?;
    let before = &program.steps[before];
    let args = before.args.iter().copied().chain([other]).collect();
    Some((Kernel::NormalizeSum(Normalize { relu: !plain, ..n }), args, before.origin))
}

/// The same for the sum of two gradients behind a ReLU and the convolution that one of them goes through.
fn backward(program: &Program, step: &Step, uses: &[usize]) -> Option<Joined> {
    let args: [ValueId; 3] = step.args[..].try_into().ok()?;
    for (mask, [a, b]) in [(0, [1, 2]), (1, [0, 2]), (2, [0, 1])] {
        let passes = |yes: Expr| select(arg(mask).gt(0.0), yes, constant(0.0));
        let forms = |sum: &Expr| {
            let factor = || passes(constant(1.0));
            [passes(sum.clone()), sum.clone() * factor(), factor() * sum.clone()]
        };
        let sums = [arg(a) + arg(b), arg(b) + arg(a)];
        let fits = sums.iter().flat_map(forms).any(|form| is_map(step, &form));
        if !fits || program.shape(args[mask]) != program.shape(step.outs[0]) {
            continue;
        }
        for (term, other) in [(args[a], args[b]), (args[b], args[a])] {
            let Some(before) = only(program, step, term, other, uses) else { continue };
            let before = &program.steps[before];
            let suits = match before.kernel.plain() {
                Kernel::ConvInput(_) => true,
                Kernel::FusedConv(FusedConv { bias, sum, relu, packed, .. }) => {
                    *packed && !bias && !sum && !relu
                }
                _ => false,
            };
            if suits {
                let args = before.args.iter().copied().chain([args[mask], other]).collect();
                let kernel = Kernel::MaskedConv(Box::new(before.kernel.plain().clone()));
                return Some((kernel, args, before.origin));
            }
        }
    }
    None
}

/// The step, on blobs whose channels lie last, of a term that nobody but this sum reads, if all have one shape.
fn only(
    program: &Program,
    sum: &Step,
    term: ValueId,
    other: ValueId,
    uses: &[usize],
) -> Option<usize> {
    let super::Source::Step(before) = program.source(term) else { return None };
    let last = matches!(program.steps[before as usize].kernel, Kernel::ChannelsLast(_));
    let shape = program.shape(sum.outs[0]);
    let alike = program.shape(term) == shape && program.shape(other) == shape;
    (last && alike && term != other && uses[term.0 as usize] == 1).then_some(before as usize)
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::program::{Arrange, Builder, arrange, differentiate, fold, fuse_chains, verify};
    use crate::ty::Shape;
    use crate::window::{Axis, Conv};

    /// A residual block between two convolutions, with a window of this size in its path; the kernels of both passes.
    fn kernels(window: usize) -> Vec<Cow<'static, str>> {
        let mut b = Builder::new();
        let x = b.input("x", Shape::from([8, 32, 9, 9]));
        let weights = [1, window, 1].map(|side| b.input("w", Shape::from([32, 32, side, side])));
        let affine = ["scale", "shift"].map(|name| b.input(name, Shape::from([1, 32, 1, 1])));
        let relu = select(arg(0).lt(0.0), constant(0.0), arg(0));
        let slope = select(arg(0).gt(0.0), constant(1.0), constant(0.0));
        let conv = |side: usize| Conv { axes: vec![Axis::new(side, 1, side / 2); 2], group: 1 };
        let top = b.conv(x, weights[0], None, conv(1));
        let top = b.activation(top, &relu, &slope);
        let path = b.conv(top, weights[1], None, conv(window));
        let moments = b.channel_moments(path);
        let path = b.normalize(path, moments, None, 1e-5, true);
        let path = b.map(&[path, affine[0], affine[1]], &(arg(0) * arg(1) + arg(2)));
        let sum = b.add(path, top);
        let sum = b.activation(sum, &relu, &slope);
        let y = b.conv(sum, weights[2], None, conv(1));
        let dy = b.input("dy", b.shape(y).clone());
        fold(&mut b, true);
        let wanted = [weights[0], weights[1], affine[0]];
        let gradients = differentiate(&mut b, &[(y, dy)], &wanted);
        b.output("y", y);
        for v in wanted {
            b.output("d", gradients.of(v).expect("a gradient"));
        }
        let mut program = b.finish();
        fuse_chains(&mut program);
        simplify(&mut program);
        arrange(&mut program, Arrange::All);
        join_sums(&mut program);
        assert_eq!(verify(&program), Ok(()));
        program.steps.iter().map(|step| step.kernel.name()).collect()
    }

    #[test]
    fn sums_of_residual_blocks_are_no_passes_of_their_own() {
        for (window, masked) in [(1, "masked-conv-last"), (3, "masked-conv-tiles")] {
            let names = kernels(window);
            assert!(names.contains(&"normalize-sum-last".into()), "{names:?}");
            assert!(names.contains(&masked.into()), "{names:?}");
            assert!(!names.contains(&"normalize-last".into()), "{names:?}");
        }
    }
}
