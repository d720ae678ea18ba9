//! The sum of absolute differences.

use crate::diag::Reported;
use crate::params;
use crate::program::expr::arg;
use crate::program::{Builder, ValueId};
use crate::spec::{Arity, Category, InPlace, Infer, LayerOps, LayerSpec, Lower, Signature, caffe};
use crate::ty::Shape;

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
    bottoms: Arity::exactly(2),
    in_place: InPlace::Refused,
    loss: true,
    spellings: &[caffe("L1Loss", |a| {
        a.section("loss_param").ignore(&["ignore_label", "normalization", "normalize"]);
        L1Loss {}.into()
    })],
    ..LayerSpec::new("L1Loss", Category::Loss, L1Loss::DOCS)
};

impl LayerOps for L1Loss {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        cx.rows_alike()?;
        Ok(Signature::of(Shape::scalar()))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let shape = b.shape(cx.bottoms[0]).clone();
        let other = b.view(cx.bottoms[1], shape.clone());
        let gaps = b.map(&[cx.bottoms[0], other], &(arg(0) - arg(1)).abs());
        let sum = b.sum_all(gaps);
        vec![b.scale(sum, 1.0 / shape.dims()[0].max(1) as f64)]
    }
}
