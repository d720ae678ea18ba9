//! Turns a reduction over axes into calls: one, or two where a result combines so many elements that they are cut up.

use crate::program::device::{Call, Operand};
use crate::ty::Shape;

/// Axes of either sort that a call takes.
const AXES: usize = 4;

/// Fewest elements of a piece.
const PIECE: usize = 512;

/// Threads, or blocks, that are enough to keep a GPU busy.
const BUSY: [usize; 2] = [1 << 16, 1 << 9];

/// The calls of a reduction and the scratch memory that they need.
pub(super) struct Reduction {
    pub(super) calls: Vec<Call>,
    pub(super) work: usize,
}

/// Axes as (extent, stride), last first, with neighbours that continue each other as one.
#[derive(Default)]
struct Axes(Vec<(usize, usize)>);

impl Axes {
    fn push(&mut self, extent: usize, stride: usize) {
        match self.0.last_mut() {
            _ if extent == 1 => {}
            Some((before, at)) if *at * *before == stride => *before *= extent,
            _ => self.0.push((extent, stride)),
        }
    }

    fn count(&self) -> usize {
        self.0.iter().map(|axis| axis.0).product()
    }

    /// The last three extents and all strides, of exactly [`AXES`] axes.
    fn numbers(mut self) -> Vec<usize> {
        self.0.resize(AXES, (1, 0));
        self.0.reverse();
        let extents = self.0.iter().skip(1).map(|axis| axis.0);
        extents.chain(self.0.iter().map(|axis| axis.1)).collect()
    }
}

/// The calls that combine a blob `x` along axes, for its sum or its largest element.
///
/// # Errors
/// Kept and combined axes take turns too often.
pub(super) fn calls(largest: bool, x: &Shape, axes: &[usize]) -> Result<Reduction, String> {
    let (mut kept, mut reduced) = (Axes::default(), Axes::default());
    let mut stride = 1;
    for (axis, &extent) in x.0.iter().enumerate().rev() {
        let sort = if axes.contains(&axis) { &mut reduced } else { &mut kept };
        sort.push(extent, stride);
        stride *= extent;
    }
    if AXES < kept.0.len().max(reduced.0.len()) {
        return Err(format!("combines more than {AXES} groups of axes of {x}"));
    }
    let (results, terms) = (kept.count(), reduced.count());
    // Threads next to each other read elements next to each other: a thread for each result if those are its first axis.
    let in_teams = 64 < terms && !kept.0.first().is_some_and(|axis| axis.1 == 1 && 32 <= axis.0);
    let busy = BUSY[usize::from(in_teams)];
    let pieces = (busy / results.max(1)).min(terms / PIECE).clamp(1, 64);
    let piece = terms.div_ceil(pieces).max(1);
    let pieces = terms.div_ceil(piece).max(1);
    let name = if in_teams { "reduce_teams" } else { "reduce_each" };
    let to = if pieces == 1 { Operand::Out(0) } else { Operand::Work(0) };
    let operands = vec![Operand::Arg(0), to];
    let first = match in_teams {
        true => Call::teams(name, results * pieces, operands),
        false => Call::each(name, results * pieces, operands),
    };
    let first = first.with(largest).with_all([results, terms, piece]);
    let mut calls = vec![first.with_all(kept.numbers()).with_all(reduced.numbers())];
    if 1 < pieces {
        let (mut own, mut parts) = (Axes::default(), Axes::default());
        own.push(results, 1);
        parts.push(pieces, results);
        let operands = vec![Operand::Work(0), Operand::Out(0)];
        let call = Call::each("reduce_each", results, operands).with(largest);
        let call = call.with_all([results, pieces, pieces]);
        calls.push(call.with_all(own.numbers()).with_all(parts.numbers()));
    }
    Ok(Reduction { calls, work: if pieces == 1 { 0 } else { results * pieces } })
}
