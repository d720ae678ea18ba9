//! x tanh(ln(1 + e^x)).

use super::prelude::*;

params! {
    /// x tanh(ln(1 + e^x)) (Misra 2019), of the forks of Caffe with the layers of YOLO.
    pub struct Mish {
    }
}

/// The description of [`Mish`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[caffe("Mish", |_| Mish {}.into())],
    ..LayerSpec::new("Mish", Category::Activation, Mish::DOCS)
};

impl LayerOps for Mish {
    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        // No power is taken of a positive number, which might be too large.
        let bend = arg(0).max(0.0) + (-arg(0).abs()).exp().ln_1p();
        let bend = bend.with_gradient(vec![arg(0).sigmoid()]);
        vec![b.map(cx.bottoms, &(arg(0) * bend.tanh()))]
    }
}
