//! Joins chains of pointwise steps into single ones, for devices on which a step costs a pass over memory and a launch.

use super::expr::{Expr, PointFn, PointOp, arg};
use super::{Kernel, Program, Source, Step, ValueId};

/// Most arguments of a joined step.
const ARGUMENTS: usize = 12;

/// Most instructions of a joined step.
const INSTRUCTIONS: usize = 64;

/// Takes the work of a pointwise step into the one step that reads its result, if that is pointwise too and reads it element
/// by element. What only repeats the elements of its argument goes into every pointwise step that reads it. Steps that are left
/// without readers go with [`simplify`](super::simplify()).
///
/// Derivatives that were given for parts of an expression are lost, so this comes after differentiation.
pub fn fuse_chains(program: &mut Program) {
    let mut readers = readers(program);
    for number in 0..program.steps.len() {
        while let Some((kernel, args, gone)) = joined(program, number, &readers) {
            let earlier = program.steps[step_of(program, gone).unwrap_or(number)].args.clone();
            let before = std::mem::replace(&mut program.steps[number].args, args);
            program.steps[number].kernel = kernel;
            readers[gone.0 as usize] -= 1;
            // What both steps read loses a reader if one of them goes; what only the other one reads gains one if it stays.
            let goes = readers[gone.0 as usize] == 0;
            let mut seen: Vec<ValueId> = vec![];
            for v in earlier {
                if !seen.contains(&v) {
                    match (before.contains(&v), goes) {
                        (true, true) => readers[v.0 as usize] -= 1,
                        (false, false) => readers[v.0 as usize] += 1,
                        _ => {}
                    }
                }
                seen.push(v);
            }
        }
    }
}

/// The number of steps that read each value; one more for what is read after the run.
fn readers(program: &Program) -> Vec<usize> {
    let mut readers = vec![0; program.values.len()];
    for step in &program.steps {
        let mut args = step.args.clone();
        args.sort_unstable();
        args.dedup();
        args.iter().for_each(|v| readers[v.0 as usize] += 1);
    }
    let outputs = program.outputs.iter().map(|(_, v)| v);
    for v in outputs.chain(program.assigns.iter().flat_map(|(state, new)| [state, new])) {
        readers[v.0 as usize] += 1;
    }
    readers
}

fn step_of(program: &Program, v: ValueId) -> Option<usize> {
    match program.source(v) {
        Source::Step(number) => Some(number as usize),
        _ => None,
    }
}

/// A step with the work of one of its arguments' steps in it: its kernel, its arguments, and the argument that is gone.
fn joined(
    program: &Program,
    number: usize,
    readers: &[usize],
) -> Option<(Kernel, Vec<ValueId>, ValueId)> {
    let Step { kernel: Kernel::Pointwise(f), args, outs, .. } = &program.steps[number] else {
        return None;
    };
    args.iter().find_map(|&v| {
        let Step { kernel: Kernel::Pointwise(g), args: inner, .. } =
            &program.steps[step_of(program, v)?]
        else {
            return None;
        };
        let alone = readers[v.0 as usize] == 1 && program.shape(v) == program.shape(outs[0]);
        let repeats = g.ops == [PointOp::Arg(0)];
        if !(alone || repeats) || INSTRUCTIONS < f.ops.len() + g.ops.len() {
            return None;
        }
        let mut all: Vec<ValueId> = vec![];
        for &one in args.iter().filter(|&&one| one != v).chain(inner) {
            if !all.contains(&one) {
                all.push(one);
            }
        }
        if ARGUMENTS < all.len() {
            return None;
        }
        let place = |one: &ValueId| arg(all.iter().position(|known| known == one).unwrap_or(0));
        let inside = g.expr().substitute(&inner.iter().map(place).collect::<Vec<Expr>>());
        let given = |one: &ValueId| if *one == v { inside.clone() } else { place(one) };
        let whole = f.expr().substitute(&args.iter().map(given).collect::<Vec<Expr>>());
        // An expression that folds to fewer arguments may not have the shape any more.
        let joined = PointFn::new(&whole);
        let fits = all.iter().any(|one| program.shape(*one) == program.shape(outs[0]));
        fits.then_some((Kernel::Pointwise(joined), all, v))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::{Builder, differentiate, simplify, verify};
    use crate::ty::Shape;

    fn count(program: &Program) -> usize {
        program.steps.iter().filter(|step| matches!(step.kernel, Kernel::Pointwise(_))).count()
    }

    #[test]
    fn a_chain_with_repeated_arguments_is_one_step() {
        let mut b = Builder::new();
        let x = b.input("x", Shape::from([2, 3]));
        let row = b.input("row", Shape::from([1, 3]));
        let scaled = b.mul(x, row);
        let shifted = b.add(scaled, row);
        let y = b.map(&[shifted, shifted, x], &(arg(0) * arg(1) + arg(2).tanh()));
        b.output("y", y);
        let mut program = b.finish();
        fuse_chains(&mut program);
        simplify(&mut program);
        assert_eq!(verify(&program), Ok(()));
        assert_eq!(count(&program), 1);
        assert_eq!(program.steps[0].args, [x, row]);
    }

    #[test]
    fn what_only_repeats_goes_into_all_that_read_it() {
        let mut b = Builder::new();
        let x = b.input("x", Shape::from([2, 3]));
        let one = b.input("one", Shape::from([1, 1]));
        let repeated = b.repeat(one, [2, 3]);
        let outputs = [b.mul(x, repeated), b.add(repeated, x), b.mul(repeated, repeated)];
        outputs.into_iter().for_each(|y| b.output("y", y));
        let mut program = b.finish();
        fuse_chains(&mut program);
        simplify(&mut program);
        assert_eq!(verify(&program), Ok(()));
        // The last one has no other argument of the shape of its result.
        let args: Vec<_> = program.steps.iter().map(|step| step.args.clone()).collect();
        assert_eq!(args, [vec![one], vec![x, one], vec![x, one], vec![repeated, repeated]]);
    }

    #[test]
    fn what_is_read_twice_or_repeated_stays() {
        let mut b = Builder::new();
        let x = b.input("x", Shape::from([1, 3]));
        let big = b.input("big", Shape::from([2, 3]));
        let small = b.scale(x, 2.0);
        let repeated = b.add(big, small);
        let kept = b.scale(repeated, 3.0);
        let other = b.sum_all(repeated);
        b.output("kept", kept);
        b.output("other", other);
        let mut program = b.finish();
        fuse_chains(&mut program);
        simplify(&mut program);
        assert_eq!(verify(&program), Ok(()));
        assert_eq!(count(&program), 3);
    }

    #[test]
    fn gradients_of_chains_are_chains() {
        let mut b = Builder::new();
        let x = b.input("x", Shape::from([4]));
        let mut y = x;
        for _ in 0..3 {
            y = b.map(&[y], &arg(0).sin());
        }
        let dy = b.input("dy", Shape::from([4]));
        let gradients = differentiate(&mut b, &[(y, dy)], &[x]);
        b.output("dx", gradients.of(x).expect("a gradient"));
        let mut program = b.finish();
        let before = count(&program);
        fuse_chains(&mut program);
        simplify(&mut program);
        assert_eq!(verify(&program), Ok(()));
        assert!(count(&program) < before, "{} of {before}", count(&program));
    }
}
