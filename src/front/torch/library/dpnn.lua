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
   'PCAColorTransform', 'SimpleColorTransform', 'SpatialRegionDropout', 'SpatialFeatNormalization',
   'SpatialBinaryLogisticRegression', 'ArgMax', 'CategoricalEntropy', 'SpatialUniformCrop', 'BinaryLogisticRegression'}) do
   native.unsupported('nn.' .. name, 'of the package dpnn')
end
native.loading = loading
return nn
