//! Squared where it is small and absolute where it is large: the loss of boxes.

use super::prelude::*;

params! {
    /// Σ w' f(w (a - b)) / N, where N is the first extent (Fast R-CNN, Girshick 2015, equation 3).
    ///
    /// f(d) is sigma² d² / 2 for |d| < 1 / sigma², else |d| - 1 / (2 sigma²). The third bottom has the weights w inside of
    /// f, the fourth the weights w' outside; both may be missing, and the fourth alone, as in the first version of the
    /// layer. Both a and b have a gradient. In that first version the gradient lacks the factor w, which is the same for
    /// weights 0 and 1.
    pub struct SmoothL1Loss {
        /// The larger, the nearer to |a - b|.
        sigma: f64 = 1.0,
    }
}

/// The description of [`SmoothL1Loss`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::between(2, 4),
    differentiable: 2,
    spellings: &[caffe("SmoothL1Loss", |a| {
        let p = a.section("smooth_l1_loss_param");
        let sigma = p.float("sigma").unwrap_or(1.0);
        if !(sigma.is_finite() && 0.0 < sigma) {
            p.wrong("sigma", format!("`sigma` must be greater than 0, not {sigma}"));
        }
        SmoothL1Loss { sigma }.into()
    })],
    ..LayerSpec::loss("SmoothL1Loss", SmoothL1Loss::DOCS)
};

impl LayerOps for SmoothL1Loss {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        cx.rows_alike()?;
        Ok(Signature::of(Shape::scalar()))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let shape = b.shape(cx.bottoms[0]).clone();
        let blobs: Vec<ValueId> =
            cx.bottoms.iter().map(|&blob| b.view(blob, shape.clone())).collect();
        let squared = self.sigma * self.sigma;
        let gap = match blobs.len() {
            2 => arg(0) - arg(1),
            _ => (arg(0) - arg(1)) * arg(2),
        };
        let near = gap.clone().abs().lt(1.0 / squared);
        let costs =
            select(near, gap.clone().squared() * (squared / 2.0), gap.abs() - 0.5 / squared);
        let costs = b.map(&blobs, &if blobs.len() == 4 { costs * arg(3) } else { costs });
        let sum = b.sum_all(costs);
        vec![b.scale(sum, 1.0 / shape.dims()[0].max(1) as f64)]
    }

    fn detail(&self) -> String {
        if self.sigma == 1.0 { String::new() } else { format!("sigma {}", self.sigma as f32) }
    }
}
