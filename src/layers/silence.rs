//! Takes blobs that nobody else wants.

use super::prelude::*;

params! {
    /// Takes blobs, so that they are not outputs of the net; their gradient through it is zero.
    pub struct Silence {
    }
}

/// The description of [`Silence`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::at_least(1),
    tops: Arity::exactly(0),
    spellings: &[caffe("Silence", |_| Silence {}.into())],
    ..LayerSpec::new("Silence", Category::Shape, Silence::DOCS)
};

impl LayerOps for Silence {
    fn infer(&self, _cx: &Infer) -> Result<Signature, Reported> {
        Ok(Signature::default())
    }

    fn lower(&self, _b: &mut Builder, _cx: &Lower) -> Vec<ValueId> {
        vec![]
    }

    fn reads_bottoms(&self) -> bool {
        false
    }
}
