-- Modules of nn that are chains of other modules.
local torch, nn = ...

---------------------------------------------------------------- nn.SpatialLPPooling
local LPPooling, Parent = torch.class('nn.SpatialLPPooling', 'nn.Sequential')

function LPPooling:__init(nInputPlane, pnorm, kW, kH, dW, dH)
   Parent.__init(self)
   self.kW, self.kH = kW, kH
   self.dW, self.dH = dW or kW, dH or kH
   self:add(pnorm == 2 and nn.Square() or nn.Power(pnorm))
   self:add(nn.SpatialAveragePooling(kW, kH, self.dW, self.dH))
   self:add(nn.MulConstant(kW * kH))
   self:add(pnorm == 2 and nn.Sqrt() or nn.Power(1 / pnorm))
end

---------------------------------------------------------------- nn.LayerNormalization
local LayerNormalization = torch.class('nn.LayerNormalization', 'nn.Sequential')

function LayerNormalization:__init(nOutput, bias, eps, affine)
   Parent.__init(self)
   local mean = nn.Sequential():add(nn.Mean(1, 1)):add(nn.Replicate(nOutput, 1, 1))
   self:add(nn.ConcatTable():add(nn.Identity()):add(mean))
   self:add(nn.CSubTable())
   self:add(nn.Normalize(2, eps or 1e-10))
   self:add(nn.MulConstant(math.sqrt(nOutput)))
   if affine == nil or affine then
      local gain, shift = nn.CMul(nOutput), nn.Add(nOutput, false)
      gain.weight:fill(1)
      shift.bias:fill(bias or 0)
      self:add(gain):add(shift)
   end
end

---------------------------------------------------------------- nn.Maxout
local Maxout = torch.class('nn.Maxout', 'nn.Sequential')

function Maxout:__init(inputSize, outputSize, maxoutNumber, preprocess)
   Parent.__init(self)
   self.outputSize = outputSize
   self.maxoutNumber = maxoutNumber
   self:add(preprocess or nn.Linear(inputSize, outputSize * maxoutNumber))
   self:add(nn.View(maxoutNumber, outputSize):setNumInputDims(1))
   self:add(nn.Max(1, 2))
end

---------------------------------------------------------------- nn.Inception (dpnn)
-- Branches of a 1 x 1 convolution and a larger one, one of pooling, and one of a 1 x 1 convolution.
local Inception = torch.class('nn.Inception', 'nn.Decorator')

function Inception:__init(config)
   local inputSize, outputSize, reduceSize = config.inputSize, config.outputSize, config.reduceSize
   if not inputSize or not outputSize or not reduceSize then
      error('nn.Inception needs inputSize, outputSize and reduceSize', 3)
   end
   local reduceStride = config.reduceStride or {}
   local transfer = config.transfer or nn.ReLU()
   local kernelSize, kernelStride = config.kernelSize or {5, 3}, config.kernelStride or {1, 1}
   local padding = config.padding == nil or config.padding
   local function convolve(branch, from, to, size, stride, pad)
      branch:add(nn.SpatialConvolution(from, to, size, size, stride, stride, pad, pad))
      if config.batchNorm then branch:add(nn.SpatialBatchNormalization(to)) end
      branch:add(transfer:clone())
   end
   local function reduce(branch, i)
      convolve(branch, inputSize, reduceSize[i], 1, reduceStride[i] or 1, 0)
   end
   local branches = nn.DepthConcat(2)
   for i, size in ipairs(kernelSize) do
      local branch = nn.Sequential()
      reduce(branch, i)
      local pad = padding and math.floor(size / 2) or 0
      convolve(branch, reduceSize[i], outputSize[i], size, kernelStride[i], pad)
      branches:add(branch)
   end
   local last = #kernelSize + 1
   local pooled = nn.Sequential():add(config.pool or nn.SpatialMaxPooling(3, 3, 1, 1, 1, 1))
   if reduceSize[last] then reduce(pooled, last) end
   branches:add(pooled)
   if reduceSize[last + 1] then
      local branch = nn.Sequential()
      reduce(branch, last + 1)
      branches:add(branch)
   end
   nn.Decorator.__init(self, branches)
end

---------------------------------------------------------------- nn.tables
-- Tables of connections for nn.SpatialConvolutionMap: pairs of an input and an output plane.
nn.tables = {}

function nn.tables.full(nin, nout)
   local pairs = torch.Tensor(nin * nout, 2)
   for o = 1, nout do
      for i = 1, nin do
         local pair = pairs[(o - 1) * nin + i]
         pair[1], pair[2] = i, o
      end
   end
   return pairs
end

function nn.tables.oneToOne(nfeat)
   local pairs = torch.Tensor(nfeat, 2)
   for i = 1, nfeat do
      pairs[i][1], pairs[i][2] = i, i
   end
   return pairs
end

function nn.tables.random(nin, nout, nto)
   local pairs = torch.Tensor(nto * nout, 2)
   for o = 1, nout do
      local order = torch.randperm(nin)
      for k = 1, nto do
         local pair = pairs[(o - 1) * nto + k]
         pair[1], pair[2] = order[(k - 1) % nin + 1], o
      end
   end
   return pairs
end

---------------------------------------------------------------- nn.FireModule (dpnn)
local Fire = torch.class('nn.FireModule', 'nn.Decorator')

function Fire:__init(nInputPlane, s1x1, e1x1, e1x3, activation)
   self.nInputPlane, self.s1x1, self.e1x1, self.e1x3 = nInputPlane, s1x1, e1x1, e1x3
   self.activation = activation or 'ReLU'
   local expand = nn.Concat(2)
   expand:add(nn.SpatialConvolution(s1x1, e1x1, 1, 1))
   expand:add(nn.SpatialConvolution(s1x1, e1x3, 3, 3, 1, 1, 1, 1))
   local chain = nn.Sequential():add(nn.SpatialConvolution(nInputPlane, s1x1, 1, 1))
   chain:add(nn[self.activation]()):add(expand):add(nn[self.activation]())
   nn.Decorator.__init(self, chain)
end

---------------------------------------------------------------- cudnn.ClippedReLU
local Clipped, HardTanh = torch.class('nn.ClippedReLU', 'nn.HardTanh')

function Clipped:__init(ceiling, inplace)
   -- The first versions took them the other way round.
   if type(ceiling) == 'boolean' then ceiling, inplace = inplace, ceiling end
   if not ceiling then error('a ceiling is needed', 3) end
   HardTanh.__init(self, 0, ceiling, inplace)
end

---------------------------------------------------------------- inn.SpatialPyramidPooling
-- The maxima of grids of several sizes, each grid as one row.
local Pyramid, Concat = torch.class('nn.SpatialPyramidPooling', 'nn.Concat')

function Pyramid:__init(...)
   Concat.__init(self, 1)
   local grids = {...}
   if type(grids[1][1]) == 'table' then grids = grids[1] end
   self.pyr = grids
   for _, grid in ipairs(grids) do
      self:add(nn.Sequential():add(nn.SpatialAdaptiveMaxPooling(grid[1], grid[2]))
         :add(nn.View(-1):setNumInputDims(3)):add(nn.Contiguous()))
   end
end
function Pyramid:updateOutput(input)
   self.dimension = input:dim() - 2
   return Concat.updateOutput(self, input)
end

---------------------------------------------------------------- nn.IndexLinear
-- A linear layer of inputs of which keys say where numbers stand, all else being zero: pairs of keys and numbers.
local IndexLinear, Module = torch.class('nn.IndexLinear', 'nn.Module')

function IndexLinear:__init(inputSize, outputSize, doGradInput, keysOffset, weight, bias, normalize)
   Module.__init(self)
   if normalize then error('nn.IndexLinear with normalize is not supported', 3) end
   self.weight = weight or torch.Tensor(inputSize, outputSize):zero()
   self.bias = bias or torch.Tensor(outputSize):zero()
   self.inputSize, self.outputSize = self.weight:size(1), self.weight:size(2)
   self.gradWeight, self.gradBias = torch.Tensor():resizeAs(self.weight):zero(), torch.Tensor():resizeAs(self.bias):zero()
   self.doGradInput, self.offset = doGradInput or false, keysOffset and keysOffset - 1 or -1
end
function IndexLinear:reset(stdv)
   stdv = stdv and stdv * math.sqrt(3) or 1 / math.sqrt(self.weight:size(2))
   self.weight:uniform(-stdv, stdv)
   self.bias:uniform(-stdv, stdv):mul(0.000001)
end
function IndexLinear:updateOutput(input)
   local keys, values = input[1], input[2]
   if type(input) ~= 'table' or keys == nil or values == nil then error('Wrong input format.') end
   if input[3] then error('nn.IndexLinear takes tables of keys and numbers here, not their lengths') end
   local function one(keys, values)
      local rows = self.weight:index(1, self.offset == -1 and keys or torch.add(keys, self.offset + 1))
      return torch.mm(values:view(1, values:size(1)), rows) + self.bias:view(1, self.outputSize)
   end
   if type(keys) == 'table' then
      local all = {}
      for i in ipairs(keys) do all[i] = one(keys[i], values[i]) end
      self.output = torch.cat(all, 1)
   else
      self.output = one(keys, values):view(self.outputSize)
   end
   return self.output
end
