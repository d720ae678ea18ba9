//! One half of the channels, let through by the other half.

use super::prelude::*;
use crate::layers::batch_axis::{from_dimension, to_dimension};

params! {
    /// a · sigmoid(b), where a and b are the two halves of an axis (Dauphin et al. 2016).
    pub struct GatedLinearUnit {
        /// The axis, of an even extent; -1 is the last.
        axis: i64 = -1,
    }
}

/// The description of [`GatedLinearUnit`].
pub static SPEC: LayerSpec = LayerSpec {
    in_place: InPlace::Refused,
    spellings: &[torch("nn.GatedLinearUnit", &["dim"], |a| {
        let dimension = a.int("dim").unwrap_or(-1);
        GatedLinearUnit { axis: from_dimension(a, "dim", dimension) }.into()
    })],
    ..LayerSpec::new("GatedLinearUnit", Category::Activation, GatedLinearUnit::DOCS)
};

impl LayerOps for GatedLinearUnit {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let (axis, x) = (cx.axis(0, self.axis)?, cx.bottom(0));
        let extent = x.dims()[axis];
        if extent % 2 == 1 {
            let dimension = to_dimension(self.axis);
            let why = format!("dimension {dimension} is {extent} and cannot be cut into halves");
            return cx.fail_bottom(0, why);
        }
        Ok(Signature::of(x.with(axis, extent / 2)))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let x = cx.bottoms[0];
        let axis = cx.top(0).axis(self.axis).unwrap_or(0);
        let half = cx.top(0).dims()[axis];
        let (values, gates) = (b.slice(x, axis, 0, half), b.slice(x, axis, half, half));
        vec![b.map(&[values, gates], &(arg(0) * arg(1).sigmoid()))]
    }
}
