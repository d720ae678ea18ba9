-- A small net in cudnn's words, whose sizes come from the options.
local nn = require 'nn'
require 'cunn'

local Convolution, ReLU = cudnn.SpatialConvolution, cudnn.ReLU

local function createModel(opt)
   assert(opt and opt.width)
   local planes = torch.Tensor{opt.width, 2 * opt.width}
   local model = nn.Sequential()
   model:add(Convolution(3, planes[1], 3, 3, 1, 1, 1, 1)):add(nn.SpatialBatchNormalization(planes[1])):add(ReLU(true))
   model:add(Convolution(planes[1], planes[2], 3, 3, 2, 2, 1, 1)):add(ReLU(true))
   model:add(cudnn.SpatialAveragePooling(16, 16, 1, 1))
   model:add(nn.View(planes[2]):setNumInputDims(3))
   model:add(nn.Linear(planes[2], 10))
   model:get(1).gradInput = nil
   return model
end

return createModel
