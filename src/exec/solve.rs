//! One update of the parameters of a plan by a solver's rule, on whatever device the session is.

use super::Element;
use super::cpu::reduce::{Reduction, total};
use super::cpu::update::{Decay, Rule, Step, look_ahead, regularized, update};
use crate::plan::{Plan, Slot};
use crate::real::Real;

/// What weights are pulled to 0 by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decays {
    /// Their squares.
    Squares,
    /// Their absolute values.
    Absolute,
}

/// An update of all parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Update<T> {
    /// How a gradient becomes a step.
    pub rule: Rule<T>,
    /// The learning rate.
    pub rate: T,
    /// The weight decay.
    pub decay: T,
    /// What it decays by.
    pub decays: Decays,
    /// The norm that all gradients together are clipped to.
    pub clip: Option<T>,
    /// One over the number of gradients that were added up.
    pub normalizer: T,
    /// The multipliers of rate and decay of every parameter; none leaves it as it is.
    pub mults: Vec<Option<[T; 2]>>,
    /// The gradients, in the layout of the parameters.
    pub gradients: Slot,
}

impl<T: Real> Update<T> {
    /// The numbers for a parameter with these multipliers of rate and decay, where `clip` is the factor that clips.
    pub fn step(&self, [rate, decay]: [T; 2], clip: T) -> Step<T> {
        let decay = self.decay * decay;
        Step {
            rate: self.rate * rate,
            decay: match self.decays {
                _ if decay == T::ZERO => Decay::None,
                Decays::Squares => Decay::L2(decay),
                Decays::Absolute => Decay::L1(decay),
            },
            clip,
            normalizer: self.normalizer,
        }
    }
}

/// Applies an update to every parameter on the host: clip, divide, decay, update.
pub(super) fn on_host<T: Element>(plan: &Plan, what: &Update<T>, arena: &mut [T]) {
    let two = what.rule.histories() == 2;
    let clip = clip(what.clip, &arena[what.gradients.range()]);
    for (mults, place) in what.mults.iter().zip(&plan.layout) {
        let &Some(mults) = mults else { continue };
        let step = what.step(mults, clip);
        let at = |region: Slot| within(region, *place);
        let second = if two { at(plan.histories[1]) } else { 0..0 };
        let ranges = [at(plan.parameters), at(what.gradients), at(plan.histories[0])];
        let (weights, gradient, first, second) = split(arena, ranges, second);
        update(what.rule, step, gradient, weights, first, second);
    }
}

/// What an update by a rule of Caffe subtracts from every parameter, in the layout of the parameters, given these and
/// the histories as they are before it.
pub fn changes<T: Element>(
    plan: &Plan,
    what: &Update<T>,
    (weights, gradients): (&[T], &[T]),
    histories: &[Vec<T>],
) -> Vec<T> {
    let clip = clip(what.clip, gradients);
    let mut changes = vec![T::ZERO; weights.len()];
    for (mults, place) in what.mults.iter().zip(&plan.layout) {
        let &Some(mults) = mults else { continue };
        let step = what.step(mults, clip);
        let of = |all: &[T]| all[place.range()].to_vec();
        // Once the gradient is decayed the rules do not look at weights: subtracted from 0, the change keeps all bits.
        let decayed = of(gradients).into_iter().zip(of(weights));
        let decayed: Vec<T> = decayed.map(|(g, w)| regularized(&step, g, w)).collect();
        let plain = Step { decay: Decay::None, clip: T::ONE, normalizer: T::ONE, ..step };
        let mut kept = histories.iter().take(what.rule.histories()).map(|all| of(all));
        let (mut first, mut second) =
            (kept.next().unwrap_or_default(), kept.next().unwrap_or_default());
        let to = &mut changes[place.range()];
        update(what.rule, plain, &decayed, to, &mut first, &mut second);
    }
    changes.iter_mut().for_each(|change| *change = T::ZERO - *change);
    changes
}

/// Moves the parameters to where the method wants its gradient, on the host.
pub(super) fn ahead_on_host<T: Element>(
    plan: &Plan,
    momentum: T,
    mults: &[Option<[T; 2]>],
    arena: &mut [T],
) {
    for (_, place) in mults.iter().zip(&plan.layout).filter(|(mults, _)| mults.is_some()) {
        let at = |region: Slot| within(region, *place);
        let ranges = [at(plan.parameters), 0..0, at(plan.histories[0])];
        let (weights, _, history, _) = split(arena, ranges, 0..0);
        look_ahead(momentum, weights, history);
    }
}

fn within(region: Slot, place: Slot) -> Range {
    let start = region.offset + place.offset;
    start..start + place.len
}

/// The factor that clips gradients to a norm.
fn clip<T: Element>(most: Option<T>, gradients: &[T]) -> T {
    let Some(most) = most else { return T::ONE };
    let norm = total(Reduction::SumSquares, gradients).sqrt();
    if most < norm { most / norm } else { T::ONE }
}

type Range = std::ops::Range<usize>;

/// The disjoint ranges of one parameter: weights, gradient, first and second history.
fn split<T>(
    arena: &mut [T],
    [weights, gradient, first]: [Range; 3],
    second: Range,
) -> (&mut [T], &[T], &mut [T], &mut [T]) {
    let ranges = [weights, gradient, first, second];
    match arena.get_disjoint_mut(ranges) {
        Ok([w, g, h, v]) => (w, g, h, v),
        Err(_) => unreachable!("the planner lays the solver's arrays out one after the other"),
    }
}
