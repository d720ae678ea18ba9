-- Wide residual nets: pre-activation blocks with optional dropout, options that come as a global table, and a second
-- file with what several models share.
local nn = require 'nn'
local shared = paths.dofile 'layers/init.lua'

assert(opt and opt.depth)
assert(opt.widen_factor)

local Convolution = nn.SpatialConvolution
local ReLU = nn.ReLU
local SBatchNorm = nn.SpatialBatchNormalization

local function block_of(from, to, stride)
   local block, convs = nn.Sequential(), nn.Sequential()
   local params = {{3, 3, stride, stride, 1, 1}, {3, 3, 1, 1, 1, 1}}
   for i, v in ipairs(params) do
      if i == 1 then
         -- Where planes change the shortcut starts behind the first activation.
         local target = from == to and convs or block
         target:add(SBatchNorm(from)):add(ReLU(true))
         convs:add(Convolution(from, to, table.unpack(v)))
      else
         convs:add(SBatchNorm(to)):add(ReLU(true))
         if opt.dropout > 0 then
            convs:add(nn.Dropout(opt.dropout))
         end
         convs:add(Convolution(to, to, table.unpack(v)))
      end
   end
   local short = from == to and nn.Identity() or Convolution(from, to, 1, 1, stride, stride, 0, 0)
   return block
      :add(nn.ConcatTable():add(convs):add(short))
      :add(nn.CAddTable(true))
end

local function group(from, to, count, stride)
   local s = nn.Sequential()
   s:add(block_of(from, to, stride))
   for i = 2, count do s:add(block_of(to, to, 1)) end
   return s
end

local model = nn.Sequential()
do
   assert((opt.depth - 4) % 6 == 0)
   local n = (opt.depth - 4) / 6
   local k = opt.widen_factor
   local planes = torch.Tensor{16, 16 * k, 32 * k, 64 * k}
   model:add(Convolution(3, planes[1], 3, 3, 1, 1, 1, 1))
   for i = 1, 3 do
      model:add(group(planes[i], planes[i + 1], n, i == 1 and 1 or 2))
   end
   model:add(SBatchNorm(planes[4]))
   model:add(ReLU(true))
   model:add(nn.SpatialAveragePooling(8, 8, 1, 1))
   model:add(nn.View(planes[4]):setNumInputDims(3))
   model:add(nn.Linear(planes[4], opt.num_classes))
end

shared.disable_bias(model)
shared.test(model)
shared.fill(model)
return model
