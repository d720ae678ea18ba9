//! 1 above a threshold, else 0.

use super::prelude::*;

params! {
    /// 1 for each element above a threshold, 0 for the others; it has no gradient.
    pub struct Threshold {
        /// What an element must exceed.
        threshold: f64 = 0.0,
    }
}

/// The description of [`Threshold`].
pub static SPEC: LayerSpec = LayerSpec {
    differentiable: 0,
    spellings: &[caffe("Threshold", |a| {
        let p = a.section("threshold_param");
        Threshold { threshold: p.float("threshold").unwrap_or(0.0) }.into()
    })],
    ..LayerSpec::new("Threshold", Category::Activation, Threshold::DOCS)
};

impl LayerOps for Threshold {
    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        vec![b.map(cx.bottoms, &arg(0).gt(self.threshold))]
    }

    fn detail(&self) -> String {
        format!("above {}", self.threshold as f32)
    }
}
