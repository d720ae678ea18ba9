//! The sum of sliding windows, times a weight and plus a bias of the channel.

use super::lua::{count, uniform_reset};
use super::planes;
use super::prelude::*;
use crate::window::{Axis, Pool, Rounding};

params! {
    /// The sum of sliding windows, times a learned weight of the channel, plus a learned bias of it: the subsampling of
    /// LeCun et al. 1989.
    ///
    /// Images are `N x C x H x W`, sequences `N x frames x C`; the batch axis may be missing.
    pub struct SubSampling {
        /// Number of channels.
        channels: usize = 0,
        /// Extents of the window: rows and columns, or frames alone.
        kernel: Vec<usize> = vec![],
        /// Steps between windows.
        stride: Vec<usize> = vec![],
    }
}

/// The description of [`SubSampling`].
pub static SPEC: LayerSpec = LayerSpec {
    in_place: InPlace::Refused,
    spellings: &[
        torch("nn.SpatialSubSampling", &["nInputPlane", "kW", "kH", "dW", "dH"], |a| {
            SubSampling::read(a, "nInputPlane", &["kH", "kW"], &["dH", "dW"]).into()
        })
        .tensors(&["weight", "bias"])
        .script(SPATIAL),
        torch("nn.TemporalSubSampling", &["inputFrameSize", "kW", "dW"], |a| {
            SubSampling::read(a, "inputFrameSize", &["kW"], &["dW"]).into()
        })
        .tensors(&["weight", "bias"])
        .script(TEMPORAL),
    ],
    ..LayerSpec::new("SubSampling", Category::Pooling, SubSampling::DOCS)
};

const SPATIAL: &str = concat!(
    r#"
function Class:__init(nInputPlane, kW, kH, dW, dH)
   Parent.__init(self)
   self.nInputPlane = nInputPlane
   self.kW, self.kH = kW, kH
   self.dW, self.dH = dW or 1, dH or 1
   self.weight = torch.Tensor(nInputPlane)
   self.bias = torch.Tensor(nInputPlane)
   self.gradWeight = torch.Tensor(nInputPlane)
   self.gradBias = torch.Tensor(nInputPlane)
   self:reset()
end
"#,
    uniform_reset!("self.kW * self.kH")
);

const TEMPORAL: &str = concat!(
    r#"
function Class:__init(inputFrameSize, kW, dW)
   Parent.__init(self)
   self.inputFrameSize = inputFrameSize
   self.kW, self.dW = kW, dW or 1
   self.weight = torch.Tensor(inputFrameSize)
   self.bias = torch.Tensor(inputFrameSize)
   self.gradWeight = torch.Tensor(inputFrameSize)
   self.gradBias = torch.Tensor(inputFrameSize)
   self:reset()
end
"#,
    uniform_reset!("self.kW")
);

impl SubSampling {
    fn read(
        a: &Args,
        channels: &'static str,
        kernel: &[&'static str],
        stride: &[&'static str],
    ) -> Self {
        let all = |keys: &[&'static str]| keys.iter().map(|key| count(a, key)).collect();
        SubSampling { channels: count(a, channels), kernel: all(kernel), stride: all(stride) }
    }

    /// Whether the channels are the last axis.
    fn sequences(&self) -> bool {
        self.kernel.len() == 1
    }

    /// The first axis with windows and the axis of the channels, of so many axes.
    fn places(&self, rank: usize) -> (usize, usize) {
        if self.sequences() { (rank - 2, rank - 1) } else { (rank - 2, rank - 3) }
    }

    fn axes(&self) -> Vec<Axis> {
        let axes = self.kernel.iter().zip(&self.stride);
        axes.map(|(&kernel, &stride)| Axis::new(kernel, stride, 0)).collect()
    }
}

impl LayerOps for SubSampling {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let shape = cx.bottom(0);
        if self.sequences() {
            if ![2, 3].contains(&shape.rank()) {
                return cx.fail_bottom(0, "needs frames x features: 2 axes, or 3 with a batch");
            }
        } else {
            planes::batched(cx, 4, None)?;
        }
        let (first, channel) = self.places(shape.rank());
        let (got, want) = (shape.dims()[channel], self.channels);
        if got != want {
            let why = format!("is made for {want} channels, and there are {got}");
            return cx.fail_bottom(0, why);
        }
        let mut top = shape.clone();
        for (i, axis) in self.axes().iter().enumerate() {
            if axis.kernel == 0 || axis.stride == 0 {
                return cx.fail(&["kW", "dW"], "a window and its stride must not be 0");
            }
            let extent = shape.dims()[first + i];
            match axis.convolved(extent) {
                Some(windows) => top.0[first + i] = windows,
                None => return cx.fail_window(extent, 0, axis.kernel, i, self.kernel.len()),
            }
        }
        let params = ["weight", "bias"].map(|role| ParamDecl::new(role, [want], Filler::Unset));
        Ok(Signature { tops: vec![top], params: params.to_vec() })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let shape = b.shape(cx.bottoms[0]).clone();
        let (rank, axes) = (shape.rank(), self.axes());
        let (first, channel) = self.places(rank);
        let images = [1, shape.count_of(0..first), shape.dims()[first], shape.dims()[first + 1]];
        let x = b.view(cx.bottoms[0], images);
        let across = axes.get(1).copied().unwrap_or(Axis::new(1, 1, 0));
        let pool = Pool { axes: [axes[0], across], rounding: Rounding::Floor, count_pad: true };
        let mean = b.ave_pool(x, pool);
        let mean = b.view(mean, cx.top(0).clone());
        let mut spread = vec![1; rank];
        spread[channel] = self.channels;
        let [weight, bias] = [0, 1].map(|i| b.view(cx.params[i], spread.clone()));
        let taps: usize = self.kernel.iter().product();
        vec![b.map(&[mean, weight, bias], &(arg(0) * taps as f64 * arg(1) + arg(2)))]
    }

    fn detail(&self) -> String {
        let extents: Vec<String> = self.kernel.iter().map(usize::to_string).collect();
        format!("sum of {}", extents.join(" x "))
    }
}
