-- Modules of nn that are chains of other modules.
local torch, nn = ...

---------------------------------------------------------------- nn.SpatialLPPooling
local LPPooling, Parent = torch.class('nn.SpatialLPPooling', 'nn.Sequential')

function LPPooling:__init(nInputPlane, pnorm, kW, kH, dW, dH)
   Parent.__init(self)
   self.kW, self.kH = kW, kH
   self.dW, self.dH = dW or 1, dH or 1
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
