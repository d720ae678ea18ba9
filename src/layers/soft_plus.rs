//! A smooth form of max(x, 0).

use super::prelude::*;

params! {
    /// ln(1 + e^(beta x)) / beta, and x itself where beta x is above a threshold, element by element.
    pub struct SoftPlus {
        /// How sharply it bends at 0; not 0.
        beta: f64 = 1.0,
        /// Value of beta x above which it is x.
        threshold: f64 = 20.0,
    }
}

const SCRIPT: &str = "
function Class:__init(beta)
   Parent.__init(self)
   self.beta = beta or 1
   self.threshold = 20
end";

/// The description of [`SoftPlus`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[torch("nn.SoftPlus", &["beta"], |a| {
        let beta = a.float("beta").unwrap_or(1.0);
        if beta == 0.0 {
            a.wrong("beta", "`beta` divides and must not be 0");
        }
        SoftPlus { beta, threshold: a.float("threshold").unwrap_or(20.0) }.into()
    })
    .script(SCRIPT)],
    ..LayerSpec::new("SoftPlus", Category::Activation, SoftPlus::DOCS)
};

impl LayerOps for SoftPlus {
    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let steep = arg(0) * self.beta;
        let bend = steep.clone().exp().ln_1p() * (1.0 / self.beta);
        let bend = bend.with_gradient(vec![steep.clone().sigmoid()]);
        vec![b.map(cx.bottoms, &select(steep.gt(self.threshold), arg(0), bend))]
    }

    fn detail(&self) -> String {
        format!("beta {}", self.beta as f32)
    }
}
