//! Cuts before it computes: from a program in which slices of a pointwise result are read to one in which the step is done on
//! slices of its arguments, of no more elements together.
//!
//! Nothing that no slice reads is computed then, and a device can read a slice where the argument is.

use super::{Kernel, Program, Source, Step};

/// Rewrites a program in place, before chains are fused. Results are the same; values stay where they are, and steps that
/// nobody reads any more are left to [`simplify`](super::simplify()).
pub fn slice_first(program: &mut Program) {
    let before = short_cuts(program);
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
    let mut steps: Vec<Step> = vec![];
    for mut step in std::mem::take(&mut program.steps) {
        let (&Kernel::Slice { axis, .. }, Some(number)) =
            (&step.kernel, producer_of(program, &step))
        else {
            steps.push(step);
            continue;
        };
        let whole = &before[number];
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

/// The number of the step that computes a step's first argument.
fn producer_of(program: &Program, step: &Step) -> Option<usize> {
    match step.args.first().map(|&v| program.source(v)) {
        Some(Source::Step(number)) => Some(number as usize),
        _ => None,
    }
}

/// Lets slices of slices be slices of the whole, and those that cut out what a concatenation has joined be views of it;
/// returns the steps.
fn short_cuts(program: &mut Program) -> Vec<Step> {
    for number in 0..program.steps.len() {
        let step = &program.steps[number];
        let (&Kernel::Slice { axis, start, step: by }, Some(before)) =
            (&step.kernel, producer_of(program, step))
        else {
            continue;
        };
        let before = &program.steps[before];
        let extent = program.shape(step.outs[0]).0[axis];
        let (kernel, arg) = match before.kernel {
            Kernel::Slice { axis: same, start: first, step: wide } if same == axis => {
                let kernel = Kernel::Slice { axis, start: first + start * wide, step: wide * by };
                (kernel, before.args[0])
            }
            Kernel::Concat(same) if same == axis && by == 1 => {
                let mut end = 0;
                let part = before.args.iter().find(|&&part| {
                    let own = program.shape(part).0[axis];
                    end += own;
                    end - own == start && own == extent
                });
                match part {
                    Some(&part) => (Kernel::View, part),
                    None => continue,
                }
            }
            _ => continue,
        };
        let step = &mut program.steps[number];
        (step.kernel, step.args) = (kernel, vec![arg]);
    }
    program.steps.clone()
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

    #[test]
    fn slices_of_slices_and_of_what_was_joined_go_to_the_source() {
        let mut b = Builder::new();
        let [x, y] = ["x", "y"].map(|name| b.input(name, [4, 6].into()));
        let joined = b.concat(&[x, y], 1);
        let back = b.slice(joined, 1, 6, 6);
        let odd = b.strided_slice(back, 1, 1, 2, 3);
        let last = b.slice(odd, 1, 2, 1);
        b.output("last", last);
        b.output("back", back);
        let mut program = b.finish();
        slice_first(&mut program);
        simplify(&mut program);
        assert_eq!(verify(&program), Ok(()));
        let kernels: Vec<&Kernel> = program.steps.iter().map(|step| &step.kernel).collect();
        let slice = Kernel::Slice { axis: 1, start: 5, step: 2 };
        assert_eq!(kernels, [&Kernel::View, &slice]);
        assert_eq!(program.steps[0].args, [y]);
    }
}
