//! 1 / (1 + e^-x).

use crate::diag::Reported;
use crate::params;
use crate::program::expr::{arg, constant};
use crate::program::{Builder, ValueId};
use crate::spec::{Category, Infer, LayerOps, LayerSpec, Lower, Signature, caffe, torch};

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
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        Ok(Signature::of(cx.bottom(0).clone()))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let derivative = arg(0) * (constant(1.0) - arg(0));
        vec![b.activation(cx.bottoms[0], &arg(0).sigmoid(), &derivative)]
    }
}
