//! Keeps elements between two bounds.

use crate::diag::Reported;
use crate::params;
use crate::program::expr::{arg, constant, select};
use crate::program::{Builder, ValueId};
use crate::spec::{Category, Infer, LayerOps, LayerSpec, Lower, Signature, caffe};

params! {
    /// `min` for smaller elements, `max` for larger ones, the element itself between them.
    ///
    /// The gradient is 1 from bound to bound, both included. In place, Caffe takes it at the result and so lets every
    /// gradient pass; here it is that of the argument.
    pub struct Clip {
        /// Lower bound.
        min: f64 = f64::NEG_INFINITY,
        /// Upper bound.
        max: f64 = f64::INFINITY,
    }
}

/// The description of [`Clip`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[caffe("Clip", |a| {
        let p = a.section("clip_param");
        let (min, max) = (p.float("min"), p.float("max"));
        let clip = Clip { min: p.need("min", min), max: p.need("max", max) };
        if clip.max < clip.min {
            p.wrong("max", format!("`max` {} is below `min` {}", clip.max, clip.min));
        }
        clip.into()
    })],
    ..LayerSpec::new("Clip", Category::Activation, Clip::DOCS)
};

impl LayerOps for Clip {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        Ok(Signature::of(cx.bottom(0).clone()))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let below = select(arg(0).gt(self.max), constant(self.max), arg(0));
        let y = select(arg(0).lt(self.min), constant(self.min), below);
        vec![b.map(cx.bottoms, &y)]
    }

    fn detail(&self) -> String {
        format!("{} to {}", self.min as f32, self.max as f32)
    }
}
