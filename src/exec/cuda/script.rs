//! Turns the steps of a plan into acts on addresses: what a device runs.

use std::collections::HashMap;

use super::form::{Act, Form, form};
use super::module::{Module, blocks};
use super::space::Space;
use super::together::{Placed, join};
use crate::plan::{Plan, Slot};
use crate::program::device::{Call, Operand};
use crate::program::{Kernel, ValueId};

/// Places of what every run reads and writes beside the arena, in elements.
#[derive(Clone, Copy, Debug)]
pub(super) struct Places {
    /// The seed and the number of the run.
    pub(super) control: usize,
    /// What is wrong with the data.
    pub(super) trouble: usize,
}

/// Most elements of a constant that is kept as a table.
const MOST_CONSTANT: usize = 1 << 20;

/// The acts of a plan, and which step each belongs to.
pub(super) struct Acts {
    pub(super) acts: Vec<Act<usize>>,
    pub(super) steps: Vec<usize>,
    /// Whether some act may find that the data are wrong.
    pub(super) doubts: bool,
}

/// Elements that a block of threads copies.
const PART: usize = 2048;

/// Writes the acts of all steps, then those of the assignments.
///
/// # Errors
/// A kernel has no CUDA form: the step, and what is missing.
pub(super) fn acts(
    plan: &Plan,
    module: &mut Module,
    space: &mut Space,
    places: Places,
) -> Result<Acts, (usize, String)> {
    let mut all = Acts { acts: vec![], steps: vec![], doubts: false };
    let size = module.precision().size();
    let constants = constants(plan);
    let mut placed = vec![];
    for (number, step) in plan.program.steps.iter().enumerate() {
        if plan.idle[number] || step.outs.iter().all(|v| constants.contains_key(v)) {
            continue;
        }
        let wrong = |why| (number, why);
        let written = |v: &ValueId| !constants.contains_key(v);
        let gathered = |v: ValueId| plan.gathered(v).filter(|_| written(&v)).cloned();
        let form = form(module, &plan.program, step, number, &gathered);
        let Form { acts, work } = form.map_err(wrong)?;
        if plan.work[number].len < work {
            let (have, need) = (plan.work[number].len, work);
            return Err(wrong(format!("needs {need} elements of scratch memory, not {have}")));
        }
        for act in acts {
            let (mut reads, mut writes) = (vec![], vec![]);
            let mut place = |operand: Operand| {
                let element = match operand {
                    Operand::Arg(i) => match constants.get(&step.args[i]) {
                        Some(&value) => {
                            space.reals(&vec![value; plan.program.shape(step.args[i]).count()])
                        }
                        None => {
                            // Of a slice that is read where it is, all of the whole counts as read.
                            let whole = gathered(step.args[i]).map(|slice| slice.args[0]);
                            reads.extend(whole.map(|v| plan.slot(v)));
                            let slot = plan.slot(step.args[i]);
                            reads.push(slot);
                            slot.offset
                        }
                    },
                    Operand::Out(i) => {
                        let slot = plan.slot(step.outs[i]);
                        writes.push(slot);
                        slot.offset
                    }
                    Operand::Work(from) => {
                        writes.push(plan.work[number]);
                        plan.work[number].offset + from
                    }
                    Operand::Table(values) => space.reals(&values),
                    Operand::Whole(values) => space.wholes(&values),
                    Operand::Control => places.control,
                    Operand::Trouble => {
                        all.doubts = true;
                        writes.push(Slot { offset: places.trouble, len: 4 });
                        places.trouble
                    }
                    Operand::OutGradient(_) | Operand::ArgGradient(_) => {
                        unreachable!("a form has only the operands of its step")
                    }
                };
                element * size
            };
            let act = match act {
                Act::Launch { entry, operands, blocks } => {
                    let operands = operands.into_iter().map(place).collect();
                    Act::Launch { entry, operands, blocks }
                }
                Act::Product(product) => Act::Product(product.at(&mut place)),
                Act::Convolution(c) => Act::Convolution(c.at(&mut place)),
            };
            placed.push(Placed { act, step: number, origin: step.origin, reads, writes });
        }
    }
    for one in join(module, placed) {
        all.acts.push(one.act);
        all.steps.push(one.step);
    }
    for group in apart(plan) {
        let table: Vec<i64> = group
            .iter()
            .flat_map(|copy| {
                let starts = (0..copy.len).step_by(PART);
                starts.flat_map(move |at| {
                    let numbers = [copy.from + at, copy.to + at, PART.min(copy.len - at), 0];
                    numbers.map(|number| number as i64)
                })
            })
            .collect();
        let call = Call::teams("copy_parts", table.len() / 4, vec![]);
        all.acts.extend(launch(module, call, &[0, space.wholes(&table)]));
        all.steps.resize(all.acts.len(), plan.program.steps.len());
    }
    Ok(all)
}

/// A state's value, and where it is computed, in elements of the arena.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Copy {
    from: usize,
    to: usize,
    len: usize,
}

/// The assignments of a program, which are one after the other, in groups within which their order does not matter.
fn apart(plan: &Plan) -> Vec<Vec<Copy>> {
    let places =
        plan.program.assigns.iter().map(|&(state, new)| (plan.slot(state), plan.slot(new)));
    let mut groups: Vec<Vec<Copy>> = vec![];
    let (mut read, mut written): (Vec<Slot>, Vec<Slot>) = (vec![], vec![]);
    for (to, from) in places.filter(|(to, from)| to != from && 0 < to.len) {
        let meets = |slots: &[Slot], slot: &Slot| slots.iter().any(|other| other.overlaps(slot));
        if groups.is_empty() || meets(&written, &from) || meets(&written, &to) || meets(&read, &to)
        {
            groups.push(vec![]);
            (read, written) = (vec![], vec![]);
        }
        let copy = Copy { from: from.offset, to: to.offset, len: to.len };
        groups.last_mut().expect("a group").push(copy);
        read.push(from);
        written.push(to);
    }
    groups
}

/// Values that are one number everywhere, and views and parts of them, which nothing but steps reads. Those that some act
/// reads are written once, as tables.
fn constants(plan: &Plan) -> HashMap<ValueId, f64> {
    let program = &plan.program;
    let mut constants = HashMap::new();
    for (step, idle) in program.steps.iter().zip(&plan.idle) {
        let value = match step.kernel {
            Kernel::Fill(value) => Some(value),
            Kernel::View | Kernel::Stop | Kernel::Slice { .. } if *idle => {
                constants.get(&step.args[0]).copied()
            }
            _ => None,
        };
        if let Some(value) = value {
            constants.insert(step.outs[0], value);
        }
    }
    let kept = program.outputs.iter().map(|(_, v)| *v);
    let kept = kept.chain(program.assigns.iter().map(|&(_, new)| new));
    // What is joined has to be where the whole is.
    let steps = program.steps.iter().zip(&plan.idle);
    let joined = steps.filter(|(step, idle)| **idle && matches!(step.kernel, Kernel::Concat(_)));
    let kept = kept.chain(joined.map(|(step, _)| step.outs[0]));
    let kept: Vec<Slot> = kept.map(|v| plan.slot(v)).chain([plan.gradients]).collect();
    constants.retain(|&v, _| {
        let slot = plan.slot(v);
        slot.len <= MOST_CONSTANT && !kept.iter().any(|kept| kept.overlaps(&slot))
    });
    constants
}

/// The launch of a call whose operands are at these elements.
pub(super) fn launch(module: &mut Module, mut call: Call, at: &[usize]) -> Option<Act<usize>> {
    let blocks = blocks(call.spread);
    if blocks == 0 {
        return None;
    }
    call.operands = vec![Operand::Control; at.len()];
    let entry = module.entry(&call);
    let size = module.precision().size();
    Some(Act::Launch { entry, operands: at.iter().map(|at| at * size).collect(), blocks })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Request, plan};
    use crate::program::{Builder, ValueId, VarId};

    /// Copies of a program that gives states the values that `new` computes of them.
    fn groups(new: impl Fn(&mut Builder, [ValueId; 2]) -> [ValueId; 2]) -> Vec<usize> {
        let mut b = Builder::new();
        let states = [0, 1].map(|i| b.variable(VarId(i), &[40].into()));
        let values = new(&mut b, states);
        states.into_iter().zip(values).for_each(|(state, value)| b.assign(state, value));
        let plan = plan(b.finish(), &Request::default(), &|_, _| 0);
        apart(&plan).iter().map(Vec::len).collect()
    }

    #[test]
    fn states_are_copied_at_once_unless_one_becomes_another() {
        assert_eq!(groups(|b, [x, y]| [b.scale(x, 2.0), b.scale(y, 3.0)]), [2]);
        assert_eq!(groups(|b, [x, y]| [y, b.scale(x, 2.0)]), [1, 1]);
    }
}
