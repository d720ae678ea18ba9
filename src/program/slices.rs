//! Cuts before it computes: from a program in which slices of a pointwise result are read to one in which the step is done on
//! slices of its arguments, of no more elements together.
//!
//! Nothing that no slice reads is computed then, and a device can read a slice where the argument is.

use super::{Kernel, Program, Source, Step};

/// Rewrites a program in place, before chains are fused. Results are the same; values stay where they are, and steps that
/// nobody reads any more are left to [`simplify`](super::simplify()).
pub fn slice_first(program: &mut Program) {
    let mut read: Vec<usize> = vec![0; program.values.len()];
    let mut sliced: Vec<(usize, usize)> = vec![(0, 0); program.values.len()];
    for step in &program.steps {
        step.args.iter().for_each(|v| read[v.0 as usize] += 1);
        if let Kernel::Slice { .. } = step.kernel {
            let (count, elements) = &mut sliced[step.args[0].0 as usize];
            *count += 1;
            *elements += program.shape(step.outs[0]).count();
        }
    }
    let ends = program.outputs.iter().map(|(_, v)| v);
    ends.chain(program.assigns.iter().map(|(_, new)| new)).for_each(|v| read[v.0 as usize] += 1);
    // A part of neighbouring elements is at hand where the whole is.
    let suits = |program: &Program, whole: &Step, axis: usize| {
        let (v, shape) = (whole.outs[0], program.shape(whole.outs[0]));
        let (count, elements) = sliced[v.0 as usize];
        let mut args = whole.args.iter().map(|&arg| program.shape(arg));
        count == read[v.0 as usize]
            && elements <= shape.count()
            && 1 < shape.count_of(0..axis)
            && args.all(|arg| arg == shape || arg.0[axis] == 1)
    };
    let before = program.steps.clone();
    let mut steps: Vec<Step> = vec![];
    for mut step in std::mem::take(&mut program.steps) {
        let (Kernel::Slice { axis, .. }, Source::Step(number)) =
            (&step.kernel, step.args.first().map_or(Source::Dead, |&v| program.source(v)))
        else {
            steps.push(step);
            continue;
        };
        let (axis, whole) = (*axis, &before[number as usize]);
        if matches!(whole.kernel, Kernel::Pointwise(_)) && suits(program, whole, axis) {
            let extent = program.shape(step.outs[0]).0[axis];
            let mut args = vec![];
            for &arg in &whole.args {
                if program.shape(arg).0[axis] == 1 {
                    args.push(arg);
                    continue;
                }
                let part = program.value(program.shape(arg).with(axis, extent), Source::Dead);
                let (kernel, origin) = (step.kernel.clone(), whole.origin);
                steps.push(Step { kernel, args: vec![arg], outs: vec![part], origin });
                args.push(part);
            }
            step = Step { kernel: whole.kernel.clone(), args, origin: whole.origin, ..step };
        }
        steps.push(step);
    }
    program.renumber(steps);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::expr::arg;
    use crate::program::{Builder, simplify, verify};

    #[test]
    fn what_is_only_sliced_is_computed_of_slices() {
        for (watched, count) in [(false, 2), (true, 1)] {
            let mut b = Builder::new();
            let x = b.input("x", [4, 3, 5].into());
            let row = b.input("row", [1, 1, 5].into());
            let y = b.map(&[x, row], &(arg(0) * arg(1)));
            for start in 0..2 {
                let part = b.slice(y, 1, start, 1);
                b.output("part", part);
            }
            if watched {
                b.output("y", y);
            }
            let mut program = b.finish();
            slice_first(&mut program);
            simplify(&mut program);
            assert_eq!(verify(&program), Ok(()));
            let pointwise = |step: &&Step| matches!(step.kernel, Kernel::Pointwise(_));
            assert_eq!(program.steps.iter().filter(pointwise).count(), count);
            assert_eq!(program.steps.len(), 2 + count);
        }
    }
}
