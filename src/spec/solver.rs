//! What a definition says about training: Caffe's SolverParameter, which run files use as well.

use super::args::Args;
use super::optim::{Optim, Percent};
use super::optimizer::Optimizer;
use crate::diag::{self, Diagnostic};

/// The rule by which gradients change parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Method {
    /// Gradient descent with momentum.
    Sgd,
    /// Nesterov's accelerated gradient (Sutskever et al. 2013).
    Nesterov,
    /// Duchi et al. 2011.
    AdaGrad,
    /// Tieleman and Hinton 2012.
    RmsProp,
    /// Zeiler 2012.
    AdaDelta,
    /// Kingma and Ba 2015.
    Adam,
    /// A method of Torch's optim.
    Optim(Optim),
    /// An optimizer of TensorFlow.
    Optimizer(Optimizer),
}

impl Method {
    /// The names of solvers, as Caffe spells them.
    pub const NAMES: [(&'static str, Method); 6] = [
        ("SGD", Method::Sgd),
        ("Nesterov", Method::Nesterov),
        ("AdaGrad", Method::AdaGrad),
        ("RMSProp", Method::RmsProp),
        ("AdaDelta", Method::AdaDelta),
        ("Adam", Method::Adam),
    ];

    /// The name, as its framework spells it.
    pub fn name(self) -> &'static str {
        match self {
            Method::Optim(optim) => return optim.name(),
            Method::Optimizer(optimizer) => return optimizer.name(),
            _ => {}
        }
        Self::NAMES.iter().find(|(_, m)| *m == self).map_or("", |(name, _)| name)
    }

    /// How many arrays of the size of the parameters it keeps.
    pub fn histories(self) -> usize {
        match self {
            Method::Sgd | Method::Nesterov | Method::AdaGrad | Method::RmsProp => 1,
            Method::AdaDelta | Method::Adam => 2,
            Method::Optim(optim) => optim.histories(),
            Method::Optimizer(optimizer) => optimizer.histories(),
        }
    }
}

/// How the learning rate changes with the iteration: Caffe's seven policies, and those of Torch and of DIGITS' Torch
/// driver.
#[derive(Clone, Debug, PartialEq)]
pub enum Policy {
    /// base_lr
    Fixed,
    /// base_lr gamma^floor(iter / stepsize)
    Step {
        /// Factor.
        gamma: f32,
        /// Iterations between changes.
        stepsize: u64,
    },
    /// base_lr gamma^iter
    Exp {
        /// Factor.
        gamma: f32,
    },
    /// base_lr (1 + gamma iter)^-power
    Inv {
        /// Growth of the divisor.
        gamma: f32,
        /// Exponent.
        power: f32,
    },
    /// base_lr gamma^(number of stepvalues reached)
    MultiStep {
        /// Factor.
        gamma: f32,
        /// Iterations at which the rate changes.
        stepvalues: Vec<u64>,
    },
    /// base_lr (1 - iter / max_iter)^power
    Poly {
        /// Exponent.
        power: f32,
    },
    /// base_lr / (1 + e^(-gamma (iter - stepsize)))
    Sigmoid {
        /// Steepness.
        gamma: f32,
        /// The iteration in the middle.
        stepsize: u64,
    },
    /// base_lr / (1 + decay iter), Torch's `learningRateDecay`
    Decay {
        /// Growth of the divisor.
        decay: f64,
    },
    /// By the part of training that is done.
    Percent(Percent),
}

/// The penalty that weight decay is the gradient of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Regularization {
    /// Sum of absolute values.
    L1,
    /// Half the sum of squares.
    L2,
}

/// The format of Caffe's snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotFormat {
    /// .caffemodel and .solverstate as HDF5.
    Hdf5,
    /// .caffemodel and .solverstate as protobuf.
    BinaryProto,
}

/// How a net is trained.
#[derive(Clone, Debug, PartialEq)]
pub struct Solver {
    /// The rule.
    pub method: Method,
    /// The learning rate that the policy starts from.
    pub base_lr: f32,
    /// How it changes.
    pub policy: Policy,
    /// Momentum; the first moment's decay in Adam, the decay in AdaDelta.
    pub momentum: f32,
    /// The second moment's decay in Adam.
    pub momentum2: f32,
    /// The decay of RMSProp's average.
    pub rms_decay: f32,
    /// Keeps divisors from 0.
    pub delta: f32,
    /// Factor of the penalty.
    pub weight_decay: f32,
    /// The penalty.
    pub regularization: Regularization,
    /// The gradient is scaled down to this norm; nothing if negative.
    pub clip_gradients: f32,
    /// Forward and backward passes whose gradients are averaged for one update.
    pub iter_size: u64,
    /// Number of updates.
    pub max_iter: u64,
    /// Iterations between lines of the log; 0 for none.
    pub display: u64,
    /// Number of losses that the displayed one is the mean of.
    pub average_loss: usize,
    /// Iterations between tests; 0 for none.
    pub test_interval: u64,
    /// Batches of a test, for each test net.
    pub test_iter: Vec<u64>,
    /// Whether to test before the first update.
    pub test_initialization: bool,
    /// Whether a test also reports the total loss.
    pub test_compute_loss: bool,
    /// Iterations between snapshots; 0 for none.
    pub snapshot: u64,
    /// What the names of snapshots begin with.
    pub snapshot_prefix: Option<String>,
    /// The format of snapshots.
    pub snapshot_format: SnapshotFormat,
    /// Whether Caffe's snapshots hold what the last update subtracted from the weights.
    pub snapshot_diff: bool,
    /// Whether to write a snapshot at the end.
    pub snapshot_after_train: bool,
    /// Whether to log the mean absolute values of all blobs and parameters.
    pub debug_info: bool,
    /// Seed of all random numbers; none takes one from the clock.
    pub random_seed: Option<u64>,
}

impl Default for Solver {
    fn default() -> Self {
        Solver {
            method: Method::Sgd,
            base_lr: 0.01,
            policy: Policy::Fixed,
            momentum: 0.0,
            momentum2: 0.999,
            rms_decay: 0.99,
            delta: 1e-8,
            weight_decay: 0.0,
            regularization: Regularization::L2,
            clip_gradients: -1.0,
            iter_size: 1,
            max_iter: 0,
            display: 0,
            average_loss: 1,
            test_interval: 0,
            test_iter: vec![],
            test_initialization: true,
            test_compute_loss: false,
            snapshot: 0,
            snapshot_prefix: None,
            snapshot_format: SnapshotFormat::BinaryProto,
            snapshot_diff: false,
            snapshot_after_train: true,
            debug_info: false,
            random_seed: None,
        }
    }
}

impl Solver {
    /// Reads the fields of a SolverParameter that say how to train; which net and which data is for the caller.
    /// What Caffe refuses is reported, also what it would notice only at the first update.
    pub fn read(a: &Args) -> Solver {
        let default = Solver::default();
        let float = |key, default: f32| a.float(key).map_or(default, |x| x as f32);
        let count = |key| a.int(key).map(|n| u64::try_from(n).unwrap_or(0));
        let formats =
            [("HDF5", SnapshotFormat::Hdf5), ("BINARYPROTO", SnapshotFormat::BinaryProto)];
        let seed = a.int("random_seed").and_then(|n| u64::try_from(n).ok());
        let method = method(a);
        let solver = Solver {
            method,
            base_lr: float("base_lr", default.base_lr),
            policy: policy(a),
            momentum: float("momentum", default.momentum),
            momentum2: float("momentum2", default.momentum2),
            rms_decay: float("rms_decay", default.rms_decay),
            delta: float("delta", default.delta),
            weight_decay: float("weight_decay", default.weight_decay),
            regularization: Regularization::L2,
            clip_gradients: float("clip_gradients", default.clip_gradients),
            iter_size: read_positive(a, "iter_size"),
            max_iter: count("max_iter").unwrap_or(0),
            display: count("display").unwrap_or(0),
            average_loss: read_positive(a, "average_loss") as usize,
            test_interval: count("test_interval").unwrap_or(0),
            test_iter: a.ints("test_iter").into_iter().map(|n| n.max(0) as u64).collect(),
            test_initialization: a.bool("test_initialization").unwrap_or(true),
            test_compute_loss: a.bool("test_compute_loss").unwrap_or(false),
            snapshot: count("snapshot").unwrap_or(0),
            snapshot_prefix: a.text("snapshot_prefix"),
            snapshot_format: a
                .choice("snapshot_format", &formats)
                .unwrap_or(SnapshotFormat::BinaryProto),
            snapshot_after_train: a.bool("snapshot_after_train").unwrap_or(true),
            snapshot_diff: a.bool("snapshot_diff").unwrap_or(false),
            debug_info: a.bool("debug_info").unwrap_or(false),
            random_seed: seed,
        };
        let solver = Solver { regularization: regularization(a, solver.weight_decay), ..solver };
        solver.check(a);
        solver
    }

    fn check(&self, a: &Args) {
        if !self.base_lr.is_finite() {
            a.wrong("base_lr", format!("a learning rate of {} leads nowhere", self.base_lr));
        }
        let odd = |key: &str, why: String, help: &str| {
            let d = Diagnostic::new(&diag::W0617, a.place(key), why);
            a.report(d.help(help));
        };
        let rate = self.base_lr;
        if a.has("base_lr") && rate == 0.0 {
            odd("base_lr", "a `base_lr` of 0 learns nothing".to_owned(), "try `base_lr: 0.01`");
        }
        if rate < 0.0 {
            let why = format!("a `base_lr` of {rate} makes the loss larger, not smaller");
            odd("base_lr", why, "it is without the sign in nearly all solvers");
        }
        if 1.0 <= self.momentum {
            let why = format!("a `momentum` of {} grows without bound", self.momentum);
            odd("momentum", why, "it is a part below 1, such as `momentum: 0.9`");
        }
        let no_momentum = matches!(self.method, Method::AdaGrad | Method::RmsProp);
        if no_momentum && self.momentum != 0.0 {
            let (name, momentum) = (self.method.name(), self.momentum);
            a.wrong("momentum", format!("{name} has no momentum, but {momentum} is set"));
        }
        if self.method == Method::RmsProp && !(0.0..1.0).contains(&self.rms_decay) {
            a.wrong(
                "rms_decay",
                format!("rms_decay must be from 0 to below 1, not {}", self.rms_decay),
            );
        }
        if !self.test_iter.is_empty() && self.test_interval == 0 {
            a.wrong("test_iter", "`test_iter` needs a `test_interval` above 0");
        }
    }
}

/// A number of which there is at least 1; 1 if it is not given.
pub(super) fn read_positive(a: &Args, key: &'static str) -> u64 {
    let n = a.int(key).unwrap_or(1);
    if n < 1 {
        a.wrong(key, format!("`{key}` must be at least 1, not {n}"));
    }
    n.max(1) as u64
}

fn method(a: &Args) -> Method {
    let Some(name) = a.text("type") else { return Method::Sgd };
    if let Some((_, method)) = Method::NAMES.iter().find(|(known, _)| *known == name) {
        return *method;
    }
    let names = Method::NAMES.map(|(name, _)| name);
    a.unknown_text("type", format!("unknown solver type \"{name}\""), &names);
    Method::Sgd
}

fn regularization(a: &Args, weight_decay: f32) -> Regularization {
    match a.text("regularization_type").as_deref() {
        None | Some("L2") => Regularization::L2,
        Some("L1") => Regularization::L1,
        Some(other) => {
            // Caffe looks at the type only when there is a decay.
            if weight_decay != 0.0 {
                a.wrong(
                    "regularization_type",
                    format!("unknown regularization_type \"{other}\"; there are \"L1\" and \"L2\""),
                );
            }
            Regularization::L2
        }
    }
}

fn policy(a: &Args) -> Policy {
    let gamma = a.float("gamma").map(|x| x as f32);
    let power = a.float("power").map(|x| x as f32);
    let stepsize = a.int("stepsize");
    let stepvalues: Vec<u64> =
        a.ints("stepvalue").into_iter().map(|n| u64::try_from(n).unwrap_or(0)).collect();
    let Some(name) = a.text("lr_policy").or_else(|| (!a.has("lr_policy")).then(String::new)) else {
        // That it is no text was said.
        return Policy::Fixed;
    };
    let need = |key: &str, value: Option<f32>| {
        value.unwrap_or_else(|| {
            let message = format!("lr_policy \"{name}\" without `{key}`");
            let d = Diagnostic::new(&diag::W0617, a.place("lr_policy"), message);
            let example = if key == "gamma" { "gamma: 0.1" } else { "power: 0.75" };
            a.report(
                d.here(format!("Caffe takes `{key}` for 0")).help(format!("say it: `{example}`")),
            );
            0.0
        })
    };
    let falling = || {
        let gamma = need("gamma", gamma);
        if gamma < 0.0 {
            let message =
                format!("lr_policy \"{name}\" needs a `gamma` of at least 0, not {gamma}");
            a.wrong("gamma", message);
        }
        gamma
    };
    let step = || match stepsize {
        Some(n) if 0 < n => n as u64,
        _ => {
            let place = if a.has("stepsize") { "stepsize" } else { "lr_policy" };
            let message = format!("lr_policy \"{name}\" needs a `stepsize` above 0");
            let d = Diagnostic::new(&diag::E0306, a.place(place), message);
            a.report(d.help("say after how many iterations the rate changes: `stepsize: 10000`"));
            1
        }
    };
    match name.as_str() {
        "fixed" => Policy::Fixed,
        "step" => Policy::Step { gamma: falling(), stepsize: step() },
        "exp" => Policy::Exp { gamma: falling() },
        "inv" => Policy::Inv { gamma: falling(), power: need("power", power) },
        "multistep" => {
            if stepvalues.is_empty() {
                let message = "lr_policy \"multistep\" without `stepvalue`";
                let d = Diagnostic::new(&diag::W0617, a.place("lr_policy"), message);
                a.report(d.here("the rate stays what it is").help(match stepsize {
                    Some(_) => "`stepsize` belongs to lr_policy \"step\"",
                    None => "say at which iterations it changes: `stepvalue: 1000`",
                }));
            }
            Policy::MultiStep { gamma: falling(), stepvalues }
        }
        "poly" => Policy::Poly { power: need("power", power) },
        "sigmoid" => Policy::Sigmoid { gamma: falling(), stepsize: step() },
        other => {
            let names = ["fixed", "step", "exp", "inv", "multistep", "poly", "sigmoid"];
            if other.is_empty() {
                let d = Diagnostic::new(&diag::E0306, a.start(), "`lr_policy` is missing");
                a.report(d.help(format!("the policies are {}", names.join(", "))));
            } else {
                a.unknown_text("lr_policy", format!("unknown lr_policy \"{other}\""), &names);
            }
            Policy::Fixed
        }
    }
}
