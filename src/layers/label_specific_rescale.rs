//! Multiplies the score of each row's label by another number than those of the other classes.

use super::label_specific_add::{changed_scores, labelled_scores, score_labels};
use super::prelude::*;

params! {
    /// In training w x at the class of the label and v x at the others; in testing x, unless `in_tests`.
    ///
    /// Bottoms: scores `N x classes` and N labels. Where `base` is there, w is base (1 + gamma i)^-power in the i-th pass
    /// of training, counted from `iteration` + 1, between `least` and `most` if they are there. A second top is w. A layer of
    /// the fork of Caffe of NormFace (Wang et al. 2017). A label that is no class makes all classes others.
    pub struct LabelSpecificRescale {
        /// w, the factor of the label's class.
        positive: f64 = 1.0,
        /// v, the factor of the others.
        negative: f64 = 1.0,
        /// Whether scores of labels that are not above 0 stay as they are.
        above_zero: bool = false,
        /// Whether 1 - w is added as well, so that a score of 1 stays what it is.
        keeps_one: bool = false,
        /// Whether w is the exponent of the score's magnitude instead of a factor.
        as_power: bool = false,
        /// Whether tests do the same.
        in_tests: bool = false,
        /// w at first, if it changes.
        base: Option<f64> = None,
        /// How fast it changes.
        gamma: f64 = 0.0,
        /// The exponent by which it changes.
        power: f64 = 1.0,
        /// It is not below.
        least: Option<f64> = None,
        /// It is not above.
        most: Option<f64> = None,
        /// Passes that were made before.
        iteration: usize = 0,
    }
}

/// The description of [`LabelSpecificRescale`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(2),
    tops: Arity::between(1, 2),
    differentiable: 1,
    in_place: InPlace::Fine,
    spellings: &[caffe("LabelSpecificRescale", |a| {
        let p = a.section("label_specific_rescale_param");
        // Nothing reads these two in the fork.
        p.ignore(&["positive_lower_bound", "negative_upper_bound"]);
        LabelSpecificRescale {
            positive: p.float("positive_weight").unwrap_or(1.0),
            negative: p.float("negative_weight").unwrap_or(1.0),
            above_zero: p.bool("for_ip").unwrap_or(false),
            keeps_one: p.bool("bias_fix").unwrap_or(false),
            as_power: p.bool("power_on_positive").unwrap_or(false),
            in_tests: p.bool("rescale_test").unwrap_or(false),
            base: p.float("positive_weight_base"),
            gamma: p.float("gamma").unwrap_or(0.0),
            power: p.float("power").unwrap_or(1.0),
            least: p.float("positive_weight_min"),
            most: p.float("positive_weight_max"),
            iteration: p.usize("iteration").unwrap_or(0),
        }
        .into()
    })],
    ..LayerSpec::new("LabelSpecificRescale", Category::Elementwise, LabelSpecificRescale::DOCS)
};

impl LayerOps for LabelSpecificRescale {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        labelled_scores(cx, self.base.map(|_| self.iteration))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let training = cx.phase == Phase::Train;
        let weight = match self.base.filter(|_| training) {
            Some(base) => {
                let next = b.map(&[cx.params[0]], &(arg(0) + 1.0));
                b.assign(cx.params[0], next);
                let mut weight = (arg(0) * self.gamma + 1.0).pow(-self.power) * base;
                weight = self.least.map_or(weight.clone(), |least| weight.max(least));
                weight = self.most.map_or(weight.clone(), |most| weight.min(most));
                b.map(&[next], &weight)
            }
            None => b.fill(self.positive, [1].into()),
        };
        let scaled = match (self.as_power, self.keeps_one) {
            (true, _) => arg(0).sign() * arg(0).abs().pow(arg(2)),
            (false, true) => arg(0) * arg(2) + (constant(1.0) - arg(2)),
            (false, false) => arg(0) * arg(2),
        };
        let own = match self.above_zero {
            true => select(arg(0).gt(0.0), scaled, arg(0)),
            false => scaled,
        };
        let change = select(arg(1), own, arg(0) * self.negative);
        changed_scores(b, cx, weight, (training || self.in_tests).then_some(change))
    }

    fn labels(&self, bottoms: &[Shape]) -> Option<LabelRange> {
        score_labels(bottoms)
    }

    fn detail(&self) -> String {
        let positive = self.base.unwrap_or(self.positive);
        format!("times {}, others {}", positive as f32, self.negative as f32)
    }
}
