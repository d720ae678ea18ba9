//! The hyperbolic tangent.

use super::prelude::*;

params! {
    /// (e^x - e^-x) / (e^x + e^-x), element by element.
    pub struct Tanh {
    }
}

/// The description of [`Tanh`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[
        caffe("TanH", |a| {
            a.section("tanh_param").ignore(&["engine"]);
            Tanh {}.into()
        }),
        torch("nn.Tanh", &[], |_| Tanh {}.into()),
    ],
    ..LayerSpec::new("TanH", Category::Activation, Tanh::DOCS)
};

impl LayerOps for Tanh {
    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let derivative = constant(1.0) - arg(0).squared();
        vec![b.activation(cx.bottoms[0], &arg(0).tanh(), &derivative)]
    }
}
