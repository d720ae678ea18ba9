//! Slices of an axis, chosen by numbers.

use super::prelude::*;
use crate::layers::batch_axis::{from_dimension, to_dimension};

params! {
    /// The slices of the first bottom along an axis that the numbers of the second bottom name, counted from 1.
    ///
    /// A slice may be named several times; its gradients are then added.
    pub struct IndexSelect {
        /// The axis; -1 is the last.
        axis: i64 = 0,
    }
}

/// The description of [`IndexSelect`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(2),
    differentiable: 1,
    in_place: InPlace::Refused,
    spellings: &[torch("nn.Index", &["dimension"], |a| {
        let dimension = a.required("dimension", Args::int);
        IndexSelect { axis: from_dimension(a, "dimension", dimension) }.into()
    })],
    ..LayerSpec::new("IndexSelect", Category::Shape, IndexSelect::DOCS)
};

impl LayerOps for IndexSelect {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let (axis, x, index) = (cx.axis(0, self.axis)?, cx.bottom(0), cx.bottom(1));
        if index.rank() != 1 {
            return cx.fail_bottom(1, format!("the numbers must be a vector, not {index}"));
        }
        Ok(Signature::of(x.with(axis, index.count())))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let axis = cx.top(0).axis(self.axis).unwrap_or(0);
        let index = b.map(&[cx.bottoms[1]], &(arg(0) - 1.0));
        vec![b.gather(cx.bottoms[0], axis, index)]
    }

    fn detail(&self) -> String {
        format!("dimension {}", to_dimension(self.axis))
    }
}
