//! x times its own logistic function.

use super::prelude::*;

params! {
    /// x / (1 + e^(-beta x)), element by element (Ramachandran et al. 2017).
    pub struct Swish {
        /// Steepness; 0 makes it x/2, infinity ReLU.
        beta: f64 = 1.0,
    }
}

/// The description of [`Swish`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[caffe("Swish", |a| {
        Swish { beta: a.section("swish_param").float("beta").unwrap_or(1.0) }.into()
    })],
    ..LayerSpec::new("Swish", Category::Activation, Swish::DOCS)
};

impl LayerOps for Swish {
    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        vec![b.map(cx.bottoms, &(arg(0) * (arg(0) * self.beta).sigmoid()))]
    }

    fn detail(&self) -> String {
        format!("beta {}", self.beta as f32)
    }
}
