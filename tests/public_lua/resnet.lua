-- Residual nets in the manner of training programs of 2016: a table of configurations, closures over the running number
-- of planes, shortcuts of three kinds, and an initialisation that finds its modules by name.
local nn = require 'nn'
require 'cunn'
require 'cudnn'

local Convolution = cudnn.SpatialConvolution
local Avg = cudnn.SpatialAveragePooling
local ReLU = cudnn.ReLU
local Max = nn.SpatialMaxPooling
local SBatchNorm = nn.SpatialBatchNormalization

local function create(opt)
   local depth, kind = opt.depth, opt.shortcutType or 'B'
   local planes

   local function shortcut(from, to, stride)
      if kind == 'C' or (kind == 'B' and from ~= to) then
         return nn.Sequential()
            :add(Convolution(from, to, 1, 1, stride, stride))
            :add(SBatchNorm(to))
      elseif from ~= to then
         -- Padding with zeros instead of a projection.
         return nn.Sequential()
            :add(nn.SpatialAveragePooling(1, 1, stride, stride))
            :add(nn.Concat(2)
               :add(nn.Identity())
               :add(nn.MulConstant(0)))
      else
         return nn.Identity()
      end
   end

   local function basic(n, stride)
      local from = planes
      planes = n
      local s = nn.Sequential()
      s:add(Convolution(from, n, 3, 3, stride, stride, 1, 1))
      s:add(SBatchNorm(n))
      s:add(ReLU(true))
      s:add(Convolution(n, n, 3, 3, 1, 1, 1, 1))
      s:add(SBatchNorm(n))
      return nn.Sequential()
         :add(nn.ConcatTable()
            :add(s)
            :add(shortcut(from, n, stride)))
         :add(nn.CAddTable(true))
         :add(ReLU(true))
   end

   local function bottleneck(n, stride)
      local from = planes
      planes = n * 4
      local s = nn.Sequential()
      s:add(Convolution(from, n, 1, 1, 1, 1, 0, 0))
      s:add(SBatchNorm(n))
      s:add(ReLU(true))
      s:add(Convolution(n, n, 3, 3, stride, stride, 1, 1))
      s:add(SBatchNorm(n))
      s:add(ReLU(true))
      s:add(Convolution(n, n * 4, 1, 1, 1, 1, 0, 0))
      s:add(SBatchNorm(n * 4))
      return nn.Sequential()
         :add(nn.ConcatTable():add(s):add(shortcut(from, n * 4, stride)))
         :add(nn.CAddTable(true))
         :add(ReLU(true))
   end

   local function layer(block, n, count, stride)
      local s = nn.Sequential()
      for i = 1, count do
         s:add(block(n, i == 1 and stride or 1))
      end
      return s
   end

   local model = nn.Sequential()
   if opt.dataset == 'imagenet' then
      local cfg = {
         [18] = {{2, 2, 2, 2}, 512, basic},
         [34] = {{3, 4, 6, 3}, 512, basic},
         [50] = {{3, 4, 6, 3}, 2048, bottleneck},
         [101] = {{3, 4, 23, 3}, 2048, bottleneck},
      }
      assert(cfg[depth], 'Invalid depth: ' .. tostring(depth))
      local def, features, block = table.unpack(cfg[depth])
      planes = 64
      print(' | ResNet-' .. depth .. ' ImageNet')
      model:add(Convolution(3, 64, 7, 7, 2, 2, 3, 3))
      model:add(SBatchNorm(64))
      model:add(ReLU(true))
      model:add(Max(3, 3, 2, 2, 1, 1))
      model:add(layer(block, 64, def[1], 1))
      model:add(layer(block, 128, def[2], 2))
      model:add(layer(block, 256, def[3], 2))
      model:add(layer(block, 512, def[4], 2))
      model:add(Avg(7, 7, 1, 1))
      model:add(nn.View(features):setNumInputDims(3))
      model:add(nn.Linear(features, 1000))
   elseif opt.dataset == 'cifar10' then
      assert((depth - 2) % 6 == 0, 'depth should be one of 20, 32, 44, 56, 110, 1202')
      local n = (depth - 2) / 6
      planes = 16
      model:add(Convolution(3, 16, 3, 3, 1, 1, 1, 1))
      model:add(SBatchNorm(16))
      model:add(ReLU(true))
      model:add(layer(basic, 16, n, 1))
      model:add(layer(basic, 32, n, 2))
      model:add(layer(basic, 64, n, 2))
      model:add(Avg(8, 8, 1, 1))
      model:add(nn.View(64):setNumInputDims(3))
      model:add(nn.Linear(64, 10))
   else
      error('invalid dataset: ' .. tostring(opt.dataset))
   end

   local function conv_init(name)
      for _, v in pairs(model:findModules(name)) do
         local n = v.kW * v.kH * v.nOutputPlane
         v.weight:normal(0, math.sqrt(2 / n))
         if cudnn.version >= 4000 then
            v.bias = nil
            v.gradBias = nil
         else
            v.bias:zero()
         end
      end
   end
   local function bn_init(name)
      for _, v in pairs(model:findModules(name)) do
         v.weight:fill(1)
         v.bias:zero()
      end
   end
   conv_init('cudnn.SpatialConvolution')
   conv_init('nn.SpatialConvolution')
   bn_init('fbnn.SpatialBatchNormalization')
   bn_init('cudnn.SpatialBatchNormalization')
   bn_init('nn.SpatialBatchNormalization')
   for _, v in pairs(model:findModules('nn.Linear')) do
      v.bias:zero()
   end
   model:cuda()
   if opt.cudnn == 'deterministic' then
      model:apply(function(m)
         if m.setMode then m:setMode(1, 1, 1) end
      end)
   end
   model:get(1).gradInput = nil
   return model
end

return create
