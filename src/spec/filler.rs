//! How parameters are initialised: Caffe's fillers (filler.hpp) as data. `weights::fill` draws the numbers.

use super::args::Args;

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
    /// Uniform in [0, 1), every row scaled to sum 1.
    PositiveUnitball,
    /// Uniform in ±sqrt(3 / fan) (Glorot and Bengio 2010, as Caffe simplifies it).
    Xavier(Norm),
    /// Normal with deviation sqrt(2 / fan) (He et al. 2015).
    Msra(Norm),
    /// Bilinear interpolation, for upsampling deconvolutions.
    Bilinear,
}

impl Filler {
    /// This filler, or the constant that a layer takes where the definition names none.
    pub fn or_constant(self, value: f64) -> Filler {
        if self == Filler::Unset { Filler::Constant(value) } else { self }
    }

    /// Reads a `FillerParameter` message; `Unset` if it is not written.
    pub fn read(a: &Args) -> Filler {
        let kind = a.text("type");
        let value = a.float("value").unwrap_or(0.0);
        let (min, max) = (a.float("min").unwrap_or(0.0), a.float("max").unwrap_or(1.0));
        let mean = a.float("mean").unwrap_or(0.0);
        let std = a.float("std").unwrap_or(1.0);
        let sparse = a.int("sparse").and_then(|n| usize::try_from(n).ok());
        let norms =
            [("FAN_IN", Norm::FanIn), ("FAN_OUT", Norm::FanOut), ("AVERAGE", Norm::Average)];
        let norm = a.choice("variance_norm", &norms).unwrap_or(Norm::FanIn);
        if !a.is_present() {
            return Filler::Unset;
        }
        let kind = kind.as_deref().unwrap_or("constant");
        match kind {
            "constant" => Filler::Constant(value),
            "uniform" => Filler::Uniform(min, max),
            "gaussian" => Filler::Gaussian { mean, std, sparse },
            "positive_unitball" => Filler::PositiveUnitball,
            "xavier" => Filler::Xavier(norm),
            "msra" => Filler::Msra(norm),
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
                let near = crate::diag::nearest::nearest(kind, names);
                let hint = near.map(|n| format!("; did you mean \"{n}\"?")).unwrap_or_default();
                a.wrong("type", format!("unknown filler \"{kind}\"{hint}"));
                Filler::Unset
            }
        }
    }
}
