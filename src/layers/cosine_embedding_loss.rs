//! Turns the vectors of similar pairs together, and others apart.

use super::prelude::*;
use crate::layers::pair_similarity::{check_rows, column, cosine, rows};

params! {
    /// 1 - cos for pairs of rows with label 1, max(0, cos - margin) for those with label -1, added up or averaged.
    ///
    /// The third bottom has the labels. As in Torch another label adds the cosine itself, and a pair whose loss is not
    /// positive has no gradient.
    pub struct CosineEmbeddingLoss {
        /// Cosine up to which dissimilar pairs are left alone.
        margin: f64 = 0.0,
        /// Whether the sum is divided by the number of pairs.
        average: bool = true,
    }
}

const SCRIPT: &str = "
function Class:__init(margin)
   Parent.__init(self)
   self.margin = margin or 0
   self.gradInput = {torch.Tensor(), torch.Tensor()}
   self.sizeAverage = true
end";

/// The description of [`CosineEmbeddingLoss`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(3),
    differentiable: 2,
    spellings: &[torch("nn.CosineEmbeddingCriterion", &["margin"], |a| {
        let average = a.bool("sizeAverage").unwrap_or(true);
        CosineEmbeddingLoss { margin: a.float("margin").unwrap_or(0.0), average }.into()
    })
    .extends("nn.Criterion")
    .script(SCRIPT)],
    ..LayerSpec::loss("CosineEmbeddingLoss", CosineEmbeddingLoss::DOCS)
};

impl LayerOps for CosineEmbeddingLoss {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let (pairs, labels) = (check_rows(cx)?, cx.bottom(2).count());
        if labels != pairs {
            return cx.fail_bottom(2, format!("{labels} labels for {pairs} pairs"));
        }
        Ok(Signature::of(Shape::scalar()))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let rows = rows(b, cx.bottoms[0], cx.bottoms[1]);
        let (cosine, labels) = (cosine(b, rows), column(b, cx.bottoms[2]));
        let (similar, apart) = (arg(1).equals(1.0), arg(1).equals(-1.0));
        let other = select(apart.clone(), arg(0) - self.margin, arg(0));
        let loss = select(similar.clone(), constant(1.0) - arg(0), other);
        let slope = select(similar, constant(-1.0), constant(1.0));
        let slope = select(loss.clone().gt(0.0), slope, constant(0.0));
        let loss = select(apart, loss.clone().max(0.0), loss).with_gradient(vec![slope]);
        let losses = b.map(&[cosine, labels], &loss);
        vec![total(b, losses, self.average)]
    }

    fn detail(&self) -> String {
        format!("margin {}", self.margin as f32)
    }
}

/// The sum or the mean of losses.
pub(super) fn total(b: &mut Builder, losses: ValueId, average: bool) -> ValueId {
    let n = b.shape(losses).count();
    let sum = b.sum_all(losses);
    if average && n != 1 { b.scale(sum, 1.0 / n.max(1) as f64) } else { sum }
}
