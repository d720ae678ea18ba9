-- Two images in two channels, each seen as a whole and at its centre, by towers that share their weights afterwards.
require 'nn'
local planes = {1, 96, 192, 256}

local function stream(first)
   local s = nn.Sequential()
   s:add(nn.Reshape(1, 64, 64)):add(first)
   s:add(nn.SpatialConvolution(planes[1], planes[2], 4, 4, 2, 2)):add(nn.ReLU())
   s:add(nn.SpatialMaxPooling(2, 2, 2, 2))
   for i = 2, 3 do
      s:add(nn.SpatialConvolution(planes[i], planes[i + 1], 3, 3)):add(nn.ReLU())
   end
   s:add(nn.SpatialConvolution(planes[4], planes[4], 3, 3)):add(nn.Reshape(planes[4]))
   return s
end

local eye = nn.Concat(2, 2)
eye:add(stream(nn.SpatialZeroPadding(-16, -16, -16, -16))):add(stream(nn.SpatialAveragePooling(2, 2, 2, 2)))
local siam = eye:clone()
eye:share(siam, 'weight', 'bias', 'gradWeight', 'gradBias')
local model = nn.Sequential():add(nn.Parallel(2, 2):add(eye):add(siam))
model:add(nn.Linear(planes[4] * 4, planes[4] * 4)):add(nn.ReLU()):add(nn.Linear(planes[4] * 4, 1))
return model
