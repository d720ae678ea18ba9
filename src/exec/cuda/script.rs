//! Turns the steps of a plan into acts on addresses: what a device runs.

use std::collections::HashMap;

use super::form::{Act, Form, form};
use super::module::{Module, blocks};
use super::space::Space;
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
            let mut place = |operand: Operand| {
                let element = match operand {
                    Operand::Arg(i) => match constants.get(&step.args[i]) {
                        Some(&value) => {
                            space.reals(&vec![value; plan.program.shape(step.args[i]).count()])
                        }
                        None => plan.slot(step.args[i]).offset,
                    },
                    Operand::Out(i) => plan.slot(step.outs[i]).offset,
                    Operand::Work(from) => plan.work[number].offset + from,
                    Operand::Table(values) => space.reals(&values),
                    Operand::Whole(values) => space.wholes(&values),
                    Operand::Control => places.control,
                    Operand::Trouble => {
                        all.doubts = true;
                        places.trouble
                    }
                    Operand::OutGradient(_) | Operand::ArgGradient(_) => {
                        unreachable!("a form has only the operands of its step")
                    }
                };
                element * size
            };
            all.acts.push(match act {
                Act::Launch { entry, operands, blocks } => {
                    let operands = operands.into_iter().map(place).collect();
                    Act::Launch { entry, operands, blocks }
                }
                Act::Product(product) => Act::Product(product.at(&mut place)),
                Act::Convolution(c) => Act::Convolution(c.at(&mut place)),
            });
            all.steps.push(number);
        }
    }
    for &(state, new) in &plan.program.assigns {
        let (to, from): (Slot, Slot) = (plan.slot(state), plan.slot(new));
        if to != from {
            let call = Call::each("copy", to.len, vec![]);
            all.acts.extend(launch(module, call, &[from.offset, to.offset]));
            all.steps.push(plan.program.steps.len());
        }
    }
    Ok(all)
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
