//! Slices of an axis in an order that is known beforehand.

use super::constants::pick;
use super::prelude::*;

params! {
    /// Slices of an axis by their numbers, in any order; one may be named several times, and its gradients are then
    /// added. TensorFlow's `reverse`, slices with a step, and `gather` of numbers.
    pub struct Pick {
        /// The axis; -1 is the last.
        axis: i64 = 0,
        /// The slices, from 0.
        places: Vec<usize> = vec![],
    }
}

/// The description of [`Pick`].
pub static SPEC: LayerSpec =
    LayerSpec { in_place: InPlace::Refused, ..LayerSpec::new("Pick", Category::Shape, Pick::DOCS) };

impl LayerOps for Pick {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let (axis, x) = (cx.axis(0, self.axis)?, cx.bottom(0));
        let extent = x.dims()[axis];
        match self.places.iter().find(|&&place| extent <= place) {
            Some(place) => {
                let why = format!("axis {axis} has {extent} slices from 0 on, and no {place}");
                cx.fail_bottom(0, why)
            }
            None => Ok(Signature::of(x.with(axis, self.places.len()))),
        }
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let axis = cx.top(0).axis(self.axis).unwrap_or(0);
        vec![pick(b, cx.bottoms[0], axis, &self.places)]
    }

    fn detail(&self) -> String {
        format!("{} of axis {}", self.places.len(), self.axis)
    }
}
