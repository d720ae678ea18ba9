//! Pulls two similar vectors together, and others a margin apart, by the sum of absolute differences.

use super::prelude::*;

params! {
    /// d = Σ |a - b| where the label is 1, and max(0, margin - d) where it is not, for one pair; with a label for each
    /// row of the bottoms the mean over the rows, where Torch takes one pair at a time.
    pub struct L1HingeLoss {
        /// Distance beyond which a dissimilar pair is left alone.
        margin: f64 = 1.0,
    }
}

const SCRIPT: &str = "
function Class:__init(margin)
   Parent.__init(self)
   self.margin = margin or 1
   self.gradInput = {torch.Tensor(), torch.Tensor()}
end";

/// The description of [`L1HingeLoss`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(3),
    differentiable: 2,
    spellings: &[torch("nn.L1HingeEmbeddingCriterion", &["margin"], |a| {
        L1HingeLoss { margin: a.float("margin").unwrap_or(1.0) }.into()
    })
    .extends("nn.Criterion")
    .script(SCRIPT)],
    ..LayerSpec::loss("L1HingeLoss", L1HingeLoss::DOCS)
};

impl LayerOps for L1HingeLoss {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let (x, y, labels) = (cx.bottom(0), cx.bottom(1), cx.bottom(2));
        if x.count() != y.count() {
            let name = &cx.node.bottoms[0].value;
            return cx.fail_bottom(1, format!("must have as many elements as `{name}`, {x}"));
        }
        let rows = x.dims().first().copied().unwrap_or(1);
        let same = 2 <= x.rank() && y.dims().first() == Some(&rows) && labels.count() == rows;
        if labels.count() != 1 && !same {
            let why =
                format!("takes a pair and its label, or {rows} rows and labels, not {labels}");
            return cx.fail_bottom(2, why);
        }
        Ok(Signature::of(Shape::scalar()))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let shape = b.shape(cx.bottoms[0]).clone();
        let other = b.view(cx.bottoms[1], shape);
        let gaps = b.map(&[cx.bottoms[0], other], &(arg(0) - arg(1)).abs());
        let pairs = b.shape(cx.bottoms[2]).count();
        let elements = b.shape(gaps).count() / pairs.max(1);
        let gaps = b.view(gaps, [pairs, elements]);
        let distance = b.sum(gaps, &[1]);
        let label = b.view(cx.bottoms[2], [pairs, 1]);
        let apart = (constant(self.margin) - arg(0)).max(0.0);
        let losses = b.map(&[distance, label], &select(arg(1).equals(1.0), arg(0), apart));
        let sum = b.sum_all(losses);
        let mean = b.scale(sum, 1.0 / pairs.max(1) as f64);
        vec![b.view(mean, Shape::scalar())]
    }

    fn detail(&self) -> String {
        format!("margin {}", self.margin as f32)
    }
}
