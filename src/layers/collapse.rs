//! The axes of an item as one.

use super::prelude::*;

params! {
    /// Makes one axis of all axes of an item.
    pub struct Collapse {
        /// The number of axes of an item; a bottom with more is a batch.
        item_axes: usize = 1,
    }
}

/// The description of [`Collapse`].
pub static SPEC: LayerSpec = LayerSpec {
    in_place: InPlace::Refused,
    spellings: &[torch("nn.Collapse", &["nInputDim"], |a| {
        Collapse { item_axes: a.required("nInputDim", Args::usize) }.into()
    })],
    ..LayerSpec::new("Collapse", Category::Shape, Collapse::DOCS)
};

impl LayerOps for Collapse {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let x = cx.bottom(0);
        let batch = usize::from(self.item_axes < x.rank());
        let mut dims = x.dims()[..batch].to_vec();
        dims.push(x.count_of(batch..x.rank()));
        Ok(Signature::of(Shape(dims)))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        cx.reshaped(b)
    }
}
