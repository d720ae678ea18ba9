//! Puts one number above another.

use super::prelude::*;
use crate::layers::cosine_embedding_loss::total;

params! {
    /// max(0, margin - y (a - b)) for each pair of numbers, where y, the third bottom, is 1 if a should be the larger
    /// and -1 if b should be; added up or averaged.
    pub struct MarginRankingLoss {
        /// By how much.
        margin: f64 = 1.0,
        /// Whether the sum is divided by the number of pairs.
        average: bool = true,
    }
}

const SCRIPT: &str = "
function Class:__init(margin)
   Parent.__init(self)
   self.margin = margin or 1
   self.gradInput = {torch.Tensor(1), torch.Tensor(1)}
   self.sizeAverage = true
end";

/// The description of [`MarginRankingLoss`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(3),
    differentiable: 2,
    spellings: &[torch("nn.MarginRankingCriterion", &["margin"], |a| {
        let average = a.bool("sizeAverage").unwrap_or(true);
        MarginRankingLoss { margin: a.float("margin").unwrap_or(1.0), average }.into()
    })
    .extends("nn.Criterion")
    .script(SCRIPT)],
    ..LayerSpec::loss("MarginRankingLoss", MarginRankingLoss::DOCS)
};

impl LayerOps for MarginRankingLoss {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let n = cx.bottom(0).count();
        match (1..3).find(|&i| cx.bottom(i).count() != n) {
            Some(i) => cx.fail_bottom(i, format!("must have {n} elements, one for each pair")),
            None => Ok(Signature::of(Shape::scalar())),
        }
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let n = b.shape(cx.bottoms[0]).count();
        let args: Vec<ValueId> = cx.bottoms.iter().map(|&v| b.view(v, [n])).collect();
        let missed = constant(self.margin) - arg(2) * (arg(0) - arg(1));
        let loss = select(missed.clone().ge(0.0), missed, constant(0.0));
        let losses = b.map(&args, &loss);
        vec![total(b, losses, self.average)]
    }

    fn detail(&self) -> String {
        format!("margin {}", self.margin as f32)
    }
}
