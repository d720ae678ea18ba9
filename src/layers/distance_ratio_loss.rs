//! Makes one distance smaller than another.

use super::prelude::*;
use crate::layers::cosine_embedding_loss::total;

params! {
    /// -ln(e^-a / (e^-a + e^-b)) for each pair of distances (Hoffer and Ailon 2014), added up or averaged: a should be
    /// small against b.
    ///
    /// The bottoms are a and b; a target after them does not matter.
    pub struct DistanceRatioLoss {
        /// Whether the sum is divided by the number of pairs.
        average: bool = true,
    }
}

const SCRIPT: &str = "
function Class:__init(sizeAverage)
   Parent.__init(self)
   self.sizeAverage = sizeAverage == nil or sizeAverage
end";

/// The description of [`DistanceRatioLoss`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::between(2, 3),
    differentiable: 2,
    spellings: &[torch("nn.DistanceRatioCriterion", &["sizeAverage"], |a| {
        DistanceRatioLoss { average: a.bool("sizeAverage").unwrap_or(true) }.into()
    })
    .extends("nn.Criterion")
    .script(SCRIPT)],
    ..LayerSpec::loss("DistanceRatioLoss", DistanceRatioLoss::DOCS)
};

impl LayerOps for DistanceRatioLoss {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let (x, y) = (cx.bottom(0), cx.bottom(1));
        if x.count() != y.count() {
            let name = &cx.node.bottoms[0].value;
            return cx.fail_bottom(1, format!("must have as many elements as `{name}`, {x}"));
        }
        Ok(Signature::of(Shape::scalar()))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let shape = b.shape(cx.bottoms[0]).clone();
        let other = b.view(cx.bottoms[1], shape);
        let gap = b.map(&[cx.bottoms[0], other], &(arg(0) - arg(1)));
        let soft = arg(0).max(0.0) + (-arg(0).abs()).exp().ln_1p();
        let losses = b.map(&[gap], &soft.with_gradient(vec![arg(0).sigmoid()]));
        vec![total(b, losses, self.average)]
    }
}
