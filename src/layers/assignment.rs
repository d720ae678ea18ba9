//! What a variable holds from the next pass on.

use super::prelude::*;

params! {
    /// The bottom as it is, which while training becomes the value of a variable: TensorFlow's `assign`.
    ///
    /// The variable has the bottom's shape. Whoever reads it in the same pass gets what it held before; no gradient goes back
    /// through the new value.
    pub struct Assignment {
    }
}

/// The description of [`Assignment`].
pub static SPEC: LayerSpec = LayerSpec {
    differentiable: 0,
    in_place: InPlace::Refused,
    ..LayerSpec::new("Assignment", Category::Shape, Assignment::DOCS)
};

impl LayerOps for Assignment {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let shape = cx.bottom(0).clone();
        let param = ParamDecl::state("value", shape.clone(), Filler::Constant(0.0));
        Ok(Signature { tops: vec![shape], params: vec![param] })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        if cx.phase == Phase::Train {
            b.assign(cx.params[0], cx.bottoms[0]);
        }
        vec![cx.bottoms[0]]
    }
}
