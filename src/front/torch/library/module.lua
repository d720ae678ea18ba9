-- nn.Module, nn.Criterion and the containers: what they keep, and the methods that definitions call on them.
local torch, nn, native = ...

local function class(name, parent) return (torch.class(name, parent)) end

---------------------------------------------------------------- nn.Module
local Module = class('nn.Module')

function Module:__init()
   self.gradInput = torch.Tensor()
   self.output = torch.Tensor()
   self._type = self.output:type()
end

-- The lists of parameters and of their gradients, or nothing.
function Module:parameters()
   local values, gradients = {}, {}
   for _, name in ipairs({'weight', 'bias'}) do
      if self[name] then
         values[#values + 1] = self[name]
         gradients[#gradients + 1] = self['grad' .. name:sub(1, 1):upper() .. name:sub(2)]
      end
   end
   if #values > 0 then return values, gradients end
end

local function refused(name)
   Module[name] = function(self)
      error(torch.type(self) .. ':' .. name .. '() computes, and a definition is only read here', 2)
   end
end
for _, name in ipairs({'accUpdateGradParameters', 'read', 'write'}) do refused(name) end

-- Definitions may test what they have built, or ask for the size of its output, which is right; numbers of small nets are
-- computed, others are not known.
-- Some give the very tensors that they are given.
function Module:updateOutput(input)
   local name, item = torch.typename(self), nil
   if name == 'nn.Identity' then
      item = input
   elseif name == 'nn.SelectTable' and type(input) == 'table' and type(self.index) == 'number' then
      item = input[self.index < 0 and #input + 1 + self.index or self.index]
   elseif name == 'nn.View' and native.is_tensor(input) and not input:isContiguous() then
      error('expecting a contiguous tensor', 2)
   end
   if item == nil then item = native.forward(self, input) end
   self.output = item
   return item
end
function Module:forward(input) return self:updateOutput(input) end

-- Gradients are not computed.
local function unknown_like(value)
   if type(value) ~= 'table' then return native.unknown(value) end
   local result = {}
   for i, item in ipairs(value) do result[i] = unknown_like(item) end
   return result
end
local training_only = {['nn.SpatialDropout'] = true, ['nn.VolumetricDropout'] = true, ['nn.WhiteNoise'] = true}
function Module:updateGradInput(input)
   if self.train == false and training_only[torch.typename(self)] then
      error('backprop only defined while training', 2)
   end
   return unknown_like(input)
end
function Module:accGradParameters()
   local _, gradients = self:parameters()
   for _, gradient in ipairs(gradients or {}) do native.forget(gradient) end
end
function Module:backward(input, gradOutput, scale)
   self.gradInput = self:updateGradInput(input, gradOutput)
   self:accGradParameters(input, gradOutput, scale or 1)
   return self.gradInput
end

function Module:reset() end
function Module:training() self.train = true end
function Module:evaluate() self.train = false end
function Module:clearState() return self end
function Module:sharedAccUpdateGradParameters() return self end
function Module:name(name) self.__name = name return self end
function Module:annotate() return self end

-- A value with its tensors in another type, as `nn.utils.recursiveType` gives it; what is one tensor, one storage or one
-- module stays one.
local function recast(value, kind, done)
   if native.is_tensor(value) then
      if value:type() == kind then return value end
      return native.recast(value, done, kind)
   end
   if type(value) ~= 'table' or done[value] then return value end
   done[value] = true
   if torch.typename(value) then
      if torch.isTypeOf(value, 'nn.Module') or torch.isTypeOf(value, 'nn.Criterion') then value:type(kind, done) end
      return value
   end
   for key, item in pairs(value) do value[key] = recast(item, kind, done) end
   return value
end
native.recast_all = function(value, kind, done) return recast(value, kind, done or {}) end

function Module:type(kind, done)
   if not kind then return self._type end
   native.check_kind(kind)
   done = done or {}
   done[self] = true
   for key, value in pairs(self) do self[key] = recast(value, kind, done) end
   self._type = kind
   return self
end
local kinds = {float = 'Float', double = 'Double', cuda = 'Cuda', half = 'Half', cudaHalf = 'CudaHalf',
   cudaDouble = 'CudaDouble'}
for name, kind in pairs(kinds) do
   Module[name] = function(self, ...) return self:type('torch.' .. kind .. 'Tensor', ...) end
end
for _, name in ipairs({'cl', 'byte', 'int', 'long'}) do
   Module[name] = function(self) return self end
end

function Module:zeroGradParameters()
   local _, gradients = self:parameters()
   for _, gradient in ipairs(gradients or {}) do gradient:zero() end
end

function Module:updateParameters(rate)
   local values, gradients = self:parameters()
   for i, value in ipairs(values or {}) do value:add(-rate, gradients[i]) end
end

function Module:noBias()
   self.bias = nil
   self.gradBias = nil
   return self
end

function Module:apply(callback)
   callback(self)
   for _, module in ipairs(self.modules or {}) do module:apply(callback) end
end

function Module:replace(callback)
   local result = callback(self)
   if result.modules then
      for i, module in ipairs(result.modules) do result.modules[i] = module:replace(callback) end
   end
   return result
end

-- One list for all levels: nets may be deep.
local function gather(module, list)
   list[#list + 1] = module
   for _, inner in ipairs(module.modules or {}) do
      if inner.listModules == Module.listModules then
         gather(inner, list)
      else
         for _, other in ipairs(inner:listModules()) do list[#list + 1] = other end
      end
   end
   return list
end
function Module:listModules() return gather(self, {}) end

function Module:findModules(name, container)
   container = container or self
   local found, containers = {}, {}
   if torch.typename(self) == name then
      found[1], containers[1] = self, container
   end
   for _, module in ipairs(self.modules or {}) do
      local inner, owners = module:findModules(name, self)
      for i = 1, #inner do
         found[#found + 1], containers[#containers + 1] = inner[i], owners[i]
      end
   end
   return found, containers
end

-- A deep copy in which what was one object stays one object.
local function copy(value, seen)
   if type(value) ~= 'table' then return native.copy(value, seen) end
   if seen[value] then return seen[value] end
   local result = {}
   seen[value] = result
   for k, v in pairs(value) do result[copy(k, seen)] = copy(v, seen) end
   native.place_like(result, value)
   return setmetatable(result, getmetatable(value))
end

native.deep_copy = copy

-- The outermost call of share that runs, with the names that it has found nowhere yet.
local sharing

function Module:clone(...)
   local result = copy(self, {})
   if select('#', ...) > 0 then result:share(self, ...) end
   return result
end

function Module:share(other, ...)
   local names, outermost = {...}, not sharing
   if outermost then
      sharing = {}
      for _, name in ipairs(names) do sharing[name] = true end
   end
   for _, name in ipairs(names) do
      if native.is_tensor(self[name]) then
         sharing[name] = nil
         self[name]:set(other[name])
         native.shares(self, other, name)
      end
   end
   for i, module in ipairs(self.modules or {}) do
      if other.modules and other.modules[i] then module:share(other.modules[i], ...) end
   end
   if outermost then
      local missing = sharing
      sharing = nil
      local held = {}
      for _, module in ipairs(self:listModules()) do
         for key, value in pairs(module) do
            if type(key) == 'string' and native.is_tensor(value) then held[#held + 1] = key end
         end
      end
      for _, name in ipairs(names) do
         if missing[name] and type(name) == 'string' then native.shares_nothing(name, held) end
      end
   end
   return self
end

function Module:getParameters()
   local values, gradients = self:parameters()
   local flat, flat_gradients = native.flatten(values or {}), native.flatten(gradients or {})
   if flat:nElement() ~= flat_gradients:nElement() then
      error('check that you are sharing parameters and gradParameters', 2)
   end
   return flat, flat_gradients
end

function Module:listParameters() return self:parameters() end
function Module.flatten(list) return native.flatten(list) end

---------------------------------------------------------------- nn.Criterion
local Criterion = class('nn.Criterion')

function Criterion:__init()
   self.gradInput = torch.Tensor()
   self.output = 0
   self._type = self.gradInput:type()
end
Criterion.type = Module.type
for name in pairs(kinds) do Criterion[name] = Module[name] end
Criterion.cl = Module.cl
Criterion.clone = Module.clone
-- A single sample may have a number for a target.
local function targets(value)
   if type(value) == 'number' then return torch.Tensor{value} end
   if type(value) ~= 'table' then return value end
   local list = {}
   for i, item in ipairs(value) do list[i] = targets(item) end
   return list
end
function Criterion:updateOutput(input, target)
   self.output = native.loss(self, input, targets(target))
   return self.output
end
function Criterion:updateGradInput(input) return unknown_like(input) end
function Criterion:forward(input, target) return self:updateOutput(input, target) end
function Criterion:backward(input, target)
   self.gradInput = self:updateGradInput(input, target)
   return self.gradInput
end

---------------------------------------------------------------- nn.Container
local Container = class('nn.Container', 'nn.Module')

function Container:__init()
   Module.__init(self)
   self.modules = {}
end

local function checked(module)
   if type(module) ~= 'table' or not torch.typename(module) then
      error('nn.Module expected, got ' .. torch.type(module), 3)
   end
   return module
end

function Container:add(module)
   if module == nil then error('nn.Module expected, got nil', 2) end
   self.modules[#self.modules + 1] = checked(module)
   native.added(module)
   return self
end
function Container:get(index) return self.modules[index] end
function Container:size() return #self.modules end

local function parameters_of(container, values, gradients)
   for _, module in ipairs(container.modules) do
      if module.parameters == Container.parameters then
         parameters_of(module, values, gradients)
      else
         local v, g = module:parameters()
         for i = 1, #(v or {}) do
            values[#values + 1] = v[i]
            gradients[#gradients + 1] = g[i]
         end
      end
   end
   return values, gradients
end
function Container:parameters() return parameters_of(self, {}, {}) end

local function spread(name)
   Container[name] = function(self, ...)
      for _, module in ipairs(self.modules) do module[name](module, ...) end
      return self
   end
end
for _, name in ipairs({'zeroGradParameters', 'updateParameters', 'reset', 'clearState'}) do spread(name) end

function Container:rethrowErrors(module, _, method, ...) return module[method](module, ...) end
function Container:applyToModules(callback)
   for _, module in ipairs(self.modules) do callback(module) end
end
function Container:training()
   self:applyToModules(function(module) module:training() end)
   Module.training(self)
end
function Container:evaluate()
   self:applyToModules(function(module) module:evaluate() end)
   Module.evaluate(self)
end

local function index_of(self, index, most)
   local at = index or most
   if at < 0 then at = most + 1 + at end
   return at
end

function Container:insert(module, index)
   local at = index_of(self, index, #self.modules + 1)
   if at < 1 or at > #self.modules + 1 then
      error('index should be contiguous to existing modules', 2)
   end
   table.insert(self.modules, at, checked(module))
   native.added(module)
   return self
end

function Container:remove(index)
   local at = index_of(self, index, #self.modules)
   if at < 1 or at > #self.modules then error('index out of range', 2) end
   return table.remove(self.modules, at)
end

-- Every line of a module's text after the first begins with `indent`.
local function inner(module, indent)
   return (tostring(module):gsub('\n', '\n' .. indent))
end

local function branches(self)
   local parts = {torch.type(self), ' {\n  input'}
   for i, module in ipairs(self.modules) do
      local last = i == #self.modules
      table.insert(parts, '\n  ' .. (last and '   `-> ' or '  |`-> ') .. '(' .. i .. '): ')
      table.insert(parts, inner(module, '  ' .. (last and '       ' or '  |    ')))
   end
   return table.concat(parts) .. '\n     ... -> output\n}'
end

---------------------------------------------------------------- chains
local Sequential = class('nn.Sequential', 'nn.Container')

function Sequential:__tostring__()
   -- Classes that extend it print its name too, as in Torch.
   local parts = {'nn.Sequential {\n  [input'}
   for i = 1, #self.modules do table.insert(parts, ' -> (' .. i .. ')') end
   table.insert(parts, ' -> output]')
   for i, module in ipairs(self.modules) do
      table.insert(parts, '\n  (' .. i .. '): ' .. inner(module, '  '))
   end
   return table.concat(parts) .. '\n}'
end

---------------------------------------------------------------- branches
local function branching(name, parent, ...)
   local fields = {...}
   local Class = class(name, parent)
   function Class:__init(...)
      Container.__init(self)
      for i, field in ipairs(fields) do self[field] = (select(i, ...)) end
   end
   Class.__tostring__ = branches
   return Class
end

local Concat = branching('nn.Concat', 'nn.Container', 'dimension')
branching('nn.DepthConcat', 'nn.Concat', 'dimension')
branching('nn.Parallel', 'nn.Container', 'inputDimension', 'outputDimension')
branching('nn.ConcatTable', 'nn.Container')
branching('nn.ParallelTable', 'nn.Container')
local MapTable = branching('nn.MapTable', 'nn.Container')

function MapTable:__init(module, shared)
   Container.__init(self)
   self.shared = (shared == nil) and true or shared
   self.sharedParams = {'weight', 'bias', 'gradWeight', 'gradBias'}
   if module then self:add(module) end
end
function MapTable:add(module)
   if #self.modules > 0 then error('Single module required', 2) end
   return Container.add(self, module)
end
function MapTable:__tostring__()
   local text = torch.type(self) .. ' {'
   if self.modules[1] then text = text .. '\n  ' .. inner(self.modules[1], '  ') end
   return text .. '\n}'
end

-- As many copies as there are tensors, all with the parameters of the first.
native.copies = function(self, n)
   while #self.modules < n do
      local first = self.modules[1]
      self.modules[#self.modules + 1] = self.shared and first:clone(unpack(self.sharedParams)) or first:clone()
   end
   return self.modules
end

---------------------------------------------------------------- wrappers
local Decorator = class('nn.Decorator', 'nn.Container')
function Decorator:__init(module)
   Container.__init(self)
   self.modules[1] = checked(module)
   native.added(module)
end
function Decorator:add() error('Decorators are built with their module', 2) end
function Decorator:__tostring__()
   return torch.type(self) .. ' @ ' .. tostring(self.modules[1])
end

local Bottle = class('nn.Bottle', 'nn.Decorator')
function Bottle:__init(module, nInputDim, nOutputDim)
   Decorator.__init(self, module)
   self.nInputDim = nInputDim or 2
   self.nOutputDim = nOutputDim or self.nInputDim
   self.dimDelta = self.nInputDim - self.nOutputDim
end

for _, name in ipairs({'nn.DontCast', 'nn.Profile', 'nn.NaN', 'nn.Serial'}) do class(name, 'nn.Decorator') end

-- Where a module would compute; here there is one place only.
local GPU = class('nn.GPU', 'nn.Decorator')
function GPU:__init(module, device, outdevice)
   Decorator.__init(self, module)
   self.device, self.outdevice = device, outdevice or device
end
function GPU:__tostring__()
   return torch.type(self) .. '(' .. tostring(self.device) .. ') @ ' .. tostring(self.modules[1])
end

local DataParallel = branching('nn.DataParallelTable', 'nn.Container', 'dimension', 'flattenParams', 'usenccl')
function DataParallel:add(module) return Container.add(self, module) end
function DataParallel:threads() return self end
DataParallel.syncParameters = DataParallel.threads

---------------------------------------------------------------- tables
local function plain(name, ...)
   local fields = {...}
   local Class = class(name, 'nn.Module')
   function Class:__init(...)
      Module.__init(self)
      for i, field in ipairs(fields) do self[field] = (select(i, ...)) end
   end
   return Class
end

plain('nn.Identity')
class('nn.PrintSize', 'nn.Identity').__init = function(self, prefix)
   Module.__init(self)
   self.prefix = prefix or 'PrintSize'
end
plain('nn.FlattenTable')
plain('nn.ZipTable')
plain('nn.ZipTableOneToMany')
local SelectTable = plain('nn.SelectTable', 'index')
function SelectTable:__tostring__() return torch.type(self) .. '(' .. tostring(self.index) .. ')' end
local NarrowTable = plain('nn.NarrowTable', 'offset', 'length')
function NarrowTable:__init(offset, length)
   Module.__init(self)
   if not offset then error('an offset is needed', 2) end
   self.offset = offset
   self.length = length or 1
end

---------------------------------------------------------------- criterions of criterions
local function combined(name)
   local Class = class(name, 'nn.Criterion')
   function Class:__init(repeatTarget)
      Criterion.__init(self)
      self.criterions, self.weights, self.repeatTarget = {}, {}, repeatTarget
   end
   function Class:add(criterion, weight)
      if type(criterion) ~= 'table' then error('no criterion provided', 2) end
      self.criterions[#self.criterions + 1] = criterion
      self.weights[#self.criterions] = weight or 1
      return self
   end
   return Class
end
combined('nn.MultiCriterion')
combined('nn.ParallelCriterion')

local ModuleCriterion = class('nn.ModuleCriterion', 'nn.Criterion')
function ModuleCriterion:__init(criterion, inputModule, targetModule, castTarget)
   Criterion.__init(self)
   self.criterion, self.inputModule, self.targetModule = criterion, inputModule, targetModule
   self.castTarget = castTarget == nil or castTarget
end
local CriterionTable = class('nn.CriterionTable', 'nn.Module')
function CriterionTable:__init(criterion)
   Module.__init(self)
   self.criterion = criterion
end
class('nn.ModuleFromCriterion', 'nn.CriterionTable')
