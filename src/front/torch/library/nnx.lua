-- The package nnx: what its modules compute, written with nn's. What it began and nn took over is nn's.
local torch, nn, native = ...
local loading = native.loading
native.loading = true
nnx = nn
local Module = nn.Module

local function class(name, parent) return torch.class('nn.' .. name, 'nn.' .. parent) end

-- Arguments in the order of these names, or one table of them.
local function named(names, first, ...)
   if type(first) == 'table' then
      local known = {}
      for _, name in ipairs(names) do known[name] = true end
      for name in pairs(first) do
         if not known[name] then error('`' .. tostring(name) .. '` is not known here: there are ' .. table.concat(names, ', '), 4) end
      end
      return first
   end
   local values, given = {}, {first, ...}
   for i, name in ipairs(names) do values[name] = given[i] end
   return values
end
local function needs(self, values, names)
   for _, name in ipairs(names) do
      if type(values[name]) ~= 'number' then error(torch.type(self) .. ' needs its `' .. name .. '`', 4) end
      self[name] = values[name]
   end
end

---------------------------------------------------------------- images in other sizes
local Minus, MulConstant = class('Minus', 'MulConstant')
function Minus:__init() MulConstant.__init(self, -1) end

-- Every pixel several times; images come with a batch axis or without.
local Up = class('SpatialUpSampling', 'Module')
function Up:__init(...)
   Module.__init(self)
   needs(self, named({'dW', 'dH'}, ...), {'dW', 'dH'})
end
function Up:updateOutput(input)
   local sizes = input:size():totable()
   local h, w = sizes[#sizes - 1], sizes[#sizes]
   local rows = input:nElement() / (h * w)
   sizes[#sizes - 1], sizes[#sizes] = h * self.dH, w * self.dW
   local pixels = input:contiguous():view(rows, h, 1, w, 1):expand(rows, h, self.dH, w, self.dW):contiguous()
   self.output = pixels:view(torch.LongStorage(sizes))
   return self.output
end

local Down, Average = class('SpatialDownSampling', 'SpatialAveragePooling')
function Down:__init(...)
   local values = named({'rW', 'rH'}, ...)
   needs(self, values, {'rW', 'rH'})
   Average.__init(self, self.rW, self.rH, self.rW, self.rH)
end

-- Bilinear interpolation in which the corners stay where they are.
local ReSampling = class('SpatialReSampling', 'Module')
function ReSampling:__init(...)
   Module.__init(self)
   local values = named({'owidth', 'oheight', 'rwidth', 'rheight'}, ...)
   for name, other in pairs({owidth = 'rwidth', oheight = 'rheight'}) do
      self[name], self[other] = values[name], values[other]
      if not self[name] and not self[other] then error('nn.SpatialReSampling needs its `' .. name .. '`', 3) end
   end
end
function ReSampling:updateOutput(input)
   local rank = input:dim()
   if rank ~= 3 and rank ~= 4 then error('nn.SpatialReSampling takes images, with a batch axis or without') end
   local sizes = {oheight = self.oheight or math.floor(self.rheight * input:size(rank - 1)),
      owidth = self.owidth or math.floor(self.rwidth * input:size(rank))}
   local images = rank == 4 and input or input:view(1, input:size(1), input:size(2), input:size(3))
   local resized = nn.SpatialUpSamplingBilinear(sizes):forward(images:contiguous())
   self.output = rank == 4 and resized or resized:select(1, 1)
   return self.output
end

-- Zeros around images; less than none cuts off.
local Padding = class('SpatialPadding', 'Module')
function Padding:__init(pad_l, pad_r, pad_t, pad_b, y_dim, x_dim)
   Module.__init(self)
   if not pad_l then error('nn.SpatialPadding needs its `pad_l`', 3) end
   self.pad_l, self.pad_r, self.pad_t, self.pad_b = pad_l, pad_r or pad_l, pad_t or pad_l, pad_b or pad_l
   self.y_dim, self.x_dim = y_dim or 2, x_dim or 3
end
function Padding:updateOutput(input)
   local function padded(x, dim, before, after)
      local first, length = 1 + math.max(0, -before), x:size(dim) + math.min(0, before) + math.min(0, after)
      if length < 1 then error('input is too small') end
      local parts = {x:narrow(dim, first, length)}
      local function zeros(count)
         local sizes = x:size():totable()
         sizes[dim] = count
         return torch.Tensor(torch.LongStorage(sizes)):zero()
      end
      if before > 0 then table.insert(parts, 1, zeros(before)) end
      if after > 0 then table.insert(parts, zeros(after)) end
      return torch.cat(parts, dim)
   end
   self.output = padded(padded(input, self.y_dim, self.pad_t, self.pad_b), self.x_dim, self.pad_l, self.pad_r)
   return self.output
end

-- A linear layer at every pixel.
local Linear, Convolution = class('SpatialLinear', 'SpatialConvolutionMM')
function Linear:__init(fanin, fanout)
   self.fanin, self.fanout, self.weightDecay = fanin or 1, fanout or 1, 0
   Convolution.__init(self, self.fanin, self.fanout, 1, 1)
   self:reset()
end
function Linear:reset(stdv)
   stdv = stdv and stdv * math.sqrt(3) or 1 / math.sqrt(self.fanout)
   self.weight:uniform(-stdv, stdv)
   self.bias:uniform(-stdv, stdv)
end

-- A classifier of vectors at every pixel of an image.
local Classifier = class('SpatialClassifier', 'Container')
function Classifier:__init(classifier)
   nn.Container.__init(self)
   self.classifier = classifier or nn.Sequential()
   self.modules = {self.classifier}
end
function Classifier:add(module)
   self.classifier:add(module)
   return self
end
function Classifier:updateOutput(input)
   if input:dim() ~= 3 then error('<nn.SpatialClassifier> input should be 3D: KxHxW') end
   local planes, h, w = input:size(1), input:size(2), input:size(3)
   local classes = self.classifier:updateOutput(input:contiguous():view(planes, h * w):t():contiguous())
   self.output = classes:view(h * w, -1):t():contiguous():view(-1, h, w)
   return self.output
end

---------------------------------------------------------------- losses
-- Every input with the same target.
local Super, Parallel = class('SuperCriterion', 'ParallelCriterion')
function Super:__init() Parallel.__init(self, true) end

-- The logarithm of the probability of a leaf: the product of those of the branches that lead to it, each among its siblings.
local Tree = class('SoftMaxTree', 'Module')
function Tree:__init(inputSize, hierarchy, rootId, accUpdate)
   Module.__init(self)
   if type(hierarchy) ~= 'table' then error('a table of the children of every node is needed', 3) end
   self.inputSize, self.rootId, self.accUpdate = inputSize, rootId or 1, accUpdate
   local parents = {}
   for parent in pairs(hierarchy) do parents[#parents + 1] = parent end
   table.sort(parents)
   local count, most = 0, 0
   self.families, self.row, self.parent = {}, {}, {}
   for _, parent in ipairs(parents) do
      local children = hierarchy[parent]
      self.families[#self.families + 1] = {count + 1, children:size(1)}
      for i = 1, children:size(1) do
         count = count + 1
         self.row[children[i]], self.parent[children[i]] = count, parent
         most = math.max(most, children[i])
      end
   end
   self.nChildNode, self.maxChildId = count, most
   self.weight, self.gradWeight = torch.Tensor(count, inputSize), torch.Tensor(count, inputSize):zero()
   self.bias, self.gradBias = torch.Tensor(count), torch.Tensor(count):zero()
   self:reset()
end
function Tree:reset(stdv)
   stdv = stdv and stdv * math.sqrt(3) or 1 / math.sqrt(self.nChildNode * self.inputSize)
   self.weight:uniform(-stdv, stdv)
   self.bias:uniform(-stdv, stdv)
end
-- For every node a row that has ones at the branches that lead to it.
function Tree:paths()
   local paths = torch.zeros(self.maxChildId, self.nChildNode)
   for id in pairs(self.row) do
      local at, left = id, self.nChildNode
      while at ~= self.rootId do
         if not self.row[at] or left < 0 then error('node ' .. id .. ' of the hierarchy is not below the root') end
         paths[id][self.row[at]] = 1
         at, left = self.parent[at], left - 1
      end
   end
   return paths
end
function Tree:updateOutput(inputs)
   local input, target = inputs[1], inputs[2]
   local n = input:size(1)
   local scores = torch.mm(input, self.weight:t()) + self.bias:view(1, -1):expand(n, self.nChildNode)
   local families = {}
   for i, family in ipairs(self.families) do
      families[i] = nn.LogSoftMax():forward(scores:narrow(2, family[1], family[2]):contiguous())
   end
   local path = self:paths():index(1, target:contiguous():view(n))
   self.output = torch.cmul(torch.cat(families, 2), path):sum(2):select(2, 1)
   return self.output
end
local Likelihood = class('TreeNLLCriterion', 'Criterion')
function Likelihood:updateOutput(input)
   self.output = -input:mean()
   return self.output
end

native.unsupported('nn.SpatialNormalization', 'of the package nnx',
   'nn.SpatialContrastiveNormalization took its place')
native.loading = loading
return nn
