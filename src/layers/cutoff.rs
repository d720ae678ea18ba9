//! Elements above a threshold, and a value in the place of the others.

use super::prelude::*;
use crate::layers::Layer;
use crate::layers::relu::Relu;

params! {
    /// x above a threshold, else a fixed value. The gradient is 1 above and 0 elsewhere.
    pub struct Cutoff {
        /// What an element must exceed to stay.
        threshold: f64 = 1e-6,
        /// What the others become.
        value: f64 = 0.0,
    }
}

const SCRIPT: &str = "
function Class:__init(threshold, val, inplace)
   Parent.__init(self)
   for _, given in ipairs({threshold or 0, val or 0}) do
      if type(given) ~= 'number' then
         error('nn.Threshold(threshold, value): numbers expected, got ' .. torch.type(given), 3)
      end
   end
   if inplace ~= nil and type(inplace) ~= 'boolean' then
      error('nn.Threshold: the flag for in-place must be true or false', 3)
   end
   self.threshold = threshold or 1e-6
   self.val = val or 0
   self.inplace = inplace or false
end";

/// The description of [`Cutoff`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[torch("nn.Threshold", &["threshold", "val", "inplace"], read).script(SCRIPT)],
    ..LayerSpec::new("Cutoff", Category::Activation, Cutoff::DOCS)
};

/// Reads `threshold` and `val`; where both are 0 it is a [`Relu`].
pub(super) fn read(a: &Args) -> Layer {
    let threshold = a.float("threshold").unwrap_or(1e-6);
    let value = a.float("val").unwrap_or(0.0);
    match (threshold, value) {
        (0.0, 0.0) => Relu::default().into(),
        _ => Cutoff { threshold, value }.into(),
    }
}

impl LayerOps for Cutoff {
    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let y = select(arg(0).gt(self.threshold), arg(0), constant(self.value));
        vec![b.map(cx.bottoms, &y)]
    }

    fn detail(&self) -> String {
        format!("above {}, else {}", self.threshold as f32, self.value as f32)
    }
}
