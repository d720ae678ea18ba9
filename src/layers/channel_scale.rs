//! Multiplies the channels of each pixel by one number.

use super::prelude::*;

params! {
    /// s x, where s has one number for each image and pixel: what Normalize took away comes back.
    ///
    /// Bottoms x `N x C x spatial` and s, of N numbers for each pixel in whatever shape. A layer of the fork of Caffe of
    /// NormFace and AM-Softmax (Wang et al. 2018), where each of the two gradients can be left out.
    pub struct ChannelScale {
        /// Whether anything is multiplied; else the top is x.
        forward: bool = true,
        /// Whether the gradient to x is multiplied as well.
        scales_gradient: bool = true,
        /// Whether s has a gradient.
        scale_gradient: bool = true,
    }
}

/// The description of [`ChannelScale`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(2),
    in_place: InPlace::Garbled,
    spellings: &[caffe("ChannelScale", |a| {
        let p = a.section("channel_scale_param");
        if p.bool("global_scale") == Some(true) {
            p.wrong(
                "global_scale",
                "a scale that follows the mean of the second bottom is not computed",
            );
        }
        p.ignore(&["max_global_scale", "min_global_scale", "init_global_scale"]);
        ChannelScale {
            forward: p.bool("do_forward").unwrap_or(true),
            scales_gradient: p.bool("do_backward_feature").unwrap_or(true),
            scale_gradient: p.bool("do_backward_scale").unwrap_or(true),
        }
        .into()
    })],
    ..LayerSpec::new("ChannelScale", Category::Elementwise, ChannelScale::DOCS)
};

/// Extents of the pixels, seen from x.
fn pixels(x: &Shape) -> Shape {
    x.with(1, 1)
}

impl LayerOps for ChannelScale {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let (x, scale) = (cx.bottom(0), cx.bottom(1));
        if x.rank() < 2 {
            return cx.fail_bottom(0, "needs a channel axis: 2 axes or more");
        }
        if scale.dims().first() != x.dims().first() || scale.count() != pixels(x).count() {
            return cx.fail_bottom(1, format!("must hold one number for each pixel of {x}"));
        }
        Ok(Signature::of(x.clone()))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let scale = b.view(cx.bottoms[1], pixels(cx.top(0)));
        let value = if self.forward { arg(0) * arg(1) } else { arg(0).max(arg(0)) };
        let to_x = if self.scales_gradient { arg(1) } else { constant(1.0) };
        let to_scale = if self.scale_gradient { arg(0) } else { constant(0.0) };
        let value = value.with_gradient(vec![to_x, to_scale]);
        vec![b.map(&[cx.bottoms[0], scale], &value)]
    }
}
