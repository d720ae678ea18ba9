//! |x|.

use super::prelude::*;

params! {
    /// The absolute value of each element.
    pub struct AbsVal {
        /// The gradient at exactly 0: 0 in Caffe, 1 in Torch.
        slope_at_zero: f64 = 0.0,
    }
}

/// The description of [`AbsVal`].
pub static SPEC: LayerSpec = LayerSpec {
    in_place: InPlace::Refused,
    spellings: &[
        caffe("AbsVal", |_| AbsVal::default().into()),
        torch("nn.Abs", &[], |_| AbsVal { slope_at_zero: 1.0 }.into()),
    ],
    ..LayerSpec::new("AbsVal", Category::Activation, AbsVal::DOCS)
};

impl LayerOps for AbsVal {
    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let y = match self.slope_at_zero {
            0.0 => arg(0).abs(),
            slope => {
                let at_zero = select(arg(0).equals(0.0), slope, arg(0).sign());
                arg(0).abs().with_gradient(vec![at_zero])
            }
        };
        vec![b.map(cx.bottoms, &y)]
    }
}
