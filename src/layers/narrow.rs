//! A stretch of an axis.

use super::prelude::*;
use crate::layers::batch_axis::{from_dimension, to_dimension};

params! {
    /// `length` elements of an axis from `first` on; the axis stays.
    ///
    /// As in Torch, a negative `first` takes the beginning of the axis, all but `length` elements of it, and a negative
    /// `length` counts the end from behind: -1 is up to the last.
    pub struct Narrow {
        /// The axis; -1 is the last.
        axis: i64 = 0,
        /// The first element, from 0; see above for negative values.
        first: i64 = 0,
        /// How many elements.
        length: i64 = 1,
    }
}

const SCRIPT: &str = "
function Class:__init(dimension, offset, length)
   Parent.__init(self)
   if not dimension or not offset then
      error('nn.Narrow(dimension, offset, length): the first two are needed', 3)
   end
   self.dimension = dimension
   self.index = offset
   self.length = length or 1
end";

/// The description of [`Narrow`].
pub static SPEC: LayerSpec = LayerSpec {
    in_place: InPlace::Refused,
    spellings: &[torch("nn.Narrow", &["dimension", "index", "length"], |a| {
        Narrow {
            axis: from_dimension(a, "dimension", a.required("dimension", Args::int)),
            first: from_dimension(a, "index", a.required("index", Args::int)),
            length: a.int("length").unwrap_or(1),
        }
        .into()
    })
    .script(SCRIPT)],
    ..LayerSpec::new("Narrow", Category::Shape, Narrow::DOCS)
};

impl Narrow {
    /// The first element and the number of elements, of an axis of this extent, if they are inside.
    fn stretch(&self, extent: usize) -> Option<(usize, usize)> {
        let extent = i64::try_from(extent).ok()?;
        let mut length = self.length;
        if length < 0 {
            // Up to the element that is `length` from the end: -1 is the last.
            length = extent.checked_sub(self.first)?.checked_add(length)?.checked_add(1)?;
        }
        let first = if self.first < 0 {
            length = extent.checked_sub(length)?;
            0
        } else {
            self.first
        };
        let inside = 0 < length && first.checked_add(length)? <= extent;
        inside.then_some((usize::try_from(first).ok()?, usize::try_from(length).ok()?))
    }

    fn of(&self, x: &Shape) -> Option<(usize, usize, usize)> {
        let axis = x.axis(self.axis)?;
        let (first, length) = self.stretch(x.dims()[axis])?;
        Some((axis, first, length))
    }
}

impl LayerOps for Narrow {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let axis = cx.axis(0, self.axis)?;
        let x = cx.bottom(0);
        let Some((_, length)) = self.stretch(x.dims()[axis]) else {
            let (offset, length) = (to_dimension(self.first), self.length);
            let (dimension, extent) = (to_dimension(self.axis), x.dims()[axis]);
            let why = format!(
                "{length} elements from {offset} on do not lie in dimension {dimension}, which has {extent}"
            );
            return cx.fail_bottom(0, why);
        };
        Ok(Signature::of(x.with(axis, length)))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let x = cx.bottoms[0];
        match self.of(b.shape(x)) {
            Some((axis, first, length)) => vec![b.slice(x, axis, first, length)],
            None => vec![x],
        }
    }

    fn detail(&self) -> String {
        let (dimension, offset) = (to_dimension(self.axis), to_dimension(self.first));
        format!("dimension {dimension}, {} from {offset}", self.length)
    }
}
