//! Gradients that a net of the definition's own makes of those of the losses, between the backward pass and the update.

use super::machine::{Machine, Purpose, users};
use crate::diag::{Diagnostics, Severity};
use crate::error::{Error, Result};
use crate::exec::SessionOptions;
use crate::ir::{Becomes, NetState, Place, Rewriting, TypedNet};
use crate::passes::infer_types::infer_types;
use crate::passes::select_stage::select_stage;
use crate::passes::share_params::share_params;
use crate::plan::Slot;
use crate::spec::{Environment, Phase};

/// That net with its memory.
pub(super) struct Rewriter {
    machine: Option<Machine>,
    /// Inputs of it with the variables of the trained net whose gradients they take.
    inputs: Vec<(String, usize)>,
    /// Outputs of it with the variables whose gradients they become.
    outputs: Vec<(String, usize)>,
    /// Places of its parameters and of the variables of the trained net.
    values: Vec<(Slot, Slot)>,
    /// Variables that are not changed.
    held: Vec<usize>,
    /// The variables of each loss that makes a step of its own.
    steps: Vec<Vec<usize>>,
}

impl Rewriter {
    /// Plans what a trained net's definition makes of gradients, if it makes anything of them.
    ///
    /// # Errors
    /// The net that computes them cannot be run.
    pub(super) fn of(train: &Machine, options: &SessionOptions) -> Result<Option<Rewriter>> {
        let Some(rewriting) = train.typed.net.rewriting.clone() else { return Ok(None) };
        let Rewriting { net, changes, values, steps, .. } = &*rewriting;
        let machine = match net {
            Some(net) => {
                let state = NetState::phase(Phase::Train);
                let (env, mut complaints) = (Environment::default(), Diagnostics::default());
                let net = select_stage(net, &state, &mut complaints);
                let signatures = infer_types(&net, &env, &mut complaints);
                let typed = share_params(net, signatures, &mut complaints);
                if let Some(one) = complaints.iter().find(|d| d.severity() == Severity::Error) {
                    return Err(Error::refused(format!("gradients: {}", one.message)));
                }
                Some(Machine::new(typed, &env, Purpose::FORWARD, options)?)
            }
            None => None,
        };
        let of_loss = |places: &Vec<Place>| {
            places.iter().filter_map(|place| variable(&train.typed, place)).collect()
        };
        let mut rewriter = Rewriter {
            machine,
            inputs: vec![],
            outputs: vec![],
            values: vec![],
            held: vec![],
            steps: steps.iter().map(of_loss).collect(),
        };
        for change in changes {
            // What no gradient reaches is not changed anyway.
            let Some(at) = variable(&train.typed, &change.parameter) else { continue };
            if !train.typed.variables[at].learned {
                continue;
            }
            rewriter.inputs.extend(change.input.iter().map(|input| (input.clone(), at)));
            match &change.becomes {
                Becomes::Itself => {}
                Becomes::Nothing => rewriter.held.push(at),
                Becomes::Output(output) => rewriter.outputs.push((output.clone(), at)),
            }
        }
        if let Some(machine) = &rewriter.machine {
            let pairs = values.iter().filter_map(|(to, from)| {
                let (to, from) = (variable(&machine.typed, to)?, variable(&train.typed, from)?);
                Some((machine.place(to), train.place(from)))
            });
            rewriter.values = pairs.collect();
        }
        // Constants of the net are parameters with these values.
        rewriter.machine.iter_mut().for_each(|machine| machine.fill(options.seed));
        Ok(Some(rewriter))
    }

    /// Whether it computes gradients, and does not only say whose they are.
    pub(super) fn computes(&self) -> bool {
        self.machine.is_some()
    }

    /// How many steps of the solver an update makes.
    pub(super) fn steps(&self) -> u64 {
        self.steps.len().max(1) as u64
    }

    /// After how many others of an update the step is made that changes a variable.
    pub(super) fn steps_before(&self, variable: usize) -> u64 {
        self.steps.iter().position(|of_loss| of_loss.contains(&variable)).unwrap_or(0) as u64
    }

    /// Whether a variable is not changed by updates.
    pub(super) fn holds(&self, variable: usize) -> bool {
        self.held.contains(&variable)
    }

    /// Replaces the gradients of the last run.
    ///
    /// # Errors
    /// The device refuses.
    pub(super) fn rewrite(&mut self, train: &mut Machine) -> Result<()> {
        let Some(machine) = &mut self.machine else { return Ok(()) };
        for &(to, from) in &self.values {
            let values = train.session.read(from);
            machine.session.write(to, &values);
        }
        let gradients = train.plan().gradients;
        for (input, at) in &self.inputs {
            let values = train.session.read(train.place_in(gradients, *at));
            machine.set(input, &values)?;
        }
        // Random numbers follow those of the trained net, also after a resume.
        machine.session.set_runs(train.session.runs());
        machine.run()?;
        for (output, at) in &self.outputs {
            let Some(values) = machine.output(output) else { continue };
            train.session.write(train.place_in(gradients, *at), &values);
        }
        Ok(())
    }
}

/// The variable in a place.
fn variable(typed: &TypedNet, place: &Place) -> Option<usize> {
    typed.variables.iter().position(|variable| users(typed, variable).contains(place))
}
