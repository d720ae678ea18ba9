//! What the losses of R-FCN's fork of Caffe share: the divisors, one of which is given.

use crate::spec::Args;

/// What the sum of a loss is divided by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Divisor {
    /// The number of places of the batch.
    All,
    /// The number of places that are not ignored.
    Valid,
    /// The batch size.
    Batch,
    /// A number.
    Fixed(f64),
}

impl Divisor {
    /// Reads `loss_param`, with the label that it ignores. `normalize` counts only if `normalization` is not written.
    pub fn read(a: &Args) -> (Self, Option<i64>) {
        let p = a.section("loss_param");
        let modes = [
            ("FULL", Divisor::All),
            ("VALID", Divisor::Valid),
            ("BATCH_SIZE", Divisor::Batch),
            ("PRE_FIXED", Divisor::Fixed(0.0)),
            ("NONE", Divisor::Fixed(1.0)),
        ];
        let normalize = p.bool("normalize");
        let normalize = normalize.map(|yes| if yes { Divisor::Valid } else { Divisor::Batch });
        let fixed = p.float("pre_fixed_normalizer");
        let divisor = match p.choice("normalization", &modes).or(normalize) {
            Some(Divisor::Fixed(0.0)) => Divisor::Fixed(fixed.unwrap_or(1.0)),
            Some(divisor) => divisor,
            None => Divisor::Valid,
        };
        (divisor, p.int("ignore_label"))
    }

    /// The divisor of a blob of `places` in a batch of `batch`, at least 1; none where it depends on what is ignored.
    pub fn of(self, places: usize, batch: usize, ignores: bool) -> Option<f64> {
        let n = match self {
            Divisor::Valid if ignores => return None,
            Divisor::All | Divisor::Valid => places as f64,
            Divisor::Batch => batch as f64,
            Divisor::Fixed(n) => n,
        };
        Some(n.max(1.0))
    }
}
