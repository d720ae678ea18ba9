//! A blob through which no gradient goes back.

use crate::params;
use crate::program::{Builder, ValueId};
use crate::spec::{Category, LayerOps, LayerSpec, Lower};

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
