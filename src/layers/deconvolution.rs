//! Deconvolution: the adjoint of a convolution, which makes images larger.

use super::convolution::Convolution;
use super::lua::{counts_or, no_bias, uniform_reset, volume_text, window_text};
use super::many_axes::deconvolve;
use super::prelude::*;

params! {
    /// The adjoint of a convolution with learned filters (Zeiler et al. 2010; Long et al. 2015 upsample with it).
    ///
    /// Input `N x C x spatial`, weights `C x num_output/group x kernel`, bias `num_output`; an output extent is
    /// stride (in - 1) + dilation (kernel - 1) + 1 - 2 pad
    /// + adjust. Several bottoms use the same weights, each for its own
    /// top.
    pub struct Deconvolution {
        /// The parameters of the convolution, with the number of channels that come out as `num_output`.
        conv: Convolution = Convolution::default(),
        /// Rows and columns more at the end, fewer than the stride; none or one per spatial axis.
        adjust: Vec<usize> = vec![],
    }
}

/// The description of [`Deconvolution`]; its parameters are those of [`Convolution`].
pub static SPEC: LayerSpec = LayerSpec {
    params: Convolution::DOCS.params,
    bottoms: Arity::at_least(1),
    tops: Arity::at_least(1),
    in_place: InPlace::Garbled,
    spellings: &[
        caffe("Deconvolution", |a| {
            Deconvolution { conv: Convolution::read(a), adjust: vec![] }.into()
        }),
        torch("nn.SpatialFullConvolution", SPATIAL, |a| {
            let adjust = counts_or(a, ["adjH", "adjW"], 0);
            Deconvolution::read_fields(a, Convolution::read_spatial(a), adjust).into()
        })
        .tensors(&["weight", "bias"])
        .script(SPATIAL_FULL_CONVOLUTION),
        torch("nn.VolumetricFullConvolution", VOLUMETRIC, |a| {
            let adjust = counts_or(a, ["adjT", "adjH", "adjW"], 0);
            Deconvolution::read_fields(a, Convolution::read_volumetric(a), adjust).into()
        })
        .tensors(&["weight", "bias"])
        .script(VOLUMETRIC_FULL_CONVOLUTION),
    ],
    ..LayerSpec::new("Deconvolution", Category::Convolution, Deconvolution::DOCS)
};

const SPATIAL: &[&str] =
    &["nInputPlane", "nOutputPlane", "kW", "kH", "dW", "dH", "padW", "padH", "adjW", "adjH"];

const VOLUMETRIC: &[&str] = &[
    "nInputPlane",
    "nOutputPlane",
    "kT",
    "kW",
    "kH",
    "dT",
    "dW",
    "dH",
    "padT",
    "padW",
    "padH",
    "adjT",
    "adjW",
    "adjH",
];

const SPATIAL_FULL_CONVOLUTION: &str = concat!(
    r#"
function Class:__init(nInputPlane, nOutputPlane, kW, kH, dW, dH, padW, padH, adjW, adjH)
   Parent.__init(self)
   self.nInputPlane, self.nOutputPlane = nInputPlane, nOutputPlane
   self.kW, self.kH = kW, kH
   self.dW, self.dH = dW or 1, dH or 1
   self.padW, self.padH = padW or 0, padH or 0
   self.adjW, self.adjH = adjW or 0, adjH or 0
   if self.adjW > self.dW - 1 or self.adjH > self.dH - 1 then
      error('adjW and adjH must be smaller than dW and dH', 3)
   end
   self.weight = torch.Tensor(nInputPlane, nOutputPlane, kH, kW)
   self.gradWeight = torch.Tensor(nInputPlane, nOutputPlane, kH, kW)
   self.bias = torch.Tensor(nOutputPlane)
   self.gradBias = torch.Tensor(nOutputPlane)
   self:reset()
end
"#,
    window_text!(),
    r#"
local plain = Class.windowText
function Class:windowText()
   local text = plain(self)
   if self.adjW == 0 and self.adjH == 0 then
      return text
   end
   return text .. string.format(', %s,%s', self.adjW, self.adjH)
end
"#,
    uniform_reset!("self.kW * self.kH * self.nInputPlane"),
    no_bias!()
);

const VOLUMETRIC_FULL_CONVOLUTION: &str = concat!(
    r#"
function Class:__init(nInputPlane, nOutputPlane, kT, kW, kH, dT, dW, dH, padT, padW, padH,
   adjT, adjW, adjH)
   Parent.__init(self)
   self.nInputPlane, self.nOutputPlane = nInputPlane, nOutputPlane
   self.kT, self.kW, self.kH = kT, kW, kH
   self.dT, self.dW, self.dH = dT or 1, dW or 1, dH or 1
   self.padT, self.padW, self.padH = padT or 0, padW or 0, padH or 0
   self.adjT, self.adjW, self.adjH = adjT or 0, adjW or 0, adjH or 0
   if self.adjT > self.dT - 1 or self.adjW > self.dW - 1 or self.adjH > self.dH - 1 then
      error('adjT, adjW and adjH must be smaller than dT, dW and dH', 3)
   end
   self.weight = torch.Tensor(nInputPlane, nOutputPlane, kT, kH, kW)
   self.gradWeight = torch.Tensor(nInputPlane, nOutputPlane, kT, kH, kW)
   self.bias = torch.Tensor(nOutputPlane)
   self.gradBias = torch.Tensor(nOutputPlane)
   self:reset()
end
"#,
    volume_text!(),
    uniform_reset!("self.kT * self.kW * self.kH * self.nInputPlane"),
    no_bias!()
);

impl Deconvolution {
    /// Reads the fields that only Torch's deconvolutions have.
    fn read_fields(a: &Args, conv: Convolution, adjust: Vec<usize>) -> Self {
        let strides = conv.stride.values.iter();
        if adjust.iter().zip(strides).any(|(adjust, stride)| stride <= adjust) {
            a.wrong("adjW", "adjustments must be smaller than the stride");
        }
        Deconvolution { conv, adjust }
    }
}

impl LayerOps for Deconvolution {
    fn check(&self, cx: &Infer) -> Result<(), Reported> {
        self.conv.check_numbers(cx)
    }

    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let (channel, conv) = self.conv.geometry(cx)?;
        cx.equal_bottoms()?;
        cx.one_top_per_bottom()?;
        let first = cx.bottom(0);
        let mut top = first.with(channel, self.conv.num_output);
        for (i, axis) in conv.axes.iter().enumerate() {
            let extent = first.dims()[channel + 1 + i];
            let adjust = self.adjust.get(i).copied().unwrap_or(0);
            match axis.deconvolved(extent, adjust) {
                Some(spread) if 0 < spread => top.0[channel + 1 + i] = spread,
                _ => {
                    let (reach, pad) = (axis.reach(), axis.pad_before);
                    let why = format!("{extent} windows of {reach}, less {pad} on both sides");
                    return cx.fail(&["pad", "pad_h"], format!("nothing is left of {why}"));
                }
            }
        }
        let mut weight = vec![first.dims()[channel], self.conv.num_output / conv.group];
        weight.extend(conv.axes.iter().map(|axis| axis.kernel));
        let tops = vec![top; cx.bottoms.len()];
        Ok(Signature { tops, params: self.conv.params(weight.into()) })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let (channel, conv) = self.conv.approved(&b.shape(cx.bottoms[0]).clone());
        let channels = b.shape(cx.bottoms[0]).dims()[channel];
        let mut filters = vec![channels, self.conv.num_output / conv.group];
        filters.extend(conv.axes.iter().map(|axis| axis.kernel));
        let (weight, bias) = self.conv.filters(b, cx.params, &filters);
        let mut tops = vec![];
        for &x in cx.bottoms {
            let x = Convolution::batched(b, x, channel);
            let mut shape = vec![b.shape(x).dims()[0]];
            shape.extend(&cx.top(0).dims()[channel..]);
            if shape.len() == 2 {
                shape.push(1);
            }
            let mut y = deconvolve(b, x, weight, conv.clone(), shape);
            if let Some(bias) = bias {
                let mut spread = vec![1; b.shape(y).rank()];
                spread[1] = self.conv.num_output;
                let bias = b.view(bias, spread);
                y = b.add(y, bias);
            }
            tops.push(b.view(y, cx.top(0).clone()));
        }
        tops
    }

    fn detail(&self) -> String {
        self.conv.detail()
    }
}
