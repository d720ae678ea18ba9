//! Removes steps that nothing depends on.

use super::{Program, Source};

/// Drops the steps whose results reach no output and no assignment, and renumbers the others.
///
/// Values stay where they are, so that identities handed out before remain valid.
pub fn simplify(program: &mut Program) {
    let mut live = vec![false; program.values.len()];
    let ends = program.outputs.iter().map(|(_, v)| v);
    for v in ends.chain(program.assigns.iter().map(|(_, new)| new)) {
        live[v.0 as usize] = true;
    }
    let mut kept = vec![false; program.steps.len()];
    for (i, step) in program.steps.iter().enumerate().rev() {
        if step.outs.iter().any(|out| live[out.0 as usize]) {
            kept[i] = true;
            for a in &step.args {
                live[a.0 as usize] = true;
            }
        }
    }
    let mut numbers = vec![0; program.steps.len()];
    let mut next = 0;
    for (i, &keep) in kept.iter().enumerate() {
        numbers[i] = next;
        next += u32::from(keep);
    }
    let mut keep = kept.iter();
    program.steps.retain(|_| *keep.next().unwrap_or(&true));
    for value in &mut program.values {
        if let Source::Step(old) = value.source {
            value.source = match kept[old as usize] {
                true => Source::Step(numbers[old as usize]),
                false => Source::Dead,
            };
        }
    }
}
