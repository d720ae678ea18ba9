//! What a run file says about training in Torch's words: the configuration of a method of optim, and the
//! learning-rate policies of DIGITS' Torch driver.

use super::args::Args;
use super::solver::{Method, Policy, Solver, read_positive};
use crate::diag::nearest::nearest;

/// A method of torch/optim with its own numbers. Learning rate and weight decay are the solver's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Optim {
    /// `h = momentum h + (1 - dampening) g; w -= rate h`; the first step takes g undamped.
    Sgd {
        /// Weight of the history.
        momentum: f64,
        /// What is taken off the gradient's weight; optim's default is the momentum.
        dampening: f64,
        /// Whether the step is `g + momentum h`.
        nesterov: bool,
    },
    /// Nesterov's gradient, taken at `w + momentum h`, to which the weights are moved before the forward pass.
    Nag {
        /// Weight of the history.
        momentum: f64,
    },
    /// Kingma and Ba 2015; epsilon is outside the root and not corrected.
    Adam {
        /// Weight of the first history.
        beta1: f64,
        /// Weight of the second history.
        beta2: f64,
        /// Added outside the root.
        epsilon: f64,
    },
    /// Kingma and Ba 2015, section 7.1.
    Adamax {
        /// Weight of the first history.
        beta1: f64,
        /// Weight of the second history.
        beta2: f64,
        /// Added to the size of the gradient.
        epsilon: f64,
    },
    /// Duchi et al. 2011, with 1e-10 added outside the root.
    Adagrad,
    /// Tieleman and Hinton 2012.
    Rmsprop {
        /// Weight of the history.
        alpha: f64,
        /// Added outside the root.
        epsilon: f64,
        /// What the history starts from.
        initial_mean: f64,
    },
    /// Zeiler 2012; the learning rate has no part in it.
    Adadelta {
        /// Weight of the histories.
        rho: f64,
        /// Added inside the roots.
        eps: f64,
    },
    /// Averaged gradient descent (Bottou): `w = (1 - lambda eta) w - eta g` with
    /// `eta = eta0 (1 + lambda eta0 t)^-alpha`, and the mean of the weights from update t0 on as history.
    Asgd {
        /// The first rate.
        eta0: f64,
        /// Pull to 0.
        lambda: f64,
        /// Exponent.
        alpha: f64,
        /// The update at which the mean begins.
        t0: f64,
    },
    /// Riedmiller and Braun 1993: a step size for every weight.
    Rprop {
        /// The first step size.
        stepsize: f64,
        /// Factor where the sign of the gradient stays.
        etaplus: f64,
        /// Factor where it changes.
        etaminus: f64,
        /// The largest step size.
        stepsizemax: f64,
        /// The smallest.
        stepsizemin: f64,
    },
}

impl Optim {
    /// The methods.
    pub const NAMES: [&'static str; 9] =
        ["sgd", "nag", "adam", "adamax", "adagrad", "rmsprop", "adadelta", "asgd", "rprop"];

    /// The name, as optim spells it.
    pub fn name(&self) -> &'static str {
        match self {
            Optim::Sgd { .. } => "sgd",
            Optim::Nag { .. } => "nag",
            Optim::Adam { .. } => "adam",
            Optim::Adamax { .. } => "adamax",
            Optim::Adagrad => "adagrad",
            Optim::Rmsprop { .. } => "rmsprop",
            Optim::Adadelta { .. } => "adadelta",
            Optim::Asgd { .. } => "asgd",
            Optim::Rprop { .. } => "rprop",
        }
    }

    /// How many arrays of the size of the parameters it keeps.
    pub fn histories(&self) -> usize {
        match self {
            Optim::Adam { .. }
            | Optim::Adamax { .. }
            | Optim::Adadelta { .. }
            | Optim::Rprop { .. } => 2,
            Optim::Sgd { .. }
            | Optim::Nag { .. }
            | Optim::Adagrad
            | Optim::Rmsprop { .. }
            | Optim::Asgd { .. } => 1,
        }
    }

    /// What every element of those arrays is before the first update.
    pub fn starts(&self) -> [f64; 2] {
        match *self {
            Optim::Rmsprop { initial_mean, .. } => [initial_mean, 0.0],
            Optim::Rprop { stepsize, .. } => [0.0, stepsize],
            _ => [0.0; 2],
        }
    }

    /// The learning rate where none is said.
    fn learning_rate(&self) -> f64 {
        match self {
            Optim::Adamax { .. } => 0.002,
            Optim::Rmsprop { .. } => 0.01,
            _ => 0.001,
        }
    }
}

/// How the learning rate changes with the part of training that is done, in percent, as in DIGITS' Torch driver.
#[derive(Clone, Debug, PartialEq)]
pub enum Percent {
    /// base gamma^floor(iter / step)
    Step {
        /// Factor.
        gamma: f64,
        /// Percent of training between changes.
        step: f64,
    },
    /// base gamma^(number of steps reached)
    MultiStep {
        /// Factor.
        gamma: f64,
        /// The changes, in percent of training.
        steps: Vec<f64>,
    },
    /// base gamma^percent
    Exp {
        /// Factor.
        gamma: f64,
    },
    /// base (1 + gamma percent)^-power
    Inv {
        /// Growth of the divisor.
        gamma: f64,
        /// Exponent.
        power: f64,
    },
    /// base / (1 + e^(gamma (percent - step)))
    Sigmoid {
        /// Steepness.
        gamma: f64,
        /// The middle, in percent of training.
        step: f64,
    },
}

/// Keys that only a solver in Torch's words has.
const OF_TORCH: [&str; 26] = [
    "method",
    "learningRate",
    "learningRateDecay",
    "weightDecay",
    "dampening",
    "nesterov",
    "beta1",
    "beta2",
    "epsilon",
    "alpha",
    "initialMean",
    "rho",
    "eps",
    "eta0",
    "lambda",
    "t0",
    "stepsizemax",
    "stepsizemin",
    "etaplus",
    "etaminus",
    "policy",
    "stepvalues",
    "learningRates",
    "weightDecays",
    "optimization",
    "niter",
];

/// Keys that only a solver in Caffe's words has, by which one is told from the other.
const OF_CAFFE: [&str; 8] = [
    "type",
    "base_lr",
    "lr_policy",
    "weight_decay",
    "momentum2",
    "rms_decay",
    "delta",
    "regularization_type",
];

/// Whether the keys of a solver are Torch's words, not Caffe's; `otherwise` where they are neither's.
pub fn is_torch<'a>(keys: impl IntoIterator<Item = &'a str>, otherwise: bool) -> bool {
    let keys: Vec<&str> = keys.into_iter().collect();
    let any = |words: &[&str]| keys.iter().any(|key| words.contains(key));
    !any(&OF_CAFFE) && (otherwise || any(&OF_TORCH))
}

impl Solver {
    /// What DIGITS trains a Torch definition with where nothing is said.
    pub fn of_digits_torch() -> Solver {
        Solver {
            method: Method::Optim(Optim::Sgd { momentum: 0.9, dampening: 0.9, nesterov: false }),
            base_lr: 0.001,
            weight_decay: 1e-4,
            policy: Policy::Decay { decay: 1e-6 },
            test_initialization: false,
            ..Solver::default()
        }
    }

    /// Reads cortado's own fields for tests and snapshots, which stand beside any framework's words.
    pub(super) fn read_common(a: &Args) -> Solver {
        let default = Solver::default();
        let count = |key| a.int(key).map(|n| u64::try_from(n).unwrap_or(0));
        Solver {
            clip_gradients: a.float("clip_gradients").map_or(default.clip_gradients, |x| x as f32),
            iter_size: read_positive(a, "iter_size"),
            max_iter: count("max_iter").unwrap_or(0),
            display: count("display").unwrap_or(0),
            average_loss: read_positive(a, "average_loss") as usize,
            test_interval: count("test_interval").unwrap_or(0),
            test_initialization: a.bool("test_initialization").unwrap_or(true),
            snapshot: count("snapshot").unwrap_or(0),
            snapshot_after_train: a.bool("snapshot_after_train").unwrap_or(true),
            random_seed: a.int("random_seed").and_then(|n| u64::try_from(n).ok()),
            ..default
        }
    }

    /// Reads the configuration of a method of optim, with optim's defaults for what is missing, beside cortado's own
    /// fields for tests and snapshots.
    pub fn read_optim(a: &Args) -> Solver {
        let base = Solver::read_common(a);
        let optim = method(a);
        let rate = a.float("learningRate").unwrap_or(optim.learning_rate());
        let solver = Solver {
            method: Method::Optim(optim),
            base_lr: if let Optim::Asgd { eta0, .. } = optim { eta0 } else { rate } as f32,
            policy: policy(a, &optim),
            weight_decay: match optim {
                Optim::Adamax { .. } | Optim::Asgd { .. } | Optim::Rprop { .. } => 0.0,
                _ => a.float("weightDecay").unwrap_or(0.0) as f32,
            },
            ..base
        };
        if !(solver.base_lr.is_finite() && 0.0 <= solver.base_lr) {
            a.wrong("learningRate", format!("a learning rate of {} leads nowhere", solver.base_lr));
        }
        solver
    }
}

fn method(a: &Args) -> Optim {
    let float = |key, default| a.float(key).unwrap_or(default);
    let name = a.text("method").or_else(|| a.text("optimization"));
    let name = name.unwrap_or_else(|| "sgd".to_owned());
    match name.as_str() {
        "sgd" => {
            let momentum = float("momentum", 0.0);
            let dampening = float("dampening", momentum);
            let nesterov = a.bool("nesterov").unwrap_or(false);
            if nesterov && (momentum <= 0.0 || dampening != 0.0) {
                a.wrong(
                    "nesterov",
                    "`nesterov` needs a `momentum` above 0 and `dampening: 0`; without it, optim takes the momentum as \
                     dampening",
                );
            }
            // Without momentum there is no history, and nothing is damped.
            let dampening = if momentum == 0.0 { 0.0 } else { dampening };
            Optim::Sgd { momentum, dampening, nesterov }
        }
        "nag" => {
            let momentum = float("momentum", 0.9);
            if momentum <= 0.0 {
                a.wrong("momentum", format!("nag needs a momentum above 0, not {momentum}"));
            }
            // optim reads a dampening here and never uses it.
            a.ignore(&["dampening"]);
            Optim::Nag { momentum }
        }
        "adam" => Optim::Adam {
            beta1: float("beta1", 0.9),
            beta2: float("beta2", 0.999),
            epsilon: float("epsilon", 1e-8),
        },
        "adamax" => Optim::Adamax {
            beta1: float("beta1", 0.9),
            beta2: float("beta2", 0.999),
            epsilon: float("epsilon", 1e-38),
        },
        "adagrad" => Optim::Adagrad,
        "rmsprop" => Optim::Rmsprop {
            alpha: float("alpha", 0.99),
            epsilon: float("epsilon", 1e-8),
            initial_mean: float("initialMean", 0.0),
        },
        "adadelta" => Optim::Adadelta { rho: float("rho", 0.9), eps: float("eps", 1e-6) },
        "asgd" => Optim::Asgd {
            eta0: float("eta0", 1e-4),
            lambda: float("lambda", 1e-4),
            alpha: float("alpha", 0.75),
            t0: float("t0", 1e6),
        },
        "rprop" => Optim::Rprop {
            stepsize: float("stepsize", 0.1),
            etaplus: float("etaplus", 1.2),
            etaminus: float("etaminus", 0.5),
            stepsizemax: float("stepsizemax", 50.0),
            stepsizemin: float("stepsizemin", 1e-6),
        },
        other => {
            let key = if a.has("method") { "method" } else { "optimization" };
            strange(a, key, "optim has no method", other, &Optim::NAMES);
            Optim::Sgd { momentum: 0.0, dampening: 0.0, nesterov: false }
        }
    }
}

/// The policy: `torch_sgd`, the decay that the method itself knows, unless another is named. Numbers that a policy
/// needs and that are not given are those of DIGITS' form.
fn policy(a: &Args, optim: &Optim) -> Policy {
    // These methods have a `stepsize` or no learning rate, and no decay of it.
    let decays = matches!(
        optim,
        Optim::Sgd { .. } | Optim::Nag { .. } | Optim::Adam { .. } | Optim::Adagrad
    );
    let decay = decays.then(|| a.float("learningRateDecay").unwrap_or(0.0));
    let policy = read_percent(a, "policy", "torch_sgd", decay);
    if decay.is_some_and(|decay| decay != 0.0) && !matches!(policy, Policy::Decay { .. }) {
        a.wrong(
            "learningRateDecay",
            "`learningRateDecay` belongs to the policy \"torch_sgd\"; another `policy` says by itself how the rate falls",
        );
    }
    policy
}

/// Reads a policy of DIGITS' Torch and TensorFlow drivers from `key`, or the one of the name `default`. `torch_sgd` is the
/// decay that a method has.
pub(super) fn read_percent(
    a: &Args,
    key: &'static str,
    default: &str,
    decay: Option<f64>,
) -> Policy {
    let float = |key, default| a.float(key).unwrap_or(default);
    let steps = |defaults: &[f64]| {
        let mut steps = a.floats("stepvalues");
        if steps.is_empty() {
            steps = defaults.to_vec();
        }
        if steps.iter().any(|s| !(0.0..=100.0).contains(s)) {
            a.wrong("stepvalues", "`stepvalues` are percent of training, from 0 to 100");
        }
        steps
    };
    let step = |default: f64| {
        let steps = steps(&[default]);
        if 1 < steps.len() {
            a.wrong(
                "stepvalues",
                "this policy has one step; several are for the policy \"multistep\"",
            );
        }
        steps[0]
    };
    let name = a.text(key).unwrap_or_else(|| default.to_owned());
    match name.as_str() {
        "torch_sgd" if default == "torch_sgd" => {
            decay.map_or(Policy::Fixed, |decay| Policy::Decay { decay })
        }
        "fixed" => Policy::Fixed,
        "step" => Policy::Percent(Percent::Step { gamma: float("gamma", 0.1), step: step(33.0) }),
        "multistep" => Policy::Percent(Percent::MultiStep {
            gamma: float("gamma", 0.5),
            steps: steps(&[50.0, 85.0]),
        }),
        "exp" => Policy::Percent(Percent::Exp { gamma: float("gamma", 0.95) }),
        "inv" => {
            let (gamma, power) = (float("gamma", 0.1), float("power", 0.5));
            Policy::Percent(Percent::Inv { gamma, power })
        }
        "poly" => Policy::Poly { power: float("power", 3.0) as f32 },
        "sigmoid" => {
            Policy::Percent(Percent::Sigmoid { gamma: float("gamma", 0.1), step: step(50.0) })
        }
        other => {
            let all = ["torch_sgd", "fixed", "step", "multistep", "poly", "exp", "inv", "sigmoid"];
            let names = if default == "torch_sgd" { &all[..] } else { &all[1..] };
            strange(a, key, "DIGITS has no policy", other, names);
            Policy::Fixed
        }
    }
}

/// Complains of a name that nobody has; `missing` says what there is not.
pub(super) fn strange(a: &Args, key: &str, missing: &str, name: &str, names: &[&str]) {
    let near = nearest(name, names.iter().copied());
    let hint = near.map_or(".".into(), |n| format!("; did you mean \"{n}\"?"));
    a.wrong(key, format!("{missing} \"{name}\"{hint} There are {}", names.join(", ")));
}
