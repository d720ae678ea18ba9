//! Puts a vector nearer to one of its kind than to another.

use super::prelude::*;
use crate::layers::cosine_embedding_loss::total;
use crate::layers::pair_similarity::{check_rows, products, rows};

params! {
    /// The mean of max(0, |a - p|² - |a - n|² + alpha) over rows (Schroff et al. 2015): a is nearer to p than to n, by a
    /// margin.
    ///
    /// The bottoms are a, p and n; a target after them does not matter.
    pub struct TripletEmbeddingLoss {
        /// The margin between the squared distances.
        alpha: f64 = 0.2,
    }
}

const SCRIPT: &str = "
function Class:__init(alpha)
   Parent.__init(self)
   self.alpha = alpha or 0.2
end";

/// The description of [`TripletEmbeddingLoss`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::between(3, 4),
    differentiable: 3,
    spellings: &[torch("nn.TripletEmbeddingCriterion", &["alpha"], |a| {
        TripletEmbeddingLoss { alpha: a.float("alpha").unwrap_or(0.2) }.into()
    })
    .extends("nn.Criterion")
    .script(SCRIPT)],
    ..LayerSpec::loss("TripletEmbeddingLoss", TripletEmbeddingLoss::DOCS)
};

impl LayerOps for TripletEmbeddingLoss {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        check_rows(cx)?;
        let x = cx.bottom(0);
        if cx.bottom(2) != x {
            return cx.fail_bottom(2, format!("must have the shape of the others, {x}"));
        }
        Ok(Signature::of(Shape::scalar()))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let [anchor, like] = rows(b, cx.bottoms[0], cx.bottoms[1]);
        let [_, unlike] = rows(b, cx.bottoms[0], cx.bottoms[2]);
        let [near, far] = [like, unlike].map(|other| {
            let gap = b.map(&[anchor, other], &(arg(0) - arg(1)));
            products(b, gap, gap)
        });
        let losses = b.map(&[near, far], &(arg(0) - arg(1) + constant(self.alpha)).max(0.0));
        vec![total(b, losses, true)]
    }

    fn detail(&self) -> String {
        format!("alpha {}", self.alpha as f32)
    }
}
