-- The package dpnn: what its modules compute, written with nn's, and its methods of modules.
local torch, nn, native = ...
local loading = native.loading
native.loading = true
local Module = nn.Module

local function class(name, parent) return torch.class('nn.' .. name, 'nn.' .. parent) end
local function same(self) return self end

-- Copies that share parameters and their gradients, and with `stepClone` nothing else.
function Module:sharedClone() return self:clone('weight', 'bias', 'gradWeight', 'gradBias') end
Module.stepClone = Module.sharedClone
for _, name in ipairs({'gradParamClip', 'maxParamNorm', 'weightDecay', 'momentumGradParameters', 'updateGradParameters',
   'gradParamNorm', 'mediumSerial', 'heavySerial', 'lightSerial', 'reinforce', 'setnn'}) do
   Module[name] = same
end

local Clip = class('Clip', 'Module')
function Clip:__init(minval, maxval)
   if torch.type(minval) ~= 'number' or torch.type(maxval) ~= 'number' then error('two numbers are needed', 3) end
   Module.__init(self)
   self.minval, self.maxval = minval, maxval
end
function Clip:updateOutput(input)
   self.output = torch.clamp(input, self.minval, self.maxval)
   return self.output
end
function Clip:updateGradInput(_, gradOutput)
   self.gradInput = gradOutput
   return gradOutput
end

-- All or nothing of each sample.
local Total = class('TotalDropout', 'Module')
function Total:__init(p)
   Module.__init(self)
   self.p, self.train = p or 0.5, true
   if self.p >= 1 or self.p < 0 then error('the probability must be at least 0 and less than 1', 3) end
end
function Total:updateOutput(input)
   self.output = input
   if self.train then self.output = input * torch.Tensor(1):bernoulli(1 - self.p)[1] end
   return self.output
end

---------------------------------------------------------------- what needs no reward
-- The position of the largest number along a dimension, the first among equals.
local ArgMax = class('ArgMax', 'Module')
function ArgMax:__init(dim, nInputDim, asLong)
   Module.__init(self)
   self.dim, self.nInputDim = dim or 1, nInputDim or 9999
   self.asLong = asLong == nil or asLong
end
function ArgMax:updateOutput(input)
   local dim = input:dim() > self.nInputDim and self.dim + 1 or self.dim
   local count, shape = input:size(dim), {}
   for d = 1, input:dim() do shape[d] = d == dim and count or 1 end
   local places = torch.range(1, count):view(torch.LongStorage(shape)):expandAs(input)
   local largest = torch.eq(input, torch.max(input, dim):expandAs(input)):typeAs(input)
   -- Places of smaller numbers lie beyond the last one.
   local beyond = torch.add(torch.mul(largest, -count), count)
   self.output = torch.min(torch.add(beyond, places), dim)
   if input:dim() > 1 then self.output = self.output:select(dim, 1) end
   return self.output
end
function ArgMax:updateGradInput(input)
   self.gradInput = torch.mul(input, 0)
   return self.gradInput
end
local Feat = class('SpatialFeatNormalization', 'Module')
function Feat:__init(mean, std)
   Module.__init(self)
   if mean:dim() ~= 1 then error('the means must be a vector', 3) end
   self.mean, self.noOfFeats = mean:clone(), mean:size(1)
   self.std = std and std:clone() or torch.Tensor(self.noOfFeats):fill(1)
end
function Feat:updateOutput(input)
   local axis = input:dim() - 2
   if axis < 1 or axis > 2 then error('images or a batch of images expected') end
   if input:size(axis) ~= self.noOfFeats then error('there are means for ' .. self.noOfFeats .. ' planes') end
   local shape = axis == 2 and {1, self.noOfFeats, 1, 1} or {self.noOfFeats, 1, 1}
   local function spread(numbers) return numbers:view(torch.LongStorage(shape)):expandAs(input) end
   self.output = torch.cdiv(torch.add(input, -1, spread(self.mean)), spread(self.std))
   return self.output
end
-- Classes are -1 and 1, inputs are scores.
local Logistic = class('BinaryLogisticRegression', 'Criterion')
function Logistic:__init(sizeAverage)
   nn.Criterion.__init(self)
   self.sizeAverage = sizeAverage == nil or sizeAverage
end
function Logistic:updateOutput(input, target)
   if input:nElement() ~= target:nElement() then error('as many scores as classes expected') end
   local count = input:nElement()
   local costs = torch.log(torch.add(torch.exp(torch.mul(torch.cmul(input:view(-1), target:view(-1)), -1)), 1))
   self.output = costs:sum() / (self.sizeAverage and count or 1)
   return self.output
end

-- A score for every pixel; half of the mean over all of them, or over those of one image.
local Spatial = class('SpatialBinaryLogisticRegression', 'BinaryLogisticRegression')
function Spatial:__init() Logistic.__init(self) end
function Spatial:updateOutput(input, target)
   local records = input:dim() == 4 and input:size(1) or 1
   local divisor = 2 * (self.sizeAverage and 1 or input:nElement() / records)
   self.output = Logistic.updateOutput(self, input, target) / divisor
   return self.output
end

---------------------------------------------------------------- reinforcement
-- Samples that learn from a reward: what they draw can be followed, what the reward teaches them cannot.
local Reinforce = class('Reinforce', 'Module')
function Reinforce:__init(stochastic)
   Module.__init(self)
   self.stochastic, self.train = stochastic, true
end
local function draws(self) return self.stochastic or self.train ~= false end

local Normal = class('ReinforceNormal', 'Reinforce')
function Normal:__init(stdev, stochastic)
   Reinforce.__init(self, stochastic)
   self.stdev = stdev
end
function Normal:updateOutput(input)
   local mean, stdev = input, self.stdev
   if type(input) == 'table' then mean, stdev = input[1], input[2] end
   self.output = torch.Tensor():resizeAs(mean):copy(mean)
   if draws(self) then
      local noise = torch.Tensor():resizeAs(mean):normal()
      if type(stdev) == 'number' then noise:mul(stdev) else noise:cmul(stdev) end
      self.output:add(noise)
   end
   return self.output
end
local Bernoulli = class('ReinforceBernoulli', 'Reinforce')
function Bernoulli:updateOutput(input)
   if draws(self) then
      self.output = torch.Tensor():resizeAs(input):bernoulli(input)
   else
      self.output = torch.Tensor():resizeAs(input):copy(input)
   end
   return self.output
end
-- The reward changes what the module gets for a gradient; without one it gets nothing.
for _, Class in ipairs({Normal, Bernoulli}) do
   function Class:updateGradInput(input, gradOutput)
      if type(input) == 'table' then return {torch.mul(gradOutput, 0), torch.mul(gradOutput, 0)} end
      return torch.mul(gradOutput, 0)
   end
end
for _, name in ipairs({'ReinforceGamma', 'ReinforceCategorical', 'VRClassReward', 'BinaryClassReward', 'NCEModule',
   'NCECriterion', 'SpatialGlimpse', 'SpatialBinaryConvolution', 'SoftMaxTree', 'TreeNLLCriterion', 'Kmeans',
   'PCAColorTransform', 'SimpleColorTransform', 'SpatialRegionDropout',
   'CategoricalEntropy', 'SpatialUniformCrop'}) do
   native.unsupported('nn.' .. name, 'of the package dpnn')
end
native.loading = loading
return nn
