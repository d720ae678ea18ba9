//! Convolution with filters between chosen pairs of channels only.

use super::constants::constants;
use super::lua::{count, counts, counts_or};
use super::planes;
use super::prelude::*;
use crate::program::Kernel;
use crate::window::{Axis, Conv};

params! {
    /// A convolution where only the pairs of channels in a table are connected (LeCun et al. 1998, table I).
    ///
    /// Input `N x C x H x W`, the batch axis may be missing; weights `connections x kernel`, bias `num_output`.
    pub struct ConvolutionMap {
        /// Pairs of an input and an output channel, from 0.
        connections: Vec<[usize; 2]> = vec![],
        /// Number of channels that come in.
        num_input: usize = 0,
        /// Number of channels that come out.
        num_output: usize = 0,
        /// Extents of a filter.
        kernel: Vec<usize> = vec![],
        /// Steps between filters.
        stride: Vec<usize> = vec![],
        /// Whether a bias is added.
        bias: bool = true,
    }
}

/// The description of [`ConvolutionMap`].
pub static SPEC: LayerSpec = LayerSpec {
    in_place: InPlace::Refused,
    spellings: &[torch("nn.SpatialConvolutionMap", &["conMatrix", "kW", "kH", "dW", "dH"], |a| {
        ConvolutionMap::read(a).into()
    })
    .tensors(&["weight", "bias"])
    .script(SCRIPT)],
    ..LayerSpec::new("ConvolutionMap", Category::Convolution, ConvolutionMap::DOCS)
};

const SCRIPT: &str = r#"
function Class:__init(conMatrix, kW, kH, dW, dH)
   Parent.__init(self)
   self.kW, self.kH = kW, kH
   self.dW, self.dH = dW or 1, dH or 1
   self.connTable = conMatrix
   self.nInputPlane = conMatrix:select(2, 1):max()
   self.nOutputPlane = conMatrix:select(2, 2):max()
   self.weight = torch.Tensor(conMatrix:size(1), kH, kW)
   self.bias = torch.Tensor(self.nOutputPlane)
   self.gradWeight = torch.Tensor(conMatrix:size(1), kH, kW)
   self.gradBias = torch.Tensor(self.nOutputPlane)
   self:reset()
end
function Class:reset(stdv)
   if stdv then
      stdv = stdv * math.sqrt(3)
      self.weight:uniform(-stdv, stdv)
      self.bias:uniform(-stdv, stdv)
      return
   end
   local incoming = {}
   for o = 1, self.nOutputPlane do incoming[o] = 0 end
   for c = 1, self.connTable:size(1) do
      local o = self.connTable[c][2]
      incoming[o] = incoming[o] + 1
   end
   for c = 1, self.connTable:size(1) do
      local limit = 1 / math.sqrt(self.kW * self.kH * incoming[self.connTable[c][2]])
      self.weight:select(1, c):uniform(-limit, limit)
   end
   for o = 1, self.nOutputPlane do
      local limit = 1 / math.sqrt(self.kW * self.kH * math.max(incoming[o], 1))
      self.bias:narrow(1, o, 1):uniform(-limit, limit)
   end
end
"#;

impl ConvolutionMap {
    /// Reads the fields of Torch's class.
    pub(super) fn read(a: &Args) -> Self {
        let table = a.usizes("connTable");
        let (num_input, num_output) = (count(a, "nInputPlane"), count(a, "nOutputPlane"));
        let mut connections = vec![];
        for pair in table.chunks(2) {
            match *pair {
                [i, o] if (1..=num_input).contains(&i) && (1..=num_output).contains(&o) => {
                    connections.push([i - 1, o - 1]);
                }
                _ => a.wrong("connTable", "a connection is a pair of channels that exist, from 1"),
            }
        }
        ConvolutionMap {
            connections,
            num_input,
            num_output,
            kernel: counts(a, ["kH", "kW"]),
            stride: counts_or(a, ["dH", "dW"], 1),
            bias: a.has("bias"),
        }
    }

    /// The windows along height and width.
    pub(super) fn axes(&self) -> Vec<Axis> {
        (0..2).map(|i| Axis::new(self.kernel[i], self.stride[i], 0)).collect()
    }

    /// The convolution over all pairs of channels.
    pub(super) fn conv(&self) -> Conv {
        Conv { axes: self.axes(), group: 1 }
    }

    /// The shape of the bottom with a batch axis, with the channels that the table names and a plausible window.
    pub(super) fn fits(&self, cx: &Infer) -> Result<Shape, Reported> {
        let whole = planes::batched(cx, 4, None)?;
        if whole.dims()[1] < self.num_input {
            let want = self.num_input;
            return cx.fail_bottom(0, format!("the table connects {want} channels"));
        }
        if self.kernel.iter().chain(&self.stride).any(|&extent| extent == 0) {
            return cx.fail(&["kW", "kH", "dW", "dH"], "a window and its stride must not be 0");
        }
        Ok(whole)
    }

    /// The parameters.
    pub(super) fn params(&self) -> Vec<ParamDecl> {
        let weight = [self.connections.len(), self.kernel[0], self.kernel[1]];
        let mut params = vec![ParamDecl::new("weight", weight, Filler::Unset)];
        if self.bias {
            params.push(ParamDecl::new("bias", [self.num_output], Filler::Unset));
        }
        params
    }
}

impl LayerOps for ConvolutionMap {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let whole = self.fits(cx)?;
        let mut top = whole.with(1, self.num_output);
        for (i, axis) in self.axes().iter().enumerate() {
            let extent = whole.dims()[2 + i];
            match axis.convolved(extent) {
                Some(windows) => top.0[2 + i] = windows,
                None => return cx.fail_window(extent, 0, axis.kernel, i, 2),
            }
        }
        let top = planes::as_bottom(top, cx.bottom(0), 4);
        Ok(Signature { tops: vec![top], params: self.params() })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let x = planes::view_batched(b, cx.bottoms[0], 4);
        let (inputs, taps) = (b.shape(x).dims()[1], self.kernel[0] * self.kernel[1]);
        let place = |&[i, o]: &[usize; 2]| (o * inputs + i) as f64;
        let places: Vec<f64> = self.connections.iter().map(place).collect();
        let places = constants(b, [places.len()], places);
        let weight = b.view(cx.params[0], [self.connections.len(), taps]);
        let all = [self.num_output * inputs, taps].into();
        let filters = b.step(Kernel::Scatter(0), &[weight, places], Some(all))[0];
        let filters = b.view(filters, [self.num_output, inputs, self.kernel[0], self.kernel[1]]);
        let y = b.conv(x, filters, cx.params.get(1).copied(), self.conv());
        vec![b.view(y, cx.top(0).clone())]
    }

    fn detail(&self) -> String {
        format!("{} connections", self.connections.len())
    }
}
