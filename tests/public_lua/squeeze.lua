-- Small convolutions and wide ones joined, and a fully convolutional head.
require 'cudnn'
local ReLU, conv = cudnn.ReLU, cudnn.SpatialConvolution
local function fire(ch, s, e)
   local net = nn.Sequential()
   net:add(conv(ch, s, 1, 1)):add(ReLU(true))
   local exp = nn.Concat(2)
   exp:add(nn.Sequential():add(conv(s, e, 1, 1)))
   exp:add(nn.Sequential():add(conv(s, e, 3, 3, 1, 1, 1, 1)))
   return net:add(exp):add(ReLU(true))
end
function createModel(nGPU)
   local net = nn.Sequential()
   net:add(conv(3, 96, 7, 7, 2, 2, 0, 0)):add(ReLU(true))
   net:add(nn.SpatialMaxPooling(3, 3, 2, 2):ceil())
   net:add(fire(96, 16, 64)):add(fire(128, 16, 64)):add(fire(128, 32, 128))
   net:add(nn.SpatialMaxPooling(3, 3, 2, 2):ceil())
   net:add(fire(256, 32, 128)):add(fire(256, 48, 192)):add(fire(384, 48, 192)):add(fire(384, 64, 256))
   net:add(nn.SpatialMaxPooling(3, 3, 2, 2):ceil())
   net:add(fire(512, 64, 256)):add(nn.Dropout())
   net:add(conv(512, 1000, 1, 1)):add(ReLU(true))
   net:add(nn.SpatialAveragePooling(13, 13, 1, 1)):add(nn.View(1000)):add(nn.LogSoftMax())
   net:get(1).gradInput = nil
   local dpt = makeDataParallel(net, nGPU)
   dpt.imageSize, dpt.imageCrop = 256, 224
   return dpt
end
