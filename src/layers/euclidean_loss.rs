//! Half the mean squared distance between rows.

use super::prelude::*;
use crate::program::expr::Expr;

params! {
    /// 1/(2N) Σ (a - b)², where N is the first extent only: for regression.
    ///
    /// Both bottoms have a gradient. As in Caffe their rows may have different shapes of the same number of elements.
    pub struct EuclideanLoss {
    }
}

/// The description of [`EuclideanLoss`].
pub static SPEC: LayerSpec = LayerSpec {
    differentiable: 2,
    spellings: &[caffe("EuclideanLoss", |_| EuclideanLoss {}.into())],
    ..LayerSpec::loss("EuclideanLoss", EuclideanLoss::DOCS)
};

impl LayerOps for EuclideanLoss {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        cx.rows_alike()?;
        Ok(Signature::of(Shape::scalar()))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        vec![mean_over_rows(b, cx, &(arg(0) - arg(1)).squared(), 0.5)]
    }

    fn on_other_bottoms(&self, given: usize) -> Option<[&'static str; 2]> {
        let note = "a fork of Caffe for detection takes weights of the elements as a third bottom";
        (given == 3).then_some([note, "SmoothL1Loss has such weights"])
    }
}

/// The sum of a function of two bottoms' elements, times a factor, divided by their first extent.
pub(super) fn mean_over_rows(b: &mut Builder, cx: &Lower, of: &Expr, factor: f64) -> ValueId {
    let shape = b.shape(cx.bottoms[0]).clone();
    let other = b.view(cx.bottoms[1], shape.clone());
    let distances = b.map(&[cx.bottoms[0], other], of);
    let sum = b.sum_all(distances);
    let rows = shape.dims().first().copied().unwrap_or(1);
    b.scale(sum, factor / rows as f64)
}
