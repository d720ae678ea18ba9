//! From a solver and the number of updates made to the rule of the next update.

use crate::exec::cpu::update::Rule;
use crate::exec::solve::{Decays, Update};
use crate::plan::Slot;
use crate::spec::optim::Optim;
use crate::spec::optimizer::Optimizer;
use crate::spec::solver::{Method, Regularization, Solver};

/// The rule of the update after `done` updates, and the rate that goes with it, where the schedule says `rate`.
///
/// Caffe computes the numbers of a rule in single precision; Torch's are Lua's, of double precision, and are rounded when
/// they meet a tensor.
pub fn rule(solver: &Solver, rate: f32, done: u64) -> (Rule<f32>, f32) {
    let &Solver { momentum, momentum2, delta, rms_decay, .. } = solver;
    let rule = match solver.method {
        Method::Sgd => Rule::Momentum { momentum },
        Method::Nesterov => Rule::Nesterov { momentum },
        Method::AdaGrad => Rule::AdaGrad { delta },
        Method::RmsProp => Rule::RmsProp { decay: rms_decay, rest: 1.0 - rms_decay, delta },
        Method::AdaDelta => Rule::AdaDelta { momentum, delta },
        Method::Adam => {
            let t = (done + 1) as f32;
            let correction = (1.0 - momentum2.powf(t)).sqrt() / (1.0 - momentum.powf(t));
            let rests = [1.0 - momentum, 1.0 - momentum2];
            Rule::Adam { beta1: momentum, beta2: momentum2, rests, delta, correction }
        }
        Method::Optim(optim) => return of_optim(&optim, solver.base_lr, rate, done),
        Method::Optimizer(optimizer) => of_optimizer(&optimizer, done),
    };
    (rule, rate)
}

fn of_optim(optim: &Optim, base: f32, rate: f32, done: u64) -> (Rule<f32>, f32) {
    let t = (done + 1) as f64;
    let single = |x: f64| x as f32;
    let rule = match *optim {
        Optim::Sgd { momentum, dampening, nesterov } => Rule::Damped {
            momentum: single(momentum),
            rest: if done == 0 { 1.0 } else { single(1.0 - dampening) },
            nesterov,
        },
        Optim::Nag { momentum } => Rule::Ahead { momentum: single(momentum) },
        Optim::Adam { beta1, beta2, epsilon } => Rule::Adam {
            beta1: single(beta1),
            beta2: single(beta2),
            rests: [single(1.0 - beta1), single(1.0 - beta2)],
            delta: single(epsilon),
            correction: single((1.0 - beta2.powf(t)).sqrt() / (1.0 - beta1.powf(t))),
        },
        Optim::Adamax { beta1, beta2, epsilon } => Rule::Adamax {
            beta1: single(beta1),
            rest: single(1.0 - beta1),
            beta2: single(beta2),
            delta: single(epsilon),
            correction: single((1.0 - beta1.powf(t)).recip()),
        },
        Optim::Adagrad => Rule::AdaGrad { delta: 1e-10 },
        Optim::Rmsprop { alpha, epsilon, .. } => Rule::RmsProp {
            decay: single(alpha),
            rest: single(1.0 - alpha),
            delta: single(epsilon),
        },
        Optim::Adadelta { rho, eps } => {
            return (Rule::AdaDelta { momentum: single(rho), delta: single(eps) }, 1.0);
        }
        Optim::Asgd { lambda, alpha, t0, .. } => {
            let base = f64::from(base);
            let eta = base / (1.0 + lambda * base * done as f64).powf(alpha);
            let share = single((done as f64 - t0).max(1.0).recip());
            return (Rule::Averaged { shrink: single(1.0 - lambda * eta), share }, single(eta));
        }
        Optim::Rprop { etaplus, etaminus, stepsizemax, stepsizemin, .. } => Rule::Rprop {
            grow: single(etaplus),
            shrink: single(etaminus),
            bounds: [single(stepsizemin), single(stepsizemax)],
        },
    };
    (rule, rate)
}

/// TensorFlow computes the numbers of its kernels in single precision.
fn of_optimizer(optimizer: &Optimizer, done: u64) -> Rule<f32> {
    let single = |x: f64| x as f32;
    match *optimizer {
        Optimizer::Sgd => Rule::Damped { momentum: 0.0, rest: 1.0, nesterov: false },
        Optimizer::Momentum { momentum, nesterov } => {
            Rule::Damped { momentum: single(momentum), rest: 1.0, nesterov }
        }
        Optimizer::Adam { beta1, beta2, epsilon } => {
            let [beta1, beta2, t] = [single(beta1), single(beta2), (done + 1) as f32];
            Rule::Adam {
                beta1,
                beta2,
                rests: [1.0 - beta1, 1.0 - beta2],
                delta: single(epsilon),
                correction: (1.0 - beta2.powf(t)).sqrt() / (1.0 - beta1.powf(t)),
            }
        }
        Optimizer::Adagrad { .. } => Rule::AdaGrad { delta: 0.0 },
        Optimizer::AdagradDa { .. } => Rule::DualAveraging,
        Optimizer::Adadelta { rho, epsilon } => {
            Rule::AdaDelta { momentum: single(rho), delta: single(epsilon) }
        }
        Optimizer::Rmsprop { decay, momentum, epsilon } => Rule::RmsMomentum {
            decay: single(decay),
            rest: single(1.0 - decay),
            momentum: single(momentum),
            delta: single(epsilon),
        },
        Optimizer::Ftrl { l1, l2, .. } => Rule::Ftrl { l1: single(l1), l2: single(l2) },
    }
}

/// The factor of the rate after `done` steps that comes from how few these are: TensorFlow's Adam corrects its averages so.
pub fn factor(solver: &Solver, done: u64) -> f32 {
    match rule(solver, 1.0, done).0 {
        Rule::Adam { correction, .. } => correction,
        _ => 1.0,
    }
}

/// The momentum by which weights are moved before the forward pass, if the method wants its gradient there.
pub fn looks_ahead(solver: &Solver) -> Option<f32> {
    match solver.method {
        Method::Optim(Optim::Nag { momentum }) => Some(momentum as f32),
        _ => None,
    }
}

/// What the elements of the histories are before the first update.
pub fn starts(solver: &Solver) -> [f32; 2] {
    match solver.method {
        Method::Optim(optim) => optim.starts().map(|x| x as f32),
        Method::Optimizer(optimizer) => optimizer.starts().map(|x| x as f32),
        _ => [0.0; 2],
    }
}

/// The update after `done` updates, where the schedule says `rate`, of parameters with these multipliers of rate and
/// decay.
pub fn update(
    solver: &Solver,
    rate: f32,
    done: u64,
    mults: Vec<Option<[f32; 2]>>,
    gradients: Slot,
) -> Update<f32> {
    let (rule, rate) = rule(solver, rate, done);
    Update {
        rule,
        rate,
        decay: solver.weight_decay,
        decays: match solver.regularization {
            Regularization::L2 => Decays::Squares,
            Regularization::L1 => Decays::Absolute,
        },
        clip: (0.0 <= solver.clip_gradients).then_some(solver.clip_gradients),
        normalizer: 1.0 / solver.iter_size as f32,
        mults,
        gradients,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is planned for a method is what its rule works with.
    #[test]
    fn methods_and_their_rules_have_as_many_histories() {
        let [momentum, beta1, beta2, epsilon, rho, eps] = [0.9, 0.9, 0.999, 1e-8, 0.9, 1e-6];
        let [initial, alpha, lambda, t0] = [0.1, 0.75, 1e-4, 1e6];
        let caffe = Method::NAMES.map(|(_, method)| method);
        let optim = [
            Optim::Sgd { momentum, dampening: 0.0, nesterov: true },
            Optim::Nag { momentum },
            Optim::Adam { beta1, beta2, epsilon },
            Optim::Adamax { beta1, beta2, epsilon },
            Optim::Adagrad,
            Optim::Rmsprop { alpha, epsilon, initial_mean: 0.0 },
            Optim::Adadelta { rho, eps },
            Optim::Asgd { eta0: eps, lambda, alpha, t0 },
            Optim::Rprop {
                stepsize: 0.1,
                etaplus: 1.2,
                etaminus: 0.5,
                stepsizemax: 50.0,
                stepsizemin: eps,
            },
        ];
        let optimizers = [
            Optimizer::Sgd,
            Optimizer::Momentum { momentum, nesterov: true },
            Optimizer::Adam { beta1, beta2, epsilon },
            Optimizer::Adagrad { initial },
            Optimizer::AdagradDa { initial },
            Optimizer::Adadelta { rho, epsilon },
            Optimizer::Rmsprop { decay: rho, momentum, epsilon },
            Optimizer::Ftrl { initial, l1: 0.0, l2: 0.0 },
        ];
        assert_eq!(optim.map(|optim| optim.name()), Optim::NAMES);
        assert_eq!(optimizers.map(|optimizer| optimizer.name()), Optimizer::NAMES);
        let others = optim.map(Method::Optim).into_iter().chain(optimizers.map(Method::Optimizer));
        for method in caffe.into_iter().chain(others) {
            let (rule, _) = rule(&Solver { method, ..Solver::default() }, 0.1, 0);
            assert_eq!(rule.histories(), method.histories(), "{method:?}");
        }
    }
}
