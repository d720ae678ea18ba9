//! A blob through which no gradient goes back.

use crate::diag::Reported;
use crate::params;
use crate::program::{Builder, ValueId};
use crate::spec::{Category, Infer, LayerOps, LayerSpec, Lower, Signature};

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
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        Ok(Signature::of(cx.bottom(0).clone()))
    }

    fn lower(&self, _b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        vec![cx.bottoms[0]]
    }
}
