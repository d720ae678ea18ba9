//! One element of an axis, which disappears.

use super::prelude::*;
use crate::layers::batch_axis::{from_dimension, to_dimension};

params! {
    /// The slice at one place of an axis; the axis disappears.
    pub struct Select {
        /// The axis; -1 is the last.
        axis: i64 = 0,
        /// The place; -1 is the last.
        place: i64 = 0,
    }
}

/// The description of [`Select`].
pub static SPEC: LayerSpec = LayerSpec {
    in_place: InPlace::Refused,
    spellings: &[torch("nn.Select", &["dimension", "index"], |a| {
        Select {
            axis: from_dimension(a, "dimension", a.required("dimension", Args::int)),
            place: from_dimension(a, "index", a.required("index", Args::int)),
        }
        .into()
    })],
    ..LayerSpec::new("Select", Category::Shape, Select::DOCS)
};

impl LayerOps for Select {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let axis = cx.axis(0, self.axis)?;
        let x = cx.bottom(0);
        if x.rank() < 2 {
            return cx.fail_bottom(0, "one element of a vector is a number, not a tensor");
        }
        let extent = x.dims()[axis];
        if place(self.place, extent).is_none() {
            let (index, dimension) = (to_dimension(self.place), to_dimension(self.axis));
            let why = format!("there is no {index} in dimension {dimension}, which has {extent}");
            return cx.fail_bottom(0, why);
        }
        Ok(Signature::of(without(x, axis)))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let x = cx.bottoms[0];
        let axis = b.shape(x).axis(self.axis).unwrap_or(0);
        let place = place(self.place, b.shape(x).dims()[axis]).unwrap_or(0);
        let slice = b.slice(x, axis, place, 1);
        vec![b.view(slice, cx.top(0).clone())]
    }

    fn detail(&self) -> String {
        format!("{} of dimension {}", to_dimension(self.place), to_dimension(self.axis))
    }
}

/// The index of a place that may count from the end.
fn place(place: i64, extent: usize) -> Option<usize> {
    let extent = i64::try_from(extent).ok()?;
    let place = if place < 0 { place + extent } else { place };
    (0..extent).contains(&place).then_some(place as usize)
}

/// A shape without one of its axes.
pub(super) fn without(x: &Shape, axis: usize) -> Shape {
    let mut dims = x.dims().to_vec();
    dims.remove(axis);
    Shape(dims)
}
