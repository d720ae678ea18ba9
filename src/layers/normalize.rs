//! Brings vectors to length 1 and multiplies them by a learned scale.

use super::axis_span::align;
use crate::diag::Reported;
use crate::params;
use crate::program::expr::arg;
use crate::program::{Builder, ValueId};
use crate::spec::{
    Category, Filler, Infer, LayerOps, LayerSpec, Lower, ParamDecl, Signature, caffe,
};
use crate::ty::Shape;

params! {
    /// scale · x / sqrt(sum x² + eps), over the channels of each pixel or over all of an image (Liu et al. 2016,
    /// ParseNet).
    ///
    /// Input `N x C x rest`; the learned scale is `C`, or a scalar if shared. A layer of the SSD fork of Caffe, whose
    /// gradient to a scale of 0 is NaN; here it is finite.
    pub struct Normalize {
        /// Whether the sum is over all of an image, or (false) over the channels of a pixel.
        across_spatial: bool = true,
        /// One scale for all channels.
        shared: bool = true,
        /// First values of the scale.
        filler: Filler = Filler::Constant(1.0),
        /// Added to the sum, so that nothing is divided by 0.
        eps: f64 = 1e-10,
    }
}

/// The description of [`Normalize`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[caffe("Normalize", |a| {
        let p = a.section("norm_param");
        Normalize {
            across_spatial: p.bool("across_spatial").unwrap_or(true),
            shared: p.bool("channel_shared").unwrap_or(true),
            filler: Filler::read(&p.section("scale_filler")).or_constant(1.0),
            eps: p.float("eps").unwrap_or(1e-10),
        }
        .into()
    })],
    ..LayerSpec::new("Normalize", Category::Normalisation, Normalize::DOCS)
};

impl LayerOps for Normalize {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let shape = cx.bottom(0);
        if shape.rank() < 2 {
            return cx.fail_bottom(0, "Normalize needs a channel axis: 2 axes or more");
        }
        let scale = match self.shared {
            true => Shape::scalar(),
            false => [shape.dims()[1]].into(),
        };
        let params = vec![ParamDecl::new("scale", scale, self.filler)];
        Ok(Signature { tops: vec![shape.clone()], params })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let x = cx.bottoms[0];
        let rank = cx.top(0).rank();
        let axes: Vec<usize> = if self.across_spatial { (1..rank).collect() } else { vec![1] };
        let squares = b.map(&[x], &arg(0).squared());
        let energy = b.sum(squares, &axes);
        let factor = b.map(&[energy], &(arg(0) + self.eps).pow(-0.5));
        let scale = align(b, cx.params[0], 1, rank);
        vec![b.map(&[x, factor, scale], &(arg(0) * arg(1) * arg(2)))]
    }

    fn detail(&self) -> String {
        let over = if self.across_spatial { "an image" } else { "a pixel" };
        let scale = if self.shared { "one scale" } else { "a scale for each channel" };
        format!("length of {over}, {scale}")
    }
}
