//! Scores as logarithms of probabilities.

use super::prelude::*;
use crate::layers::softmax::{check_rank, class_axis};

params! {
    /// x minus the logarithm of the sum of e^x along the axis of classes; the top has the bottom's shape.
    ///
    /// The axis follows from the number of axes: the only one, the second of two (items x classes), the first of three
    /// (classes x height x width), the second of four.
    pub struct LogSoftmax {
    }
}

/// The description of [`LogSoftmax`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[
        torch("nn.LogSoftMax", &[], |_| LogSoftmax {}.into()),
        torch("nn.SpatialLogSoftMax", &[], |_| LogSoftmax {}.into()),
    ],
    ..LayerSpec::new("LogSoftmax", Category::Activation, LogSoftmax::DOCS)
};

impl LayerOps for LogSoftmax {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        check_rank(cx)?;
        Ok(Signature::of(cx.bottom(0).clone()))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let axis = class_axis(cx.top(0).rank()).unwrap_or(0);
        vec![b.log_softmax(cx.bottoms[0], axis)]
    }
}
