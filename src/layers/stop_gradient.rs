//! A blob through which no gradient goes back.

use super::prelude::*;

params! {
    /// The bottom, unchanged, which for everything behind it is a constant: TensorFlow's `stop_gradient`.
    pub struct StopGradient {
    }
}

/// The description of [`StopGradient`].
pub static SPEC: LayerSpec = LayerSpec {
    differentiable: 0,
    ..LayerSpec::new("StopGradient", Category::Shape, StopGradient::DOCS)
};

impl LayerOps for StopGradient {
    fn lower(&self, _b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        vec![cx.bottoms[0]]
    }
}
