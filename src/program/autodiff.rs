//! Appends the backward pass of a program to it: a reverse walk over the steps with the gradient table.

use std::collections::HashMap;

use super::fold::producer;
use super::{Builder, Kernel, Origin, Source, ValueId, gradient};

/// The gradients that a backward pass computed.
#[derive(Clone, Debug, Default)]
pub struct Gradients {
    of: HashMap<ValueId, ValueId>,
    /// The layers with gradients in the program that have no gradients themselves and through which some are wanted: what
    /// would come through them is missing.
    pub ends: Vec<Origin>,
}

impl Gradients {
    /// The gradient of a value, if the backward pass reached it.
    pub fn of(&self, v: ValueId) -> Option<ValueId> {
        self.of.get(&v).copied()
    }
}

/// Appends the steps that compute the gradients of `wanted`, where `seeds` are pairs of a value and its
/// gradient. Gradients of values between seeds and wanted are there as well.
///
/// Only steps that a wanted value reaches are walked, so that the gradient of a data blob costs nothing
/// unless it is wanted. Contributions are added in the order of the uses, last use first.
pub fn differentiate(
    b: &mut Builder,
    seeds: &[(ValueId, ValueId)],
    wanted: &[ValueId],
) -> Gradients {
    let mut reached = vec![false; b.program().values.len()];
    for v in wanted {
        reached[v.0 as usize] = true;
    }
    let steps = b.program().steps.clone();
    for step in &steps {
        let ends =
            gradient::ends(&step.kernel) && step.args.iter().any(|arg| reached[arg.0 as usize]);
        if ends || !gradient::reachable(b.program(), step, &reached).is_empty() {
            for out in &step.outs {
                reached[out.0 as usize] = true;
            }
        }
    }

    let mut parts: HashMap<ValueId, Vec<ValueId>> = HashMap::new();
    for &(v, seed) in seeds {
        parts.entry(v).or_default().push(seed);
    }
    let mut done = Gradients::default();
    for step in steps.iter().rev() {
        b.set_origin(step.origin);
        let douts: Vec<_> =
            step.outs.iter().map(|&out| settle(b, &mut parts, &mut done, out)).collect();
        let wrt = gradient::reachable(b.program(), step, &reached);
        let reads = step.args.iter().any(|arg| reached[arg.0 as usize]);
        if reads && gradient::ends(&step.kernel) && douts.iter().any(Option::is_some) {
            done.ends.push(step.origin);
        }
        if wrt.is_empty() || douts.iter().all(Option::is_none) {
            continue;
        }
        for (i, dx) in gradient::gradients(b, step, &douts, &wrt) {
            parts.entry(step.args[i]).or_default().push(dx);
        }
    }
    for v in (0..b.program().values.len() as u32).map(ValueId) {
        if !matches!(b.program().source(v), Source::Step(_)) {
            settle(b, &mut parts, &mut done, v);
        }
    }
    done
}

/// The same with gradients that can be differentiated once more, as far as their kernels allow.
pub fn differentiate_twice(
    b: &mut Builder,
    seeds: &[(ValueId, ValueId)],
    wanted: &[ValueId],
) -> Gradients {
    let (origin, before) = (b.origin(), std::mem::replace(&mut b.composes, true));
    let gradients = differentiate(b, seeds, wanted);
    b.composes = before;
    b.set_origin(origin);
    gradients
}

/// Adds up the contributions to the gradient of `v`, of which there will be no more.
fn settle(
    b: &mut Builder,
    parts: &mut HashMap<ValueId, Vec<ValueId>>,
    done: &mut Gradients,
    v: ValueId,
) -> Option<ValueId> {
    let parts = parts.remove(&v)?;
    let total = match laid_out(b, &parts) {
        Some((axis, pieces)) => b.concat(&pieces, axis),
        None => {
            let parts = one_product(b, parts);
            parts.into_iter().reduce(|sum, part| b.add(sum, part))?
        }
    };
    done.of.insert(v, total);
    Some(total)
}

/// Fewest products of few rows that are computed as one.
const PRODUCTS: usize = 3;

/// Most rows of a product that are few: it takes longer to write the product than to add up its terms.
const FEW_ROWS: usize = 64;

/// The terms of a sum, with those that are products of the columns of few rows as one product over the rows of all: what the
/// steps in time of a recurrent layer contribute to the gradient of its weights.
fn one_product(b: &mut Builder, parts: Vec<ValueId>) -> Vec<ValueId> {
    let factors = |part: &ValueId| {
        let step = producer(b.program(), *part)?;
        let Kernel::MatMul { trans_a: true, trans_b: false } = step.kernel else { return None };
        let &[x, y] = &step.args[..] else { return None };
        let shape = b.shape(x);
        (shape.rank() == 2 && shape.0[0] <= FEW_ROWS).then_some((x, y))
    };
    let (xs, ys): (Vec<_>, Vec<_>) = parts.iter().filter_map(factors).unzip();
    if xs.len() < PRODUCTS {
        return parts;
    }
    let mut others: Vec<ValueId> =
        parts.into_iter().filter(|part| factors(part).is_none()).collect();
    let (xs, ys) = (b.concat(&xs, 0), b.concat(&ys, 0));
    others.push(b.matmul(xs, true, ys, false, None));
    others
}

/// The axis and the pieces of a sum whose terms are pieces among zeros that fill an axis: what readers of parts of a blob
/// contribute.
fn laid_out(b: &Builder, parts: &[ValueId]) -> Option<(usize, Vec<ValueId>)> {
    let mut along = None;
    let mut pieces = vec![];
    for &part in parts {
        let step = producer(b.program(), part)?;
        let Kernel::Pad { axis, start, step: 1 } = step.kernel else { return None };
        if axis != *along.get_or_insert(axis) {
            return None;
        }
        pieces.push((start, step.args[0]));
    }
    let axis = along?;
    pieces.sort_unstable();
    let mut end = 0;
    for &(start, piece) in &pieces {
        if start != end {
            return None;
        }
        end += b.shape(piece).0[axis];
    }
    let whole = end == b.shape(*parts.first()?).0[axis];
    whole.then(|| (axis, pieces.into_iter().map(|(_, piece)| piece).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ty::Shape;

    #[test]
    fn products_of_few_rows_that_are_added_up_are_one_product() {
        for (steps, rows, want) in [(5, 4, 1), (2, 4, 2), (5, 100, 5)] {
            let mut b = Builder::new();
            let w = b.input("w", Shape::from([6, 3]));
            let mut seeds = vec![];
            for _ in 0..steps {
                let x = b.input("x", Shape::from([rows, 3]));
                let y = b.matmul(x, false, w, true, None);
                let dy = b.input("dy", Shape::from([rows, 6]));
                seeds.push((y, dy));
            }
            let dw = differentiate(&mut b, &seeds, &[w]).of(w).expect("a gradient");
            b.output("dw", dw);
            let mut program = b.finish();
            crate::program::simplify(&mut program);
            let products = |kernel: &Kernel| matches!(kernel, Kernel::MatMul { .. });
            let count = program.steps.iter().filter(|step| products(&step.kernel)).count();
            assert_eq!(count, want, "{steps} steps of {rows} rows");
        }
    }
}
