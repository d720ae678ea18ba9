//! Softmax followed by a log-likelihood that counts hard examples more.

use super::class_loss::{ClassAxis, LossRule, Normalization};
use super::constants::constants;
use super::label_mask::label_mask_along;
use super::prelude::*;
use crate::diag::{self, Diagnostic};

params! {
    /// The mean of -α (1 - p)^γ ln p, where p is the softmax of the scores at the label (Lin et al. 2017, Focal Loss for Dense
    /// Object Detection, for softmax instead of sigmoid).
    ///
    /// Bottoms: scores along an axis, and whole-number labels from 0. The second top, if there is one, is the softmax, without
    /// a gradient. The form of most forks of Caffe; NormFace's has (1 + p)^γ as well, for faces. A label that is no class
    /// costs nothing.
    pub struct FocalLoss {
        /// The class axis; -1 is the last.
        axis: i64 = 1,
        /// Ignored labels and the divisor.
        rule: LossRule = LossRule { ignore_label: None, normalization: Normalization::Valid },
        /// γ, the exponent.
        gamma: f64 = 2.0,
        /// α: one factor, or one for each class.
        alpha: Vec<f64> = vec![0.25],
        /// Whether the base is 1 + p.
        one_plus: bool = false,
    }
}

/// The description of [`FocalLoss`].
pub static SPEC: LayerSpec = LayerSpec {
    tops: Arity::between(1, 2),
    spellings: &[
        caffe("FocalLoss", |a| FocalLoss::read(a).into()),
        caffe("SoftmaxFocalLoss", |a| FocalLoss::read(a).into()),
    ],
    ..LayerSpec::loss("FocalLoss", FocalLoss::DOCS)
};

#[derive(Clone, Copy, PartialEq)]
enum Form {
    Origin,
    Linear,
    OnePlus,
}

impl FocalLoss {
    fn read(a: &Args) -> Self {
        let p = a.section("focal_loss_param");
        let scores = a.section("softmax_param");
        scores.ignore(&["engine"]);
        let forms =
            [("ORIGIN", Form::Origin), ("LINEAR", Form::Linear), ("ONEADDP", Form::OnePlus)];
        let form = p.choice("type", &forms).unwrap_or(Form::Origin);
        if form == Form::Linear {
            p.wrong("type", "the linear form of the paper's appendix is not computed");
        }
        p.ignore(&["beta"]);
        let (gamma, gama) = (p.float("gamma"), p.float("gama"));
        let gamma = gamma.or(gama).unwrap_or(2.0);
        if gamma < 0.0 {
            p.wrong("gamma", format!("the exponent must not be negative, as {gamma} is"));
        }
        let balanced = p.bool("alpha_balance");
        let mut alpha = p.floats("alpha");
        if alpha.is_empty() || balanced == Some(false) {
            alpha = vec![if form == Form::OnePlus || balanced.is_some() { 1.0 } else { 0.25 }];
            if balanced.is_none() && form == Form::Origin {
                let message = "a FocalLoss without `alpha`, which some forks take for 0.25, others for 0.75 or 1";
                let d = Diagnostic::new(&diag::W0617, a.anchor(), message);
                a.report(
                    d.here("taken for 0.25")
                        .help("write `focal_loss_param { alpha: 0.25 gamma: 2 }`"),
                );
            }
        }
        if form == Form::OnePlus && alpha != [1.0] {
            p.wrong(
                "alpha",
                "with `type: ONEADDP` that fork adds p to `alpha`; only 1 is computed",
            );
        }
        FocalLoss {
            axis: scores.int("axis").unwrap_or(1),
            rule: LossRule::read(a, Normalization::Valid),
            gamma,
            alpha,
            one_plus: form == Form::OnePlus,
        }
    }
}

impl LayerOps for FocalLoss {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let axis = ClassAxis::of(cx.bottom(0), cx.axis(0, self.axis)?);
        if 1 < axis.classes && cx.bottom(1).count() == cx.bottom(0).count() {
            let why = "has a target for each score: the form with a sigmoid, which is not computed; this one has a \
                       label for each vector of scores";
            return cx.fail_bottom(1, why);
        }
        axis.check_labels(cx, 1)?;
        if 1 < self.alpha.len() && self.alpha.len() != axis.classes {
            let (given, classes) = (self.alpha.len(), axis.classes);
            let message =
                format!("{given} factors for {classes} classes; give one, or one for each");
            return cx.fail(&["alpha"], message);
        }
        let mut tops = vec![Shape::scalar(), cx.bottom(0).clone()];
        tops.truncate(cx.n_tops());
        Ok(Signature { tops, params: vec![] })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let shape = b.shape(cx.bottoms[0]).clone();
        let axis = ClassAxis::of(&shape, shape.axis(self.axis).unwrap_or(0));
        let dims = [axis.outer, axis.classes, axis.inner];
        let x = b.view(cx.bottoms[0], dims);
        let logarithms = b.log_softmax(x, 1);
        let mask = label_mask_along(b, cx.bottoms[1], dims);
        let places = if 1 < self.alpha.len() { axis.classes } else { 1 };
        let alpha = constants(b, [1, places, 1], self.alpha[..places].to_vec());
        let p = arg(0).exp();
        let base = if self.one_plus { p + 1.0 } else { (constant(1.0) - p).max(0.0) };
        let factor = if self.gamma == 0.0 { constant(1.0) } else { base.pow(self.gamma) };
        let mut counts = arg(1);
        let mut args = vec![logarithms, mask, alpha];
        if let Some(ignored) = self.rule.ignore_label {
            args.push(b.view(cx.bottoms[1], [axis.outer, 1, axis.inner]));
            counts = counts * (constant(1.0) - arg(3).trunc().equals(ignored as f64));
        }
        let cost = select(counts, -(arg(0) * factor * arg(2)), constant(0.0));
        let costs = b.map(&args, &cost);
        let sum = b.sum_all(costs);
        let labels = axis.labels();
        let loss = match (self.rule.normalization, self.rule.ignore_label) {
            (Normalization::Valid, Some(ignored)) => {
                let other = constant(1.0) - arg(0).trunc().equals(ignored as f64);
                let valid = b.map(&[cx.bottoms[1]], &other);
                let valid = b.sum_all(valid);
                b.map(&[sum, valid], &(arg(0) / arg(1).max(1.0)))
            }
            _ => b.scale(sum, 1.0 / self.rule.divisor(labels, labels, axis.outer)),
        };
        let mut tops = vec![loss];
        if cx.n_tops() == 2 {
            let all = b.map(&[logarithms], &arg(0).exp());
            let all = b.view(all, shape);
            tops.push(b.stop(all));
        }
        tops
    }

    fn labels(&self, bottoms: &[Shape]) -> Option<LabelRange> {
        self.rule.labels(bottoms.first()?, self.axis)
    }

    fn detail(&self) -> String {
        format!("gamma {}", self.gamma as f32)
    }
}
