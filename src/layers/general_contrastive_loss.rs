//! A loss of distances to all classes: small to that of the label, a margin away from the others.

use super::class_loss::{ClassAxis, labelled_rows};
use super::label_mask::label_mask;
use super::label_specific_add::score_labels;
use super::prelude::*;

params! {
    /// 1/N Σ over rows of p min(most, max(0, d - positive margin)) for the distance d to the class of the label, plus
    /// n max(0, negative margin - d), or n e^-d, for each distance to another class that is below the negative margin (Wang
    /// et al. 2017, NormFace).
    ///
    /// Bottoms: distances `N x classes` and N labels. A second top has the means of the two kinds of distances, without their
    /// weights; as in the authors' fork of Caffe it has no gradient, and that of a distance to the own class ends where the
    /// distance itself is `most`.
    pub struct GeneralContrastiveLoss {
        /// What a distance to the own class may be.
        positive_margin: f64 = 0.0,
        /// How far other classes shall be away.
        negative_margin: f64 = 1.0,
        /// p, the weight of the own class.
        positive_weight: f64 = 1.0,
        /// n, the weight of the others.
        negative_weight: f64 = 1.0,
        /// The most that a distance to the own class counts.
        most: f64 = 4.0,
        /// Whether others cost n e^-d.
        exponential: bool = false,
        /// Other classes count for a row only if the distance to its own is at most this.
        own_first: Option<f64> = None,
    }
}

/// Fields that change the loss in ways that are not computed.
const OTHERS: [&str; 3] = ["max_negative_only", "max_positive_only", "add_intra_mae"];

/// The description of [`GeneralContrastiveLoss`].
pub static SPEC: LayerSpec = LayerSpec {
    tops: Arity::between(1, 2),
    spellings: &[caffe("GeneralContrastiveLoss", |a| {
        let p = a.section("general_contrastive_loss_param");
        for key in OTHERS {
            if p.bool(key) == Some(true) {
                p.wrong(key, format!("`{key}` of NormFace's fork is not computed"));
            }
        }
        if p.has("normalize_negative") {
            let why = "a gradient that is scaled to a given size is not computed";
            p.wrong("normalize_negative", why);
        }
        // Nothing reads the first; the second belongs to `add_intra_mae`.
        p.ignore(&["square", "max_negative_margin", "normalize_negative"]);
        let weight = |key| {
            let weight = p.float(key).unwrap_or(1.0);
            if weight < 0.0 {
                p.wrong(key, format!("`{key}` must not be negative"));
            }
            weight
        };
        let first = p.bool("positive_first").unwrap_or(false);
        let bound = p.float("positive_upper_bound").unwrap_or(1.0);
        GeneralContrastiveLoss {
            positive_margin: p.float("positive_margin").unwrap_or(0.0),
            negative_margin: p.float("negative_margin").unwrap_or(1.0),
            positive_weight: weight("positive_weight"),
            negative_weight: weight("negative_weight"),
            most: p.float("positive_outlier_thresh").unwrap_or(4.0),
            exponential: p.bool("exp_negative_weight").unwrap_or(false),
            own_first: first.then_some(bound),
        }
        .into()
    })],
    ..LayerSpec::loss("GeneralContrastiveLoss", GeneralContrastiveLoss::DOCS)
};

impl LayerOps for GeneralContrastiveLoss {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        labelled_rows(cx, 1)?;
        let mut tops = vec![Shape::scalar(), Shape::from([2])];
        tops.truncate(cx.n_tops());
        Ok(Signature { tops, params: vec![] })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let rows = ClassAxis::rows(b.shape(cx.bottoms[0]));
        let x = b.view(cx.bottoms[0], [rows.outer, rows.classes]);
        let mask = label_mask(b, cx.bottoms[1], rows.classes);
        // The distance to the own class, of which the gradient is that of its cost alone.
        let own = b.map(&[x, mask], &select(arg(1), arg(0), constant(0.0)));
        let own = b.sum(own, &[1]);
        let own = b.stop(own);
        let far = self.own_first.map_or(constant(0.0), |bound| arg(2).gt(bound));

        let above = (arg(0) - self.positive_margin).max(0.0).min(self.most);
        let inside = arg(0).gt(self.positive_margin) * arg(0).lt(self.most);
        let slope = select(far.clone(), constant(1.0), inside) * self.positive_weight;
        let lacking = constant(self.negative_margin) - arg(0);
        let near = arg(0).lt(self.negative_margin);
        let (other, other_slope) = match self.exponential {
            true => ((-arg(0)).exp(), -(-arg(0)).exp()),
            false => (lacking.clone(), constant(-1.0)),
        };
        let counts = near.clone() * (constant(1.0) - far);
        let weighted = |e| select(counts.clone(), e, constant(0.0)) * self.negative_weight;
        let cost = select(arg(1), above.clone() * self.positive_weight, weighted(other));
        let cost = cost.with_gradient(vec![select(arg(1), slope, weighted(other_slope))]);
        let costs = b.map(&[x, mask, own], &cost);
        let sum = b.sum_all(costs);
        let mut tops = vec![b.scale(sum, 1.0 / rows.outer.max(1) as f64)];
        if cx.n_tops() == 2 {
            let share = 1.0 / rows.outer.max(1) as f64;
            let kinds = [
                (select(arg(1), above, constant(0.0)), share),
                (
                    select(arg(1), constant(0.0), lacking.max(0.0)),
                    share / (rows.classes as f64 - 1.0),
                ),
            ];
            let means = kinds.map(|(of, share)| {
                let each = b.map(&[x, mask], &of);
                let sum = b.sum_all(each);
                let mean = b.scale(sum, share);
                b.view(mean, [1])
            });
            let both = b.concat(&means, 0);
            tops.push(b.stop(both));
        }
        tops
    }

    fn labels(&self, bottoms: &[Shape]) -> Option<LabelRange> {
        score_labels(bottoms)
    }

    fn detail(&self) -> String {
        format!("margins {} and {}", self.positive_margin as f32, self.negative_margin as f32)
    }
}
