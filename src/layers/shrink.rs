//! Small elements become zero or smaller.

use super::prelude::*;

/// What becomes of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shrinkage {
    /// It stays where |x| is above lambda.
    Hard,
    /// It moves towards 0 by lambda.
    Soft,
    /// x - tanh(x).
    Tanh,
}

params! {
    /// Shrinks elements towards 0: those of at most lambda become 0, and the others stay (hard) or become smaller by
    /// lambda (soft); or x - tanh(x).
    pub struct Shrink {
        /// What becomes of an element.
        kind: Shrinkage = Shrinkage::Hard,
        /// Largest absolute value that becomes 0; not for x - tanh(x).
        lambda: f64 = 0.5,
    }
}

const SCRIPT: &str = "
function Class:__init(lambda)
   Parent.__init(self)
   self.lambda = lambda or 0.5
end";

/// The description of [`Shrink`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[
        torch("nn.HardShrink", &["lambda"], |a| Shrink::read(a, Shrinkage::Hard).into())
            .script(SCRIPT),
        torch("nn.SoftShrink", &["lambda"], |a| Shrink::read(a, Shrinkage::Soft).into())
            .script(SCRIPT),
        torch("nn.TanhShrink", &[], |a| Shrink::read(a, Shrinkage::Tanh).into()),
    ],
    ..LayerSpec::new("Shrink", Category::Activation, Shrink::DOCS)
};

impl Shrink {
    fn read(a: &Args, kind: Shrinkage) -> Self {
        Shrink { kind, lambda: a.float("lambda").unwrap_or(0.5) }
    }
}

impl LayerOps for Shrink {
    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let (x, lambda) = (arg(0), self.lambda);
        let (above, below) = (x.clone().gt(lambda), x.clone().lt(-lambda));
        let y = match self.kind {
            Shrinkage::Tanh => x.clone() - x.tanh(),
            Shrinkage::Hard => select(above, x.clone(), select(below, x, constant(0.0))),
            Shrinkage::Soft => {
                let lower = select(below, x.clone() + lambda, constant(0.0));
                select(above, x - lambda, lower)
            }
        };
        vec![b.map(cx.bottoms, &y)]
    }

    fn detail(&self) -> String {
        match self.kind {
            Shrinkage::Hard => format!("hard, lambda {}", self.lambda as f32),
            Shrinkage::Soft => format!("soft, lambda {}", self.lambda as f32),
            Shrinkage::Tanh => "by tanh".into(),
        }
    }
}
