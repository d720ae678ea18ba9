//! The identity, whose gradient is turned round more and more strongly.

use super::prelude::*;

params! {
    /// The bottom unchanged; its gradient is that of the top times -c (Ganin and Lempitsky 2014, Unsupervised Domain
    /// Adaptation by Backpropagation, whose fork of Caffe has it).
    ///
    /// In the i-th pass of training, from 0, c is 2 h / (1 + e^(-alpha i / passes)) - h + lower for h = upper - lower, and i at
    /// most `passes`: from `lower` to nearly `upper`.
    pub struct GradientScaler {
        /// c at first.
        lower: f64 = 0.0,
        /// What c approaches.
        upper: f64 = 1.0,
        /// How fast it does.
        alpha: f64 = 10.0,
        /// Number of passes until c stays what it is.
        passes: f64 = 1.0,
    }
}

/// The description of [`GradientScaler`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[caffe("GradientScaler", |a| {
        let p = a.section("gradient_scaler_param");
        let passes = p.float("max_iter");
        let layer = GradientScaler {
            lower: p.float("lower_bound").unwrap_or(0.0),
            upper: p.float("upper_bound").unwrap_or(1.0),
            alpha: p.float("alpha").unwrap_or(10.0),
            passes: passes.unwrap_or(1.0),
        };
        if layer.upper < layer.lower {
            p.wrong("upper_bound", "`upper_bound` must not be below `lower_bound`");
        }
        if layer.passes < 1.0 {
            p.wrong("max_iter", "`max_iter` must be 1 or more");
        }
        layer.into()
    })],
    ..LayerSpec::new("GradientScaler", Category::Regularisation, GradientScaler::DOCS)
};

impl LayerOps for GradientScaler {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let passes = ParamDecl::private("passes", [1], Filler::Constant(0.0));
        Ok(Signature { tops: vec![cx.bottom(0).clone()], params: vec![passes] })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let passes = cx.params[0];
        if cx.phase == Phase::Train {
            let next = b.map(&[passes], &(arg(0) + 1.0));
            b.assign(passes, next);
        }
        let height = self.upper - self.lower;
        let progress = (arg(0) / self.passes).min(1.0);
        let factor = constant(2.0 * height) / ((progress * -self.alpha).exp() + 1.0);
        let factor = b.map(&[passes], &(factor + (self.lower - height)));
        let factor = b.view(factor, vec![1; cx.top(0).rank()]);
        // An expression other than the argument itself, to which the gradient can belong.
        let same = arg(0).max(arg(0)).with_gradient(vec![-arg(1), constant(0.0)]);
        vec![b.map(&[cx.bottoms[0], factor], &same)]
    }

    fn detail(&self) -> String {
        format!("{} to {}", self.lower as f32, self.upper as f32)
    }
}
