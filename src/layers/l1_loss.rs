//! The sum of absolute differences.

use super::euclidean_loss::mean_over_rows;
use super::prelude::*;

params! {
    /// Σ |a - b| / N, where N is the first extent only; a layer of NVCaffe, which DIGITS' examples of detection and
    /// segmentation use.
    ///
    /// Both bottoms have a gradient, 0 where they are equal.
    pub struct L1Loss {
    }
}

/// The description of [`L1Loss`].
pub static SPEC: LayerSpec = LayerSpec {
    differentiable: 2,
    spellings: &[caffe("L1Loss", |a| {
        a.section("loss_param").ignore(&["ignore_label", "normalization", "normalize"]);
        L1Loss {}.into()
    })],
    ..LayerSpec::loss("L1Loss", L1Loss::DOCS)
};

impl LayerOps for L1Loss {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        cx.rows_alike()?;
        Ok(Signature::of(Shape::scalar()))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        vec![mean_over_rows(b, cx, &(arg(0) - arg(1)).abs(), 1.0)]
    }
}
