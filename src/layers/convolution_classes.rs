//! Torch's classes of convolutions: the order of their arguments, and the Lua of their constructors and methods.

use super::lua::{no_bias, uniform_reset, volume_text, window_text};

pub(super) const SPATIAL: &[&str] =
    &["nInputPlane", "nOutputPlane", "kW", "kH", "dW", "dH", "padW", "padH"];

pub(super) const SPATIAL_GROUPS: &[&str] =
    &["nInputPlane", "nOutputPlane", "kW", "kH", "dW", "dH", "padW", "padH", "groups"];

pub(super) const SPATIAL_DILATED: &[&str] = &[
    "nInputPlane",
    "nOutputPlane",
    "kW",
    "kH",
    "dW",
    "dH",
    "padW",
    "padH",
    "dilationW",
    "dilationH",
];

pub(super) const VOLUMETRIC: &[&str] =
    &["nInputPlane", "nOutputPlane", "kT", "kW", "kH", "dT", "dW", "dH", "padT", "padW", "padH"];

pub(super) const VOLUMETRIC_DILATED: &[&str] = &[
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
    "dilationT",
    "dilationW",
    "dilationH",
];

/// The script of a convolution of images whose weight and bias have these extents.
macro_rules! of_images {
    ($weight:literal, $bias:literal) => {
        concat!(
            "
function Class:__init(nInputPlane, nOutputPlane, kW, kH, dW, dH, padW, padH)
   Parent.__init(self)
   self.nInputPlane, self.nOutputPlane = nInputPlane, nOutputPlane
   self.kW, self.kH = kW, kH
   self.dW, self.dH = dW or 1, dH or 1
   self.padW = padW or 0
   self.padH = padH or self.padW
   self.weight = torch.Tensor(",
            $weight,
            ")
   self.bias = torch.Tensor(",
            $bias,
            ")
   self.gradWeight = torch.Tensor(",
            $weight,
            ")
   self.gradBias = torch.Tensor(",
            $bias,
            ")
   self:reset()
end
",
            window_text!(),
            uniform_reset!("self.kW * self.kH * self.nInputPlane"),
            no_bias!()
        )
    };
}

pub(super) const SPATIAL_CONVOLUTION: &str =
    of_images!("nOutputPlane, nInputPlane, kH, kW", "nOutputPlane");

pub(super) const CUDNN_CONVOLUTION: &str = r#"
function Class:__init(nInputPlane, nOutputPlane, kW, kH, dW, dH, padW, padH, groups)
   groups = groups or 1
   if nInputPlane % groups ~= 0 or nOutputPlane % groups ~= 0 then
      error(string.format('%d input and %d output planes cannot form %d groups',
         nInputPlane, nOutputPlane, groups), 3)
   end
   Parent.__init(self, nInputPlane, nOutputPlane, kW, kH, dW, dH, padW, padH)
   if groups ~= 1 then
      self.weight = torch.Tensor(nOutputPlane, nInputPlane / groups, kH, kW)
      self.gradWeight = torch.Tensor(nOutputPlane, nInputPlane / groups, kH, kW)
   end
   self.groups = groups
   self:reset()
end
function Class:fastest()
   return self
end
function Class:setMode()
   return self
end
function Class:resetMode()
   return self
end
"#;

pub(super) const CONVOLUTION_MM: &str =
    of_images!("nOutputPlane, nInputPlane * kH * kW", "nOutputPlane");

pub(super) const DILATED_CONVOLUTION: &str = r#"
function Class:__init(nInputPlane, nOutputPlane, kW, kH, dW, dH, padW, padH, dilationW, dilationH)
   Parent.__init(self, nInputPlane, nOutputPlane, kW, kH, dW, dH, padW, padH)
   self.dilationW = dilationW or 1
   self.dilationH = dilationH or 1
end
function Class:windowText()
   return Parent.windowText(self) .. string.format(', %d,%d', self.dilationW, self.dilationH)
end
"#;

pub(super) const DEPTH_WISE_CONVOLUTION: &str =
    of_images!("nOutputPlane, nInputPlane * kH * kW", "nOutputPlane, nInputPlane");

pub(super) const VOLUMETRIC_CONVOLUTION: &str = concat!(
    r#"
function Class:__init(nInputPlane, nOutputPlane, kT, kW, kH, dT, dW, dH, padT, padW, padH)
   Parent.__init(self)
   self.nInputPlane, self.nOutputPlane = nInputPlane, nOutputPlane
   self.kT, self.kW, self.kH = kT, kW, kH
   self.dT, self.dW, self.dH = dT or 1, dW or 1, dH or 1
   self.padT = padT or 0
   self.padW = padW or self.padT
   self.padH = padH or self.padW
   self.weight = torch.Tensor(nOutputPlane, nInputPlane, kT, kH, kW)
   self.bias = torch.Tensor(nOutputPlane)
   self.gradWeight = torch.Tensor(nOutputPlane, nInputPlane, kT, kH, kW)
   self.gradBias = torch.Tensor(nOutputPlane)
   self:reset()
end
"#,
    volume_text!(),
    uniform_reset!("self.kT * self.kW * self.kH * self.nInputPlane"),
    no_bias!()
);

pub(super) const VOLUMETRIC_DILATED_CONVOLUTION: &str = r#"
function Class:__init(nInputPlane, nOutputPlane, kT, kW, kH, dT, dW, dH, padT, padW, padH,
   dilationT, dilationW, dilationH)
   Parent.__init(self, nInputPlane, nOutputPlane, kT, kW, kH, dT, dW, dH, padT, padW, padH)
   self.dilationT, self.dilationW, self.dilationH = dilationT or 1, dilationW or 1, dilationH or 1
end
function Class:__tostring__()
   local dilation = string.format(', %d,%d,%d', self.dilationT, self.dilationW, self.dilationH)
   return (Parent.__tostring__(self):gsub('%)', dilation .. ')', 1))
end
"#;
