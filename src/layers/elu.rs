//! The exponential linear unit.

use super::prelude::*;

params! {
    /// x above 0, alpha (e^x - 1) below (Clevert et al. 2015). The gradient at exactly 0 is alpha.
    pub struct Elu {
        /// What the result approaches, negated, far below 0.
        alpha: f64 = 1.0,
    }
}

const SCRIPT: &str = "
function Class:__init(alpha, inplace)
   Parent.__init(self)
   self.alpha = alpha or 1
   self.inplace = inplace or false
end
function Class:__tostring__()
   return string.format('%s (alpha:%f)', torch.type(self), self.alpha)
end";

/// The description of [`Elu`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[
        caffe("ELU", |a| {
            Elu { alpha: a.section("elu_param").float("alpha").unwrap_or(1.0) }.into()
        }),
        torch("nn.ELU", &["alpha", "inplace"], |a| {
            Elu { alpha: a.float("alpha").unwrap_or(1.0) }.into()
        })
        .script(SCRIPT),
    ],
    ..LayerSpec::new("ELU", Category::Activation, Elu::DOCS)
};

impl LayerOps for Elu {
    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let alpha = self.alpha;
        let positive = arg(0).gt(0.0);
        let y = select(positive.clone(), arg(0), (arg(0).exp() - 1.0) * alpha);
        if 0.0 <= alpha {
            // The result has the sign of the argument, so the derivative needs only the result.
            let derivative = select(positive, constant(1.0), arg(0) + alpha);
            return vec![b.activation(cx.bottoms[0], &y, &derivative)];
        }
        vec![b.map(cx.bottoms, &y)]
    }

    fn detail(&self) -> String {
        format!("alpha {}", self.alpha as f32)
    }
}
