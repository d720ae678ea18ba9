//! Finds blocks that are repeated many times one after the other, such as the units of a deep residual net or the steps of an
//! unrolled recurrent one.
//!
//! The boxes are taken in an order in which each comes after those it reads. A box is like another if it is of the same type,
//! says the same of itself, and reads the same shapes from boxes as many places before it. A stretch of
//! boxes each like the one `p` places before it is a block of `p` boxes, repeated. A box that many others read, or that reads
//! many others, such as the Slice and the Concat around an unrolled net, may be at any distance.

use std::collections::{BTreeSet, HashMap};

use super::blocks::in_order;
use crate::report::diagram::{Diagram, Edge, Gradient, Learning};

/// Blocks that are repeated so often become one box.
const MANY: usize = 20;

/// Blocks that are repeated less often than this are drawn one by one.
pub(super) const FEW: usize = 6;

/// So many boxes of one kind of block are worth one box where the blocks are fewer than [`MANY`], as large steps of an unrolled
/// net are.
const WORTH: usize = 100;

/// Whether so many blocks of so many boxes become one.
fn are_many(count: usize, boxes: usize) -> bool {
    MANY <= count || FEW <= count && WORTH <= count * boxes
}

/// Boxes of a block, at most.
const LONGEST: usize = 64;

/// A block and how often it is there.
pub(super) struct Run {
    /// The boxes, in order, block after block.
    pub members: Vec<usize>,
    /// The number of blocks.
    pub count: usize,
}

/// What two boxes have to share to be alike.
#[derive(PartialEq, Eq, Hash)]
struct Likeness<'a> {
    kind: &'a str,
    details: &'a [String],
    folded: Vec<&'a str>,
    parameters: Vec<(&'a str, Option<&'a Learning>)>,
    /// Port, distance, port there, shape and gradient; a box that many read has neither distance nor port.
    reads: BTreeSet<(usize, Option<(usize, usize)>, &'a str, Gradient)>,
}

/// The boxes in order, and the edges that count.
struct Line<'a> {
    diagram: &'a Diagram,
    order: Vec<usize>,
    /// The place of each box in the order.
    place: Vec<usize>,
    /// Whether many read a box, or it reads many.
    hub: Vec<bool>,
}

/// The runs of a diagram; none overlaps another one.
pub(super) fn runs(diagram: &Diagram) -> Vec<Run> {
    let line = Line::new(diagram);
    let alike = line.likenesses();
    let mut stretches: Vec<(usize, usize, usize)> = vec![];
    for period in 1..=LONGEST.min(alike.len() / FEW) {
        let mut start = 0;
        while start + period < alike.len() {
            let same =
                (start..alike.len() - period).take_while(|&at| alike[at] == alike[at + period]);
            let length = same.count() + period;
            if are_many(length / period, period) {
                stretches.push((start, period, length));
            }
            start += length - period + 1;
        }
    }
    // The longest stretch first, of equal ones that of the smallest block.
    stretches.sort_by_key(|&(start, period, length)| {
        (usize::MAX - length / period * period, period, start)
    });
    let mut taken = vec![false; line.order.len()];
    let mut runs = vec![];
    for (start, period, length) in stretches {
        let (start, count) = line.begin(start, period, length);
        let places = start..start + count * period;
        if !are_many(count, period) || taken[places.clone()].iter().any(|&taken| taken) {
            continue;
        }
        taken[places.clone()].fill(true);
        runs.push(Run { members: line.order[places].to_vec(), count });
    }
    runs
}

impl<'a> Line<'a> {
    fn new(diagram: &'a Diagram) -> Self {
        let count = diagram.nodes.len();
        let order = in_order(diagram);
        let mut place = vec![0; count];
        order.iter().enumerate().for_each(|(at, &node)| place[node] = at);
        let mut ends: Vec<[BTreeSet<usize>; 2]> = vec![Default::default(); count];
        for edge in diagram.edges.iter().filter(|edge| edge.from < count && edge.to < count) {
            ends[edge.from][0].insert(edge.to);
            ends[edge.to][1].insert(edge.from);
        }
        let hub = ends.iter().map(|ends| ends.iter().any(|ends| FEW <= ends.len())).collect();
        Line { diagram, order, place, hub }
    }

    fn edges(&self) -> impl Iterator<Item = &'a Edge> {
        let count = self.diagram.nodes.len();
        self.diagram.edges.iter().filter(move |edge| edge.from < count && edge.to < count)
    }

    /// A number for each place of the order, the same for boxes that are alike.
    fn likenesses(&self) -> Vec<usize> {
        let of = |&node: &usize| {
            let node = &self.diagram.nodes[node];
            Likeness {
                kind: &node.kind,
                details: &node.details,
                folded: node.folded.iter().map(|strip| strip.kind.as_str()).collect(),
                parameters: node
                    .parameters
                    .iter()
                    .map(|tag| (tag.shape.as_str(), tag.learning.as_ref()))
                    .collect(),
                reads: BTreeSet::new(),
            }
        };
        let mut all: Vec<Likeness> = self.order.iter().map(of).collect();
        if all.is_empty() {
            return vec![];
        }
        for edge in self.edges() {
            let (from, to) = (self.place[edge.from], self.place[edge.to]);
            let whence = (!self.hub[edge.from]).then(|| (to - from, edge.from_port));
            // What gathers from many counts its ports up.
            let port = if self.hub[edge.to] { 0 } else { edge.to_port };
            all[to].reads.insert((port, whence, &edge.shape, edge.gradient));
        }
        let mut numbers: HashMap<Likeness, usize> = HashMap::new();
        let number = |likeness| {
            let next = numbers.len();
            *numbers.entry(likeness).or_insert(next)
        };
        all.into_iter().map(number).collect()
    }

    /// Where the first block of a stretch begins, and how many there are: where the fewest blobs go from block to block, and
    /// then where there are the most blocks.
    fn begin(&self, start: usize, period: usize, length: usize) -> (usize, usize) {
        let mut crossing = vec![BTreeSet::new(); period];
        let inside = |edge: &&Edge| !self.hub[edge.from] && !self.hub[edge.to];
        for edge in self.edges().filter(inside) {
            let (from, to) = (self.place[edge.from], self.place[edge.to]);
            for (at, blobs) in crossing.iter_mut().enumerate() {
                let boundary = start + at + period;
                if from < boundary && boundary <= to {
                    blobs.insert((edge.from, edge.from_port));
                }
            }
        }
        let count = |at: usize| (length - at) / period;
        let best = (0..period)
            .filter(|&at| are_many(count(at), period))
            .min_by_key(|&at| (crossing[at].len(), usize::MAX - count(at), at));
        let at = best.unwrap_or(0);
        (start + at, count(at))
    }
}
