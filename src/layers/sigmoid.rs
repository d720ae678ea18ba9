//! 1 / (1 + e^-x).

use super::prelude::*;

params! {
    /// 1 / (1 + e^-x), element by element: the logistic function.
    pub struct Sigmoid {
    }
}

/// The description of [`Sigmoid`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[
        caffe("Sigmoid", |a| {
            a.section("sigmoid_param").ignore(&["engine"]);
            Sigmoid {}.into()
        }),
        torch("nn.Sigmoid", &[], |_| Sigmoid {}.into()),
    ],
    ..LayerSpec::new("Sigmoid", Category::Activation, Sigmoid::DOCS)
};

impl LayerOps for Sigmoid {
    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let derivative = arg(0) * (constant(1.0) - arg(0));
        vec![b.activation(cx.bottoms[0], &arg(0).sigmoid(), &derivative)]
    }
}
