-- Densely connected nets: functions that are global for the whole program, planes that grow in a loop, and blocks whose
-- input is joined to their output.
require 'nn'
require 'cunn'
require 'cudnn'

function DenseLayer(planes, opt)
   local net = nn.Sequential()
   net:add(cudnn.SpatialBatchNormalization(planes))
   net:add(cudnn.ReLU(true))
   if opt.bottleneck then
      net:add(cudnn.SpatialConvolution(planes, 4 * opt.growthRate, 1, 1, 1, 1, 0, 0))
      planes = 4 * opt.growthRate
      if opt.dropRate > 0 then net:add(nn.Dropout(opt.dropRate)) end
      net:add(cudnn.SpatialBatchNormalization(planes))
      net:add(cudnn.ReLU(true))
   end
   net:add(cudnn.SpatialConvolution(planes, opt.growthRate, 3, 3, 1, 1, 1, 1))
   if opt.dropRate > 0 then net:add(nn.Dropout(opt.dropRate)) end
   return nn.Sequential()
      :add(nn.Concat(2):add(nn.Identity()):add(net))
end

function addTransition(model, planes, after, opt, last, size)
   model:add(cudnn.SpatialBatchNormalization(planes))
   model:add(cudnn.ReLU(true))
   if last then
      model:add(cudnn.SpatialAveragePooling(size, size))
      model:add(nn.Reshape(planes))
   else
      model:add(cudnn.SpatialConvolution(planes, after, 1, 1, 1, 1, 0, 0))
      if opt.dropRate > 0 then model:add(nn.Dropout(opt.dropRate)) end
      model:add(cudnn.SpatialAveragePooling(2, 2))
   end
end

return function(opt)
   local planes = 2 * opt.growthRate
   local model = nn.Sequential()
   if opt.depth == 121 then
      stages = {6, 12, 24, 16}
   elseif opt.depth == 169 then
      stages = {6, 12, 32, 32}
   end
   model:add(cudnn.SpatialConvolution(3, planes, 7, 7, 2, 2, 3, 3))
   model:add(cudnn.SpatialBatchNormalization(planes))
   model:add(cudnn.ReLU(true))
   model:add(nn.SpatialMaxPooling(3, 3, 2, 2, 1, 1))
   for i, count in ipairs(stages) do
      for _ = 1, count do
         model:add(DenseLayer(planes, opt))
         planes = planes + opt.growthRate
      end
      local after = math.floor(planes * opt.reduction)
      addTransition(model, planes, after, opt, i == #stages, 7)
      planes = i == #stages and planes or after
   end
   model:add(nn.Linear(planes, 1000))
   for _, m in ipairs(model:listModules()) do
      if torch.type(m) == 'cudnn.SpatialConvolution' then m:noBias() end
   end
   model:type(opt.tensorType)
   model:get(1).gradInput = nil
   return model
end
