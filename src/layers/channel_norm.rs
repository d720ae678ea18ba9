//! The length of the vector of channels at each place.

use super::prelude::*;

params! {
    /// √Σ x² over the channels: `N x 1 x spatial` from `N x C x spatial`, such as the brightness errors of FlowNet 2.0 (Ilg et
    /// al. 2017). As in that fork of Caffe the gradient divides by the length and 0.000000001, so that it is 0 where all
    /// channels are.
    pub struct ChannelNorm {
    }
}

/// The description of [`ChannelNorm`].
pub static SPEC: LayerSpec = LayerSpec {
    in_place: InPlace::Refused,
    spellings: &[caffe("ChannelNorm", |_| ChannelNorm {}.into())],
    ..LayerSpec::new("ChannelNorm", Category::Elementwise, ChannelNorm::DOCS)
};

impl LayerOps for ChannelNorm {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let channel = cx.axis(0, 1)?;
        Ok(Signature::of(cx.bottom(0).with(channel, 1)))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let squares = b.map(&[cx.bottoms[0]], &arg(0).squared());
        let squares = b.sum(squares, &[1]);
        let slope = constant(0.5) / (arg(0).sqrt() + 1e-9);
        vec![b.map(&[squares], &arg(0).sqrt().with_gradient(vec![slope]))]
    }
}
