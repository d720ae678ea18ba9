//! A layer whose type is not known: an opaque box in the picture, an error in `check`.

use super::prelude::*;

params! {
    /// A layer of a type that cortado does not know, or whose arguments could not be read.
    ///
    /// It keeps the picture whole and lets the rest of the definition be checked.
    pub struct Unknown {
        /// The type as written.
        type_name: String = String::new(),
    }
}

/// The description of [`Unknown`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::at_least(0),
    tops: Arity::at_least(0),
    ..LayerSpec::new("Unknown", Category::Unknown, Unknown::DOCS)
};

impl LayerOps for Unknown {
    /// Reports where the layer is used; that its type is unknown was reported by the front end.
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        Err(cx.already_reported())
    }

    fn lower(&self, _b: &mut Builder, _cx: &Lower) -> Vec<ValueId> {
        unreachable!("a net with an unknown layer has errors and is never lowered")
    }
}
