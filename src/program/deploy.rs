//! Rewrites a program without a backward pass so that its convolutions do what follows them: normalisations by stored
//! moments become part of the weights, sums and ReLU part of the convolution's last pass, and weights are brought into the
//! order that the convolution reads.
//!
//! Where that is quicker, blobs lie with their channels last ([`arrange`](super::arrange())).
//!
//! What depends on the parameters alone is done first, and once as long as they stay.

use super::expr::{arg, constant};
use super::fold::{channel_affine, is_map, is_relu};
use super::{Arrange, FusedConv, Kernel, Program, Source, Step, ValueId};
use crate::ty::Shape;
use crate::window::Conv;

/// Rewrites a program in place and says how many steps at its start depend on the parameters alone. Results are the same
/// but for rounding; values stay where they are, and those that nobody reads are no longer computed.
pub fn deploy(program: &mut Program, how: Arrange) -> usize {
    let steps = std::mem::take(&mut program.steps);
    let mut pass = Pass::new(program, &steps);
    for step in steps {
        pass.take(step);
    }
    let steps = pass.steps.into_iter().flatten().collect();
    program.renumber(steps);
    super::arrange(program, how);
    let steps = std::mem::take(&mut program.steps);
    let mut pass = Pass::new(program, &steps);
    pass.pack(steps);
    let steps = pass.steps.into_iter().flatten().collect();
    program.renumber(steps);
    super::join_pooling(program);
    super::simplify(program);
    settled(program)
}

/// Brings the steps that depend on variables alone, which no run changes, to the start. Says how many they are.
pub fn settled(program: &mut Program) -> usize {
    let fixed = fixed(program, &program.steps);
    let is_settled =
        |step: &Step| !step.outs.is_empty() && step.outs.iter().all(|v| fixed[v.0 as usize]);
    let (first, rest): (Vec<Step>, Vec<Step>) =
        std::mem::take(&mut program.steps).into_iter().partition(is_settled);
    let count = first.len();
    program.renumber(first.into_iter().chain(rest).collect());
    count
}

/// Which values follow from variables that no run changes.
fn fixed(program: &Program, steps: &[Step]) -> Vec<bool> {
    let assigned = |v: u32| program.assigns.iter().any(|(state, _)| state.0 == v);
    let mut fixed: Vec<bool> = (0..program.values.len() as u32)
        .map(|v| matches!(program.source(ValueId(v)), Source::Variable(_)) && !assigned(v))
        .collect();
    for step in steps {
        extend(program, step, &mut fixed);
    }
    fixed
}

/// Marks the results of a step whose arguments are all fixed, unless they are much larger.
fn extend(program: &Program, step: &Step, fixed: &mut Vec<bool>) {
    let count =
        |values: &[ValueId]| values.iter().map(|&v| program.shape(v).count()).sum::<usize>();
    let kernel = step.kernel.plain();
    let known = matches!(
        kernel,
        Kernel::View
            | Kernel::Stop
            | Kernel::Pointwise(_)
            | Kernel::PackConv(_)
            | Kernel::PackTiles { .. }
    );
    let follows = step.args.iter().all(|v| fixed[v.0 as usize]) && !step.args.is_empty();
    fixed.resize(program.values.len(), false);
    // Weights for tiles have 36 numbers in place of 9.
    let most = if matches!(kernel, Kernel::PackTiles { .. }) { 64 } else { 2 };
    if known && follows && count(&step.outs) <= most * count(&step.args) {
        step.outs.iter().for_each(|v| fixed[v.0 as usize] = true);
    }
}

struct Pass<'a> {
    program: &'a mut Program,
    /// How often each value is read, by steps or after a run.
    uses: Vec<usize>,
    fixed: Vec<bool>,
    /// The steps so far; a convolution that was joined with what follows it leaves a gap.
    steps: Vec<Option<Step>>,
    /// The convolution among them that computes a value.
    convs: std::collections::HashMap<ValueId, usize>,
}

impl<'a> Pass<'a> {
    fn new(program: &'a mut Program, steps: &[Step]) -> Self {
        let mut uses = vec![0; program.values.len()];
        let read = steps.iter().flat_map(|step| &step.args);
        let kept = program.outputs.iter().map(|(_, v)| v);
        let assigned = program.assigns.iter().map(|(_, v)| v);
        read.chain(kept).chain(assigned).for_each(|v| uses[v.0 as usize] += 1);
        let fixed = fixed(program, &[]);
        Pass { program, uses, fixed, steps: vec![], convs: Default::default() }
    }

    /// Adds a step, as part of the convolution before it if that can be.
    fn take(&mut self, step: Step) {
        let step = match &step.kernel {
            Kernel::Conv(conv) => {
                let bias = 2 < step.args.len();
                let conv = conv.clone();
                let fused =
                    FusedConv { conv, bias, sum: false, relu: false, packed: false, tiled: false };
                Step { kernel: Kernel::FusedConv(fused), ..step }
            }
            _ => match self.joined(&step) {
                Some(joined) => joined,
                None => step,
            },
        };
        if matches!(step.kernel, Kernel::FusedConv(_)) {
            self.convs.insert(step.outs[0], self.steps.len());
        }
        self.add(step);
    }

    fn add(&mut self, step: Step) {
        self.uses.resize(self.program.values.len(), 0);
        extend(self.program, &step, &mut self.fixed);
        self.steps.push(Some(step));
    }

    /// The convolution that only this reader has.
    fn conv(&self, v: ValueId) -> Option<(usize, &FusedConv, &Step)> {
        let at = *self.convs.get(&v)?;
        let step = self.steps[at].as_ref()?;
        let Kernel::FusedConv(fused) = &step.kernel else { return None };
        (self.uses[v.0 as usize] == 1).then_some((at, fused, step))
    }

    /// The convolution before a step, with the step's work.
    fn joined(&mut self, step: &Step) -> Option<Step> {
        if is_map(step, &(arg(0) + arg(1))) {
            return self.with_sum(step);
        }
        let (at, fused, conv) = self.conv(*step.args.first()?)?;
        if fused.relu {
            return None;
        }
        if is_relu(step) {
            let kernel = Kernel::FusedConv(FusedConv { relu: true, ..fused.clone() });
            let joined = Step { kernel, outs: step.outs.clone(), ..conv.clone() };
            self.steps[at] = None;
            return Some(joined);
        }
        if fused.sum {
            return None;
        }
        let by_channel = match &step.kernel {
            Kernel::Normalize(n) if !n.batch => step.args[1..].to_vec(),
            _ => {
                let (scale, shift) = channel_affine(self.program, step)?;
                vec![scale, shift]
            }
        };
        if !by_channel.iter().chain(&conv.args[1..]).all(|v| self.fixed[v.0 as usize]) {
            return None;
        }
        let (fused, conv) = (fused.clone(), conv.clone());
        self.steps[at] = None;
        Some(self.with_affine(&fused, &conv, step, &by_channel))
    }

    /// A convolution whose weights and bias do what a step does to each channel.
    fn with_affine(
        &mut self,
        fused: &FusedConv,
        conv: &Step,
        step: &Step,
        by_channel: &[ValueId],
    ) -> Step {
        let (x, w) = (conv.args[0], conv.args[1]);
        let outputs = self.program.shape(w).0[0];
        let mut column = Shape(vec![1; self.program.shape(w).rank()]);
        column.0[0] = outputs;
        let flat = Shape::from([outputs]);
        let params: Vec<ValueId> =
            by_channel.iter().map(|&v| self.step(Kernel::View, &[v], Some(flat.clone()))).collect();
        let bias = fused.bias.then(|| self.step(Kernel::View, &[conv.args[2]], Some(flat.clone())));
        // bias, then the numbers of the step: result = (conv + bias) factor + shift.
        let (factor, shift) = match &step.kernel {
            Kernel::Normalize(n) => {
                let inverse = (arg(0) + n.eps).pow(-0.5);
                let factor = match n.affine {
                    true => self.map(&[params[1], params[2]], &(inverse * arg(1))),
                    false => self.map(&[params[1]], &inverse),
                };
                let zero = constant(0.0);
                let shift = match n.affine {
                    true => {
                        let args = [params[0], factor, params[3]];
                        self.map(&args, &(arg(2) - arg(0) * arg(1)))
                    }
                    false => self.map(&[params[0], factor], &(zero - arg(0) * arg(1))),
                };
                (factor, shift)
            }
            _ => (params[0], params[1]),
        };
        let bias = match bias {
            Some(bias) => self.map(&[bias, factor, shift], &(arg(0) * arg(1) + arg(2))),
            None => shift,
        };
        let by_output = self.step(Kernel::View, &[factor], Some(column));
        let w = self.map(&[w, by_output], &(arg(0) * arg(1)));
        let relu = matches!(&step.kernel, Kernel::Normalize(n) if n.relu);
        let kernel = Kernel::FusedConv(FusedConv { bias: true, relu, ..fused.clone() });
        Step { kernel, args: vec![x, w, bias], outs: step.outs.clone(), origin: conv.origin }
    }

    /// A convolution that adds the other argument of a sum.
    fn with_sum(&mut self, step: &Step) -> Option<Step> {
        let &[a, b] = &step.args[..] else { return None };
        let alike = [a, b].map(|v| self.program.shape(v) == self.program.shape(step.outs[0]));
        if a == b || alike != [true; 2] {
            return None;
        }
        let found = [(b, a), (a, b)].into_iter().find_map(|(v, other)| {
            let (at, fused, conv) = self.conv(v)?;
            (!fused.relu && !fused.sum).then(|| (at, fused.clone(), conv.clone(), other))
        });
        let (at, fused, conv, other) = found?;
        self.steps[at] = None;
        let args = conv.args.iter().copied().chain([other]).collect();
        let kernel = Kernel::FusedConv(FusedConv { sum: true, ..fused });
        Some(Step { kernel, args, outs: step.outs.clone(), origin: conv.origin })
    }

    /// Appends a step of the pass' own and gives its result.
    fn step(&mut self, kernel: Kernel, args: &[ValueId], told: Option<Shape>) -> ValueId {
        let origin = super::Origin::default();
        let before = self.program.steps.len();
        let out = self.program.step(kernel, args, told, origin)[0];
        let step = self.program.steps.remove(before);
        self.add(step);
        out
    }

    fn map(&mut self, args: &[ValueId], e: &super::expr::Expr) -> ValueId {
        self.step(Kernel::Pointwise(super::expr::PointFn::new(e)), args, None)
    }

    /// Packs the weights of the convolutions for which they are known before the run.
    fn pack(&mut self, steps: Vec<Step>) {
        for step in steps {
            let step = match &step.kernel {
                Kernel::FusedConv(fused) if self.packs(&fused.conv, &step) => {
                    let w = self.step(Kernel::PackConv(fused.conv.clone()), &step.args[1..2], None);
                    let kernel = Kernel::FusedConv(FusedConv { packed: true, ..fused.clone() });
                    let mut args = step.args.clone();
                    args[1] = w;
                    Step { kernel, args, ..step }
                }
                _ => step,
            };
            self.add(step);
        }
    }

    /// Whether weights are known before the run, and not those of a convolution that works channel by channel.
    fn packs(&self, conv: &Conv, step: &Step) -> bool {
        let one_channel = self.program.shape(step.args[1]).dims().get(1) == Some(&1);
        self.fixed[step.args[1].0 as usize] && !(one_channel && 1 < conv.group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::expr::select;
    use crate::program::{Builder, VarId, verify};
    use crate::window::Axis;

    #[test]
    fn a_residual_block_becomes_convolutions() {
        let mut b = Builder::new();
        let mut variables = 0;
        let mut variable = |b: &mut Builder, shape: &[usize]| {
            variables += 1;
            b.variable(VarId(variables), &Shape::from(shape.to_vec()))
        };
        let x = b.input("x", Shape::from([2, 8, 5, 5]));
        let relu = select(arg(0).lt(0.0), constant(0.0), arg(0));
        let mut y = x;
        for _ in 0..2 {
            let w = variable(&mut b, &[8, 8, 3, 3]);
            let by_channel: Vec<ValueId> =
                (0..4).map(|_| variable(&mut b, &[1, 8, 1, 1])).collect();
            let conv = Conv { axes: vec![Axis::new(3, 1, 1); 2], group: 1 };
            y = b.conv(y, w, None, conv);
            y = b.normalize(y, (by_channel[0], by_channel[1]), None, 1e-5, false);
            y = b.map(&[y, by_channel[2], by_channel[3]], &(arg(0) * arg(1) + arg(2)));
        }
        let y = b.add(x, y);
        let y = b.map(&[y], &relu);
        b.output("y", y);
        let mut program = b.finish();
        let settled = deploy(&mut program, Arrange::Inference);
        assert_eq!(verify(&program), Ok(()));
        let names: Vec<_> =
            program.steps[settled..].iter().map(|step| step.kernel.name()).collect();
        assert_eq!(names, ["fused-conv", "fused-conv"]);
        let Kernel::FusedConv(last) = &program.steps[settled + 1].kernel else { panic!() };
        assert!(last.sum && last.relu && last.bias && last.packed);
    }

    #[test]
    fn what_is_read_elsewhere_or_changes_in_a_run_stays() {
        let mut b = Builder::new();
        let x = b.input("x", Shape::from([2, 8, 5, 5]));
        let w = b.variable(VarId(0), &Shape::from([8, 8, 1, 1]));
        let [scale, shift] = [1, 2].map(|i| b.variable(VarId(i), &Shape::from([1, 8, 1, 1])));
        let conv = Conv { axes: vec![Axis::new(1, 1, 0); 2], group: 1 };
        let y = b.conv(x, w, None, conv.clone());
        let z = b.map(&[y, scale, shift], &(arg(0) * arg(1) + arg(2)));
        b.output("y", y);
        let z = b.conv(z, w, None, conv);
        let z = b.map(&[z, scale, shift], &(arg(0) * arg(1) + arg(2)));
        b.output("z", z);
        let doubled = b.scale(scale, 2.0);
        b.assign(scale, doubled);
        let mut program = b.finish();
        let settled = deploy(&mut program, Arrange::Inference);
        assert_eq!(verify(&program), Ok(()));
        let names: Vec<_> =
            program.steps[settled..].iter().map(|step| step.kernel.name()).collect();
        assert_eq!(names, ["fused-conv", "pointwise", "fused-conv", "pointwise", "pointwise"]);
    }
}
