//! A rectifier that divides what is below zero by a random number.

use super::prelude::*;
use crate::program::Distribution;

params! {
    /// x above 0; at and below 0 x over a number, which in training is drawn for each element from between two bounds and in
    /// testing is (upper - lower) / (ln upper - ln lower), of which the mean of the reciprocals is one (Xu et al. 2015; the name
    /// is that of the fork of Caffe of NormFace).
    pub struct Insanity {
        /// The smallest divisor.
        lower: f64 = 5.0,
        /// The largest divisor.
        upper: f64 = 10.0,
    }
}

/// The description of [`Insanity`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[caffe("Insanity", |a| {
        let p = a.section("insanity_param");
        let layer =
            Insanity { lower: p.float("lb").unwrap_or(5.0), upper: p.float("ub").unwrap_or(10.0) };
        if layer.upper <= layer.lower || layer.lower * layer.upper == 0.0 {
            p.wrong("ub", "`ub` must be above `lb`, and neither 0");
        }
        layer.into()
    })],
    ..LayerSpec::new("Insanity", Category::Activation, Insanity::DOCS)
};

impl LayerOps for Insanity {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        match cx.bottom(0).rank() {
            0 | 1 => cx.fail_bottom(0, "needs 2 axes or more"),
            _ => Ok(Signature::of(cx.bottom(0).clone())),
        }
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let x = cx.bottoms[0];
        let range = self.upper - self.lower;
        if cx.phase == Phase::Test {
            let middle = range / (self.upper.abs().ln() - self.lower.abs().ln());
            return vec![b.map(&[x], &select(arg(0).gt(0.0), arg(0), arg(0) / middle))];
        }
        let uniform = b.random(Distribution::Uniform, cx.top(0).clone());
        let divisor = arg(1) * range + self.lower;
        vec![b.map(&[x, uniform], &select(arg(0).gt(0.0), arg(0), arg(0) / divisor))]
    }

    fn detail(&self) -> String {
        format!("over {} to {}", self.lower as f32, self.upper as f32)
    }
}
