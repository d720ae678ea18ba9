//! Normalises images by the weighted mean and deviation of a neighbourhood over all channels.

use super::constants::constants;
use super::lua::count;
use super::planes;
use super::prelude::*;
use super::sqrt::root;
use crate::window::{Axis, Conv};

params! {
    /// Subtracts from each pixel the mean of its neighbourhood, divides it by the deviation, or both in this order
    /// (Jarrett et al. 2009, section 2).
    ///
    /// A neighbourhood is weighted by a kernel, in all channels alike, and pixels outside the image count as 0. A mean
    /// is divided by the sum of the weights that lie inside the image; so is, as in Torch, the root of the mean square.
    /// The batch axis may be missing.
    pub struct SpatialNormalization {
        /// Whether the mean is subtracted.
        subtract: bool = true,
        /// Deviations not above the first number are replaced by the second; none: nothing is divided.
        threshold: Option<[f64; 2]> = None,
        /// Number of channels.
        channels: usize = 1,
        /// Weights of the neighbourhood, row by row.
        kernel: Vec<f64> = vec![],
        /// Rows and columns of the kernel, both odd.
        size: [usize; 2] = [0, 0],
    }
}

/// The description of [`SpatialNormalization`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[
        torch("nn.SpatialSubtractiveNormalization", ARGUMENTS, |a| {
            SpatialNormalization::read(a, true, false).into()
        })
        .script(SCRIPT),
        torch("nn.SpatialDivisiveNormalization", ARGUMENTS, |a| {
            SpatialNormalization::read(a, false, true).into()
        })
        .script(SCRIPT),
        torch("nn.SpatialContrastiveNormalization", ARGUMENTS, |a| {
            SpatialNormalization::read(a, true, true).into()
        })
        .script(SCRIPT),
    ],
    ..LayerSpec::new("SpatialNormalization", Category::Normalisation, SpatialNormalization::DOCS)
};

const ARGUMENTS: &[&str] = &["nInputPlane", "kernel", "threshold", "thresval"];

const SCRIPT: &str = r#"
function Class:__init(nInputPlane, kernel, threshold, thresval)
   Parent.__init(self)
   self.nInputPlane = nInputPlane or 1
   self.kernel = kernel or torch.ones(9, 9)
   self.threshold = threshold or 1e-4
   self.thresval = thresval or threshold or 1e-4
   local axes = self.kernel:nDimension()
   if axes ~= 1 and axes ~= 2 then
      error('<' .. torch.type(self):match('[^.]+$') .. '> averaging kernel must be 1D or 2D', 3)
   end
   self.kernelRows, self.kernelColumns = self.kernel:size(1), self.kernel:size(axes)
   self.kernelAxes = axes
   if self.kernelRows % 2 == 0 or self.kernelColumns % 2 == 0 then
      error('<' .. torch.type(self):match('[^.]+$') .. '> averaging kernel must have ODD dimensions', 3)
   end
end
"#;

impl SpatialNormalization {
    fn read(a: &Args, subtract: bool, divide: bool) -> Self {
        let size = ["kernelRows", "kernelColumns"].map(|key| count(a, key));
        let mut kernel = a.floats("kernel");
        if a.usize("kernelAxes") == Some(1) {
            // A kernel of one axis is applied along rows and then along columns.
            kernel = kernel.iter().flat_map(|y| kernel.iter().map(move |x| y * x)).collect();
        }
        if kernel.len() != size[0].saturating_mul(size[1]) {
            a.wrong(
                "kernel",
                format!("the kernel is not one of {} x {} weights", size[0], size[1]),
            );
        }
        let number = |key| a.float(key).unwrap_or(1e-4);
        let threshold = [number("threshold"), number("thresval")];
        let threshold = divide.then_some(threshold);
        SpatialNormalization {
            subtract,
            threshold,
            channels: count(a, "nInputPlane"),
            kernel,
            size,
        }
    }

    /// The weighted mean of each neighbourhood of `N x C x H x W` over all channels: `N x 1 x H x W`.
    fn mean(&self, b: &mut Builder, x: ValueId, weights: ValueId) -> ValueId {
        let axes = self.size.map(|extent| Axis::new(extent, 1, extent / 2)).to_vec();
        b.conv(x, weights, None, Conv { axes, group: 1 })
    }
}

impl LayerOps for SpatialNormalization {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        planes::batched(cx, 4, Some(self.channels))?;
        Ok(Signature::of(cx.bottom(0).clone()))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let mut x = planes::view_batched(b, cx.bottoms[0], 4);
        let shape = b.shape(x).clone();
        let total = self.kernel.iter().sum::<f64>() * self.channels as f64;
        let weights = (0..self.channels).flat_map(|_| &self.kernel).map(|w| w / total).collect();
        let [rows, columns] = self.size;
        let weights = constants(b, [1, self.channels, rows, columns], weights);
        let ones = b.fill(1.0, shape.with(0, 1));
        let inside = self.mean(b, ones, weights);
        if self.subtract {
            let mean = self.mean(b, x, weights);
            x = b.map(&[x, mean, inside], &(arg(0) - arg(1) / arg(2)));
        }
        if let Some([threshold, value]) = self.threshold {
            let squares = b.map(&[x], &arg(0).squared());
            let energy = self.mean(b, squares, weights);
            let deviation = root(b, energy);
            let deviation = b.map(&[deviation, inside], &(arg(0) / arg(1)));
            let divisor = select(arg(1).gt(threshold), arg(1), value);
            x = b.map(&[x, deviation], &(arg(0) / divisor));
        }
        vec![b.view(x, cx.top(0).clone())]
    }

    fn detail(&self) -> String {
        format!("{} x {} pixels", self.size[0], self.size[1])
    }
}
