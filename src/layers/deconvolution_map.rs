//! Deconvolution with filters between chosen pairs of channels only.

use super::constants::constants;
use super::convolution_map::ConvolutionMap;
use super::planes;
use super::prelude::*;
use crate::program::Kernel;

params! {
    /// The adjoint of a convolution where only the pairs of channels in a table are connected.
    ///
    /// Input `N x C x H x W`, the batch axis may be missing; weights `connections x kernel`, bias `num_output`.
    pub struct DeconvolutionMap {
        /// Connections, window and bias; input and output channels as they come in and out here.
        map: ConvolutionMap = ConvolutionMap::default(),
    }
}

/// The description of [`DeconvolutionMap`].
pub static SPEC: LayerSpec = LayerSpec {
    params: ConvolutionMap::DOCS.params,
    in_place: InPlace::Refused,
    spellings: &[torch(
        "nn.SpatialFullConvolutionMap",
        &["conMatrix", "kW", "kH", "dW", "dH"],
        |a| DeconvolutionMap { map: ConvolutionMap::read(a) }.into(),
    )
    .extends("nn.SpatialConvolutionMap")
    .tensors(&["weight", "bias"])],
    ..LayerSpec::new("DeconvolutionMap", Category::Convolution, DeconvolutionMap::DOCS)
};

impl LayerOps for DeconvolutionMap {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let whole = self.map.fits(cx)?;
        let mut top = whole.with(1, self.map.num_output);
        for (i, axis) in self.map.axes().iter().enumerate() {
            match axis.deconvolved(whole.dims()[2 + i], 0) {
                Some(spread) if 0 < spread => top.0[2 + i] = spread,
                _ => return cx.fail(&["kW", "dW"], "nothing would come out"),
            }
        }
        let top = planes::as_bottom(top, cx.bottom(0), 4);
        Ok(Signature { tops: vec![top], params: self.map.params() })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let x = planes::view_batched(b, cx.bottoms[0], 4);
        let (inputs, outputs) = (b.shape(x).dims()[1], self.map.num_output);
        let taps = self.map.kernel.iter().product();
        let place = |&[i, o]: &[usize; 2]| (i * outputs + o) as f64;
        let places: Vec<f64> = self.map.connections.iter().map(place).collect();
        let places = constants(b, [places.len()], places);
        let weight = b.view(cx.params[0], [self.map.connections.len(), taps]);
        let all = [inputs * outputs, taps].into();
        let filters = b.step(Kernel::Scatter(0), &[weight, places], Some(all))[0];
        let filters = b.view(filters, [inputs, outputs, self.map.kernel[0], self.map.kernel[1]]);
        let top = planes::with_batch(cx.top(0), 4);
        let mut y = b.deconv(x, filters, self.map.conv(), top);
        if let Some(&bias) = cx.params.get(1) {
            let bias = b.view(bias, [1, outputs, 1, 1]);
            y = b.add(y, bias);
        }
        vec![b.view(y, cx.top(0).clone())]
    }

    fn detail(&self) -> String {
        self.map.detail()
    }
}
