//! The logarithm of shift + scale x.

use super::exp::{affine, base};
use super::prelude::*;

params! {
    /// The logarithm of shift + scale x to a base, element by element.
    ///
    /// In place, Caffe's backward pass loses the gradient that comes from above; here it counts.
    pub struct Log {
        /// A positive number other than 1.
        base: f64 = std::f64::consts::E,
        /// Factor of the input.
        scale: f64 = 1.0,
        /// Added after scaling.
        shift: f64 = 0.0,
    }
}

/// The description of [`Log`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[
        caffe("Log", |a| {
            let p = a.section("log_param");
            let scale = p.float("scale").unwrap_or(1.0);
            let shift = p.float("shift").unwrap_or(0.0);
            let log = Log { base: base(&p), scale, shift };
            if log.base == 1.0 {
                p.wrong("base", "there is no logarithm to the base 1");
            }
            log.into()
        }),
        torch("nn.Log", &[], |_| Log::default().into()),
    ],
    ..LayerSpec::new("Log", Category::Elementwise, Log::DOCS)
};

impl LayerOps for Log {
    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let y = (arg(0) * self.scale + self.shift).ln() * (1.0 / self.base.ln());
        vec![b.map(cx.bottoms, &y)]
    }

    fn detail(&self) -> String {
        affine(self.base, self.scale, self.shift)
    }
}
