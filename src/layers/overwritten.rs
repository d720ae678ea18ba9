//! A blob after a layer that worked in place has changed it.

use super::prelude::*;

params! {
    /// What a later reader of a blob sees in Torch after an in-place module, such as `nn.ReLU(true)` in an earlier branch,
    /// has written its result over it: the values of the second bottom.
    ///
    /// The gradient goes to the first bottom as it is: Torch's branches do not know of each other, so nobody applies the
    /// derivative of the in-place module to it.
    pub struct Overwritten {
    }
}

/// The description of [`Overwritten`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(2),
    in_place: InPlace::Refused,
    ..LayerSpec::new("Overwritten", Category::Shape, Overwritten::DOCS)
};

impl LayerOps for Overwritten {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        cx.equal_bottoms()?;
        Ok(Signature::of(cx.bottom(0).clone()))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        // The condition never holds: it makes the value depend on both, for the gradient.
        let value = select(arg(0).gt(f64::INFINITY), arg(0), arg(1));
        let straight = value.with_gradient(vec![constant(1.0), constant(0.0)]);
        vec![b.map(cx.bottoms, &straight)]
    }
}
