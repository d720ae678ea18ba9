//! Convolution whose filters differ from place to place.

use super::lua::{count, counts, counts_or, uniform_reset, window_text};
use super::planes;
use super::prelude::*;
use crate::window::{Axis, Conv};

params! {
    /// A convolution whose filters are not shared between places of the image (LeCun 1989).
    ///
    /// Input `N x C x H x W`, the batch axis may be missing; weights `H' x W' x num_output x C x kernel`, bias
    /// `num_output x H' x W'` for a top of H' x W' pixels.
    pub struct ConvolutionLocal {
        /// Number of channels that come in.
        num_input: usize = 0,
        /// Number of channels that come out.
        num_output: usize = 0,
        /// Height and width that images must have.
        size: Vec<usize> = vec![],
        /// Extents of a filter.
        kernel: Vec<usize> = vec![],
        /// Steps between filters.
        stride: Vec<usize> = vec![],
        /// Zeros added on both sides.
        pad: Vec<usize> = vec![],
        /// Whether a bias is added.
        bias: bool = true,
    }
}

/// The description of [`ConvolutionLocal`].
pub static SPEC: LayerSpec = LayerSpec {
    in_place: InPlace::Refused,
    spellings: &[torch("nn.SpatialConvolutionLocal", ARGUMENTS, |a| {
        ConvolutionLocal::read(a).into()
    })
    .tensors(&["weight", "bias"])
    .script(SCRIPT)],
    ..LayerSpec::new("ConvolutionLocal", Category::Convolution, ConvolutionLocal::DOCS)
};

const ARGUMENTS: &[&str] =
    &["nInputPlane", "nOutputPlane", "iW", "iH", "kW", "kH", "dW", "dH", "padW", "padH"];

const SCRIPT: &str = concat!(
    r#"
function Class:__init(nInputPlane, nOutputPlane, iW, iH, kW, kH, dW, dH, padW, padH)
   Parent.__init(self)
   self.nInputPlane, self.nOutputPlane = nInputPlane, nOutputPlane
   self.kW, self.kH = kW, kH
   self.iW, self.iH = iW, iH
   self.dW, self.dH = dW or 1, dH or 1
   self.padW = padW or 0
   self.padH = padH or self.padW
   self.oW = math.floor((self.padW * 2 + iW - kW) / self.dW) + 1
   self.oH = math.floor((self.padH * 2 + iH - kH) / self.dH) + 1
   if self.oW < 1 or self.oH < 1 then
      error('a window is larger than the image', 3)
   end
   self.weight = torch.Tensor(self.oH, self.oW, nOutputPlane, nInputPlane, kH, kW)
   self.bias = torch.Tensor(nOutputPlane, self.oH, self.oW)
   self.gradWeight = torch.Tensor():resizeAs(self.weight)
   self.gradBias = torch.Tensor():resizeAs(self.bias)
   self:reset()
end
"#,
    window_text!(),
    r#"
function Class:windowText()
   local text = string.format('%d -> %d, %dx%d, %dx%d', self.nInputPlane, self.nOutputPlane,
      self.iW, self.iH, self.kW, self.kH)
   local padded = self.padW ~= 0 or self.padH ~= 0
   if padded or self.dW ~= 1 or self.dH ~= 1 then
      text = text .. string.format(', %d,%d', self.dW, self.dH)
   end
   return padded and text .. string.format(', %s,%s', self.padW, self.padH) or text
end
"#,
    uniform_reset!("self.kW * self.kH * self.nInputPlane")
);

impl ConvolutionLocal {
    fn read(a: &Args) -> Self {
        ConvolutionLocal {
            num_input: count(a, "nInputPlane"),
            num_output: count(a, "nOutputPlane"),
            size: counts(a, ["iH", "iW"]),
            kernel: counts(a, ["kH", "kW"]),
            stride: counts_or(a, ["dH", "dW"], 1),
            pad: counts_or(a, ["padH", "padW"], 0),
            bias: a.has("bias"),
        }
    }

    fn axes(&self) -> Vec<Axis> {
        (0..2).map(|i| Axis::new(self.kernel[i], self.stride[i], self.pad[i])).collect()
    }

    fn taps(&self) -> usize {
        self.num_input * self.kernel[0] * self.kernel[1]
    }
}

/// The products of the windows of images with the filters of their places, `places x outputs x taps`; as `N x outputs x places`.
/// The bias has an element for each output and place.
pub(super) fn at_places(
    b: &mut Builder,
    x: ValueId,
    weight: ValueId,
    bias: Option<ValueId>,
    axes: Vec<Axis>,
) -> ValueId {
    let [places, outputs, taps] = [0, 1, 2].map(|i| b.shape(weight).dims()[i]);
    let columns = b.im2col(x, Conv { axes, group: 1 });
    let items = b.shape(columns).dims()[0];
    let columns = b.view(columns, [items, taps, places]);
    let columns = b.transpose(columns, &[2, 0, 1]);
    let products = b.matmul(columns, false, weight, true, None);
    let y = b.transpose(products, &[1, 2, 0]);
    match bias {
        Some(bias) => {
            let bias = b.view(bias, [1, outputs, places]);
            b.add(y, bias)
        }
        None => y,
    }
}

impl LayerOps for ConvolutionLocal {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let whole = planes::batched(cx, 4, Some(self.num_input))?;
        if whole.dims()[2..] != self.size[..] {
            let [high, wide] = [self.size[0], self.size[1]];
            return cx.fail_bottom(0, format!("is made for images of {high} x {wide}"));
        }
        let mut top = whole.with(1, self.num_output);
        for (i, axis) in self.axes().iter().enumerate() {
            match axis.convolved(self.size[i]) {
                Some(windows) => top.0[2 + i] = windows,
                None => {
                    let (pad, kernel) = (axis.pad_before, axis.kernel);
                    return cx.fail_window(self.size[i], pad, kernel, i, 2);
                }
            }
        }
        let [high, wide] = [top.dims()[2], top.dims()[3]];
        let (outputs, inputs) = (self.num_output, self.num_input);
        let weight = [high, wide, outputs, inputs, self.kernel[0], self.kernel[1]];
        let mut params = vec![ParamDecl::new("weight", weight, Filler::Unset)];
        if self.bias {
            params.push(ParamDecl::new("bias", [outputs, high, wide], Filler::Unset));
        }
        Ok(Signature { tops: vec![planes::as_bottom(top, cx.bottom(0), 4)], params })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let x = planes::view_batched(b, cx.bottoms[0], 4);
        let taps = self.taps();
        let places = b.shape(cx.params[0]).count() / (self.num_output * taps).max(1);
        let weight = b.view(cx.params[0], [places, self.num_output, taps]);
        let y = at_places(b, x, weight, cx.params.get(1).copied(), self.axes());
        vec![b.view(y, cx.top(0).clone())]
    }

    fn detail(&self) -> String {
        format!(
            "{} filters of {} x {} at each place",
            self.num_output, self.kernel[0], self.kernel[1]
        )
    }
}
