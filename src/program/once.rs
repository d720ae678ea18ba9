//! Lets values that are computed in the same way be one: from a program to one without common subexpressions.

use std::borrow::Cow;
use std::collections::HashMap;

use super::{Builder, Kernel, Program, Source, Step, ValueId};

/// Drops every step that does what an earlier one has done, and returns for every value the one that stands for it.
///
/// For programs without a backward pass; what the caller remembers of values has to be looked up in the result.
pub fn compute_once(b: &mut Builder) -> Vec<ValueId> {
    let program = b.program();
    let mut stands: Vec<ValueId> = (0..program.values.len() as u32).map(ValueId).collect();
    let mut seen: HashMap<(Cow<str>, Vec<ValueId>), Vec<usize>> = HashMap::new();
    let mut repeated = vec![false; program.steps.len()];
    for (number, step) in program.steps.iter().enumerate() {
        let args: Vec<ValueId> = step.args.iter().map(|v| stands[v.0 as usize]).collect();
        let before = seen.entry((step.kernel.name(), args)).or_default();
        match before.iter().find(|&&earlier| alike(program, &program.steps[earlier], step)) {
            Some(&earlier) => {
                for (out, first) in step.outs.iter().zip(&program.steps[earlier].outs) {
                    stands[out.0 as usize] = *first;
                }
                repeated[number] = true;
            }
            None => before.push(number),
        }
    }
    if repeated.contains(&true) {
        b.replace(&stands);
        let program = b.program_mut();
        let mut repeated = repeated.into_iter();
        let mut steps = std::mem::take(&mut program.steps);
        steps.retain(|_| !repeated.next().unwrap_or(false));
        program.renumber(steps);
    }
    stands
}

/// Whether steps with the same arguments give the same results.
fn alike(program: &Program, a: &Step, b: &Step) -> bool {
    let shapes = a.outs.iter().zip(&b.outs);
    a.kernel == b.kernel && shapes.into_iter().all(|(&a, &b)| program.shape(a) == program.shape(b))
}

/// Which values depend on what the caller writes or on chance, and which on variables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Depends {
    /// On inputs or random numbers.
    pub data: bool,
    /// On variables.
    pub variables: bool,
}

/// What every value depends on.
pub(super) fn depends(program: &Program) -> Vec<Depends> {
    let mut found = vec![Depends::default(); program.values.len()];
    for (value, depends) in program.values.iter().zip(&mut found) {
        depends.data = value.source == Source::Input;
        depends.variables = matches!(value.source, Source::Variable(_));
    }
    for step in &program.steps {
        let mut all = Depends { data: matches!(step.kernel, Kernel::Random(..)), variables: false };
        for arg in &step.args {
            all.data |= found[arg.0 as usize].data;
            all.variables |= found[arg.0 as usize].variables;
        }
        step.outs.iter().for_each(|out| found[out.0 as usize] = all);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::expr::{arg, constant};
    use crate::program::{Distribution, verify};
    use crate::ty::Shape;

    #[test]
    fn what_is_computed_twice_is_computed_once() {
        let mut b = Builder::new();
        let x = b.input("x", Shape::from([2, 3]));
        let double = arg(0) * constant(2.0);
        let (a, again) = (b.map(&[x], &double), b.map(&[x], &double));
        let (c, d) = (b.sum(a, &[1]), b.sum(again, &[1]));
        let random = [0, 1].map(|_| b.random(Distribution::Uniform, Shape::from([2, 3])));
        let stands = compute_once(&mut b);
        assert_eq!([again, d].map(|v| stands[v.0 as usize]), [a, c]);
        assert_eq!(random.map(|v| stands[v.0 as usize]), random);
        let program = b.finish();
        assert_eq!(verify(&program), Ok(()));
        let names: Vec<_> = program.steps.iter().map(|step| step.kernel.name()).collect();
        assert_eq!(names, ["pointwise", "sum", "random", "random"]);
    }
}
