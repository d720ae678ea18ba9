//! Makes neighbouring launches of one layer one launch where neither needs the other's results: a GPU begins a launch when
//! the one before has ended, and that takes longer than a small kernel.

use super::form::Act;
use super::module::Module;
use crate::plan::Slot;
use crate::program::Origin;

/// Most blocks of a launch that is joined with another: more keep a GPU busy by themselves.
const SMALL: usize = 256;

/// Most arguments of a joined launch: a kernel's parameters are at most 4 KiB on older GPUs.
const MOST_ARGUMENTS: usize = 256;

/// An act, the step that it belongs to, and what it reads and writes of the memory.
pub(super) struct Placed {
    pub(super) act: Act<usize>,
    pub(super) step: usize,
    pub(super) origin: Origin,
    pub(super) reads: Vec<Slot>,
    pub(super) writes: Vec<Slot>,
}

impl Placed {
    /// Whether both can be done at once, or the other one first.
    fn apart(&self, other: &Placed) -> bool {
        let meet = |a: &[Slot], b: &[Slot]| a.iter().any(|a| b.iter().any(|b| a.overlaps(b)));
        !meet(&self.writes, &other.writes)
            && !meet(&self.writes, &other.reads)
            && !meet(&self.reads, &other.writes)
    }

    /// Takes over the launch that comes next; gives it back if it has to stay one of its own.
    fn take(&mut self, module: &mut Module, next: Placed) -> Option<Placed> {
        if self.origin != next.origin || !self.apart(&next) {
            return Some(next);
        }
        let (
            Act::Launch { entry, operands, blocks },
            Act::Launch { entry: second, operands: more, blocks: others },
        ) = (&mut self.act, &next.act)
        else {
            return Some(next);
        };
        if SMALL < (*blocks).max(*others) || MOST_ARGUMENTS < operands.len() + more.len() {
            return Some(next);
        }
        let Some(both) = module.joined(*entry, *second) else { return Some(next) };
        (*entry, *blocks) = (both, (*blocks).max(*others));
        operands.extend(more);
        self.reads.extend(next.reads);
        self.writes.extend(next.writes);
        None
    }
}

/// Joins what can be joined. The module keeps the entries of these acts alone.
pub(super) fn join(module: &mut Module, acts: Vec<Placed>) -> Vec<Placed> {
    let mut all: Vec<Placed> = vec![];
    for next in acts {
        let next = match all.last_mut() {
            Some(last) => last.take(module, next),
            None => Some(next),
        };
        all.extend(next);
    }
    let used: Vec<usize> = all.iter().filter_map(|placed| entry(&placed.act)).collect();
    let numbers = module.keep(&used);
    for placed in &mut all {
        if let Act::Launch { entry, .. } = &mut placed.act {
            *entry = numbers[*entry];
        }
    }
    all
}

fn entry(act: &Act<usize>) -> Option<usize> {
    match act {
        Act::Launch { entry, .. } => Some(*entry),
        _ => None,
    }
}
