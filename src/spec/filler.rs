//! How parameters are initialised: Caffe's fillers (filler.hpp) as data. `weights::fill` draws the numbers.

use super::args::Args;
use crate::diag::{self, Diagnostic};
use crate::ty::Shape;

/// The fan that scales a random filler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Norm {
    /// Inputs of a unit: count / shape\[0\].
    FanIn,
    /// Outputs: count / shape\[1\].
    FanOut,
    /// The mean of the two.
    Average,
}

/// Fillers of forks of Caffe that are not drawn here.
const OF_FORKS: [(&str, &[&str]); 3] = [
    ("Intel Caffe", &["gabor"]),
    ("forks that read weights from files", &["file", "from_file", "from_binary"]),
    ("forks for hidden messages in images", &["kb", "qian", "srm", "dctr"]),
];

/// How a parameter gets its first values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Filler {
    /// The definition names no filler: zeros, as in Caffe, which a weight rarely wants.
    Unset,
    /// All the same.
    Constant(f64),
    /// Uniform between the two.
    Uniform(f64, f64),
    /// Normal; with `sparse`, that many non-zero inputs per output on average.
    Gaussian {
        /// Mean.
        mean: f64,
        /// Standard deviation.
        std: f64,
        /// Number of non-zero inputs, or none for dense.
        sparse: Option<usize>,
    },
    /// Normal, drawn again while further than two deviations from the mean (TensorFlow's `truncated_normal`).
    TruncatedNormal {
        /// Mean.
        mean: f64,
        /// Standard deviation of the normal distribution that is cut.
        std: f64,
    },
    /// Uniform in [0, 1), every row scaled to sum 1.
    PositiveUnitball,
    /// Standard normal, every row scaled to length 1 (NormFace's fork of Caffe).
    GaussianUnitball,
    /// Uniform in ±sqrt(3 / fan) (Glorot and Bengio 2010, as Caffe simplifies it).
    Xavier(Norm),
    /// Normal with deviation sqrt(2 / fan) (He et al. 2015).
    Msra(Norm),
    /// The same with deviation sqrt(2 / fan / (1 + slope²)) for rectifiers of this slope below 0.
    MsraLeaky(Norm, f64),
    /// Bilinear interpolation, for upsampling deconvolutions.
    Bilinear,
    /// Columns, or rows where there are fewer, of this length and at right angles to each other, of a matrix that has the last axis
    /// as its columns (Saxe et al. 2014, as TensorFlow's `orthogonal_initializer`).
    Orthogonal(f64),
}

impl std::fmt::Display for Filler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Filler::Unset => f.write_str("zeros, since no filler is written"),
            Filler::Constant(value) => write!(f, "constant {}", *value as f32),
            Filler::Uniform(min, max) => {
                write!(f, "uniform from {} to {}", *min as f32, *max as f32)
            }
            Filler::Gaussian { mean, std, sparse: None } => {
                write!(f, "gaussian of mean {} and std {}", *mean as f32, *std as f32)
            }
            Filler::Gaussian { mean, std, sparse: Some(n) } => {
                write!(f, "gaussian of mean {} and std {}, sparse {n}", *mean as f32, *std as f32)
            }
            Filler::TruncatedNormal { mean, std } => {
                write!(f, "truncated normal of mean {mean} and std {std}")
            }
            Filler::PositiveUnitball => f.write_str("positive_unitball"),
            Filler::GaussianUnitball => f.write_str("gaussian_unitball"),
            Filler::Xavier(norm) => write!(f, "xavier by {norm}"),
            Filler::Msra(norm) => write!(f, "msra by {norm}"),
            Filler::MsraLeaky(norm, slope) => write!(f, "msra by {norm} for the slope {slope}"),
            Filler::Bilinear => f.write_str("bilinear"),
            Filler::Orthogonal(gain) => write!(f, "orthogonal of gain {gain}"),
        }
    }
}

impl std::fmt::Display for Norm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Norm::FanIn => "FAN_IN",
            Norm::FanOut => "FAN_OUT",
            Norm::Average => "AVERAGE",
        })
    }
}

impl Norm {
    /// The fan of a shape. Caffe divides by the first extent whatever the layout, so a transposed InnerProduct has its
    /// fans exchanged.
    fn fan(self, shape: &Shape) -> f64 {
        let n = shape.count() as f64;
        let extent = |i: usize| shape.dims().get(i).copied().unwrap_or(1).max(1) as f64;
        let (fan_in, fan_out) = (n / extent(0), n / extent(1));
        match self {
            Norm::FanIn => fan_in,
            Norm::FanOut => fan_out,
            Norm::Average => (fan_in + fan_out) / 2.0,
        }
    }
}

impl Filler {
    /// This filler, or the constant that a layer takes where the definition names none.
    pub fn or_constant(self, value: f64) -> Filler {
        if self == Filler::Unset { Filler::Constant(value) } else { self }
    }

    /// The filler with its scale worked out: `Xavier` becomes `Uniform`, `Msra` becomes `Gaussian`, `Unset` zeros.
    pub fn for_shape(self, shape: &Shape) -> Filler {
        match self {
            Filler::Unset => Filler::Constant(0.0),
            Filler::Xavier(norm) => {
                let bound = (3.0 / norm.fan(shape)).sqrt();
                Filler::Uniform(-bound, bound)
            }
            Filler::Msra(norm) => Filler::MsraLeaky(norm, 0.0).for_shape(shape),
            Filler::MsraLeaky(norm, slope) => {
                let std = (2.0 / norm.fan(shape) / (1.0 + slope * slope)).sqrt();
                Filler::Gaussian { mean: 0.0, std, sparse: None }
            }
            other => other,
        }
    }

    /// Reads the filler `key` where the truth value `switch` holds, which is `default` if it is not written; Caffe
    /// does not look at the filler of a parameter that does not exist.
    pub fn read_if(a: &Args, switch: &'static str, default: bool, key: &'static str) -> Filler {
        if a.bool(switch).unwrap_or(default) {
            return Filler::read(&a.section(key));
        }
        a.ignore(&[key]);
        Filler::Unset
    }

    /// Says of a filler that is told only what another kind reads, such as `{ std: 0.01 }`, that this has no effect.
    fn note_strays(a: &Args, kind: &str) {
        const FIELDS: [(&str, &[&str]); 3] = [
            ("constant", &["value"]),
            ("gaussian", &["std", "mean", "sparse"]),
            ("uniform", &["min", "max"]),
        ];
        let Some((_, own)) = FIELDS.iter().find(|(name, _)| *name == kind) else { return };
        if own.iter().any(|key| a.has(key)) {
            return;
        }
        let strays = FIELDS.iter().flat_map(|(name, keys)| keys.iter().map(move |key| (name, key)));
        let Some((other, key)) = strays.into_iter().find(|(_, key)| a.has(key)) else { return };
        let message = format!("`{key}` has no effect in a {kind} filler");
        let what = if a.has("type") { "the kind" } else { "without `type` that is the kind" };
        let d = Diagnostic::new(&diag::W0617, a.place(key), message);
        a.report(d.here(format!("{what} of this one")).help(match other == &"constant" {
            true => format!("a {kind} filler is told `{}`", own.join("` and `")),
            false => format!("`type: \"{other}\"` reads it"),
        }));
    }

    /// Reads a `FillerParameter` message; `Unset` if it is not written.
    pub fn read(a: &Args) -> Filler {
        let kind = a.text("type");
        let value = a.float("value").unwrap_or(0.0);
        let (min, max) = (a.float("min").unwrap_or(0.0), a.float("max").unwrap_or(1.0));
        let mean = a.float("mean").unwrap_or(0.0);
        let std = a.float("std").unwrap_or(1.0);
        let sparse = a.int("sparse").filter(|&n| n != -1);
        let norms =
            [("FAN_IN", Norm::FanIn), ("FAN_OUT", Norm::FanOut), ("AVERAGE", Norm::Average)];
        let norm = a.choice("variance_norm", &norms).unwrap_or(Norm::FanIn);
        let slope = a.float("alpha");
        if !a.is_present() {
            return Filler::Unset;
        }
        let kind = kind.as_deref().unwrap_or("constant");
        match sparse {
            Some(_) if kind != "gaussian" => {
                a.wrong("sparse", format!("a {kind} filler cannot be sparse, only a gaussian one"));
            }
            Some(n) if n < 0 => a.wrong("sparse", format!("{n} inputs cannot be kept")),
            _ => {}
        }
        let sparse = sparse.and_then(|n| usize::try_from(n).ok());
        Self::note_strays(a, kind);
        if kind == "gaussian" && (std <= 0.0 || std.is_nan()) {
            a.wrong(
                "std",
                format!("the deviation of a gaussian filler must be above 0, not {std}"),
            );
        }
        if kind == "uniform" && (max < min || min.is_nan() || max.is_nan()) {
            a.wrong("min", format!("a uniform filler from {min} to {max} has no range"));
        }
        match kind {
            "constant" => Filler::Constant(value),
            "uniform" => Filler::Uniform(min, max),
            "gaussian" => Filler::Gaussian { mean, std, sparse },
            "positive_unitball" => Filler::PositiveUnitball,
            "gaussian_unitball" => Filler::GaussianUnitball,
            "xavier" => Filler::Xavier(norm),
            "msra" => slope.map_or(Filler::Msra(norm), |slope| Filler::MsraLeaky(norm, slope)),
            "bilinear" => Filler::Bilinear,
            _ => {
                let names = [
                    "constant",
                    "uniform",
                    "gaussian",
                    "positive_unitball",
                    "xavier",
                    "msra",
                    "bilinear",
                ];
                let message = match OF_FORKS.iter().find(|(_, kinds)| kinds.contains(&kind)) {
                    Some((fork, _)) => format!(
                        "the filler \"{kind}\" is one of {fork}; where weights are loaded, any other does"
                    ),
                    None => format!("unknown filler \"{kind}\""),
                };
                a.unknown_text("type", message, &names);
                Filler::Unset
            }
        }
    }
}
