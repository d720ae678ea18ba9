//! Scores along an axis as probabilities.

use super::prelude::*;
use crate::layers::Layer;

params! {
    /// e^x divided by the sum of e^x along an axis; the top has the bottom's shape.
    pub struct Softmax {
        /// The axis; -1 is the last.
        axis: i64 = 1,
        /// Whether the axis follows from the number of axes, as in Torch: 0 for 1 and 3 axes, 1 for 2 and 4.
        by_rank: bool = false,
        /// Whether small elements become probable instead of large ones.
        negated: bool = false,
    }
}

/// The axis that Torch takes for the classes of a tensor: the last of vectors and matrices, the channel of images. None
/// for other numbers of axes than 1 to 4.
pub(super) fn class_axis(rank: usize) -> Option<usize> {
    (1..=4).contains(&rank).then(|| (rank + 1) % 2)
}

/// Complains about a bottom of which [`class_axis`] is not known.
pub(super) fn check_rank(cx: &Infer) -> Result<usize, Reported> {
    match class_axis(cx.bottom(0).rank()) {
        Some(axis) => Ok(axis),
        None => cx.fail_bottom(0, "needs a tensor of 1 to 4 dimensions"),
    }
}

fn read(negated: bool) -> Layer {
    Softmax { axis: 0, by_rank: true, negated }.into()
}

/// The description of [`Softmax`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[
        caffe("Softmax", |a| {
            let p = a.section("softmax_param");
            p.ignore(&["engine"]);
            Softmax { axis: p.int("axis").unwrap_or(1), ..Softmax::default() }.into()
        }),
        torch("nn.SoftMax", &[], |_| read(false)),
        torch("nn.SpatialSoftMax", &[], |_| read(false)),
        torch("nn.SoftMin", &[], |_| read(true)),
    ],
    ..LayerSpec::new("Softmax", Category::Activation, Softmax::DOCS)
};

impl LayerOps for Softmax {
    fn on_other_bottoms(&self, given: usize) -> Option<[&'static str; 2]> {
        let note = "it gives the probabilities of scores, and reads no labels";
        (given == 2 && !self.by_rank)
            .then_some([note, "the loss of scores and labels is `SoftmaxWithLoss`"])
    }

    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        match self.by_rank {
            true => check_rank(cx)?,
            false => cx.axis(0, self.axis)?,
        };
        Ok(Signature::of(cx.bottom(0).clone()))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let top = cx.top(0);
        let axis = if self.by_rank { class_axis(top.rank()) } else { top.axis(self.axis) };
        let scores = match self.negated {
            true => b.scale(cx.bottoms[0], -1.0),
            false => cx.bottoms[0],
        };
        vec![b.softmax(scores, axis.unwrap_or(0))]
    }

    fn detail(&self) -> String {
        match self.axis {
            _ if self.by_rank => String::new(),
            1 => String::new(),
            axis => format!("axis {axis}"),
        }
    }
}
