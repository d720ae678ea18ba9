-- Inception blocks from nested tables, and two classifiers on one trunk whose outputs are joined.
require 'nn'

local function inception(from, config)
   local concat = nn.Concat(2)
   local function conv(into, a, b, size, pad)
      into:add(nn.SpatialConvolution(a, b, size, size, 1, 1, pad, pad))
      into:add(nn.SpatialBatchNormalization(b, 1e-3)):add(nn.ReLU(true))
      return into
   end
   if config[1][1] ~= 0 then
      concat:add(conv(nn.Sequential(), from, config[1][1], 1))
   end
   concat:add(conv(conv(nn.Sequential(), from, config[2][1], 1), config[2][1], config[2][2], 3, 1))
   local three = conv(conv(nn.Sequential(), from, config[3][1], 1), config[3][1], config[3][2], 3, 1)
   concat:add(conv(three, config[3][2], config[3][2], 3, 1))
   local pool = nn.Sequential():add(nn.SpatialZeroPadding(1, 1, 1, 1))
   if config[4][1] == 'max' then
      pool:add(nn.SpatialMaxPooling(3, 3, 1, 1):ceil())
   elseif config[4][1] == 'avg' then
      local l = nn.SpatialAveragePooling(3, 3, 1, 1)
      l = l:ceil()
      pool:add(l)
   else
      error('Unknown pooling')
   end
   if config[4][2] ~= 0 then conv(pool, from, config[4][2], 1) end
   concat:add(pool)
   return concat
end

return function(params)
   local channels = (params.inputShape and params.inputShape[1]) or 3
   local classes = params.nclasses or 1000
   if pcall(function() require('cudnn') end) then
      print('Using CuDNN backend')
      backend = cudnn
      convLayer = cudnn.SpatialConvolution
   else
      print('Failed to load cudnn backend')
      if pcall(function() require('cunn') end) then print('Falling back to legacy cunn backend') end
      backend = nn
      convLayer = nn.SpatialConvolutionMM
   end
   assert(params.ngpus <= 1, 'Model supports only one GPU')
   local trunk = nn.Sequential()
   trunk:add(convLayer(channels, 64, 7, 7, 2, 2, 3, 3)):add(nn.SpatialBatchNormalization(64, 1e-3))
   trunk:add(backend.ReLU(true)):add(backend.SpatialMaxPooling(3, 3, 2, 2):ceil())
   trunk:add(convLayer(64, 192, 3, 3, 1, 1, 1, 1)):add(nn.ReLU(true))
   trunk:add(backend.SpatialMaxPooling(3, 3, 2, 2):ceil())
   trunk:add(inception(192, {{64}, {64, 64}, {64, 96}, {'avg', 32}}))
   trunk:add(inception(256, {{64}, {64, 96}, {64, 96}, {'avg', 64}}))
   trunk:add(inception(320, {{0}, {128, 160}, {64, 96}, {'max', 0}}))
   local main = nn.Sequential()
   main:add(backend.SpatialAveragePooling(28, 28, 1, 1)):add(nn.View(-1):setNumInputDims(3))
   main:add(nn.Linear(576, classes)):add(nn.LogSoftMax())
   local aux = nn.Sequential()
   aux:add(backend.SpatialAveragePooling(5, 5, 3, 3)):add(convLayer(576, 128, 1, 1))
   aux:add(nn.View(-1):setNumInputDims(3)):add(nn.Linear(128 * 8 * 8, classes)):add(nn.LogSoftMax())
   local splitter = nn.Concat(2):add(main):add(aux)
   local model = nn.Sequential():add(trunk):add(splitter)
   for _, layer in ipairs(model:findModules('nn.SpatialConvolution')) do layer.bias:fill(0.2) end
   return {model = model, loss = nn.ClassNLLCriterion(), trainBatchSize = 32, validationBatchSize = 16}
end
