//! Torch's classes of pooling: the order of their arguments, and the Lua of their constructors and methods.

use super::lua::ceil_and_floor;

pub(super) const SPATIAL: &[&str] = &["kW", "kH", "dW", "dH", "padW", "padH"];

pub(super) const SPATIAL_DILATED: &[&str] =
    &["kW", "kH", "dW", "dH", "padW", "padH", "dilationW", "dilationH"];

pub(super) const VOLUMETRIC: &[&str] =
    &["kT", "kW", "kH", "dT", "dW", "dH", "padT", "padW", "padH"];

pub(super) const VOLUMETRIC_DILATED: &[&str] = &[
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

pub(super) const SPATIAL_MAX_POOLING: &str = concat!(
    r#"
function Class:__init(kW, kH, dW, dH, padW, padH)
   Parent.__init(self)
   self.kW, self.kH = kW, kH
   self.dW, self.dH = dW or kW, dH or kH
   self.padW, self.padH = padW or 0, padH or 0
   self.ceil_mode = false
   self.indices = torch.LongTensor()
end
function Class:windowText()
   local text = string.format('%dx%d, %d,%d', self.kW, self.kH, self.dW, self.dH)
   if self.padW == 0 and self.padH == 0 then
      return text
   end
   return text .. string.format(', %d,%d', self.padW, self.padH)
end
function Class:__tostring__()
   return torch.type(self) .. '(' .. self:windowText() .. ')'
end
"#,
    ceil_and_floor!()
);

pub(super) const STOCHASTIC_POOLING: &str = r#"
function Class:__init(kW, kH, dW, dH)
   Parent.__init(self, kW, kH, dW, dH)
   self.ceil_mode = true
   self:cuda()
end
"#;

pub(super) const DILATED_MAX_POOLING: &str = r#"
function Class:__init(kW, kH, dW, dH, padW, padH, dilationW, dilationH)
   Parent.__init(self, kW, kH, dW, dH, padW, padH)
   self.dilationW = dilationW or 1
   self.dilationH = dilationH or 1
end
function Class:windowText()
   return Parent.windowText(self) .. string.format(', %d,%d', self.dilationW, self.dilationH)
end
"#;

pub(super) const SPATIAL_AVERAGE_POOLING: &str = concat!(
    r#"
function Class:__init(kW, kH, dW, dH, padW, padH)
   Parent.__init(self)
   self.kW, self.kH = kW, kH
   self.dW, self.dH = dW or 1, dH or 1
   self.padW, self.padH = padW or 0, padH or 0
   self.ceil_mode = false
   self.count_include_pad = true
   self.divide = true
end
function Class:setCountIncludePad()
   self.count_include_pad = true
   return self
end
function Class:setCountExcludePad()
   self.count_include_pad = false
   return self
end
function Class:__tostring__()
   local text = string.format('%s(%dx%d, %d,%d', torch.type(self), self.kW, self.kH, self.dW, self.dH)
   if self.padW ~= 0 or self.padH ~= 0 then
      text = text .. string.format(', %d,%d', self.padW, self.padH)
   end
   return text .. ')'
end
"#,
    ceil_and_floor!()
);

pub(super) const CUDNN_AVERAGE_POOLING: &str = r#"
function Class:__init(kW, kH, dW, dH, padW, padH)
   Parent.__init(self, kW, kH, dW or kW, dH or kH, padW, padH)
end
"#;

pub(super) const ROUNDS_UP: &str = r#"
function Class:__init(...)
   Parent.__init(self, ...)
   self.ceil_mode = true
end
"#;

pub(super) const VOLUMETRIC_POOLING: &str = concat!(
    r#"
function Class:__init(kT, kW, kH, dT, dW, dH, padT, padW, padH)
   Parent.__init(self)
   self.kT, self.kW, self.kH = kT, kW, kH
   self.dT, self.dW, self.dH = dT or kT, dW or kW, dH or kH
   self.padT, self.padW, self.padH = padT or 0, padW or 0, padH or 0
   self.ceil_mode = false
   self.count_include_pad = true
   self.indices = torch.LongTensor()
end
function Class:setCountIncludePad()
   self.count_include_pad = true
   return self
end
function Class:setCountExcludePad()
   self.count_include_pad = false
   return self
end
function Class:__tostring__()
   local text = string.format('%s(%dx%dx%d, %d,%d,%d', torch.type(self), self.kT, self.kW, self.kH,
      self.dT, self.dW, self.dH)
   if self.padT ~= 0 or self.padW ~= 0 or self.padH ~= 0 then
      text = text .. string.format(', %d,%d,%d', self.padT, self.padW, self.padH)
   end
   return text .. ')'
end
"#,
    ceil_and_floor!()
);

pub(super) const VOLUMETRIC_DILATED_POOLING: &str = r#"
function Class:__init(kT, kW, kH, dT, dW, dH, padT, padW, padH, dilationT, dilationW, dilationH)
   Parent.__init(self, kT, kW, kH, dT, dW, dH, padT, padW, padH)
   self.dilationT, self.dilationW, self.dilationH = dilationT or 1, dilationW or 1, dilationH or 1
end
function Class:__tostring__()
   local dilation = string.format(', %d,%d,%d', self.dilationT, self.dilationW, self.dilationH)
   return (Parent.__tostring__(self):gsub('%)$', dilation .. ')'))
end
"#;

pub(super) const TEMPORAL_MAX_POOLING: &str = r#"
function Class:__init(kW, dW)
   Parent.__init(self)
   self.kW, self.dW = kW, dW or kW
end
"#;
