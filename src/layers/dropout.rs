//! Sets random elements to zero while training.

use crate::diag::Reported;
use crate::params;
use crate::program::expr::{arg, constant, select};
use crate::program::{Builder, Distribution, ValueId};
use crate::spec::{Category, Infer, LayerOps, LayerSpec, Lower, Phase, Signature, caffe};

params! {
    /// Sets each element to zero with a probability while training (Srivastava et al. 2014); afterwards it is the
    /// identity.
    ///
    /// What is kept is multiplied by 1 / (1 - ratio), so that the expected value stays and nothing needs to be scaled
    /// when the net is used.
    pub struct Dropout {
        /// Probability that an element is dropped, from 0 to below 1.
        ratio: f64 = 0.5,
    }
}

/// The description of [`Dropout`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[caffe("Dropout", |a| {
        let p = a.section("dropout_param");
        let ratio = p.float("dropout_ratio").unwrap_or(0.5);
        if !(0.0..1.0).contains(&ratio) {
            p.wrong(
                "dropout_ratio",
                format!("`dropout_ratio` must be at least 0 and less than 1, not {ratio}"),
            );
        }
        Dropout { ratio }.into()
    })],
    ..LayerSpec::new("Dropout", Category::Regularisation, Dropout::DOCS)
};

impl LayerOps for Dropout {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        Ok(Signature::of(cx.bottom(0).clone()))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let x = cx.bottoms[0];
        if cx.phase == Phase::Test || self.ratio == 0.0 {
            return vec![x];
        }
        let uniform = b.random(Distribution::Uniform, cx.top(0).clone());
        let kept = arg(0) * (1.0 / (1.0 - self.ratio));
        let y = select(arg(1).lt(self.ratio), constant(0.0), kept);
        vec![b.map(&[x, uniform], &y)]
    }

    fn detail(&self) -> String {
        format!("ratio {}", self.ratio as f32)
    }
}
