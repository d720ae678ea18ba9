//! Axes of extent 1 removed.

use super::prelude::*;
use crate::layers::batch_axis::BatchAxis;

params! {
    /// Removes one axis if its extent is 1, or all such axes. One axis always remains.
    pub struct Squeeze {
        /// The axis; all if not given.
        axis: Option<i64> = None,
        /// The number of axes of an item: a bottom with one more is a batch, whose axis of items is not counted and
        /// not removed.
        item_axes: Option<usize> = None,
    }
}

const SCRIPT: &str = "
function Class:__init(dim, numInputDims)
   Parent.__init(self)
   self.dim = dim
   self:setNumInputDims(numInputDims)
end
function Class:setNumInputDims(numInputDims)
   self.numInputDims = numInputDims
   return self
end";

/// The description of [`Squeeze`].
pub static SPEC: LayerSpec = LayerSpec {
    in_place: InPlace::Refused,
    spellings: &[torch("nn.Squeeze", &["dim", "numInputDims"], |a| {
        let item_axes = a.usize("numInputDims");
        let axis = a.has("dim").then(|| BatchAxis::read(a, "dim", "").axis);
        Squeeze { axis, item_axes }.into()
    })
    .script(SCRIPT)],
    ..LayerSpec::new("Squeeze", Category::Shape, Squeeze::DOCS)
};

impl LayerOps for Squeeze {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let x = cx.bottom(0);
        let mut dims = x.dims().to_vec();
        match self.axis {
            Some(axis) => {
                let axis = BatchAxis { axis, item_axes: self.item_axes }.resolve(cx, 0)?;
                if dims[axis] == 1 && 1 < dims.len() {
                    dims.remove(axis);
                }
            }
            None => {
                let batch = usize::from(self.item_axes.is_some_and(|n| x.rank() == n + 1));
                let items = dims[batch..].iter().copied().filter(|&d| d != 1);
                dims = dims[..batch].iter().copied().chain(items).collect();
                if dims.is_empty() {
                    dims.push(1);
                }
            }
        }
        Ok(Signature::of(Shape(dims)))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        cx.reshaped(b)
    }
}
