//! A straight line between 0 and 1.

use super::prelude::*;

params! {
    /// alpha x + beta, but not below 0 and not above 1 (Courbariaux et al. 2015, BinaryConnect), of forks of Caffe.
    pub struct HardSigmoid {
        /// The slope.
        alpha: f64 = 0.2,
        /// The value at 0.
        beta: f64 = 0.5,
    }
}

/// The description of [`HardSigmoid`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[caffe("HardSigmoid", |a| {
        let p = a.section("hardsigmoid_param");
        p.ignore(&["engine"]);
        HardSigmoid { alpha: p.float("alpha").unwrap_or(0.2), beta: p.float("beta").unwrap_or(0.5) }
            .into()
    })],
    ..LayerSpec::new("HardSigmoid", Category::Activation, HardSigmoid::DOCS)
};

impl LayerOps for HardSigmoid {
    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let line = arg(0) * self.alpha + self.beta;
        vec![b.map(cx.bottoms, &line.max(0.0).min(1.0))]
    }

    fn detail(&self) -> String {
        format!("{} x + {}", self.alpha as f32, self.beta as f32)
    }
}
