//! A blob under another name.

use super::prelude::*;

params! {
    /// The bottom, unchanged. Conversions between types of numbers and copies into contiguous memory are this as well,
    /// since every blob here is contiguous and of one type.
    pub struct Identity {
    }
}

/// The description of [`Identity`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[
        torch("nn.Contiguous", &[], |_| Identity {}.into()),
        torch("nn.Copy", &["intype", "outtype"], |_| Identity {}.into()),
    ],
    ..LayerSpec::new("Identity", Category::Shape, Identity::DOCS)
};

impl LayerOps for Identity {
    fn lower(&self, _b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        vec![cx.bottoms[0]]
    }
}
