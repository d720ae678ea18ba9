//! The square root.

use super::prelude::*;

params! {
    /// The square root of each element; its gradient where the root is 0 is 0.
    pub struct Sqrt {
    }
}

/// The description of [`Sqrt`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[torch("nn.Sqrt", &[], |_| Sqrt {}.into())],
    ..LayerSpec::new("Sqrt", Category::Activation, Sqrt::DOCS)
};

impl LayerOps for Sqrt {
    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        vec![root(b, cx.bottoms[0])]
    }
}

/// The square root of each element, with a gradient of 0 where it is 0.
pub(super) fn root(b: &mut Builder, x: ValueId) -> ValueId {
    let slope = select(arg(0).equals(0.0), 0.0, constant(0.5) / arg(0));
    b.activation(x, &arg(0).sqrt(), &slope)
}
