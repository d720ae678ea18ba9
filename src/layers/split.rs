//! One blob under several names.

use super::prelude::*;
use crate::program::Kernel;

params! {
    /// Gives a blob to several tops; its gradient is the sum of theirs.
    ///
    /// Nobody needs to write it: a blob may be read any number of times.
    pub struct Split {
    }
}

/// The description of [`Split`].
pub static SPEC: LayerSpec = LayerSpec {
    tops: Arity::at_least(1),
    in_place: InPlace::Refused,
    spellings: &[caffe("Split", |_| Split {}.into())],
    ..LayerSpec::new("Split", Category::Shape, Split::DOCS)
};

impl LayerOps for Split {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        Ok(Signature { tops: vec![cx.bottom(0).clone(); cx.n_tops()], params: vec![] })
    }

    /// Every top is a value of its own, so that each has a gradient of its own.
    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let mut one = |shape| b.step(Kernel::View, &[cx.bottoms[0]], Some(shape))[0];
        cx.signature.tops.iter().map(|shape| one(shape.clone())).collect()
    }
}
