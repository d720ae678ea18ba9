//! How alike two rows are: their product or the cosine of their angle.

use super::prelude::*;
use crate::program::expr::Expr;

params! {
    /// For each pair of rows of two blobs Σ a b, or that divided by the lengths of the rows: the cosine of their angle.
    ///
    /// Bottoms of two axes, or of one, which is one row. The squares of the lengths get 1e-12 added, so that a row of
    /// zeros has cosine 0.
    pub struct PairSimilarity {
        /// Whether it is the cosine.
        cosine: bool = false,
    }
}

/// The description of [`PairSimilarity`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(2),
    in_place: InPlace::Refused,
    spellings: &[
        torch("nn.DotProduct", &[], |_| PairSimilarity { cosine: false }.into()),
        torch("nn.CosineDistance", &[], |_| PairSimilarity { cosine: true }.into()),
    ],
    ..LayerSpec::new("PairSimilarity", Category::Elementwise, PairSimilarity::DOCS)
};

impl LayerOps for PairSimilarity {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        Ok(Signature::of([check_rows(cx)?].into()))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let rows = rows(b, cx.bottoms[0], cx.bottoms[1]);
        let y = if self.cosine { cosine(b, rows) } else { products(b, rows[0], rows[1]) };
        vec![b.view(y, cx.top(0).clone())]
    }

    fn detail(&self) -> String {
        if self.cosine { "cosine".into() } else { "product".into() }
    }
}

/// The number of rows of the first two bottoms, whose shapes must be equal and of one or two axes.
pub(super) fn check_rows(cx: &Infer) -> Result<usize, Reported> {
    let (x, y) = (cx.bottom(0), cx.bottom(1));
    if !(1..=2).contains(&x.rank()) {
        return cx.fail_bottom(0, format!("must be a vector or rows of vectors, not {x}"));
    }
    if x != y {
        let name = &cx.node.bottoms[0].value;
        return cx.fail_bottom(1, format!("must have the shape of `{name}`, {x}"));
    }
    Ok(if x.rank() == 1 { 1 } else { x.dims()[0] })
}

/// Two blobs of one or two axes as rows.
pub(super) fn rows(b: &mut Builder, x: ValueId, y: ValueId) -> [ValueId; 2] {
    [x, y].map(|v| match b.shape(v).dims() {
        &[n] => b.view(v, [1, n]),
        _ => v,
    })
}

/// Σ a b of each row, `N x 1`.
pub(super) fn products(b: &mut Builder, x: ValueId, y: ValueId) -> ValueId {
    let product = b.mul(x, y);
    b.sum(product, &[1])
}

/// The cosine of each pair of rows, `N x 1`.
pub(super) fn cosine(b: &mut Builder, [x, y]: [ValueId; 2]) -> ValueId {
    let (both, one, other) = (products(b, x, y), products(b, x, x), products(b, y, y));
    let inverse = |square: Expr| constant(1.0) / (square + 1e-12);
    let lengths = (inverse(arg(1)) * inverse(arg(2))).sqrt();
    b.map(&[both, one, other], &(arg(0) * lengths))
}

/// Labels, in whatever shape, as a column.
pub(super) fn column(b: &mut Builder, labels: ValueId) -> ValueId {
    let n = b.shape(labels).count();
    b.view(labels, Shape::from([n, 1]))
}
