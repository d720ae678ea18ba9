//! What nets of the definition's own compute in training: gradients of those of the losses, between the backward pass and the
//! update, and parameters of those that the update gives.

use super::machine::{Machine, Purpose, typed, users};
use crate::diag::Diagnostics;
use crate::error::{Error, Result};
use crate::exec::SessionOptions;
use crate::ir::{Becomes, NetState, Place, Rewriting, TypedNet};
use crate::passes::select_stage::select_stage;
use crate::plan::Slot;
use crate::spec::{Environment, Phase};

/// What such a net replaces.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Replaced {
    /// Gradients, before they are applied.
    Gradients,
    /// Parameters, after they are changed.
    Parameters,
}

/// That net with its memory.
pub(super) struct Rewriter {
    machine: Option<Machine>,
    /// Places of its inputs with those of gradients or parameters, and of its parameters with those of variables of the trained
    /// net.
    given: Vec<(Slot, Slot)>,
    /// Places of gradients or parameters of the trained net with those of the outputs that they become.
    made: Vec<(Slot, Slot)>,
    /// Variables that are not changed.
    held: Vec<usize>,
    /// The variables of each loss that makes a step of its own.
    steps: Vec<Vec<usize>>,
}

impl Rewriter {
    /// Plans what a trained net's definition makes of gradients or of parameters, if it makes anything of them.
    ///
    /// # Errors
    /// The net that computes them cannot be run.
    pub(super) fn of(
        train: &Machine,
        replaced: Replaced,
        options: &SessionOptions,
    ) -> Result<Option<Rewriter>> {
        let (rewriting, what) = match replaced {
            Replaced::Gradients => (&train.typed.net.rewriting, "gradients"),
            Replaced::Parameters => (&train.typed.net.constraints, "constraints"),
        };
        let Some(rewriting) = rewriting.clone() else { return Ok(None) };
        let Rewriting { net, changes, values, steps, .. } = &*rewriting;
        let machine = match net {
            Some(net) => {
                let state = NetState::phase(Phase::Train);
                let (env, mut complaints) = (Environment::default(), Diagnostics::default());
                let net = select_stage(net, &state, &mut complaints);
                let typed = typed(net, &env, &mut complaints)
                    .map_err(|why| Error::refused(format!("{what}: {why}")))?;
                Some(Machine::new(typed, &env, Purpose::FORWARD, options)?)
            }
            None => None,
        };
        let of_loss = |places: &Vec<Place>| {
            places.iter().filter_map(|place| variable(&train.typed, place)).collect()
        };
        let mut rewriter = Rewriter {
            machine,
            given: vec![],
            made: vec![],
            held: vec![],
            steps: steps.iter().map(of_loss).collect(),
        };
        for change in changes {
            // What no gradient reaches is not changed anyway.
            let Some(at) = variable(&train.typed, &change.parameter) else { continue };
            if !train.typed.variables[at].learned {
                continue;
            }
            let place = match replaced {
                Replaced::Gradients => train.place_in(train.plan().gradients, at),
                Replaced::Parameters => train.place(at),
            };
            let machine = rewriter.machine.as_ref();
            let input = change.input.as_ref().and_then(|input| machine?.input(input));
            rewriter.given.extend(input.map(|input| (input, place)));
            match &change.becomes {
                Becomes::Itself => {}
                Becomes::Nothing => rewriter.held.push(at),
                Becomes::Output(output) => {
                    let output = machine.and_then(|machine| machine.output_place(output));
                    rewriter.made.extend(output.map(|output| (place, output)));
                }
            }
        }
        if let Some(machine) = &mut rewriter.machine {
            let pairs = values.iter().filter_map(|(to, from)| {
                let (to, from) = (variable(&machine.typed, to)?, variable(&train.typed, from)?);
                Some((machine.place(to), train.place(from)))
            });
            rewriter.given.extend(pairs);
            // Constants of the net are parameters with these values.
            machine.fill(options.seed);
        }
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

    /// Leaves parameters as they are that another one holds.
    pub(super) fn spare(&mut self, train: &Machine, other: &Rewriter) {
        let held: Vec<Slot> = other.held.iter().map(|&at| train.place(at)).collect();
        self.made.retain(|(to, _)| !held.contains(to));
    }

    /// Replaces the gradients of the last run, or the parameters.
    ///
    /// # Errors
    /// The device refuses.
    pub(super) fn rewrite(&mut self, train: &mut Machine) -> Result<()> {
        self.rewrite_within(train, None)
    }

    /// The same of what lies within one place alone.
    ///
    /// # Errors
    /// The device refuses.
    pub(super) fn rewrite_within(
        &mut self,
        train: &mut Machine,
        place: Option<Slot>,
    ) -> Result<()> {
        let Some(machine) = &mut self.machine else { return Ok(()) };
        machine.session.take(&mut train.session, &self.given);
        // Random numbers follow those of the trained net, also after a resume.
        machine.session.set_runs(train.session.runs());
        machine.run()?;
        match place {
            None => train.session.take(&mut machine.session, &self.made),
            Some(place) => {
                let within = self.made.iter().filter(|(to, _)| *to == place);
                let within: Vec<_> = within.copied().collect();
                train.session.take(&mut machine.session, &within);
            }
        }
        Ok(())
    }
}

/// The variable in a place.
fn variable(typed: &TypedNet, place: &Place) -> Option<usize> {
    typed.variables.iter().position(|variable| users(typed, variable).contains(place))
}
