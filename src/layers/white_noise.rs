//! Adds normal noise while training.

use super::prelude::*;
use crate::program::Distribution;

params! {
    /// Adds to each element a normal random number while training; afterwards it is the identity.
    pub struct WhiteNoise {
        /// Mean of the numbers.
        mean: f64 = 0.0,
        /// Their standard deviation.
        std: f64 = 0.1,
    }
}

const SCRIPT: &str = "
function Class:__init(mean, std)
   Parent.__init(self)
   self.mean = mean or 0
   self.std = std or 0.1
   self.train = true
end
function Class:__tostring__()
   return string.format('%s mean: %f, std: %f', torch.type(self), self.mean, self.std)
end";

/// The description of [`WhiteNoise`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[torch("nn.WhiteNoise", &["mean", "std"], |a| {
        let (mean, std) = (a.float("mean").unwrap_or(0.0), a.float("std").unwrap_or(0.1));
        WhiteNoise { mean, std }.into()
    })
    .script(SCRIPT)],
    ..LayerSpec::new("WhiteNoise", Category::Regularisation, WhiteNoise::DOCS)
};

impl LayerOps for WhiteNoise {
    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let x = cx.bottoms[0];
        if cx.phase == Phase::Test {
            return vec![x];
        }
        let noise = b.random(Distribution::Normal, cx.top(0).clone());
        vec![b.map(&[x, noise], &(arg(0) + arg(1) * self.std + self.mean))]
    }

    fn detail(&self) -> String {
        format!("mean {}, deviation {}", self.mean as f32, self.std as f32)
    }
}
