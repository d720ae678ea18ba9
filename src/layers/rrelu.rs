//! A rectifier with a random slope below zero.

use super::prelude::*;
use crate::program::Distribution;

params! {
    /// x above 0; at and below 0 x times a slope, which while training is drawn for each element from between two
    /// bounds and otherwise is their mean (Xu et al. 2015).
    pub struct RRelu {
        /// The smallest slope.
        lower: f64 = 1.0 / 8.0,
        /// The largest slope.
        upper: f64 = 1.0 / 3.0,
    }
}

const SCRIPT: &str = "
function Class:__init(lower, upper, inplace)
   Parent.__init(self)
   self.lower = lower or 1 / 8
   self.upper = upper or 1 / 3
   self.inplace = inplace or false
   self.train = true
   assert(self.lower <= self.upper and self.lower >= 0 and self.upper >= 0,
      'nn.RReLU: the bounds must not be negative, nor the lower above the upper')
end
function Class:__tostring__()
   return string.format('%s (l:%f, u:%f)', torch.type(self), self.lower, self.upper)
end";

/// The description of [`RRelu`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[torch("nn.RReLU", &["lower", "upper", "inplace"], |a| {
        let lower = a.float("lower").unwrap_or(1.0 / 8.0);
        RRelu { lower, upper: a.float("upper").unwrap_or(1.0 / 3.0) }.into()
    })
    .script(SCRIPT)],
    ..LayerSpec::new("RReLU", Category::Activation, RRelu::DOCS)
};

impl LayerOps for RRelu {
    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let x = cx.bottoms[0];
        if cx.phase == Phase::Test || self.lower == self.upper {
            let mean = (self.lower + self.upper) / 2.0;
            return vec![b.map(&[x], &select(arg(0).gt(0.0), arg(0), arg(0) * mean))];
        }
        let uniform = b.random(Distribution::Uniform, cx.top(0).clone());
        let slope = arg(1) * (self.upper - self.lower) + self.lower;
        vec![b.map(&[x, uniform], &select(arg(0).gt(0.0), arg(0), arg(0) * slope))]
    }

    fn detail(&self) -> String {
        format!("slope {} to {}", self.lower as f32, self.upper as f32)
    }
}
