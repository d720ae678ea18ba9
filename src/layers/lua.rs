//! What Torch's classes of layers share: Lua for their scripts, and reads of their fields.

use crate::spec::Args;

/// `Class:reset(stdv)`: weight and then bias uniform within `stdv` times the root of 3, by default within one over
/// the root of this Lua expression, the number of inputs of an output.
macro_rules! uniform_reset {
    ($inputs:literal) => {
        concat!(
            "
function Class:reset(stdv)
   if stdv then
      stdv = stdv * math.sqrt(3)
   else
      stdv = 1 / math.sqrt(",
            $inputs,
            ")
   end
   if self.weight then self.weight:uniform(-stdv, stdv) end
   if self.bias then self.bias:uniform(-stdv, stdv) end
   return self
end
"
        )
    };
}

/// `Class:noBias()`.
macro_rules! no_bias {
    () => {
        "
function Class:noBias()
   self.bias = nil
   self.gradBias = nil
   return self
end
"
    };
}

/// `Class:ceil()` and `Class:floor()`.
macro_rules! ceil_and_floor {
    () => {
        "
function Class:ceil()
   self.ceil_mode = true
   return self
end
function Class:floor()
   self.ceil_mode = false
   return self
end
"
    };
}

/// How a convolution of images prints: planes, the window, and stride and padding where they say something.
macro_rules! window_text {
    () => {
        "
function Class:windowText()
   local text = string.format('%d -> %d, %dx%d', self.nInputPlane, self.nOutputPlane, self.kW, self.kH)
   local padded = self.padW ~= 0 or self.padH ~= 0
   if padded or self.dW ~= 1 or self.dH ~= 1 then
      text = text .. string.format(', %d,%d', self.dW, self.dH)
   end
   return padded and text .. string.format(', %s,%s', self.padW, self.padH) or text
end
function Class:__tostring__()
   local text = torch.type(self) .. '(' .. self:windowText() .. ')'
   return self.bias and text or text .. ' without bias'
end
"
    };
}

/// How a convolution of volumes prints.
macro_rules! volume_text {
    () => {
        "
function Class:__tostring__()
   local text = string.format('%s(%d -> %d, %dx%dx%d', torch.type(self), self.nInputPlane,
      self.nOutputPlane, self.kT, self.kW, self.kH)
   local padded = self.padT ~= 0 or self.padW ~= 0 or self.padH ~= 0
   if padded or self.dT ~= 1 or self.dW ~= 1 or self.dH ~= 1 then
      text = text .. string.format(', %d,%d,%d', self.dT, self.dW, self.dH)
   end
   if padded then
      text = text .. string.format(', %d,%d,%d', self.padT, self.padW, self.padH)
   end
   return text .. ')' .. (self.bias and '' or ' without bias')
end
"
    };
}

pub(super) use {ceil_and_floor, no_bias, uniform_reset, volume_text, window_text};

/// The extents of a parameter of so many axes; complains about another number of them and about its absence.
pub fn extents<const AXES: usize>(a: &Args, key: &'static str) -> [usize; AXES] {
    let extents = a.usizes(key);
    if !a.has(key) {
        a.need::<usize>(key, None);
        return [0; AXES];
    }
    extents[..].try_into().unwrap_or_else(|_| {
        let axes = extents.len();
        a.wrong(key, format!("`{key}` has {axes} axes, and {AXES} are needed"));
        [0; AXES]
    })
}

/// A count that the constructor has stored; complains about its absence.
pub fn count(a: &Args, key: &'static str) -> usize {
    a.required(key, Args::usize)
}

/// Counts that the constructor has stored.
pub fn counts<const N: usize>(a: &Args, keys: [&'static str; N]) -> Vec<usize> {
    keys.into_iter().map(|key| count(a, key)).collect()
}

/// Counts that are a default where they are not stored.
pub fn counts_or<const N: usize>(a: &Args, keys: [&'static str; N], default: usize) -> Vec<usize> {
    keys.into_iter().map(|key| a.usize(key).unwrap_or(default)).collect()
}
