//! What a run file says about training in TensorFlow's words: the optimizers of DIGITS' TensorFlow driver
//! (tensorflow/main.py) with TensorFlow's defaults, and the policies that this driver has.

use super::args::Args;
use super::optim::{read_percent, strange};
use super::solver::{Method, Policy, Solver};

/// An optimizer of `tf.train` with its own numbers. The learning rate is the solver's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Optimizer {
    /// `w -= rate g`
    Sgd,
    /// `h = momentum h + g; w -= rate h`
    Momentum {
        /// Weight of the history.
        momentum: f64,
        /// Whether the step is `g + momentum h`.
        nesterov: bool,
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
    /// Duchi et al. 2011; nothing is added to the root, the history has a first value instead.
    Adagrad {
        /// The first value.
        initial: f64,
    },
    /// Duchi et al. 2011, dual averaging: `h += g; v += g^2; w = -rate h / sqrt v`.
    AdagradDa {
        /// The first value of `v`.
        initial: f64,
    },
    /// Zeiler 2012, times the rate.
    Adadelta {
        /// Weight of the histories.
        rho: f64,
        /// Added inside the roots.
        epsilon: f64,
    },
    /// Tieleman and Hinton 2012 with momentum: `h` averages g^2 from 1 on, `v = momentum v + rate g / sqrt(h + epsilon)`.
    Rmsprop {
        /// Weight of the history.
        decay: f64,
        /// Weight of the last step.
        momentum: f64,
        /// Added inside the root.
        epsilon: f64,
    },
    /// McMahan et al. 2013, with the root of the sum of squares as learning rate.
    Ftrl {
        /// The first value of the sum of squares.
        initial: f64,
        /// Weight of the sum of absolute values.
        l1: f64,
        /// Weight of the sum of squares.
        l2: f64,
    },
}

impl Optimizer {
    /// The names, as DIGITS' flag has them.
    pub const NAMES: [&'static str; 8] =
        ["sgd", "momentum", "adam", "adagrad", "adagradda", "adadelta", "rmsprop", "ftrl"];

    /// The name, as DIGITS' flag has it.
    pub fn name(&self) -> &'static str {
        match self {
            Optimizer::Sgd => "sgd",
            Optimizer::Momentum { .. } => "momentum",
            Optimizer::Adam { .. } => "adam",
            Optimizer::Adagrad { .. } => "adagrad",
            Optimizer::AdagradDa { .. } => "adagradda",
            Optimizer::Adadelta { .. } => "adadelta",
            Optimizer::Rmsprop { .. } => "rmsprop",
            Optimizer::Ftrl { .. } => "ftrl",
        }
    }

    /// How many arrays of the size of the parameters it keeps.
    pub fn histories(&self) -> usize {
        match self {
            Optimizer::Sgd | Optimizer::Momentum { .. } | Optimizer::Adagrad { .. } => 1,
            Optimizer::Adam { .. }
            | Optimizer::AdagradDa { .. }
            | Optimizer::Adadelta { .. }
            | Optimizer::Rmsprop { .. }
            | Optimizer::Ftrl { .. } => 2,
        }
    }

    /// What every element of those arrays is before the first update.
    pub fn starts(&self) -> [f64; 2] {
        match *self {
            Optimizer::Adagrad { initial } => [initial, 0.0],
            Optimizer::AdagradDa { initial } => [0.0, initial],
            Optimizer::Rmsprop { .. } => [1.0, 0.0],
            Optimizer::Ftrl { initial, .. } => [initial, 0.0],
            _ => [0.0; 2],
        }
    }
}

/// Keys that only a solver in TensorFlow's words has.
const OF_TENSORFLOW: [&str; 8] = [
    "optimizer",
    "learning_rate",
    "rho",
    "decay",
    "use_nesterov",
    "initial_accumulator_value",
    "l1_regularization_strength",
    "l2_regularization_strength",
];

/// Keys that a solver in other words has, by which it is told from one in TensorFlow's.
const OF_OTHERS: [&str; 5] = ["type", "base_lr", "method", "learningRate", "policy"];

/// Whether the keys of a solver are TensorFlow's words; `otherwise` where they are nobody's.
pub fn is_tensorflow<'a>(keys: impl IntoIterator<Item = &'a str>, otherwise: bool) -> bool {
    let keys: Vec<&str> = keys.into_iter().collect();
    let any = |words: &[&str]| keys.iter().any(|key| words.contains(key));
    match otherwise {
        true => any(&OF_TENSORFLOW) || !any(&OF_OTHERS),
        // `rho` is Torch's as well.
        false => any(&["optimizer", "learning_rate"]),
    }
}

impl Solver {
    /// What DIGITS trains a TensorFlow definition with where nothing is said.
    pub fn of_digits_tensorflow() -> Solver {
        Solver {
            method: Method::Optimizer(Optimizer::Sgd),
            base_lr: 0.01,
            weight_decay: 0.0,
            policy: Policy::Fixed,
            ..Solver::default()
        }
    }

    /// Reads an optimizer, with DIGITS' and TensorFlow's defaults for what is missing, beside cortado's own fields for
    /// tests and snapshots.
    pub fn read_optimizer(a: &Args) -> Solver {
        let base = Solver::read_common(a);
        let solver = Solver {
            method: Method::Optimizer(optimizer(a)),
            base_lr: a.float("learning_rate").unwrap_or(0.01) as f32,
            weight_decay: 0.0,
            policy: read_percent(a, "lr_policy", "fixed", None),
            ..base
        };
        if !(solver.base_lr.is_finite() && 0.0 <= solver.base_lr) {
            let rate = solver.base_lr;
            a.wrong("learning_rate", format!("a learning rate of {rate} leads nowhere"));
        }
        solver
    }
}

fn optimizer(a: &Args) -> Optimizer {
    let float = |key, default| a.float(key).unwrap_or(default);
    let name = a.text("optimizer").unwrap_or_else(|| "sgd".to_owned());
    let initial = |a: &Args| {
        let initial = a.float("initial_accumulator_value").unwrap_or(0.1);
        if initial <= 0.0 || initial.is_nan() {
            a.wrong(
                "initial_accumulator_value",
                format!("the first value of the sum of squares must be above 0, not {initial}"),
            );
        }
        initial
    };
    match name.as_str() {
        "sgd" => Optimizer::Sgd,
        "momentum" => Optimizer::Momentum {
            momentum: float("momentum", 0.9),
            nesterov: a.bool("use_nesterov").unwrap_or(false),
        },
        "adam" => Optimizer::Adam {
            beta1: float("beta1", 0.9),
            beta2: float("beta2", 0.999),
            epsilon: float("epsilon", 1e-8),
        },
        "adagrad" => Optimizer::Adagrad { initial: initial(a) },
        "adagradda" => Optimizer::AdagradDa { initial: initial(a) },
        "adadelta" => {
            Optimizer::Adadelta { rho: float("rho", 0.95), epsilon: float("epsilon", 1e-8) }
        }
        "rmsprop" => Optimizer::Rmsprop {
            decay: float("decay", 0.9),
            momentum: float("momentum", 0.9),
            epsilon: float("epsilon", 1e-10),
        },
        "ftrl" => Optimizer::Ftrl {
            initial: initial(a),
            l1: float("l1_regularization_strength", 0.0),
            l2: float("l2_regularization_strength", 0.0),
        },
        other => {
            strange(a, "optimizer", "DIGITS has no optimizer", other, &Optimizer::NAMES);
            Optimizer::Sgd
        }
    }
}
