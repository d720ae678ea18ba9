//! Scores along an axis as probabilities.

use crate::diag::Reported;
use crate::params;
use crate::program::{Builder, ValueId};
use crate::spec::{Category, Infer, LayerOps, LayerSpec, Lower, Signature, caffe};

params! {
    /// e^x divided by the sum of e^x along an axis; the top has the bottom's shape.
    pub struct Softmax {
        /// The axis; -1 is the last.
        axis: i64 = 1,
    }
}

/// The description of [`Softmax`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[caffe("Softmax", |a| {
        let p = a.section("softmax_param");
        p.ignore(&["engine"]);
        Softmax { axis: p.int("axis").unwrap_or(1) }.into()
    })],
    ..LayerSpec::new("Softmax", Category::Activation, Softmax::DOCS)
};

impl LayerOps for Softmax {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        cx.axis(0, self.axis)?;
        Ok(Signature::of(cx.bottom(0).clone()))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let axis = cx.top(0).axis(self.axis).unwrap_or(0);
        vec![b.softmax(cx.bottoms[0], axis)]
    }

    fn detail(&self) -> String {
        match self.axis {
            1 => String::new(),
            axis => format!("axis {axis}"),
        }
    }
}
