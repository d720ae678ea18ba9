//! |x|.

use crate::diag::Reported;
use crate::params;
use crate::program::expr::arg;
use crate::program::{Builder, ValueId};
use crate::spec::{Category, Infer, LayerOps, LayerSpec, Lower, Signature, caffe};

params! {
    /// The absolute value of each element; its gradient at 0 is 0.
    pub struct AbsVal {
    }
}

/// The description of [`AbsVal`].
pub static SPEC: LayerSpec = LayerSpec {
    in_place: false,
    spellings: &[caffe("AbsVal", |_| AbsVal {}.into())],
    ..LayerSpec::new("AbsVal", Category::Activation, AbsVal::DOCS)
};

impl LayerOps for AbsVal {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        Ok(Signature::of(cx.bottom(0).clone()))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        vec![b.map(cx.bottoms, &arg(0).abs())]
    }
}
