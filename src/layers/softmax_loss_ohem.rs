//! Softmax with the log-likelihood of labels, and that of every label beside it, by which hard ones are chosen.

use super::class_loss::{ClassAxis, without_labels};
use super::label_mask::label_mask_along;
use super::ohem::Divisor;
use super::prelude::*;

params! {
    /// Σ -ln softmax(x)\[label\] / n, for scores along an axis and whole-number labels from 0. The second top is the softmax, the
    /// third what each label costs, in the shape of the labels; both without a gradient.
    ///
    /// A layer of R-FCN's fork of Caffe (Dai et al. 2016). n is the number of labels that are not ignored, or what `loss_param`
    /// says, with `PRE_FIXED` its `pre_fixed_normalizer`.
    pub struct SoftmaxLossOhem {
        /// The class axis; -1 is the last.
        axis: i64 = 1,
        /// Labels of this value add nothing to the loss and have no gradient.
        ignore_label: Option<i64> = None,
        /// What the sum is divided by.
        divisor: Divisor = Divisor::Valid,
    }
}

/// The description of [`SoftmaxLossOhem`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(2),
    tops: Arity::between(1, 3),
    differentiable: 1,
    in_place: InPlace::Refused,
    loss: true,
    spellings: &[caffe("SoftmaxWithLossOHEM", |a| {
        let p = a.section("softmax_param");
        p.ignore(&["engine"]);
        let (divisor, ignore_label) = Divisor::read(a);
        SoftmaxLossOhem { axis: p.int("axis").unwrap_or(1), ignore_label, divisor }.into()
    })],
    ..LayerSpec::new("SoftmaxWithLossOHEM", Category::Loss, SoftmaxLossOhem::DOCS)
};

impl LayerOps for SoftmaxLossOhem {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let axis = ClassAxis::of_scores(cx, self.axis)?;
        axis.check_labels(cx, 1)?;
        let mut tops = vec![Shape::scalar(), cx.bottom(0).clone(), cx.bottom(1).clone()];
        tops.truncate(cx.n_tops());
        Ok(Signature { tops, params: vec![] })
    }

    fn on_other_bottoms(&self, given: usize) -> Option<[&'static str; 2]> {
        without_labels(given)
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let shape = b.shape(cx.bottoms[0]).clone();
        let axis = ClassAxis::of(&shape, shape.axis(self.axis).unwrap_or(0));
        let dims = [axis.outer, axis.classes, axis.inner];
        let x = b.view(cx.bottoms[0], dims);
        let labels = b.view(cx.bottoms[1], [axis.outer, 1, axis.inner]);
        let logarithms = b.log_softmax(x, 1);
        let mask = label_mask_along(b, cx.bottoms[1], dims);
        let chosen = b.mul(logarithms, mask);
        let chosen = b.sum(chosen, &[1]);
        let counts = match self.ignore_label {
            Some(ignored) => constant(1.0) - arg(1).trunc().equals(ignored as f64),
            None => constant(1.0),
        };
        let costs = b.map(&[chosen, labels], &(-arg(0) * counts.clone()));
        let sum = b.sum_all(costs);
        let ignores = self.ignore_label.is_some();
        let loss = match self.divisor.of(axis.labels(), axis.outer, ignores) {
            Some(n) => b.scale(sum, 1.0 / n),
            None => {
                let valid = b.map(&[labels], &counts.substitute(&[arg(0), arg(0)]));
                let valid = b.sum_all(valid);
                b.map(&[sum, valid], &(arg(0) / arg(1).max(1.0)))
            }
        };
        let mut tops = vec![loss];
        if 2 <= cx.n_tops() {
            let all = b.map(&[logarithms], &arg(0).exp());
            let all = b.view(all, shape);
            tops.push(b.stop(all));
        }
        if 3 <= cx.n_tops() {
            let each = b.view(costs, cx.top(2).clone());
            tops.push(b.stop(each));
        }
        tops
    }

    fn labels(&self, bottoms: &[Shape]) -> Option<LabelRange> {
        let scores = bottoms.first()?;
        let last = ClassAxis::of(scores, scores.axis(self.axis)?).classes as i64 - 1;
        Some(LabelRange { bottom: 1, first: 0, last, ignored: self.ignore_label })
    }
}
