//! The learning rate of every iteration, to the bit of Caffe's `SGDSolver::GetLearningRate`.

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
