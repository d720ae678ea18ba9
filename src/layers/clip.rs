//! Keeps elements between two bounds.

use super::prelude::*;
use crate::diag::{self, Diagnostic};
use crate::layers::Layer;

params! {
    /// `min` for smaller elements, `max` for larger ones, the element itself between them.
    ///
    /// The gradient is 1 from bound to bound, both included. In place, Caffe takes it at the result and so lets every
    /// gradient pass; here it is that of the argument. Torch's gradient at the bounds is 0.
    pub struct Clip {
        /// Lower bound.
        min: f64 = f64::NEG_INFINITY,
        /// Upper bound.
        max: f64 = f64::INFINITY,
        /// Whether the gradient at the bounds themselves is 0.
        flat_bounds: bool = false,
    }
}

const HARD_TANH: &[&str] = &["min_val", "max_val", "inplace"];

const SCRIPT: &str = "
function Class:__init(min_val, max_val, inplace)
   Parent.__init(self)
   self.min_val = min_val or -1
   self.max_val = max_val or 1
   self.inplace = inplace or false
   assert(self.min_val < self.max_val, 'the upper bound must be larger than the lower bound')
end";

const CLAMP: &str = "
function Class:__init(min_val, max_val)
   Parent.__init(self, min_val, max_val)
end";

fn read_torch(a: &Args) -> Layer {
    let (min, max) = (a.float("min_val").unwrap_or(-1.0), a.float("max_val").unwrap_or(1.0));
    Clip { min, max, flat_bounds: true }.into()
}

/// The description of [`Clip`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[
        caffe("Clip", |a| {
            let p = a.section("clip_param");
            let (min, max) = (p.float("min"), p.float("max"));
            let clip =
                Clip { min: p.need("min", min), max: p.need("max", max), flat_bounds: false };
            if clip.max < clip.min {
                let message = format!("`max` {} is below `min` {}", clip.max, clip.min);
                let d = Diagnostic::new(&diag::W0617, p.place("max"), message);
                p.report(d.here("every element becomes `min`"));
            }
            clip.into()
        }),
        torch("nn.HardTanh", HARD_TANH, read_torch).script(SCRIPT),
        torch("nn.Clamp", &["min_val", "max_val"], read_torch).extends("nn.HardTanh").script(CLAMP),
    ],
    ..LayerSpec::new("Clip", Category::Activation, Clip::DOCS)
};

impl LayerOps for Clip {
    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        if self.max < self.min {
            return vec![b.fill(self.min, cx.top(0).clone())];
        }
        let (above, below) = match self.flat_bounds {
            true => (arg(0).ge(self.max), arg(0).le(self.min)),
            false => (arg(0).gt(self.max), arg(0).lt(self.min)),
        };
        let y = select(above, constant(self.max), arg(0));
        let y = select(below, constant(self.min), y);
        vec![b.map(cx.bottoms, &y)]
    }

    fn detail(&self) -> String {
        format!("{} to {}", self.min as f32, self.max as f32)
    }
}
