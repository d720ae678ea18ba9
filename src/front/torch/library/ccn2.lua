-- ccn2: cuda-convnet2's layers, for images with the batch last (planes, height, width, batch). Each is a chain that puts
-- the batch first, computes as nn does, and puts it back. Their windows may begin inside and end outside of the image.
local ccn2, nn, native = ...

local class = native.definer('ccn2', ccn2)

local function around(self, ...)
   nn.Sequential.__init(self)
   self:add(nn.Transpose({4, 1}, {4, 2}, {4, 3}))
   for _, module in ipairs({...}) do self:add(module) end
   self:add(nn.Transpose({1, 4}, {1, 3}, {1, 2}))
end

-- `partialSum` says how gradients are added up there, which changes no number.
class('SpatialConvolution', nn.Sequential).__init = function(self, nInputPlane, nOutputPlane, kH, dH, padding, groups, partialSum)
   dH, padding = dH or 1, padding or 0
   if nInputPlane > 3 and nInputPlane % 4 ~= 0 or nOutputPlane % 16 ~= 0 then
      error('ccn2.SpatialConvolution: the number of input planes must be 1, 2, 3 or a multiple of 4, that of output planes a multiple of 16', 3)
   end
   -- Zeros behind the image, so that windows that end outside count.
   local pad = nn.SpatialZeroPadding(padding, padding + dH - 1, padding, padding + dH - 1)
   local convolution = native.find('cudnn.SpatialConvolution')
   around(self, pad, convolution(nInputPlane, nOutputPlane, kH, kH, dH, dH, 0, 0, groups))
end

class('SpatialMaxPooling', nn.Sequential).__init = function(self, kW, dW)
   dW = dW or kW
   around(self, nn.SpatialMaxPooling(kW, kW, dW, dW):ceil())
end

class('SpatialAvgPooling', nn.Sequential).__init = function(self, kW, dW)
   dW = dW or kW
   around(self, nn.SpatialAveragePooling(kW, kW, dW, dW):ceil())
end

class('SpatialCrossResponseNormalization', nn.Sequential).__init = function(self, size, addScale, powScale, minDiv)
   around(self, nn.SpatialCrossMapLRN(size, addScale or 0.0001, powScale or 0.75, minDiv or 1))
end
