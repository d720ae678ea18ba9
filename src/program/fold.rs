//! Joins layers that one kernel can do before the backward pass is written: from a forward program to one with fewer
//! passes over memory and a shorter gradient.
//!
//! A per-channel factor and shift (Caffe's Scale) become part of the normalisation before them, ReLU part of the
//! normalisation or convolution before it. The step that ends a chain takes over the whole chain's work; the others stay
//! where they are, for whoever reads their results, and are dropped by [`simplify`](super::simplify()) if nobody does.

use super::expr::{Expr, PointFn, arg, constant, select};
use super::{Builder, FusedConv, Kernel, Normalize, Program, Source, Step, ValueId};

/// Rewrites a program that has no backward pass yet. Results are the same but for rounding; values stay where they are.
/// Convolutions are joined with what follows them only if that is wanted, for not every device has such a kernel.
pub fn fold(b: &mut Builder, convolutions: bool) {
    let mut uses = uses(b.program());
    for number in 0..b.program().steps.len() {
        let program = b.program();
        let step = &program.steps[number];
        let Some((kernel, args)) = joined(program, step, &uses) else { continue };
        if !convolutions && matches!(kernel, Kernel::FusedConv(_)) {
            continue;
        }
        let origin = producer(program, step.args[0]).map_or(step.origin, |step| step.origin);
        step.args.iter().for_each(|v| uses[v.0 as usize] -= 1);
        args.iter().for_each(|v| uses[v.0 as usize] += 1);
        let step = &mut b.program_mut().steps[number];
        (step.kernel, step.args, step.origin) = (kernel, args, origin);
    }
}

/// How many steps read each value, counting one that reads it twice twice.
pub(super) fn uses(program: &Program) -> Vec<usize> {
    let mut uses = vec![0; program.values.len()];
    for step in &program.steps {
        step.args.iter().for_each(|v| uses[v.0 as usize] += 1);
    }
    uses
}

/// The kernel that does the work of a step and of the one before it, and its arguments.
fn joined(program: &Program, step: &Step, uses: &[usize]) -> Option<(Kernel, Vec<ValueId>)> {
    let before = producer(program, *step.args.first()?)?;
    if uses[step.args[0].0 as usize] != 1 {
        return None;
    }
    match &before.kernel {
        &Kernel::Normalize(n) if is_relu(step) && !n.relu => {
            Some((Kernel::Normalize(Normalize { relu: true, ..n }), before.args.clone()))
        }
        &Kernel::Normalize(n) if !n.relu && !n.affine => {
            let (scale, shift) = channel_affine(program, step)?;
            let args = before.args.iter().copied().chain([scale, shift]).collect();
            Some((Kernel::Normalize(Normalize { affine: true, ..n }), args))
        }
        Kernel::Conv(conv) if is_relu(step) => {
            let bias = 2 < before.args.len();
            let conv = conv.clone();
            let fused =
                FusedConv { conv, bias, sum: false, relu: true, packed: false, tiled: false };
            Some((Kernel::FusedConv(fused), before.args.clone()))
        }
        _ => None,
    }
}

/// The step that computes a value.
pub(super) fn producer(program: &Program, v: ValueId) -> Option<&Step> {
    match program.source(v) {
        Source::Step(number) => program.steps.get(number as usize),
        _ => None,
    }
}

/// Whether a step is `max(0, x)`.
pub(super) fn is_relu(step: &Step) -> bool {
    is_map(step, &select(arg(0).lt(0.0), constant(0.0), arg(0)))
}

/// Whether a step computes this of its arguments.
pub(super) fn is_map(step: &Step, e: &Expr) -> bool {
    matches!(&step.kernel, Kernel::Pointwise(f) if f.ops == PointFn::new(e).ops)
}

/// Factor and shift of a step that applies one of each to every channel of its first argument.
pub(super) fn channel_affine(program: &Program, step: &Step) -> Option<(ValueId, ValueId)> {
    let &[x, scale, shift] = &step.args[..] else { return None };
    let shape = program.shape(x);
    let channels = *shape.dims().get(1)?;
    let by_channel = |v: ValueId| {
        let dims = program.shape(v).dims();
        dims.len() == shape.rank() && dims[1] == channels && program.shape(v).count() == channels
    };
    let fits = shape == program.shape(step.outs[0]) && by_channel(scale) && by_channel(shift);
    (fits && is_map(step, &(arg(0) * arg(1) + arg(2)))).then_some((scale, shift))
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::program::{differentiate, simplify, verify};
    use crate::ty::Shape;
    use crate::window::{Axis, Conv};

    /// A convolution, a normalisation, a factor and a shift, and ReLU; then the kernels of both passes.
    fn kernels(convolutions: bool, watched: bool) -> Vec<Cow<'static, str>> {
        let mut b = Builder::new();
        let x = b.input("x", Shape::from([2, 3, 5, 5]));
        let w = b.input("w", Shape::from([4, 3, 3, 3]));
        let [scale, shift] =
            ["scale", "shift"].map(|name| b.input(name, Shape::from([1, 4, 1, 1])));
        let relu = select(arg(0).lt(0.0), constant(0.0), arg(0));
        let conv = Conv { axes: vec![Axis::new(3, 1, 1); 2], group: 1 };
        let y = b.conv(x, w, None, conv.clone());
        let y = b.activation(y, &relu, &select(arg(0).gt(0.0), constant(1.0), constant(0.0)));
        let moments = b.channel_moments(y);
        let y = b.normalize(y, moments, None, 1e-5, true);
        let scaled = b.map(&[y, scale, shift], &(arg(0) * arg(1) + arg(2)));
        let top = b.map(&[scaled], &relu);
        let dy = b.input("dy", b.shape(top).clone());
        fold(&mut b, convolutions);
        let gradients = differentiate(&mut b, &[(top, dy)], &[w, scale, shift]);
        b.output("y", top);
        if watched {
            b.output("scaled", scaled);
        }
        for v in [w, scale, shift] {
            let gradient = gradients.of(v).expect("a gradient");
            b.output("d", gradient);
        }
        let mut program = b.finish();
        simplify(&mut program);
        assert_eq!(verify(&program), Ok(()));
        program.steps.iter().map(|step| step.kernel.name()).collect()
    }

    #[test]
    fn a_chain_is_one_kernel_unless_its_parts_are_read() {
        let end = ["normalize-grad", "pointwise", "conv-filter"];
        let folded = [&["fused-conv", "moments", "normalize"][..], &end].concat();
        assert_eq!(kernels(true, false), folded);
        let watched = [&["fused-conv", "moments", "normalize", "normalize"][..], &end].concat();
        assert_eq!(kernels(true, true), watched);
        let apart = [&["conv", "pointwise", "moments", "normalize"][..], &end].concat();
        assert_eq!(kernels(false, false), apart);
    }
}
