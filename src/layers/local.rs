//! Convolution whose filters differ from place to place, as forks of Caffe store them.

use super::convolution_local::at_places;
use super::prelude::*;
use crate::window::Axis;

params! {
    /// A convolution whose filters are not shared between places of the image (LeCun 1989), of forks of Caffe for faces.
    ///
    /// Input `N x C x H x W`; weights `num_output x 1 x C·kernel² x H'·W'`, bias `1 x 1 x num_output x H'·W'` for a top of H' x W'
    /// pixels, so that a net is made for images of one size.
    pub struct Local {
        /// Number of filters at each place.
        num_output: usize = 0,
        /// Height and width of a filter.
        kernel: usize = 0,
        /// Step between filters.
        stride: usize = 1,
        /// Zeros added on all sides.
        pad: usize = 0,
        /// Whether a bias is added.
        bias: bool = true,
        /// First values of the weights.
        weight_filler: Filler = Filler::Unset,
        /// First values of the bias.
        bias_filler: Filler = Filler::Unset,
    }
}

/// The description of [`Local`].
pub static SPEC: LayerSpec = LayerSpec {
    in_place: InPlace::Refused,
    spellings: &[caffe("Local", |a| {
        let p = a.section("local_param");
        Local {
            num_output: p.required("num_output", Args::usize),
            kernel: p.required("kernel_size", Args::usize),
            stride: p.usize("stride").unwrap_or(1),
            pad: p.usize("pad").unwrap_or(0),
            bias: p.bool("bias_term").unwrap_or(true),
            weight_filler: Filler::read(&p.section("weight_filler")),
            bias_filler: Filler::read_if(&p, "bias_term", true, "bias_filler"),
        }
        .into()
    })],
    ..LayerSpec::new("Local", Category::Convolution, Local::DOCS)
};

impl Local {
    fn axis(&self) -> Axis {
        Axis::new(self.kernel, self.stride, self.pad)
    }
}

impl LayerOps for Local {
    fn check(&self, cx: &Infer) -> Result<(), Reported> {
        match self.num_output == 0 || self.kernel == 0 || self.stride == 0 {
            true => cx.fail(
                &["kernel_size", "num_output", "stride"],
                "filters, their extent and their step must not be 0",
            ),
            false => Ok(()),
        }
    }

    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let &[items, channels, height, width] = cx.bottom(0).dims() else {
            return cx.fail_bottom(0, "needs images, N x C x H x W");
        };
        let mut top = [items, self.num_output, 0, 0];
        for (i, extent) in [height, width].into_iter().enumerate() {
            let reached = self.kernel <= extent + 2 * self.pad;
            match self.axis().convolved(extent).filter(|_| reached) {
                Some(windows) => top[2 + i] = windows,
                None => return cx.fail_window(extent, self.pad, self.kernel, i, 2),
            }
        }
        let (places, taps) = (top[2] * top[3], channels * self.kernel * self.kernel);
        let weight = [self.num_output, 1, taps, places];
        let mut params = vec![ParamDecl::new("weight", weight, self.weight_filler)];
        if self.bias {
            params.push(ParamDecl::new("bias", [1, 1, self.num_output, places], self.bias_filler));
        }
        Ok(Signature { tops: vec![top.into()], params })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let &[_, _, taps, places] = b.shape(cx.params[0]).dims() else { return vec![] };
        let weight = b.view(cx.params[0], [self.num_output, taps, places]);
        let weight = b.transpose(weight, &[2, 0, 1]);
        let axes = vec![self.axis(), self.axis()];
        let y = at_places(b, cx.bottoms[0], weight, cx.params.get(1).copied(), axes);
        vec![b.view(y, cx.top(0).clone())]
    }

    fn detail(&self) -> String {
        format!("{} filters of {} at each place", self.num_output, self.kernel)
    }
}
