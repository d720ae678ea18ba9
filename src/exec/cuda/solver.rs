//! Turns a solver's rule into launches: one for all parameters, and before it two for a clipped norm.

use super::form::Act;
use super::module::Module;
use super::script::launch;
use super::space::Space;
use crate::exec::cpu::update::Rule;
use crate::plan::{Plan, Slot};
use crate::program::device::Call;
use crate::real::Real;

/// Elements of a parameter that a block of threads updates.
const CHUNK: usize = 2048;

/// Elements of the gradients whose squares a block of threads adds.
const PIECE: usize = 1 << 14;

/// The numbers of a step: rate, decay, clip, normalizer, and up to six of the rule.
pub(super) const NUMBERS: usize = 10;

/// Places of what an update needs, in elements.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tables {
    chunks: usize,
    /// The multipliers of rate and decay of every chunk.
    pub(super) mults: usize,
    parts: usize,
    /// The numbers of a step.
    pub(super) numbers: usize,
    count: usize,
}

impl Tables {
    /// Finds places for a plan that has gradients, first that of the numbers of a step.
    pub(super) fn new(plan: &Plan, space: &mut Space) -> Option<Tables> {
        if plan.gradients.len == 0 {
            return None;
        }
        let chunks = pieces(plan);
        let table: Vec<i64> = chunks
            .iter()
            .flat_map(|(_, slot)| [slot.offset as i64, slot.len as i64, 0, 0])
            .collect();
        Some(Tables {
            numbers: space.reserve(NUMBERS),
            chunks: space.wholes(&table),
            mults: space.reserve(2 * chunks.len()),
            parts: space.reserve(plan.gradients.len.div_ceil(PIECE)),
            count: chunks.len(),
        })
    }

    /// Number of elements at `mults`.
    pub(super) fn multiplier_count(&self) -> usize {
        2 * self.count
    }

    /// The launches of an update by a rule of this kind.
    pub(super) fn update(
        &self,
        module: &mut Module,
        plan: &Plan,
        kind: Kind,
        gradients: Slot,
    ) -> Vec<Act<usize>> {
        let mut acts = vec![];
        if let Some(most) = kind.clip {
            let parts = gradients.len.div_ceil(PIECE);
            let call = Call::teams("squares", parts, vec![]).with_all([gradients.len, PIECE]);
            acts.extend(launch(module, call, &[gradients.offset, self.parts]));
            let call = Call::teams("clip_factor", 1, vec![]).with(parts).with(f64::from(most));
            acts.extend(launch(module, call, &[self.parts, self.numbers]));
        }
        let first = plan.histories.first().map_or(gradients.offset, |slot| slot.offset);
        let second = plan.histories.get(1).map_or(first, |slot| slot.offset);
        let call = Call::teams("update", self.count, vec![]).with(kind.rule);
        let call = call.with(kind.two).with(kind.absolute);
        let (weights, given) = (plan.parameters.offset, gradients.offset);
        let at = [weights, given, first, second, self.chunks, self.mults, self.numbers];
        acts.extend(launch(module, call, &at));
        acts
    }

    /// The launch that moves parameters to where the method wants its gradient.
    pub(super) fn look_ahead(&self, module: &mut Module, plan: &Plan) -> Vec<Act<usize>> {
        let call = Call::teams("look_ahead", self.count, vec![]);
        let first = plan.histories.first().map_or(0, |slot| slot.offset);
        let at = [plan.parameters.offset, first, self.chunks, self.mults, self.numbers];
        launch(module, call, &at).into_iter().collect()
    }

    /// The multipliers of all chunks, given those of every parameter; a parameter without any is not updated.
    pub(super) fn multipliers<T: Real>(plan: &Plan, mults: &[Option<[T; 2]>]) -> Vec<T> {
        let none = [T::from_f64(f64::NAN); 2];
        let of = |&(i, _): &(usize, Slot)| mults[i].unwrap_or(none);
        pieces(plan).iter().flat_map(of).collect()
    }
}

/// All parameters in chunks, with the number of the parameter.
fn pieces(plan: &Plan) -> Vec<(usize, Slot)> {
    let mut all = vec![];
    for (i, place) in plan.layout.iter().enumerate() {
        for from in (0..place.len).step_by(CHUNK) {
            let len = CHUNK.min(place.len - from);
            all.push((i, Slot { offset: place.offset + from, len }));
        }
    }
    all
}

/// What of an update is a constant of its text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Kind {
    rule: usize,
    two: bool,
    /// Whether weights decay by their absolute value.
    absolute: bool,
    clip: Option<f32>,
}

impl Kind {
    /// The kind of a rule, and its numbers.
    pub(super) fn of<T: Real>(rule: &Rule<T>, absolute: bool, clip: Option<f32>) -> (Kind, Vec<T>) {
        let (number, numbers) = match *rule {
            Rule::Momentum { momentum } => (0, vec![momentum]),
            Rule::Nesterov { momentum } => (1, vec![momentum]),
            Rule::Damped { momentum, rest, nesterov: false } => (2, vec![momentum, rest]),
            Rule::Damped { momentum, rest, nesterov: true } => (3, vec![momentum, rest]),
            Rule::AdaGrad { delta } => (4, vec![delta]),
            Rule::RmsProp { decay, rest, delta } => (5, vec![decay, rest, delta]),
            Rule::AdaDelta { momentum, delta } => (6, vec![momentum, delta]),
            Rule::Adam { beta1, beta2, rests, delta, correction } => {
                (7, vec![beta1, beta2, rests[0], rests[1], delta, correction])
            }
            Rule::Adamax { beta1, rest, beta2, delta, correction } => {
                (8, vec![beta1, rest, beta2, delta, correction])
            }
            Rule::Ahead { momentum } => (9, vec![momentum]),
            Rule::Averaged { shrink, share } => (10, vec![shrink, share]),
            Rule::Rprop { grow, shrink, bounds } => (11, vec![grow, shrink, bounds[0], bounds[1]]),
            Rule::RmsMomentum { decay, rest, momentum, delta } => {
                (12, vec![decay, rest, momentum, delta])
            }
            Rule::DualAveraging => (13, vec![]),
            Rule::Ftrl { l1, l2 } => (14, vec![l1, l2]),
        };
        (Kind { rule: number, two: rule.histories() == 2, absolute, clip }, numbers)
    }
}
