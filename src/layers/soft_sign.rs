//! A gentle step from -1 to 1.

use super::prelude::*;

params! {
    /// x / (1 + |x|), element by element.
    pub struct SoftSign {
    }
}

/// The description of [`SoftSign`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[torch("nn.SoftSign", &[], |_| SoftSign {}.into())],
    ..LayerSpec::new("SoftSign", Category::Activation, SoftSign::DOCS)
};

impl LayerOps for SoftSign {
    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let rise = arg(0).abs() + 1.0;
        let slope = constant(1.0) / rise.clone().squared();
        vec![b.map(cx.bottoms, &(arg(0) / rise).with_gradient(vec![slope]))]
    }
}
