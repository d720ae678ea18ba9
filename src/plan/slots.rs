//! Gives every value its place: pinned ones first, the others by liveness into the gaps.

use super::liveness::{Lives, idle, lives};
use super::{Plan, Request, Slot, aligned, taking};
use crate::program::{Program, Source, Step, ValueId};

pub(super) fn assign(
    program: Program,
    request: &Request,
    workspace: &dyn Fn(&Program, &Step) -> usize,
) -> Plan {
    let gradients: Vec<ValueId> = request.gradients.iter().flatten().copied().collect();
    let kept = [gradients, kept(&program, request.settled)].concat();
    let idle = idle(&program, request.in_place, &request.gradients);
    let lives = lives(&program, &idle, &kept);
    let mut slots: Vec<Option<Slot>> = vec![None; program.values.len()];

    let mut layout = vec![];
    let mut end = 0;
    for &v in &request.parameters {
        let len = program.shape(v).count();
        layout.push(Slot { offset: end, len });
        end += aligned(len);
    }
    let flat = end;
    let mut region = |n: usize| {
        let slot = Slot { offset: n * flat, len: flat };
        end = end.max(slot.offset + slot.len);
        slot
    };
    let parameters = region(0);
    let gradient_region =
        if request.gradients.is_empty() { Slot { offset: flat, len: 0 } } else { region(1) };
    let first = if request.gradients.is_empty() { 1 } else { 2 };
    let histories = (0..request.histories).map(|i| region(first + i)).collect();
    for (&v, place) in request.parameters.iter().zip(&layout) {
        slots[v.0 as usize] = Some(*place);
    }
    for (v, place) in request.gradients.iter().zip(&layout) {
        if let Some(v) = v {
            let root = lives.root[v.0 as usize];
            let taken = slots[root.0 as usize].is_some();
            if !taken && is_own(&program, root) {
                slots[root.0 as usize] =
                    Some(Slot { offset: gradient_region.offset + place.offset, len: place.len });
            }
        }
    }

    let mut arena = Arena { free: vec![], end };
    for (i, value) in program.values.iter().enumerate() {
        let pinned = lives.last[i] == usize::MAX && lives.root[i].0 as usize == i;
        if pinned && slots[i].is_none() && value.source != Source::Dead {
            slots[i] = Some(arena.append(value.shape.count()));
        }
    }

    let mut work = vec![];
    let mut deaths: Vec<Vec<ValueId>> = vec![vec![]; program.steps.len()];
    for (number, step) in program.steps.iter().enumerate() {
        if idle[number] {
            put(&program, &lives, &mut slots, step.outs[0]);
            work.push(Slot { offset: 0, len: 0 });
            free_dead(&mut arena, &slots, &mut deaths[number]);
            continue;
        }
        for &out in &step.outs {
            let root = lives.root[out.0 as usize];
            if slots[root.0 as usize].is_some() {
                put(&program, &lives, &mut slots, out);
                continue;
            }
            if root != out {
                slots[root.0 as usize] = Some(arena.take(program.shape(root).count()));
                put(&program, &lives, &mut slots, out);
                let last = lives.last[root.0 as usize];
                deaths[last.max(number)].push(root);
                continue;
            }
            let len = program.shape(out).count();
            let taken = takes_over(&program, &lives, &slots, step, number, out);
            let last = lives.last[out.0 as usize];
            slots[out.0 as usize] = match taken {
                Some(arg) => {
                    let root = lives.root[arg.0 as usize];
                    deaths[number].retain(|&v| v != root);
                    slots[root.0 as usize]
                }
                None => Some(arena.take(len)),
            };
            if last != usize::MAX {
                deaths[last.max(number)].push(out);
            }
        }
        let scratch = arena.take(workspace(&program, step));
        work.push(scratch);
        arena.give(scratch);
        free_dead(&mut arena, &slots, &mut deaths[number]);
    }
    Plan {
        arena: aligned(arena.end.max(1)),
        slots,
        work,
        idle,
        settled: request.settled,
        layout,
        parameters,
        gradients: gradient_region,
        histories,
        program,
    }
}

/// Gives a value that is the memory of another, or a part of it, its place there.
fn put(program: &Program, lives: &Lives, slots: &mut [Option<Slot>], v: ValueId) {
    let (root, start) = (lives.root[v.0 as usize], lives.start[v.0 as usize]);
    if root != v
        && let Some(whole) = slots[root.0 as usize]
    {
        let len = program.shape(v).count();
        slots[v.0 as usize] = Some(Slot { offset: whole.offset + start, len });
    }
}

/// What steps behind the settled ones read of their results.
fn kept(program: &Program, settled: usize) -> Vec<ValueId> {
    let early =
        |v: &ValueId| matches!(program.source(*v), Source::Step(n) if (n as usize) < settled);
    let later = program.steps[settled.min(program.steps.len())..].iter();
    later.flat_map(|step| &step.args).copied().filter(early).collect()
}

fn is_own(program: &Program, v: ValueId) -> bool {
    matches!(program.source(v), Source::Step(_))
}

fn free_dead(arena: &mut Arena, slots: &[Option<Slot>], dead: &mut Vec<ValueId>) {
    for v in dead.drain(..) {
        if let Some(slot) = slots[v.0 as usize] {
            arena.give(slot);
        }
    }
}

/// The argument whose place a step's result may take over: it is read for the last time here, element by element, and
/// its place is not pinned.
fn takes_over(
    program: &Program,
    lives: &Lives,
    slots: &[Option<Slot>],
    step: &Step,
    number: usize,
    out: ValueId,
) -> Option<ValueId> {
    if lives.last[out.0 as usize] == usize::MAX {
        return None;
    }
    let first = taking(step)?;
    let root = |v: ValueId| lives.root[v.0 as usize];
    if step.args[first..].iter().any(|&a| step.args[..first].iter().any(|&b| root(a) == root(b))) {
        return None;
    }
    step.args[first..].iter().copied().find(|&arg| {
        let root = lives.root[arg.0 as usize];
        let others = step.args.iter().filter(|&&a| lives.root[a.0 as usize] == root);
        let alike = others.clone().all(|&a| program.shape(a) == program.shape(out));
        lives.last[root.0 as usize] == number
            && alike
            && program.shape(root).count() == program.shape(out).count()
            && slots[root.0 as usize].is_some()
            && is_own(program, root)
    })
}

/// Free ranges by offset, and the end of the arena.
struct Arena {
    free: Vec<Slot>,
    end: usize,
}

impl Arena {
    /// A new range at the end.
    fn append(&mut self, len: usize) -> Slot {
        let slot = Slot { offset: self.end, len };
        self.end += aligned(len);
        slot
    }

    /// The smallest free range that is large enough, or a new one; the last free range grows if it ends the arena.
    fn take(&mut self, len: usize) -> Slot {
        let want = aligned(len);
        if want == 0 {
            return Slot { offset: 0, len: 0 };
        }
        let fitting = (0..self.free.len()).filter(|&i| want <= self.free[i].len);
        if let Some(best) = fitting.min_by_key(|&i| self.free[i].len) {
            let slot = Slot { offset: self.free[best].offset, len };
            self.free[best].offset += want;
            self.free[best].len -= want;
            if self.free[best].len == 0 {
                self.free.remove(best);
            }
            return slot;
        }
        if let Some(last) = self.free.last().copied()
            && last.offset + last.len == self.end
        {
            self.free.pop();
            self.end = last.offset + want;
            return Slot { offset: last.offset, len };
        }
        self.append(len)
    }

    /// Returns a range, joining it with its neighbours.
    fn give(&mut self, slot: Slot) {
        let len = aligned(slot.len);
        if len == 0 {
            return;
        }
        let at = self.free.partition_point(|f| f.offset < slot.offset);
        self.free.insert(at, Slot { offset: slot.offset, len });
        if at + 1 < self.free.len() && slot.offset + len == self.free[at + 1].offset {
            self.free[at].len += self.free[at + 1].len;
            self.free.remove(at + 1);
        }
        if 0 < at && self.free[at - 1].offset + self.free[at - 1].len == self.free[at].offset {
            self.free[at - 1].len += self.free[at].len;
            self.free.remove(at);
        }
    }
}
