//! An axis made longer by elements of one value.

use super::prelude::*;
use crate::layers::batch_axis::{BatchAxis, from_dimension, to_dimension};

params! {
    /// Puts elements of one value into an axis.
    pub struct Padding {
        /// The axis; -1 is the last.
        axis: i64 = 0,
        /// How many elements: at the end, or in front if negative.
        pad: i64 = 0,
        /// The number of axes of an item: a bottom of another number is a batch, whose axis of items is not counted.
        item_axes: Option<usize> = None,
        /// The value.
        value: f64 = 0.0,
        /// How many elements of the bottom come before them, or after if they are put at the end.
        inset: usize = 0,
    }
}

const SCRIPT: &str = "
function Class:__init(dim, pad, nInputDim, value, index)
   Parent.__init(self)
   self.dim = dim
   self.pad = pad
   self.nInputDim = nInputDim
   self.value = value or 0
   self.index = index or 1
end";

/// The description of [`Padding`].
pub static SPEC: LayerSpec = LayerSpec {
    in_place: InPlace::Refused,
    spellings: &[torch("nn.Padding", &["dim", "pad", "nInputDim", "value", "index"], |a| {
        let inset = from_dimension(a, "index", a.int("index").unwrap_or(1));
        if inset < 0 {
            a.wrong("index", "`index` must be 1 or more");
        }
        Padding {
            axis: from_dimension(a, "dim", a.required("dim", Args::int)),
            pad: a.required("pad", Args::int),
            item_axes: a.usize("nInputDim"),
            value: a.float("value").unwrap_or(0.0),
            inset: usize::try_from(inset).unwrap_or(0),
        }
        .into()
    })
    .script(SCRIPT)],
    ..LayerSpec::new("Padding", Category::Shape, Padding::DOCS)
};

impl Padding {
    fn axis(&self, rank: usize) -> BatchAxis {
        let batch = self.item_axes.is_some_and(|n| n != rank) && 0 <= self.axis;
        BatchAxis { axis: self.axis + i64::from(batch), item_axes: None }
    }

    fn count(&self) -> usize {
        self.pad.unsigned_abs() as usize
    }
}

impl LayerOps for Padding {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let x = cx.bottom(0);
        let axis = self.axis(x.rank()).resolve(cx, 0)?;
        let extent = x.dims()[axis];
        if extent < self.inset {
            let (index, dimension) = (self.inset + 1, to_dimension(self.axis));
            let why = format!("dimension {dimension} has {extent} elements, so no place {index}");
            return cx.fail(&["index"], why);
        }
        let top = extent.checked_add(self.count()).map(|extent| x.with(axis, extent));
        match top.filter(|top| top.checked_count().is_some()) {
            Some(top) => Ok(Signature::of(top)),
            None => cx.fail(&["pad"], "these are too many elements"),
        }
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let x = cx.bottoms[0];
        let shape = b.shape(x).clone();
        let axis = self.axis(shape.rank()).of(&shape).unwrap_or(0);
        let extent = shape.dims()[axis];
        if self.pad == 0 {
            return vec![x];
        }
        let before = if 0 < self.pad { extent - self.inset } else { self.inset };
        let filled = b.fill(self.value, shape.with(axis, self.count()));
        let mut parts = vec![];
        if 0 < before {
            parts.push(b.slice(x, axis, 0, before));
        }
        parts.push(filled);
        if before < extent {
            parts.push(b.slice(x, axis, before, extent - before));
        }
        vec![b.concat(&parts, axis)]
    }

    fn detail(&self) -> String {
        let side = if self.pad < 0 { "before" } else { "after" };
        format!("{} {side} dimension {}", self.count(), to_dimension(self.axis))
    }
}
