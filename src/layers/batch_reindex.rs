//! Chooses items of a batch by their numbers.

use super::prelude::*;

params! {
    /// Item `i` of the top is item `index[i]` of the first bottom; the second bottom is a list of numbers from 0.
    ///
    /// Items may be chosen repeatedly, in any order; the gradients of copies add up. A number outside the batch takes
    /// the nearest item there is (Caffe aborts in the middle of the run).
    pub struct BatchReindex {
    }
}

/// The description of [`BatchReindex`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(2),
    differentiable: 1,
    in_place: InPlace::Garbled,
    spellings: &[caffe("BatchReindex", |_| BatchReindex {}.into())],
    ..LayerSpec::new("BatchReindex", Category::Shape, BatchReindex::DOCS)
};

impl LayerOps for BatchReindex {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let (x, index) = (cx.bottom(0), cx.bottom(1));
        if index.rank() != 1 {
            return cx.fail_bottom(1, "the numbers must have a single axis");
        }
        match x.dims().first() {
            None | Some(0) => cx.fail_bottom(0, "there are no items to choose from"),
            Some(_) => Ok(Signature::of(x.with(0, index.dims()[0]))),
        }
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        vec![b.gather(cx.bottoms[0], 0, cx.bottoms[1])]
    }
}
