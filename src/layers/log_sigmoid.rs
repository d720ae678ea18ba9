//! The logarithm of the logistic function.

use super::prelude::*;

params! {
    /// -ln(1 + e^-x), element by element: the logarithm of the logistic function.
    pub struct LogSigmoid {
    }
}

/// The description of [`LogSigmoid`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[torch("nn.LogSigmoid", &[], |_| LogSigmoid {}.into())],
    ..LayerSpec::new("LogSigmoid", Category::Activation, LogSigmoid::DOCS)
};

impl LayerOps for LogSigmoid {
    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let small = (-arg(0).abs()).exp().ln_1p();
        let y = arg(0).min(0.0) - small;
        vec![b.map(cx.bottoms, &y.with_gradient(vec![(-arg(0)).sigmoid()]))]
    }
}
