//! The identity, whose gradient is turned round.

use super::prelude::*;

params! {
    /// The bottom unchanged; its gradient is that of the top times -lambda (Ganin and Lempitsky 2014).
    pub struct GradientReversal {
        /// Factor of the gradient, negated.
        lambda: f64 = 1.0,
    }
}

const SCRIPT: &str = "
function Class:__init(lambda)
   Parent.__init(self)
   self.lambda = lambda or 1
end
function Class:setLambda(lambda)
   self.lambda = lambda
end";

/// The description of [`GradientReversal`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[
        torch("nn.GradientReversal", &["lambda"], |a| {
            GradientReversal { lambda: a.float("lambda").unwrap_or(1.0) }.into()
        })
        .script(SCRIPT),
        caffe("GradientReversal", |_| GradientReversal::default().into()),
        torch("nn.ZeroGrad", &[], |_| GradientReversal { lambda: 0.0 }.into()),
    ],
    ..LayerSpec::new("GradientReversal", Category::Regularisation, GradientReversal::DOCS)
};

impl LayerOps for GradientReversal {
    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        // An expression other than the argument itself, to which the gradient can belong.
        let same = arg(0).max(arg(0)).with_gradient(vec![constant(-self.lambda)]);
        vec![b.map(cx.bottoms, &same)]
    }

    fn detail(&self) -> String {
        format!("lambda {}", self.lambda as f32)
    }
}
