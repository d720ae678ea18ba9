-- Pixels to classes: an encoder whose pooling modules are found again for unpooling, and weights for the classes.
require 'nn'

local classes = {'unlabeled', 'road', 'person', 'car'}
local model = nn.Sequential()
local function bottleneck(input, output, downsample)
   local internal = output / 4
   local main, other, sum = nn.Sequential(), nn.Sequential(), nn.ConcatTable()
   sum:add(main):add(other)
   local stride = downsample and 2 or 1
   main:add(nn.SpatialConvolution(input, internal, stride, stride, stride, stride, 0, 0):noBias())
   main:add(nn.SpatialBatchNormalization(internal, 1e-3)):add(nn.PReLU(internal))
   main:add(nn.SpatialDilatedConvolution(internal, internal, 3, 3, 1, 1, 2, 2, 2, 2))
   main:add(nn.SpatialConvolution(internal, output, 1, 1):noBias())
   main:add(nn.SpatialBatchNormalization(output, 1e-3)):add(nn.SpatialDropout(0.01))
   other:add(nn.Identity())
   if downsample then other:add(nn.SpatialMaxPooling(2, 2, 2, 2)) end
   if input ~= output then other:add(nn.Padding(1, output - input, 3)) end
   return nn.Sequential():add(sum):add(nn.CAddTable()):add(nn.PReLU(output))
end
local start = nn.ConcatTable()
start:add(nn.SpatialConvolution(3, 13, 3, 3, 2, 2, 1, 1)):add(nn.SpatialMaxPooling(2, 2, 2, 2))
model:add(start):add(nn.JoinTable(1, 3)):add(nn.SpatialBatchNormalization(16, 1e-3))
model:add(bottleneck(16, 64, true))
for n = 1, 2 do model:add(bottleneck(64, 64)) end
local pools = {}
model:apply(function(module)
   if torch.typename(module):match('nn.SpatialMaxPooling') then table.insert(pools, module) end
end)
assert(#pools == 2, 'There should be 2 pooling modules')
model:add(nn.SpatialConvolution(64, 16, 1, 1))
model:add(nn.SpatialMaxUnpooling(pools[2]))
model:add(nn.SpatialFullConvolution(16, #classes, 3, 3, 2, 2, 1, 1, 1, 1))
local histogram = torch.Tensor{5, 60, 20, 15}
local share = histogram / histogram:sum()
local weights = torch.Tensor(#classes):fill(1)
for i = 1, #classes do
   if i == 1 then weights[i] = 0 else weights[i] = 1 / (torch.log(1.02 + share[i])) end
end
if torch.typename(model:get(1)) == 'nn.Sequential' then model:remove(#model.modules) end
return {model = model, loss = cudnn.SpatialCrossEntropyCriterion(weights):cuda()}
