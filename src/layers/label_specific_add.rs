//! Adds a margin to the score of each row's label.

use super::class_loss::{ClassAxis, labelled_rows};
use super::label_mask::label_mask;
use super::prelude::*;
use crate::program::expr::Expr;

params! {
    /// In training x + bias at the class of the label, where that is above 0, and x everywhere else; in testing x: the additive
    /// margin of AM-Softmax (Wang et al. 2018) and CosFace for a negative bias.
    ///
    /// Bottoms: scores `N x classes` and N labels. Where `base` is there, the bias of the i-th pass, counted from `iteration`,
    /// is base + (1 + gamma i)^power - 1, between `least` and `most`. A second top is the bias. As in the authors' fork of
    /// Caffe the gradient passes unchanged. A label that is no class changes nothing, where that fork writes to other memory.
    pub struct LabelSpecificAdd {
        /// What is added.
        bias: f64 = 0.0,
        /// The bias of pass 0, if it changes.
        base: Option<f64> = None,
        /// How fast it changes.
        gamma: f64 = 0.0,
        /// The exponent by which it changes.
        power: f64 = 1.0,
        /// It is not below.
        least: f64 = 0.0,
        /// It is not above.
        most: f64 = 0.0,
        /// Passes that were made before.
        iteration: usize = 0,
    }
}

/// The description of [`LabelSpecificAdd`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(2),
    tops: Arity::between(1, 2),
    differentiable: 1,
    spellings: &[caffe("LabelSpecificAdd", |a| {
        let p = a.section("label_specific_add_param");
        // It is looked at in training only, where it says nothing new.
        p.ignore(&["transform_test"]);
        LabelSpecificAdd {
            bias: p.float("bias").unwrap_or(0.0),
            base: p.float("bias_base"),
            gamma: p.float("bias_gamma").unwrap_or(0.0),
            power: p.float("bias_power").unwrap_or(1.0),
            least: p.float("bias_min").unwrap_or(0.0),
            most: p.float("bias_max").unwrap_or(0.0),
            iteration: p.usize("iteration").unwrap_or(0),
        }
        .into()
    })],
    ..LayerSpec::new("LabelSpecificAdd", Category::Elementwise, LabelSpecificAdd::DOCS)
};

/// The shapes of a layer that changes scores by their labels, and counts its passes if what it does depends on them.
pub(super) fn labelled_scores(cx: &Infer, passes: Option<usize>) -> Result<Signature, Reported> {
    labelled_rows(cx, 1)?;
    let mut tops = vec![cx.bottom(0).clone(), Shape::from([1])];
    tops.truncate(cx.n_tops());
    let passes = passes.map(|n| ParamDecl::private("passes", [1], Filler::Constant(n as f64)));
    Ok(Signature { tops, params: passes.into_iter().collect() })
}

/// Which numbers are labels of such scores.
pub(super) fn score_labels(bottoms: &[Shape]) -> Option<LabelRange> {
    Some(LabelRange::of(ClassAxis::rows(bottoms.first()?).classes, 0, None))
}

/// The tops of such a layer: its scores and `factor`, one number. Where there is a `change`, it says what becomes of a score:
/// of the score, of whether its class is the label's, and of the factor, which gets no gradient.
pub(super) fn changed_scores(
    b: &mut Builder,
    cx: &Lower,
    factor: ValueId,
    change: Option<Expr>,
) -> Vec<ValueId> {
    let mut tops = vec![cx.bottoms[0], factor];
    if let Some(change) = change {
        let rows = ClassAxis::rows(cx.top(0));
        let scores = b.view(cx.bottoms[0], [rows.outer, rows.classes]);
        let mask = label_mask(b, cx.bottoms[1], rows.classes);
        let factor = b.view(factor, [1, 1]);
        let factor = b.stop(factor);
        let changed = b.map(&[scores, mask, factor], &change);
        tops[0] = b.view(changed, cx.top(0).clone());
    }
    tops.truncate(cx.signature.tops.len());
    tops
}

impl LabelSpecificAdd {
    /// The bias after so many passes.
    fn after(&self, base: f64, passes: Expr) -> Expr {
        let moved = (passes * self.gamma + 1.0).pow(self.power) + (base - 1.0);
        moved.max(self.least).min(self.most)
    }
}

impl LayerOps for LabelSpecificAdd {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        labelled_scores(cx, self.base.map(|_| self.iteration))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let training = cx.phase == Phase::Train;
        let bias = match self.base {
            Some(base) => {
                let passes = cx.params[0];
                if training {
                    let next = b.map(&[passes], &(arg(0) + 1.0));
                    b.assign(passes, next);
                }
                b.map(&[passes], &self.after(base, arg(0)))
            }
            None => b.fill(self.bias, [1].into()),
        };
        let added = select(arg(0).gt(-arg(2)), arg(0) + arg(2), arg(0));
        let change = select(arg(1), added, arg(0)).with_gradient(vec![constant(1.0)]);
        changed_scores(b, cx, bias, training.then_some(change))
    }

    fn labels(&self, bottoms: &[Shape]) -> Option<LabelRange> {
        score_labels(bottoms)
    }

    fn detail(&self) -> String {
        match self.base {
            Some(base) => format!("bias {} at first", base as f32),
            None => format!("bias {}", self.bias as f32),
        }
    }
}
