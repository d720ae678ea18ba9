//! The product of two matrices, or of a matrix and a vector.

use super::prelude::*;

params! {
    /// The matrix product of two bottoms, each one matrix or a batch of matrices; or of matrices and vectors.
    pub struct MatrixProduct {
        /// Whether the first is taken transposed.
        trans_a: bool = false,
        /// Whether the second is taken transposed.
        trans_b: bool = false,
        /// Whether the second is a vector, or one for each matrix.
        vector: bool = false,
    }
}

const MM: &str = "
function Class:__init(transA, transB)
   Parent.__init(self)
   self.transA = transA or false
   self.transB = transB or false
end";

const MV: &str = "
function Class:__init(trans)
   Parent.__init(self)
   self.trans = trans or false
end";

/// The description of [`MatrixProduct`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(2),
    in_place: InPlace::Refused,
    spellings: &[
        torch("nn.MM", &["transA", "transB"], |a| {
            let trans_a = a.bool("transA").unwrap_or(false);
            let trans_b = a.bool("transB").unwrap_or(false);
            MatrixProduct { trans_a, trans_b, vector: false }.into()
        })
        .script(MM),
        torch("nn.MV", &["trans"], |a| {
            let trans_a = a.bool("trans").unwrap_or(false);
            MatrixProduct { trans_a, trans_b: false, vector: true }.into()
        })
        .script(MV),
    ],
    ..LayerSpec::new("MatrixProduct", Category::Dense, MatrixProduct::DOCS)
};

impl MatrixProduct {
    /// The second bottom's shape as matrices.
    fn second(&self, y: &Shape) -> Shape {
        let mut dims = y.dims().to_vec();
        if self.vector {
            dims.push(1);
        }
        Shape(dims)
    }
}

impl LayerOps for MatrixProduct {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let (x, y) = (cx.bottom(0), self.second(cx.bottom(1)));
        if !(2..=3).contains(&x.rank()) {
            return cx.fail_bottom(0, format!("must be a matrix or a batch of matrices, not {x}"));
        }
        let batch = x.rank() - 2;
        if y.rank() != x.rank() || x.dims()[..batch] != y.dims()[..batch] {
            let name = &cx.node.bottoms[0].value;
            return cx.fail_bottom(1, format!("does not go with `{name}`, which is {x}"));
        }
        let sides = |s: &Shape, transposed: bool| {
            let (rows, columns) = (s.dims()[batch], s.dims()[batch + 1]);
            if transposed { (columns, rows) } else { (rows, columns) }
        };
        let ((m, k), (l, n)) = (sides(x, self.trans_a), sides(&y, self.trans_b));
        if k != l {
            return cx.fail_bottom(1, format!("a matrix of {m} x {k} times one of {l} x {n}"));
        }
        let mut top = x.dims()[..batch].to_vec();
        top.push(m);
        if !self.vector {
            top.push(n);
        }
        Ok(Signature::of(Shape(top)))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let second = self.second(b.shape(cx.bottoms[1]));
        let y = b.view(cx.bottoms[1], second);
        let product = b.matmul(cx.bottoms[0], self.trans_a, y, self.trans_b, None);
        vec![b.view(product, cx.top(0).clone())]
    }
}
