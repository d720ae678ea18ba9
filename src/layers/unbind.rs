//! Cuts a blob into the slices along an axis.

use super::prelude::*;
use crate::layers::batch_axis::{BatchAxis, to_dimension};
use crate::layers::select::without;

params! {
    /// The slices along an axis, one for each top; the axis disappears.
    pub struct Unbind {
        /// The axis; -1 is the last.
        axis: i64 = 0,
        /// The number of axes of an item: a bottom with one more is a batch, whose axis of items is not counted.
        item_axes: Option<usize> = None,
    }
}

/// The description of [`Unbind`].
pub static SPEC: LayerSpec = LayerSpec {
    tops: Arity::at_least(1),
    in_place: InPlace::Refused,
    spellings: &[torch("nn.SplitTable", &["dimension", "nInputDims"], |a| {
        let BatchAxis { axis, item_axes } = BatchAxis::read(a, "dimension", "nInputDims");
        Unbind { axis, item_axes }.into()
    })],
    ..LayerSpec::new("Unbind", Category::Shape, Unbind::DOCS)
};

impl Unbind {
    fn axis(&self) -> BatchAxis {
        BatchAxis { axis: self.axis, item_axes: self.item_axes }
    }
}

impl LayerOps for Unbind {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let axis = self.axis().resolve(cx, 0)?;
        let x = cx.bottom(0);
        if x.rank() < 2 {
            return cx.fail_bottom(0, "the elements of a vector are numbers, not tensors");
        }
        let (extent, tops) = (x.dims()[axis], cx.n_tops());
        if extent != tops {
            return cx.fail_bottom(0, format!("has {extent} slices for {tops} tops"));
        }
        Ok(Signature { tops: vec![without(x, axis); tops], params: vec![] })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let x = cx.bottoms[0];
        let axis = self.axis().of(b.shape(x)).unwrap_or(0);
        let mut tops = vec![];
        for (i, top) in cx.signature.tops.iter().enumerate() {
            let slice = b.slice(x, axis, i, 1);
            tops.push(b.view(slice, top.clone()));
        }
        tops
    }

    fn detail(&self) -> String {
        format!("dimension {}", to_dimension(self.axis))
    }
}
