//! The cross entropy of scores and distributions, row by row.

use super::prelude::*;

params! {
    /// -Σ y ln softmax(x) along the last axis, for scores x and a second bottom y of their shape; the top lacks that axis.
    ///
    /// TensorFlow's `softmax_cross_entropy_with_logits`. As in its kernel (xent_op.h) the gradient of the scores is
    /// softmax(x) - y, which is that of the value where y sums to 1 only.
    pub struct CrossEntropy {
        /// Whether y gets a gradient, -ln softmax(x).
        to_labels: bool = false,
    }
}

/// The description of [`CrossEntropy`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(2),
    in_place: InPlace::Refused,
    ..LayerSpec::new("CrossEntropy", Category::Loss, CrossEntropy::DOCS)
};

impl LayerOps for CrossEntropy {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let (scores, labels) = (cx.bottom(0), cx.bottom(1));
        if scores != labels {
            return cx.fail_bottom(1, format!("must have the shape of the scores, {scores}"));
        }
        let Some((&classes, rows)) = scores.dims().split_last() else {
            return cx.fail_bottom(0, "scores need an axis of classes");
        };
        if classes == 0 {
            return cx.fail_bottom(0, "there are no classes");
        }
        Ok(Signature::of(Shape(rows.to_vec())))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let shape = b.shape(cx.bottoms[0]).clone();
        let last = shape.rank() - 1;
        let (x, labels) = (cx.bottoms[0], cx.bottoms[1]);
        let logs = b.log_softmax(x, last);
        // The value, whose gradient goes to the labels only.
        let held = b.stop(logs);
        let costs = b.map(&[held, labels], &(-arg(0) * arg(1)));
        let value = b.sum(costs, &[last]);
        // ln Σ e^x - Σ y x, whose gradient is the one wanted, and which adds nothing.
        let y = b.stop(labels);
        let of_labels = b.map(&[x, y], &(arg(0) * arg(1)));
        let of_labels = b.sum(of_labels, &[last]);
        let [score, log] = [x, logs].map(|v| b.slice(v, last, 0, 1));
        let slope = b.map(&[score, log, of_labels], &(arg(0) - arg(1) - arg(2)));
        let level = b.stop(slope);
        let total = b.map(&[value, slope, level], &(arg(0) + (arg(1) - arg(2))));
        vec![b.view(total, cx.top(0).clone())]
    }

    fn differentiable(&self, bottom: usize, _bottoms: usize) -> bool {
        bottom == 0 || self.to_labels
    }
}
