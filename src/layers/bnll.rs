//! ln(1 + e^x).

use super::prelude::*;

params! {
    /// ln(1 + e^x), element by element: binomial normal log likelihood, also called softplus.
    ///
    /// In place, Caffe takes the gradient at the result; here it is that of the argument.
    pub struct Bnll {
    }
}

/// The description of [`Bnll`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[caffe("BNLL", |_| Bnll {}.into())],
    ..LayerSpec::new("BNLL", Category::Activation, Bnll::DOCS)
};

impl LayerOps for Bnll {
    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        // The exponential of a negative number cannot overflow.
        let tail = (-arg(0).abs()).exp().ln_1p();
        let y = select(arg(0).gt(0.0), arg(0), 0.0) + tail;
        vec![b.map(cx.bottoms, &y.with_gradient(vec![arg(0).sigmoid()]))]
    }
}
