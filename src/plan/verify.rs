//! Checks the invariants of a plan that the module's documentation lists.

use super::liveness::lives;
use super::{Plan, Slot, taking};
use crate::program::{Source, ValueId};

/// The first rule that a plan breaks, as a sentence for whoever wrote the planner.
pub fn verify(plan: &Plan) -> Result<(), String> {
    let program = &plan.program;
    let lives = lives(program, &plan.idle, &[]);
    let slot = |v: ValueId| plan.slots[v.0 as usize].ok_or(format!("{v} has no place"));
    let mut live: Vec<(ValueId, Slot)> = vec![];
    for (i, value) in program.values.iter().enumerate() {
        if matches!(value.source, Source::Input | Source::Variable(_)) {
            let v = ValueId(i as u32);
            add(&mut live, v, slot(v)?)?;
        }
    }
    for (number, step) in program.steps.iter().enumerate() {
        if plan.idle[number] {
            for v in step.args.iter().chain(&step.outs) {
                let (root, start) = (lives.root[v.0 as usize], lives.start[v.0 as usize]);
                let (whole, part) = (slot(root)?, slot(*v)?);
                if part.offset != whole.offset + start || whole.len < start + part.len {
                    return Err(format!("{v} is not where it should be in {root}"));
                }
            }
            continue;
        }
        let work = plan.work[number];
        if let Some((v, _)) = live.iter().find(|(_, s)| s.overlaps(&work)) {
            return Err(format!("the workspace of step {number} overlaps {v}"));
        }
        if let Some(first) = taking(step) {
            let root = |v: &ValueId| lives.root[v.0 as usize];
            let taken = |v: ValueId| step.args[first..].iter().any(|a| root(a) == v);
            live.retain(|(v, _)| lives.last[v.0 as usize] != number || !taken(*v));
        }
        for &out in &step.outs {
            let place = slot(out)?;
            if place.len != program.shape(out).count() || plan.arena < place.offset + place.len {
                return Err(format!("{out} has a place of {} elements", place.len));
            }
            if place.overlaps(&work) {
                return Err(format!("the workspace of step {number} overlaps {out}"));
            }
            let root = lives.root[out.0 as usize];
            if root == out {
                add(&mut live, out, place)?;
            } else if !live.iter().any(|(v, _)| *v == root) {
                add(&mut live, root, slot(root)?)?;
            }
        }
        live.retain(|(v, _)| number < lives.last[v.0 as usize]);
    }
    Ok(())
}

fn add(live: &mut Vec<(ValueId, Slot)>, v: ValueId, slot: Slot) -> Result<(), String> {
    if let Some((other, _)) = live.iter().find(|(_, s)| s.overlaps(&slot)) {
        return Err(format!("{v} overlaps {other}"));
    }
    live.push((v, slot));
    Ok(())
}
