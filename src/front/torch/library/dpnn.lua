-- The package dpnn: what its modules compute, written with nn's, and its methods of modules.
local torch, nn, native = ...
local loading = native.loading
native.loading = true
require 'nnx'
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
   native.modes = true
   self.p, self.train = p or 0.5, true
   if self.p >= 1 or self.p < 0 then error('the probability must be at least 0 and less than 1', 3) end
end
function Total:updateOutput(input)
   self.output = input
   if self.train then self.output = input * torch.Tensor(1):bernoulli(1 - self.p)[1] end
   return self.output
end

-- The package gives nn.Dropout other arguments than nn: which noise it takes, for sequences.
local plain_dropout = nn.Dropout.__init
function nn.Dropout:__init(p, v1, inplace, lazy, mono, stochastic)
   if lazy or mono then error("nn.Dropout that is `lazy` or `mono`, of the package dpnn, is not known", 3) end
   plain_dropout(self, p, v1, inplace, stochastic)
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
-- Samples that learn from a reward (Williams 1992): a criterion of rewards is given what they drew.
local Reinforce = class('Reinforce', 'Module')
function Reinforce:__init(stochastic)
   Module.__init(self)
   native.modes = true
   self.stochastic, self.train = stochastic, true
end
local function draws(self) return self.stochastic or self.train ~= false end

-- Numbers for every item of a batch, if they are not those of the whole batch.
local function for_each(numbers, items)
   if type(numbers) == 'number' or numbers:dim() == items:dim() then return numbers end
   return numbers:view(1, unpack(numbers:size():totable())):expandAs(items)
end

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
      stdev = for_each(stdev, mean)
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
-- One of the classes whose probabilities are a row, as a code.
local Categorical = class('ReinforceCategorical', 'Reinforce')
function Categorical:updateOutput(input)
   if not draws(self) then
      self.output = torch.Tensor():resizeAs(input):copy(input)
      return self.output
   end
   local n, classes = input:size(1), input:size(2)
   -- The sums of the probabilities up to each class; the drawn number lies below one and not below the one before.
   local up_to = torch.triu(torch.ones(classes, classes))
   local upper = torch.mm(input, up_to)
   local drawn = torch.cmul(torch.Tensor(n, 1):uniform(), input:sum(2)):expand(n, classes)
   self.output = (torch.gt(upper, drawn):typeAs(input) - torch.gt(upper - input, drawn):typeAs(input))
   return self.output
end
-- What comes back through a module teaches it nothing.
for _, Class in ipairs({Normal, Bernoulli, Categorical}) do
   function Class:updateGradInput(input, gradOutput)
      if type(input) == 'table' then return {torch.mul(gradOutput, 0), torch.mul(gradOutput, 0)} end
      return torch.mul(gradOutput, 0)
   end
end
-- How the logarithm of the probability of what was drawn changes with what it was drawn from.
local tiny = 0.00000001
function Normal:slopes(input, drawn)
   local mean, stdev = input, self.stdev
   if type(input) == 'table' then mean, stdev = input[1], input[2] end
   local gap = torch.add(drawn, -1, mean)
   local spread = for_each(stdev, mean)
   if type(spread) == 'number' then return torch.div(gap, spread ^ 2) end
   local slope = torch.cdiv(torch.cdiv(gap, spread), spread)
   if type(input) ~= 'table' then return slope end
   local square = torch.cmul(stdev, stdev)
   return {slope, torch.cdiv(torch.add(torch.pow(gap, 2), -1, square), torch.add(torch.cmul(square, stdev), tiny))}
end
function Bernoulli:slopes(input, drawn)
   return torch.cdiv(torch.add(drawn, -1, input), torch.cmul(input, torch.add(torch.mul(input, -1), 1)))
end
function Categorical:slopes(input, drawn) return torch.cdiv(drawn, torch.add(input, tiny)) end

local function constant(tensor) return nn.ZeroGrad():updateOutput(tensor) end
-- 0, with the gradient of a number.
local function only_gradient(number)
   local tensor = native.late_tensor(number)
   return tensor and number - native.late(constant(tensor)) or 0
end

-- A reward for each sample of the batch, less what was to be expected, which is learned.
local Reward = class('VRClassReward', 'Criterion')
Reward.__rewards = true
function Reward:__init(module, scale, criterion)
   nn.Criterion.__init(self)
   if not torch.isTypeOf(module, 'nn.Module') then error('the module that is rewarded is needed', 3) end
   self.module, self.scale, self.criterion = module, scale or 1, criterion or nn.MSECriterion()
   self.sizeAverage = true
end
function Reward:rewards(scores, target)
   if scores:dim() == 1 then scores = scores:view(1, scores:size(1)) end
   return torch.eq(nn.ArgMax(2):updateOutput(scores), target:view(scores:size(1))):typeAs(scores)
end
function Reward:updateOutput(input, target, drawn)
   if type(input) ~= 'table' or not input[2] then error('a table of scores and of an expected reward is needed') end
   drawn = drawn or self.__given
   if not drawn then error('what the modules that ' .. torch.type(self) .. ' rewards have drawn is not known here') end
   local rewards = constant(torch.mul(self:rewards(input[1], target), self.scale))
   local n, expected = rewards:nElement(), input[2]:view(rewards:nElement())
   local share = self.sizeAverage and 1 / n or 1
   self.output = rewards:sum() * -share + only_gradient(self.criterion:updateOutput(expected, rewards))
   if self.train == false then return self.output end
   local more = torch.mul(torch.add(rewards, -1, constant(expected)), share)
   local function learn(from, slope)
      if from:size(1) ~= n then error('a reward for each of ' .. n .. ' is needed, and ' .. from:size(1) .. ' were drawn') end
      local shape = {n}
      for d = 2, from:dim() do shape[d] = 1 end
      local each = more:view(torch.LongStorage(shape)):expandAs(from)
      local sum = torch.cmul(constant(torch.cmul(slope, each)), from):sum()
      self.output = self.output - only_gradient(sum)
   end
   for i, pair in ipairs(drawn) do
      local from, slopes = pair[1], self.__drawn[i]:slopes(pair[1], pair[2])
      if type(from) ~= 'table' then from, slopes = {from}, {slopes} end
      for j, tensor in ipairs(from) do learn(tensor, slopes[j]) end
   end
   return self.output
end
local Binary = class('BinaryClassReward', 'VRClassReward')
function Binary:rewards(scores, target)
   if scores:dim() ~= 1 then error('a vector with one number for each sample expected') end
   return torch.eq(torch.gt(scores, 0.5):typeAs(scores), target:view(scores:size(1))):typeAs(scores)
end
native.unsupported('nn.ReinforceGamma', 'of the package dpnn', 'numbers of gamma distributions are not drawn')

---------------------------------------------------------------- parts of images
-- Windows of a batch of images, each at a place of its own; `top` and `left` have the number of rows and columns before it.
local function windows(images, top, left, height, width)
   local n, c, h, w = images:size(1), images:size(2), images:size(3), images:size(4)
   -- A matrix for each image whose rows pick one row of the image each.
   local function picking(before, length, extent)
      local gaps = torch.range(1, extent):view(1, extent):expand(length, extent)
         - torch.range(1, length):view(length, 1):expand(length, extent)
      local picked = torch.eq(gaps:view(1, length, extent):expand(n, length, extent),
         before:contiguous():view(n, 1, 1):expand(n, length, extent)):typeAs(images)
      return picked:view(n, 1, length, extent):expand(n, c, length, extent):contiguous():view(n * c, length, extent)
   end
   local rows = torch.bmm(picking(top, height, h), images:contiguous():view(n * c, h, w))
   return torch.bmm(rows, picking(left, width, w):transpose(2, 3):contiguous()):view(n, c, height, width)
end

-- Squares around a place, the larger ones scaled down to the size of the smallest; the place gets no gradient. Places are
-- between -1, -1 (above and left) and 1, 1.
local Glimpse = class('SpatialGlimpse', 'Module')
function Glimpse:__init(size, depth, scale)
   Module.__init(self)
   self.size, self.depth, self.scale = size, depth or 3, scale or 2
   if type(size) ~= 'number' then error('nn.SpatialGlimpse needs its `size`', 3) end
   self.module = nn.SpatialReSampling{oheight = size, owidth = size}
end
function Glimpse:updateOutput(inputs)
   local images, place = inputs[1], inputs[2]
   local alone = images:dim() == 3
   if alone then
      images = images:view(1, images:size(1), images:size(2), images:size(3))
      place = place:view(1, 2)
   end
   local glimpses = {}
   for depth = 1, self.depth do
      local size = depth > 1 and (depth - 1) * self.scale * self.size or self.size
      local pad = math.floor((size - 1) / 2)
      local padded = nn.SpatialZeroPadding(pad, pad, pad, pad):forward(images)
      local function before(axis, extent)
         local rows = torch.mul(torch.add(place:narrow(2, axis, 1), 1), extent / 2)
         return torch.floor(torch.clamp(rows, 0, extent))
      end
      local h, w = padded:size(3) - size, padded:size(4) - size
      if h < 0 or w < 0 then error('a glimpse of ' .. size .. ' pixels is larger than the image with zeros around it') end
      local square = windows(padded, before(1, h), before(2, w), size, size)
      glimpses[depth] = size == self.size and square or self.module:updateOutput(square)
   end
   self.output = torch.cat(glimpses, 2)
   if alone then self.output = self.output:select(1, 1) end
   return self.output
end

-- In training a window anywhere, each image another, then the one in the middle.
local Crop = class('SpatialUniformCrop', 'Module')
function Crop:__init(oheight, owidth, scale)
   Module.__init(self)
   if scale then error('nn.SpatialUniformCrop with a scale is not known', 3) end
   native.modes = true
   self.oheight, self.owidth, self.train = oheight, owidth or oheight, true
   if not oheight then error('nn.SpatialUniformCrop needs its `oheight`', 3) end
end
function Crop:updateOutput(input)
   if input:dim() ~= 4 then error('only batchmode is supported') end
   local h, w = input:size(3) - self.oheight, input:size(4) - self.owidth
   if h < 0 or w < 0 then error('the images are smaller than the window') end
   if self.train ~= false then
      local function before(most)
         local drawn = torch.Tensor(input:size(1)):uniform(1e-2, math.max(most, 1e-2))
         return torch.clamp(torch.add(torch.ceil(drawn), -1), 0, math.max(most - 1, 0))
      end
      self.output = windows(input, before(h), before(w), self.oheight, self.owidth)
   else
      local top, left = math.max(math.ceil(h / 2), 1), math.max(math.ceil(w / 2), 1)
      self.output = input:narrow(3, top, self.oheight):narrow(4, left, self.owidth)
   end
   return self.output
end

-- In training every plane of every image is raised or lowered by a number between -range and range.
local Color = class('SimpleColorTransform', 'Module')
function Color:__init(inputChannels, range)
   Module.__init(self)
   native.modes = true
   self.inputChannels, self.range, self.train = inputChannels, range, true
   if not torch.isTensor(range) or range:nElement() ~= inputChannels then
      error("Number of input channels and number of range values don't match.", 3)
   end
end
function Color:updateOutput(input)
   self.output = input
   if self.train ~= false then
      local n = input:dim() == 4 and input:size(1) or 1
      local noise = torch.Tensor(n, self.inputChannels):uniform(-1, 1)
      noise = torch.cmul(noise, self.range:view(1, self.inputChannels):expandAs(noise))
      local shape = input:dim() == 4 and {n, self.inputChannels, 1, 1} or {self.inputChannels, 1, 1}
      self.output = input + noise:view(torch.LongStorage(shape)):expandAs(input)
   end
   return self.output
end

-- In training the first or last rows or columns of all images become zeros.
local Region = class('SpatialRegionDropout', 'Module')
function Region:__init(p)
   Module.__init(self)
   native.modes = true
   self.p, self.train = p or 0.2, true
   if self.p >= 1 or self.p < 0 then
      error('<SpatialRegionDropout> illegal percentage, must be 0 <= p < 1', 3)
   end
end
function Region:setp(p) self.p = p end
function Region:updateOutput(input)
   self.output = input
   if self.train ~= false then
      local rank = input:dim()
      if rank ~= 3 and rank ~= 4 then error('Input must be 4D (nbatch, nfeat, h, w) or 3D (nfeat, h, w)') end
      local h, w = input:size(rank - 1), input:size(rank)
      local function kept(dim, extent, at_end)
         local mask, n = torch.ones(h, w), math.floor(extent * self.p)
         if n > 0 then mask:narrow(dim, at_end and extent - n + 1 or 1, n):zero() end
         return mask:view(1, h * w)
      end
      local masks = torch.cat({kept(1, h), kept(1, h, true), kept(2, w), kept(2, w, true)}, 1)
      local drawn = torch.floor(torch.Tensor(1):uniform(0, 4)):view(1, 1):expand(1, 4)
      local chosen = torch.eq(drawn, torch.range(0, 3):view(1, 4)):typeAs(input)
      local shape = rank == 4 and {1, 1, h, w} or {1, h, w}
      local mask = torch.mm(chosen, masks):view(torch.LongStorage(shape)):expandAs(input)
      self.output = torch.mul(torch.cmul(input, mask), 1 / (1 - self.p))
   end
   return self.output
end

---------------------------------------------------------------- words
-- Scores of the target and of k words that are drawn as often as words are, each with how often: exponentials of linear
-- functions, learned by telling them apart (Gutmann and Hyvarinen 2010, Mnih and Teh 2012).
local Noise, Linear = class('NCEModule', 'Linear')
-- Its gradient is that of what it computes.
Noise.__derived = true
function Noise:__init(inputSize, outputSize, k, unigrams, Z)
   if Z then error('nn.NCEModule with a given Z is not known', 3) end
   if type(k) ~= 'number' or not torch.isTensor(unigrams) then
      error('nn.NCEModule needs a number k of words to draw and a tensor of their frequencies', 3)
   end
   Linear.__init(self, inputSize, outputSize)
   self.k, self.unigrams = k, unigrams
end
function Noise:fastNoise() return self end
function Noise:updateOutput(inputs)
   for _, name in ipairs({'normalized', 'logsoftmax', 'batchnoise', 'rownoise'}) do
      if self[name] then error('nn.NCEModule with `' .. name .. '` is not known') end
   end
   local input, target = inputs[1], inputs[2]
   local n, k, words, d = input:size(1), self.k, self.weight:size(1), input:size(2)
   local below = torch.cumsum(self.unigrams:typeAs(self.weight), 1):view(1, words):expand(n * k, words)
   local drawn = torch.Tensor(n * k, 1):uniform(0, self.unigrams:sum()):expand(n * k, words)
   local noise = torch.lt(below, drawn):typeAs(input):sum(2):add(1):cmin(words):view(n, k)
   local samples = torch.cat({target:contiguous():view(n, 1):typeAs(input), noise}, 2):view(n * (k + 1))
   local weights = self.weight:index(1, samples):view(n, k + 1, d)
   local biases = self.bias:view(words, 1):index(1, samples):view(n, k + 1)
   local scores = torch.bmm(weights, input:contiguous():view(n, d, 1)):view(n, k + 1)
   scores = torch.exp(scores + biases)
   local often = self.unigrams:typeAs(self.weight):view(words, 1):index(1, samples):view(n, k + 1)
   self.output = {scores:select(2, 1), scores:narrow(2, 2, k), often:select(2, 1), often:narrow(2, 2, k)}
   return self.output
end
local Contrast = class('NCECriterion', 'Criterion')
function Contrast:__init()
   nn.Criterion.__init(self)
   self.sizeAverage = true
end
-- How probable it is that a sample is a word of the text, or none.
local small = 1e-7
local function sums(inputs)
   local k = inputs[2]:size(2)
   return torch.add(inputs[1] + torch.mul(inputs[3], k), small), torch.add(inputs[2] + torch.mul(inputs[4], k), small), k
end
function Contrast:updateOutput(inputs)
   local all, all_noise, k = sums(inputs)
   local text, noise = torch.cdiv(inputs[1], all), torch.cdiv(torch.mul(inputs[4], k), all_noise)
   local loss = -(torch.log(text):sum() + torch.log(noise):sum())
   self.output = self.sizeAverage and loss / inputs[1]:size(1) or loss
   return self.output
end
function Contrast:updateGradInput(inputs)
   local all, all_noise, k = sums(inputs)
   local scale = self.sizeAverage and 1 / inputs[1]:size(1) or 1
   local of_text = torch.cdiv(torch.cdiv(torch.mul(inputs[3], -k * scale), all), torch.add(inputs[1], small))
   local of_noise = torch.cdiv(torch.cdiv(torch.mul(inputs[2], scale), all_noise), torch.add(inputs[2], small))
   self.gradInput = {of_text, of_noise}
   return self.gradInput
end

---------------------------------------------------------------- entropy
-- Lets probabilities through, and adds to their gradient that of the entropy of their mean over the batch, which shall
-- rise, where it is below a bound.
local Entropy = class('CategoricalEntropy', 'Module')
function Entropy:__init(scale, minEntropy)
   Module.__init(self)
   self.scale, self.minEntropy, self.sizeAverage = scale or 1, minEntropy, true
end
function Entropy:updateOutput(input)
   if input:dim() ~= 2 then error('CategoricalEntropy only works with batches') end
   self.output = torch.Tensor():resizeAs(input):copy(input)
   return self.output
end
function Entropy:updateGradInput(input, gradOutput)
   local n, classes = input:size(1), input:size(2)
   local total = input:sum(2):sum(1)
   local p = torch.cdiv(input:sum(1), total:expand(1, classes))
   local more = torch.add(p, 0.000001)
   local slope = torch.cdiv(torch.log(more) + torch.cdiv(p, more), total:expand(1, classes))
   slope = torch.mul(slope, self.scale / (self.sizeAverage and n or 1))
   if self.minEntropy then
      local entropy = torch.mul(torch.cmul(p, torch.log(more)):sum(2), -1)
      slope = torch.cmul(slope, torch.lt(entropy, self.minEntropy):typeAs(input):expand(1, classes))
   end
   self.gradInput = gradOutput + slope:expandAs(input)
   return self.gradInput
end

native.unsupported('nn.SpatialBinaryConvolution', 'of the package dpnn',
   'the gradients of its weights are those of other weights; XNOR-Net is not trained here')
for _, name in ipairs({'Kmeans', 'PCAColorTransform'}) do native.unsupported('nn.' .. name, 'of the package dpnn') end
native.loading = loading
return nn
