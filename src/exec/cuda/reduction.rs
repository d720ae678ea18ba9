//! Turns a reduction over axes into calls: one, or two where a result combines so many elements that they are cut up.

use crate::program::device::{Call, Operand};
use crate::ty::Shape;

/// Axes of either sort that a call takes.
const AXES: usize = 4;

/// Columns and rows that a block of threads reads at a time where neighbours are of different results.
const COLUMNS: [usize; 2] = [32, 8];

/// Most elements that a thread reads for a result that is not cut up.
const READS: usize = 96;

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
    fn numbers(&self) -> Vec<usize> {
        let mut axes = self.0.clone();
        axes.resize(AXES, (1, 0));
        axes.reverse();
        let extents = axes.iter().skip(1).map(|axis| axis.0);
        extents.chain(axes.iter().map(|axis| axis.1)).collect()
    }
}

/// Who works on a result.
#[derive(Clone, Copy, PartialEq)]
enum Workers {
    /// A thread.
    Each,
    /// A block, which works on 32 results at a time.
    Columns,
    /// A block.
    Teams,
}

impl Workers {
    /// The best for so many terms of each result, whose first kept axis has this extent and stride.
    fn of(results: usize, terms: usize, first: Option<(usize, usize)>) -> Workers {
        let next = first.filter(|axis| axis.1 == 1).map_or(0, |axis| axis.0);
        // Threads next to each other should read elements next to each other.
        let wide = COLUMNS[0] <= next || 1 < next && terms <= COLUMNS[1] * READS;
        match terms {
            0..16 => Workers::Each,
            _ if wide && results <= BUSY[0] => Workers::Columns,
            _ if wide || terms <= 64 => Workers::Each,
            _ => Workers::Teams,
        }
    }

    /// Threads that share the terms of a result.
    fn sharing(self) -> usize {
        match self {
            Workers::Each => 1,
            Workers::Columns => COLUMNS[1],
            Workers::Teams => super::module::THREADS,
        }
    }

    fn call(self, results: usize, pieces: usize, operands: Vec<Operand>) -> Call {
        match self {
            Workers::Each => Call::each("reduce_each", results * pieces, operands),
            Workers::Columns => {
                let groups = results.div_ceil(COLUMNS[0]);
                Call::teams("reduce_columns", groups * pieces, operands)
            }
            Workers::Teams => Call::teams("reduce_teams", results * pieces, operands),
        }
    }
}

/// The calls that combine a blob `x` along axes, for its sum or its largest element. If the first axis is among them, each of
/// `parts` equal parts of it may be combined by itself, and then these.
///
/// # Errors
/// Kept and combined axes take turns too often.
pub(super) fn calls(
    largest: bool,
    x: &Shape,
    axes: &[usize],
    parts: usize,
) -> Result<Reduction, String> {
    let (mut kept, mut reduced) = (Axes::default(), Axes::default());
    let mut stride = 1;
    for (axis, &extent) in x.0.iter().enumerate().rev() {
        let extent = if axis == 0 { extent / parts } else { extent };
        let sort = if axes.contains(&axis) { &mut reduced } else { &mut kept };
        sort.push(extent, stride);
        stride *= extent;
    }
    let apart = stride;
    if AXES < kept.0.len().max(reduced.0.len()) {
        return Err(format!("combines more than {AXES} groups of axes of {x}"));
    }
    let (results, terms) = (kept.count(), reduced.count());
    let workers = Workers::of(results, terms, kept.0.first().copied());
    let blocks = match workers {
        Workers::Columns => results.div_ceil(COLUMNS[0]),
        _ => results,
    };
    let busy = BUSY[usize::from(workers != Workers::Each)];
    let most = READS * workers.sharing();
    let pieces = match terms * parts <= most || AXES == kept.0.len() {
        true => 1,
        false => (busy / (blocks * parts).max(1)).min(4 * terms / most).clamp(1, 64),
    };
    let piece = terms.div_ceil(pieces).max(1);
    let pieces = terms.div_ceil(piece).max(1);
    let call = |workers: Workers, [from, to]: [Operand; 2], results: usize, pieces: usize| {
        workers.call(results, pieces, vec![from, to]).with(largest).with(results)
    };
    if pieces == 1 {
        let call = call(workers, [Operand::Arg(0), Operand::Out(0)], results, 1);
        let call = call.with_all([terms, terms, parts, apart]);
        let calls = vec![call.with_all(kept.numbers()).with_all(reduced.numbers())];
        return Ok(Reduction { calls, work: 0 });
    }
    // The pieces of every part, then a thread for each result.
    kept.push(parts, apart);
    let all = results * parts;
    let first = call(workers, [Operand::Arg(0), Operand::Work(0)], all, pieces);
    let first = first.with_all([terms, piece, 1, 0]);
    let (mut own, mut rows) = (Axes::default(), Axes::default());
    own.push(results, 1);
    rows.push(pieces, all);
    let second = call(Workers::Each, [Operand::Work(0), Operand::Out(0)], results, 1);
    let second = second.with_all([pieces, pieces, parts, results]);
    let calls = vec![
        first.with_all(kept.numbers()).with_all(reduced.numbers()),
        second.with_all(own.numbers()).with_all(rows.numbers()),
    ];
    Ok(Reduction { calls, work: all * pieces })
}
