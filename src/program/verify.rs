//! Checks that a program is legal:
//!
//! 1. every argument exists before the step that reads it (inputs and variables exist from the start);
//! 2. every result of a step names that step as its source, and no value has two sources;
//! 3. shapes are what the kernels make of the arguments' shapes;
//! 4. outputs and assigned values exist; an assigned variable is a variable and keeps its shape.

use super::{Program, Source, ValueId, infer};

/// The first rule that a program breaks, as a sentence for whoever wrote the pass.
pub fn verify(program: &Program) -> Result<(), String> {
    let mut ready: Vec<bool> = program
        .values
        .iter()
        .map(|v| matches!(v.source, Source::Input | Source::Variable(_)))
        .collect();
    for (number, step) in program.steps.iter().enumerate() {
        let name = format!("step {number} ({})", step.kernel.name());
        for a in &step.args {
            if !ready[a.0 as usize] {
                return Err(format!("{name} reads {a:?} before it exists"));
            }
        }
        let args: Vec<_> = step.args.iter().map(|&a| program.shape(a)).collect();
        let told = step.outs.first().map(|&o| program.shape(o));
        let shapes = infer(&step.kernel, &args, told).map_err(|why| format!("{name}: {why}"))?;
        let outs: Vec<_> = step.outs.iter().map(|&o| program.shape(o).clone()).collect();
        if shapes != outs {
            return Err(format!("{name} has results {outs:?}, its kernel gives {shapes:?}"));
        }
        for out in &step.outs {
            if program.source(*out) != Source::Step(number as u32) || ready[out.0 as usize] {
                return Err(format!("{name} computes {out:?}, which has another source"));
            }
            ready[out.0 as usize] = true;
        }
    }
    let exists = |v: ValueId| ready[v.0 as usize];
    if let Some((name, _)) = program.outputs.iter().find(|(_, v)| !exists(*v)) {
        return Err(format!("output `{name}` is never computed"));
    }
    for &(state, new) in &program.assigns {
        let variable = matches!(program.source(state), Source::Variable(_));
        if !variable || !exists(new) || program.shape(state) != program.shape(new) {
            return Err(format!("illegal assignment of {new:?} to {state:?}"));
        }
    }
    Ok(())
}
