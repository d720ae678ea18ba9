//! When each value is first written and last read, and which values are the memory of others.

use super::{ALIGN, is_view};
use crate::program::{Kernel, Program, Source, Step, ValueId};

/// The life of every root value: of values that are not the memory of others.
pub(super) struct Lives {
    /// The value whose memory, or a part of it, this one is: itself, or what it is a view or a part of.
    pub root: Vec<ValueId>,
    /// Where in the root it begins.
    pub start: Vec<usize>,
    /// The last step that reads a root or a part of it; `usize::MAX` if it is read after the run.
    pub last: Vec<usize>,
}

impl Lives {
    fn new(values: usize) -> Lives {
        let root = (0..values as u32).map(ValueId).collect();
        Lives { root, start: vec![0; values], last: vec![0; values] }
    }

    fn root(&self, v: ValueId) -> ValueId {
        self.root[v.0 as usize]
    }

    /// Takes in a step that has nothing to do.
    fn take(&mut self, program: &Program, step: &Step) {
        let out = step.outs[0];
        match step.kernel {
            Kernel::Concat(axis) => {
                let mut start = 0;
                for &part in &step.args {
                    let part_root = self.root(part);
                    for v in 0..self.root.len() {
                        if self.root[v] == part_root {
                            self.root[v] = out;
                            self.start[v] += start;
                        }
                    }
                    start += program.shape(part).count_of(axis..program.shape(part).rank());
                }
            }
            _ => {
                let (from, to) = (step.args[0].0 as usize, out.0 as usize);
                self.root[to] = self.root[from];
                self.start[to] = self.start[from] + neighbours(program, step).unwrap_or(0);
            }
        }
    }
}

/// Where the neighbouring elements begin that a step cuts out, if it does so and that is where a place may begin.
fn neighbours(program: &Program, step: &Step) -> Option<usize> {
    let Kernel::Slice { axis, start, step: 1 } = step.kernel else { return None };
    let x = program.shape(step.args[0]);
    let first = start * x.count_of(axis + 1..x.rank());
    (x.count_of(0..axis) == 1 && first.is_multiple_of(ALIGN)).then_some(first)
}

/// Whether a step that has nothing to do leaves its elements where they are among others.
pub(super) fn is_gathered(program: &Program, step: &Step) -> bool {
    matches!(step.kernel, Kernel::Slice { .. }) && neighbours(program, step).is_none()
}

/// Values that nothing but pointwise steps of their own shape read, or of that of a view, and that nobody reads after the run.
fn read_by_chains(program: &Program) -> Vec<bool> {
    let mut by_chains = vec![true; program.values.len()];
    let outputs = program.outputs.iter().map(|&(_, v)| v);
    let assigned = program.assigns.iter().map(|&(_, new)| new);
    outputs.chain(assigned).for_each(|v| by_chains[v.0 as usize] = false);
    for step in program.steps.iter().rev() {
        let out = step.outs[0];
        for &arg in &step.args {
            by_chains[arg.0 as usize] &= match step.kernel {
                Kernel::Pointwise(_) => program.shape(arg) == program.shape(out),
                _ => is_view(step) && by_chains[out.0 as usize],
            };
        }
    }
    by_chains
}

/// Which steps have nothing to do: views and, `in_place`, slices and concatenations of neighbouring elements, whose argument
/// has its place, or whose arguments have theirs, in the other, and slices that are read where their argument is. Gradients
/// have places of their own.
pub(super) fn idle(program: &Program, in_place: bool, gradients: &[Option<ValueId>]) -> Vec<bool> {
    let mut views = Lives::new(program.values.len());
    program.steps.iter().filter(|s| is_view(s)).for_each(|step| views.take(program, step));
    let fixed: Vec<ValueId> = gradients.iter().flatten().map(|&v| views.root(v)).collect();
    let mut lives = Lives::new(program.values.len());
    let mut idle = vec![false; program.steps.len()];
    let by_chains = read_by_chains(program);
    // Values whose elements are not next to each other.
    let mut apart = vec![false; program.values.len()];
    for (number, step) in program.steps.iter().enumerate() {
        idle[number] = is_view(step)
            || in_place
                && match step.kernel {
                    Kernel::Slice { .. } => {
                        let (from, to) = (step.args[0], step.outs[0]);
                        // What inputs and variables hold after the run may be of the next one.
                        let computed = matches!(program.source(lives.root(from)), Source::Step(_));
                        let reached = by_chains[to.0 as usize]
                            || computed && neighbours(program, step).is_some();
                        reached && !apart[from.0 as usize] && !fixed.contains(&to)
                    }
                    Kernel::Concat(axis) => joins(program, &lives, step, axis, &fixed),
                    _ => false,
                };
        if idle[number] {
            lives.take(program, step);
            let of_view = is_view(step) && apart[step.args[0].0 as usize];
            apart[step.outs[0].0 as usize] = of_view || is_gathered(program, step);
        }
    }
    idle
}

/// Whether the arguments of a concatenation can be written where they are in its result.
fn joins(program: &Program, lives: &Lives, step: &Step, axis: usize, fixed: &[ValueId]) -> bool {
    let mut start = 0;
    let mut seen = vec![];
    step.args.iter().all(|&part| {
        let (shape, root) = (program.shape(part), lives.root(part));
        let aligned = start % ALIGN == 0;
        start += shape.count_of(axis..shape.rank());
        let own = matches!(program.source(root), Source::Step(_)) && !seen.contains(&root);
        seen.push(root);
        let whole = program.shape(root).count() == shape.count() && 0 < shape.count();
        aligned && own && whole && shape.count_of(0..axis) == 1 && !fixed.contains(&root)
    })
}

/// The lives of all values, where these steps have nothing to do.
pub(super) fn lives(program: &Program, idle: &[bool], pinned: &[ValueId]) -> Lives {
    let mut lives = Lives::new(program.values.len());
    for (step, _) in program.steps.iter().zip(idle).filter(|(_, idle)| **idle) {
        lives.take(program, step);
    }
    for (number, step) in program.steps.iter().enumerate() {
        for &v in step.args.iter().chain(&step.outs) {
            let r = lives.root(v).0 as usize;
            lives.last[r] = lives.last[r].max(number);
        }
    }
    for (i, value) in program.values.iter().enumerate() {
        if matches!(value.source, Source::Input | Source::Variable(_)) {
            lives.last[i] = usize::MAX;
        }
    }
    let outputs = program.outputs.iter().map(|&(_, v)| v);
    let assigned = program.assigns.iter().map(|&(_, new)| new);
    for v in outputs.chain(assigned).chain(pinned.iter().copied()) {
        let r = lives.root(v).0 as usize;
        lives.last[r] = usize::MAX;
    }
    lives
}
