//! The learning rate of every iteration, to the bit of Caffe's `SGDSolver::GetLearningRate`, or as DIGITS' Torch driver
//! sets it.

use crate::spec::optim::Percent;
use crate::spec::solver::{Policy, Solver};

/// Computes the learning rate; counts the steps of the multistep policy, which is part of a snapshot.
#[derive(Clone, Debug)]
pub struct Schedule {
    base_lr: f32,
    policy: Policy,
    max_iter: u64,
    /// Number of stepvalues reached so far.
    pub current_step: usize,
}

impl Schedule {
    /// The schedule of a solver.
    pub fn new(solver: &Solver) -> Self {
        Schedule {
            base_lr: solver.base_lr,
            policy: solver.policy.clone(),
            max_iter: solver.max_iter,
            current_step: 0,
        }
    }

    /// The rate of an iteration, counted from 0. Iterations must be asked for in order, as the multistep
    /// policy passes at most one step a call.
    ///
    /// Caffe raises gamma to a whole number in double precision and everything else in single precision.
    pub fn rate(&mut self, iteration: u64) -> f32 {
        let base = self.base_lr;
        let powers = |gamma: f32, n: f64| (f64::from(base) * f64::from(gamma).powf(n)) as f32;
        match &self.policy {
            Policy::Fixed => base,
            Policy::Decay { decay } => (f64::from(base) / (1.0 + iteration as f64 * decay)) as f32,
            Policy::Percent(policy) => {
                (f64::from(base) * factor(policy, iteration, self.max_iter)) as f32
            }
            Policy::Step { gamma, stepsize } => powers(*gamma, (iteration / stepsize) as f64),
            Policy::Exp { gamma } => powers(*gamma, iteration as f64),
            Policy::Inv { gamma, power } => base * (1.0 + gamma * iteration as f32).powf(-power),
            Policy::MultiStep { gamma, stepvalues } => {
                if stepvalues.get(self.current_step).is_some_and(|&next| next <= iteration) {
                    self.current_step += 1;
                }
                powers(*gamma, self.current_step as f64)
            }
            Policy::Poly { power } => {
                base * (1.0 - iteration as f32 / self.max_iter as f32).powf(*power)
            }
            Policy::Sigmoid { gamma, stepsize } => {
                base * (1.0 / (1.0 + (-gamma * (iteration as f32 - *stepsize as f32)).exp()))
            }
        }
    }
}

/// What the base rate is multiplied by. Places of steps are whole iterations, at least 1, as DIGITS makes them of its
/// percents; without an end there is no progress.
fn factor(policy: &Percent, iteration: u64, max_iter: u64) -> f64 {
    let whole = max_iter.max(1) as f64;
    let percent = 100.0 * iteration as f64 / whole;
    let place = |step: f64| (whole * step / 100.0).round().max(1.0);
    match policy {
        Percent::Step { gamma, step } => gamma.powf((iteration as f64 / place(*step)).floor()),
        Percent::MultiStep { gamma, steps } => {
            gamma.powi(steps.iter().filter(|&&s| place(s) <= iteration as f64).count() as i32)
        }
        Percent::Exp { gamma } => gamma.powf(percent),
        Percent::Inv { gamma, power } => (1.0 + gamma * percent).powf(-power),
        Percent::Sigmoid { gamma, step } => {
            (1.0 + (gamma * (percent - 100.0 * place(*step) / whole)).exp()).recip()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(policy: Percent, iterations: &[u64]) -> Vec<f32> {
        let policy = Policy::Percent(policy);
        let solver = Solver { base_lr: 0.5, policy, max_iter: 200, ..Solver::default() };
        let mut schedule = Schedule::new(&solver);
        iterations.iter().map(|&i| schedule.rate(i)).collect()
    }

    #[test]
    fn policies_of_digits_count_in_percent() {
        let step = Percent::Step { gamma: 0.1, step: 33.0 };
        assert_eq!(rates(step, &[0, 65, 66, 132]), [0.5, 0.5, 0.05, 0.005]);
        let multi = Percent::MultiStep { gamma: 0.5, steps: vec![50.0, 85.0] };
        assert_eq!(rates(multi, &[99, 100, 169, 170]), [0.5, 0.25, 0.25, 0.125]);
        assert_eq!(rates(Percent::Exp { gamma: 0.5 }, &[0, 2, 4]), [0.5, 0.25, 0.125]);
        assert_eq!(rates(Percent::Inv { gamma: 1.5, power: 0.5 }, &[0, 4]), [0.5, 0.25]);
        let sigmoid = Percent::Sigmoid { gamma: 0.1, step: 50.0 };
        let rates = rates(sigmoid, &[0, 100, 200]);
        // 0.5 / (1 + e^-5) and 0.5 / (1 + e^5): it falls, unlike Caffe's.
        assert!((rates[0] - 0.496_653_6).abs() < 1e-6 && (rates[2] - 0.003_346_4).abs() < 1e-6);
        assert_eq!(rates[1], 0.25);
    }

    #[test]
    fn decay_of_optim() {
        let policy = Policy::Decay { decay: 0.25 };
        let mut schedule = Schedule::new(&Solver { base_lr: 1.0, policy, ..Solver::default() });
        assert_eq!([0, 1, 4].map(|i| schedule.rate(i)), [1.0, 0.8, 0.5]);
    }
}
