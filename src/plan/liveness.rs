//! When each value is first written and last read.

use super::is_view;
use crate::program::{Program, Source, ValueId};

/// The life of every root value: of values that are not views of others.
pub(super) struct Lives {
    /// The value whose memory this one is: itself, or what it is a view of.
    pub root: Vec<ValueId>,
    /// The last step that reads a root or a view of it; `usize::MAX` if it is read after the run.
    pub last: Vec<usize>,
}

pub(super) fn lives(program: &Program, pinned: &[ValueId]) -> Lives {
    let n = program.values.len();
    let mut root: Vec<ValueId> = (0..n as u32).map(ValueId).collect();
    for step in program.steps.iter().filter(|step| is_view(step)) {
        root[step.outs[0].0 as usize] = root[step.args[0].0 as usize];
    }
    let mut last = vec![0; n];
    for (number, step) in program.steps.iter().enumerate() {
        for v in step.args.iter().chain(&step.outs) {
            let r = root[v.0 as usize].0 as usize;
            last[r] = last[r].max(number);
        }
    }
    for (i, value) in program.values.iter().enumerate() {
        if matches!(value.source, Source::Input | Source::Variable(_)) {
            last[i] = usize::MAX;
        }
    }
    let outputs = program.outputs.iter().map(|&(_, v)| v);
    let assigned = program.assigns.iter().map(|&(_, new)| new);
    for v in outputs.chain(assigned).chain(pinned.iter().copied()) {
        last[root[v.0 as usize].0 as usize] = usize::MAX;
    }
    Lives { root, last }
}
