//! Mean and variance normalisation of every image.

use super::prelude::*;
use super::standardize::{moments, standardize};

params! {
    /// (x - mean) / (deviation + eps), over the pixels of each channel of each image or over all channels of it.
    ///
    /// The top has 4 axes even where the bottom has fewer, as in Caffe (mvn_layer.cpp). There, and here, the gradient
    /// takes eps for part of the deviation.
    pub struct Mvn {
        /// Whether the deviation is brought to 1 as well.
        normalize_variance: bool = true,
        /// Whether the channels of an image have one mean and one deviation in common.
        across_channels: bool = false,
        /// Added to the deviation, so that nothing is divided by 0.
        eps: f64 = 1e-9,
    }
}

/// The description of [`Mvn`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[caffe("MVN", |a| {
        let p = a.section("mvn_param");
        Mvn {
            normalize_variance: p.bool("normalize_variance").unwrap_or(true),
            across_channels: p.bool("across_channels").unwrap_or(false),
            eps: p.float("eps").unwrap_or(1e-9),
        }
        .into()
    })],
    ..LayerSpec::new("MVN", Category::Normalisation, Mvn::DOCS)
};

impl LayerOps for Mvn {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let mut dims = cx.bottom(0).dims().to_vec();
        if 4 < dims.len() {
            return cx.fail_bottom(0, "MVN takes at most 4 axes, N x C x H x W");
        }
        dims.resize(4, 1);
        Ok(Signature::of(Shape(dims)))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let x = b.view(cx.bottoms[0], cx.top(0).clone());
        let axes: &[usize] = if self.across_channels { &[1, 2, 3] } else { &[2, 3] };
        let (mean, variance) = moments(b, x, axes);
        if !self.normalize_variance {
            return vec![b.map(&[x, mean], &(arg(0) - arg(1)))];
        }
        let factor = constant(1.0) / (arg(0).sqrt() + self.eps);
        vec![standardize(b, x, (mean, variance), factor)]
    }

    fn detail(&self) -> String {
        let what = if self.normalize_variance { "mean and variance" } else { "mean" };
        let over = if self.across_channels { "an image" } else { "a channel" };
        format!("{what} of {over}")
    }
}
