//! One solver step over the numbers of a parameter, in the order of operations that Caffe and Torch's optim use.
//!
//! The gradient is clipped, divided and decayed, and the rule turns it into what is subtracted from
//! the weights. Where a rule has a learning rate inside its history, it is there as in Caffe.

use super::real::{Real, vectorize};
use super::tasks::{CHUNK, Shared, for_each_piece};

/// How a gradient becomes a step. Histories are `h` (first) and `v` (second).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule<T> {
    /// Caffe's SGD: `h = momentum h + rate g; w -= h`.
    Momentum {
        /// Weight of the last step.
        momentum: T,
    },
    /// Caffe's Nesterov: `w -= (1 + momentum) h' - momentum h` with h' the new history.
    Nesterov {
        /// Weight of the last step.
        momentum: T,
    },
    /// Torch's SGD: `h = momentum h + rest g; w -= rate h`, or with Nesterov `w -= rate (g + momentum h)`.
    /// Torch's first step copies g: rest 1 with h = 0.
    Damped {
        /// Weight of the history.
        momentum: T,
        /// What the dampening leaves of the gradient: 1 less the dampening.
        rest: T,
        /// Whether the step looks ahead.
        nesterov: bool,
    },
    /// AdaGrad (Duchi et al. 2011): `h += g^2; w -= rate g / (sqrt h + delta)`.
    AdaGrad {
        /// Added outside the root.
        delta: T,
    },
    /// RMSProp (Tieleman and Hinton 2012): `h = decay h + rest g^2`, then as AdaGrad.
    RmsProp {
        /// Weight of the history.
        decay: T,
        /// `1 - decay`, in the precision that the framework has for it.
        rest: T,
        /// Added outside the root.
        delta: T,
    },
    /// AdaDelta (Zeiler 2012): `h` averages g^2, `v` the squares of the steps before the rate.
    AdaDelta {
        /// Weight of the histories.
        momentum: T,
        /// Added inside the roots.
        delta: T,
    },
    /// Adam (Kingma and Ba 2015): `h` averages g, `v` g^2; `w -= rate correction h / (sqrt v + delta)`.
    Adam {
        /// Weight of the first history.
        beta1: T,
        /// Weight of the second history.
        beta2: T,
        /// `1 - beta1` and `1 - beta2`, in the precision that the framework has for them.
        rests: [T; 2],
        /// Added outside the root.
        delta: T,
        /// `sqrt(1 - beta2^t) / (1 - beta1^t)` at step t.
        correction: T,
    },
    /// Adamax (Kingma and Ba 2015): `h` averages g, `v = max(beta2 v, |g| + delta)`; `w -= rate correction h / v`.
    Adamax {
        /// Weight of the first history.
        beta1: T,
        /// `1 - beta1`.
        rest: T,
        /// Weight of the second history.
        beta2: T,
        /// Added to the size of the gradient.
        delta: T,
        /// `1 / (1 - beta1^t)` at step t.
        correction: T,
    },
    /// Torch's accelerated gradient: `h = momentum h - rate g; w -= rate g`, where [`look_ahead`] has moved w by
    /// `momentum h` before g was computed.
    Ahead {
        /// Weight of the last step.
        momentum: T,
    },
    /// Averaged gradient descent: `w = shrink w - rate g; h += share (w - h)`.
    Averaged {
        /// What is left of a weight.
        shrink: T,
        /// The weight of this step in the mean.
        share: T,
    },
    /// RPROP (Riedmiller and Braun 1993): `h` is the last gradient, 0 where the sign changed, `v` the step size.
    Rprop {
        /// Factor of the step size where the sign stays.
        grow: T,
        /// Factor where it changes.
        shrink: T,
        /// The smallest and the largest step size.
        bounds: [T; 2],
    },
    /// TensorFlow's RMSProp: `h = decay h + rest g^2; v = momentum v + rate g / sqrt(h + delta); w -= v`.
    RmsMomentum {
        /// Weight of the history.
        decay: T,
        /// `1 - decay`.
        rest: T,
        /// Weight of the last step.
        momentum: T,
        /// Added inside the root.
        delta: T,
    },
    /// Dual averaging with AdaGrad's rate (Duchi et al. 2011): `h += g; v += g^2; w = -rate h / sqrt v`.
    DualAveraging,
    /// FTRL-proximal (McMahan et al. 2013): `h` adds g^2, `v` adds `g - (sqrt h' - sqrt h) w / rate`.
    Ftrl {
        /// Weight of the sum of absolute values.
        l1: T,
        /// Weight of the sum of squares.
        l2: T,
    },
}

/// What a weight is pulled to 0 by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Decay<T> {
    /// Not at all.
    None,
    /// `g += decay w`.
    L2(T),
    /// `g += decay sign w`, where the sign of 0 is 0.
    L1(T),
}

/// The numbers of one step that are the same for all elements of a parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step<T> {
    /// The learning rate, times the parameter's own multiplier.
    pub rate: T,
    /// Weight decay, times the parameter's own multiplier.
    pub decay: Decay<T>,
    /// Factor that clips the gradient's norm; 1 does not.
    pub clip: T,
    /// One over the number of gradients that were added up; 1 for one.
    pub normalizer: T,
}

impl<T> Rule<T> {
    /// Histories that the rule needs: 1 or 2, each as long as the parameter.
    pub fn histories(&self) -> usize {
        match self {
            Rule::AdaDelta { .. }
            | Rule::Adam { .. }
            | Rule::Adamax { .. }
            | Rule::Rprop { .. }
            | Rule::RmsMomentum { .. }
            | Rule::DualAveraging
            | Rule::Ftrl { .. } => 2,
            Rule::Momentum { .. }
            | Rule::Nesterov { .. }
            | Rule::Damped { .. }
            | Rule::AdaGrad { .. }
            | Rule::RmsProp { .. }
            | Rule::Ahead { .. }
            | Rule::Averaged { .. } => 1,
        }
    }
}

/// Updates `weights` and the histories by one step along `gradient`.
///
/// `first` is as long as the parameter; `second` too if the rule has two histories, else empty.
pub fn update<T: Real>(
    rule: Rule<T>,
    step: Step<T>,
    gradient: &[T],
    weights: &mut [T],
    first: &mut [T],
    second: &mut [T],
) {
    assert!(gradient.len() == weights.len(), "{} gradients", gradient.len());
    assert!(first.len() == weights.len(), "history of {} elements", first.len());
    let needed = if rule.histories() == 2 { weights.len() } else { 0 };
    assert!(second.len() == needed, "second history of {} elements", second.len());
    let first = Shared::new(first);
    let second = Shared::new(second);
    for_each_piece(weights, CHUNK, |piece, w| {
        let part = piece * CHUNK..piece * CHUNK + w.len();
        let g = &gradient[part.clone()];
        // SAFETY: the pieces of the histories are those of the weights.
        let (h, v) = unsafe {
            let v = if needed == 0 { &mut [] } else { second.slice(part.clone()) };
            (first.slice(part), v)
        };
        vectorize(
            #[inline(always)]
            || apply(rule, step, g, w, h, v),
        );
    });
}

/// Moves weights by `momentum` times their history, to where [`Rule::Ahead`] wants the gradient.
pub fn look_ahead<T: Real>(momentum: T, weights: &mut [T], history: &[T]) {
    assert!(history.len() == weights.len(), "history of {} elements", history.len());
    for_each_piece(weights, CHUNK, |piece, w| {
        let h = &history[piece * CHUNK..piece * CHUNK + w.len()];
        w.iter_mut().zip(h).for_each(|(w, &h)| *w += momentum * h);
    });
}

/// The gradient after clipping, division and decay.
#[inline(always)]
pub(in crate::exec) fn regularized<T: Real>(step: &Step<T>, g: T, w: T) -> T {
    let g = g * step.clip * step.normalizer;
    match step.decay {
        Decay::None => g,
        Decay::L2(decay) => g + decay * w,
        Decay::L1(decay) if T::ZERO < w => g + decay,
        Decay::L1(decay) if w < T::ZERO => g - decay,
        Decay::L1(_) => g,
    }
}

#[inline(always)]
fn apply<T: Real>(rule: Rule<T>, step: Step<T>, g: &[T], w: &mut [T], h: &mut [T], v: &mut [T]) {
    let rate = step.rate;
    match rule {
        Rule::Momentum { momentum } => each(&step, g, w, h, |g, h| {
            *h = momentum * *h + rate * g;
            *h
        }),
        Rule::Nesterov { momentum } => each(&step, g, w, h, |g, h| {
            let last = *h;
            *h = momentum * *h + rate * g;
            (T::ONE + momentum) * *h - momentum * last
        }),
        Rule::Damped { momentum, rest, nesterov } => each(&step, g, w, h, |g, h| {
            *h = momentum * *h + rest * g;
            rate * if nesterov { g + momentum * *h } else { *h }
        }),
        Rule::AdaGrad { delta } => each(&step, g, w, h, |g, h| {
            *h += g * g;
            rate * (g / (h.sqrt() + delta))
        }),
        Rule::RmsProp { decay, rest, delta } => each(&step, g, w, h, |g, h| {
            *h = decay * *h + rest * (g * g);
            rate * (g / (h.sqrt() + delta))
        }),
        Rule::AdaDelta { momentum, delta } => each_of_two(&step, g, w, h, v, |g, h, v| {
            *h = momentum * *h + (T::ONE - momentum) * (g * g);
            let change = g * ((*v + delta) / (*h + delta)).sqrt();
            *v = momentum * *v + (T::ONE - momentum) * (change * change);
            rate * change
        }),
        Rule::Adam { beta1, beta2, rests, delta, correction } => {
            each_of_two(&step, g, w, h, v, |g, h, v| {
                *h = beta1 * *h + rests[0] * g;
                *v = beta2 * *v + rests[1] * (g * g);
                rate * correction * (*h / (v.sqrt() + delta))
            });
        }
        Rule::Adamax { beta1, rest, beta2, delta, correction } => {
            each_of_two(&step, g, w, h, v, |g, h, v| {
                *h = beta1 * *h + rest * g;
                let (old, new) = (beta2 * *v, g.abs() + delta);
                *v = if old < new { new } else { old };
                rate * correction * (*h / *v)
            });
        }
        Rule::Ahead { momentum } => each(&step, g, w, h, |g, h| {
            *h = momentum * *h - rate * g;
            rate * g
        }),
        Rule::Averaged { shrink, share } => {
            for ((w, h), g) in w.iter_mut().zip(h).zip(g) {
                let g = regularized(&step, *g, *w);
                *w = shrink * *w - rate * g;
                *h += share * (*w - *h);
            }
        }
        Rule::Rprop { grow, shrink, bounds: [least, most] } => {
            each_of_two(&step, g, w, h, v, |g, h, v| {
                let agreement = *h * g;
                let (factor, g) = if T::ZERO < agreement {
                    (grow, g)
                } else if agreement < T::ZERO {
                    (shrink, T::ZERO)
                } else {
                    (T::ONE, g)
                };
                let size = *v * factor;
                let size = if most < size { most } else { size };
                *v = if size < least { least } else { size };
                *h = g;
                if T::ZERO < g {
                    *v
                } else if g < T::ZERO {
                    T::ZERO - *v
                } else {
                    T::ZERO
                }
            });
        }
        Rule::RmsMomentum { decay, rest, momentum, delta } => {
            each_of_two(&step, g, w, h, v, |g, h, v| {
                *h = decay * *h + rest * (g * g);
                *v = momentum * *v + rate * g / (*h + delta).sqrt();
                *v
            });
        }
        Rule::DualAveraging => {
            for ((w, (h, v)), g) in w.iter_mut().zip(h.iter_mut().zip(v)).zip(g) {
                let g = regularized(&step, *g, *w);
                *h += g;
                *v += g * g;
                *w = T::ZERO - rate * *h / v.sqrt();
            }
        }
        Rule::Ftrl { l1, l2 } => {
            for ((w, (h, v)), g) in w.iter_mut().zip(h.iter_mut().zip(v)).zip(g) {
                let g = regularized(&step, *g, *w);
                let new = *h + g * g;
                *v += g - (new.sqrt() - h.sqrt()) / rate * *w;
                *h = new;
                let pull = if T::ZERO < *v { l1 - *v } else { T::ZERO - l1 - *v };
                let slack = v.abs() <= l1;
                *w = if slack { T::ZERO } else { pull / (new.sqrt() / rate + l2 + l2) };
            }
        }
    }
}

#[inline(always)]
fn each<T: Real>(
    step: &Step<T>,
    g: &[T],
    w: &mut [T],
    h: &mut [T],
    change: impl Fn(T, &mut T) -> T,
) {
    for ((w, h), g) in w.iter_mut().zip(h).zip(g) {
        let g = regularized(step, *g, *w);
        *w -= change(g, h);
    }
}

#[inline(always)]
fn each_of_two<T: Real>(
    step: &Step<T>,
    g: &[T],
    w: &mut [T],
    h: &mut [T],
    v: &mut [T],
    change: impl Fn(T, &mut T, &mut T) -> T,
) {
    for ((w, (h, v)), g) in w.iter_mut().zip(h.iter_mut().zip(v)).zip(g) {
        let g = regularized(step, *g, *w);
        *w -= change(g, h, v);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{close, fill, same_for_any_threads};
    use super::*;

    /// Two steps from w = 1, h = v = 0 with gradients that become 0.5 and -0.25 after clipping and
    /// division, against numbers worked out from the formulas.
    fn check(rule: Rule<f64>, decay: Decay<f64>, expected: f64) {
        let step = Step { rate: 0.1, decay, clip: 0.5, normalizer: 0.25 };
        let count = if rule.histories() == 2 { 40_000 } else { 0 };
        let w = same_for_any_threads(40_000, |w: &mut [f64]| {
            w.fill(1.0);
            let (mut h, mut v) = (vec![0.0; 40_000], vec![0.0; count]);
            update(rule, step, &[4.0; 40_000], w, &mut h, &mut v);
            update(rule, step, &[-2.0; 40_000], w, &mut h, &mut v);
        });
        close(&w, &[expected; 40_000], 1e-3);
    }

    #[test]
    fn two_steps_of_every_rule() {
        check(Rule::Momentum { momentum: 0.9 }, Decay::None, 0.93);
        check(Rule::Momentum { momentum: 0.9 }, Decay::L2(0.1), 0.9016);
        check(Rule::Momentum { momentum: 0.9 }, Decay::L1(0.1), 0.901);
        check(Rule::Nesterov { momentum: 0.9 }, Decay::None, 0.912);
        let damped = |nesterov| Rule::Damped { momentum: 0.9, rest: 0.5, nesterov };
        check(damped(false), Decay::None, 0.965);
        check(damped(true), Decay::None, 0.9435);
        check(Rule::AdaGrad { delta: 0.5 }, Decay::None, 0.973_606_797_749_979);
        let rms = Rule::RmsProp { decay: 0.5, rest: 0.5, delta: 0.5 };
        check(rms, Decay::None, 0.972_431_561_381_646);
        check(Rule::AdaDelta { momentum: 0.5, delta: 0.25 }, Decay::None, 0.983_793_469_149_480_3);
        let adam =
            Rule::Adam { beta1: 0.5, beta2: 0.5, rests: [0.5; 2], delta: 0.5, correction: 1.0 };
        check(adam, Decay::None, 0.970_710_678_118_655);
        // h = 0.25, then 0; v = 0.5.
        let adamax =
            Rule::Adamax { beta1: 0.5, rest: 0.5, beta2: 0.5, delta: 0.0, correction: 2.0 };
        check(adamax, Decay::None, 0.9);
        check(Rule::Ahead { momentum: 0.9 }, Decay::None, 0.975);
        check(Rule::Averaged { shrink: 0.5, share: 1.0 }, Decay::None, 0.25);
        // The sign changes, so the second step waits: 1 - v.
        let rprop = Rule::Rprop { grow: 2.0, shrink: 0.5, bounds: [0.125, 1.0] };
        check(rprop, Decay::None, 0.875);
        // h = 0.125, then 0.09375; v = 0.05 / sqrt 0.375, then half of it less 0.025 / sqrt 0.34375.
        let rms = Rule::RmsMomentum { decay: 0.5, rest: 0.5, momentum: 0.5, delta: 0.25 };
        check(rms, Decay::None, 0.920_165_656_131_963);
        // h = 0.25, v = 0.3125.
        check(Rule::DualAveraging, Decay::None, -0.044_721_359_549_996);
        // h = 0.25, then 0.3125; v = 0.5 - 5, w = 0.9; v -= 0.25 + (sqrt 0.3125 - 0.5) 9, w = -v / (sqrt 0.3125 / 0.1).
        check(Rule::Ftrl { l1: 0.0, l2: 0.0 }, Decay::None, 0.944_721_359_55);
    }

    #[test]
    fn looking_ahead() {
        let mut w = [1.0, 2.0];
        look_ahead(0.5, &mut w, &[4.0, -2.0]);
        assert_eq!(w, [3.0, 1.0]);
    }

    #[test]
    fn the_decay_of_a_zero_weight_is_zero() {
        let step = Step { rate: 1f32, decay: Decay::L1(0.5), clip: 1.0, normalizer: 1.0 };
        let mut w = [-1.0, 0.0, 1.0];
        update(Rule::Momentum { momentum: 0.0 }, step, &[0.0; 3], &mut w, &mut [0.0; 3], &mut []);
        assert_eq!(w, [-0.5, 0.0, 0.5]);
        let g: Vec<f32> = fill(3, 1);
        update(Rule::AdaGrad { delta: 1e-8 }, step, &g, &mut w, &mut [0.0; 3], &mut []);
        assert!(w.iter().all(|w| w.is_finite()));
    }
}
