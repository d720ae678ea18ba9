-- The package rnn: modules that are applied step after step, written with nn's. Each forward pass begins anew: sequences
-- do not remember the pass before.
local torch, nn, native = ...
local loading = native.loading
native.loading = true
require 'dpnn'
local Container, Module = nn.Container, nn.Module

local function class(name, parent) return torch.class('nn.' .. name, 'nn.' .. parent) end
local function same(self) return self end
local function checked(module, what)
   if type(module) ~= 'table' or not torch.isTypeOf(module, 'nn.Module') then
      error(what .. ' is no module but ' .. torch.type(module), 4)
   end
   return module
end

---------------------------------------------------------------- small modules
local NoBias, Linear = class('LinearNoBias', 'Linear')
function NoBias:__init(inputSize, outputSize) Linear.__init(self, inputSize, outputSize, false) end

local Reverse = class('SeqReverseSequence', 'Module')
function Reverse:__init(dim)
   Module.__init(self)
   self.dim = dim
end
function Reverse:updateOutput(input)
   local last, parts = input:size(self.dim), {}
   for i = last, 1, -1 do parts[#parts + 1] = input:narrow(self.dim, i, 1) end
   self.output = torch.cat(parts, self.dim)
   return self.output
end

local ReverseTable = class('ReverseTable', 'Module')
function ReverseTable:updateOutput(input)
   self.output = {}
   for i = #input, 1, -1 do self.output[#self.output + 1] = input[i] end
   return self.output
end

---------------------------------------------------------------- one step after the other
local Recurrent = class('AbstractRecurrent', 'Container')
function Recurrent:__init(rho)
   Container.__init(self)
   self.rho, self.step = rho or 99999, 1
   self:forget()
end
function Recurrent:forget()
   self.step, self.outputs, self.cells = 1, {}, {}
   for _, module in ipairs(self.modules) do
      if module.forget then module:forget() end
   end
   return self
end
function Recurrent:remember(mode)
   self._remember = mode or 'both'
   if self._remember ~= 'neither' then
      native.forgetful(torch.type(self) .. ' begins every pass anew, whatever it is told to remember')
   end
   return self
end
function Recurrent:maxBPTT(rho)
   self.rho = rho
   return self
end
function Recurrent:setStartState() return self end
function Recurrent:getOutput(step) return self.outputs[step] end
for _, name in ipairs({'backwardOnline', 'forwardOnline', 'includingSharedClones', 'recycle'}) do
   Recurrent[name] = function(self) return self end
end

-- Any module may be told, for what is inside.
function Module:forget()
   for _, module in ipairs(self.modules or {}) do module:forget() end
   return self
end
function Module:remember(mode)
   for _, module in ipairs(self.modules or {}) do module:remember(mode) end
   return self
end
for _, name in ipairs({'backwardOnline', 'forwardOnline', 'backwardThroughTime', 'includingSharedClones'}) do
   if not Module[name] then Module[name] = same end
end

-- Zeros of so many columns, beside an input.
local function zeros(input, size)
   if input:dim() == 1 then return torch.Tensor(size):zero() end
   return torch.Tensor(input:size(1), size):zero()
end

-- Containers inside of which something is applied step by step are told to begin anew.
local function forget(module)
   if module.forget then
      module:forget()
   else
      for _, inner in ipairs(module.modules or {}) do forget(inner) end
   end
end

local Recursor = class('Recursor', 'AbstractRecurrent')
function Recursor:__init(module, rho)
   Recurrent.__init(self, rho)
   self.module, self.modules = checked(module, 'nn.Recursor'), {module}
end
function Recursor:forget()
   self.step, self.outputs = 1, {}
   if self.module then forget(self.module) end
   return self
end
function Recursor:updateOutput(input)
   self.output = self.module:updateOutput(input)
   self.step = self.step + 1
   return self.output
end

---------------------------------------------------------------- nn.Recurrent
local Simple = class('Recurrent', 'AbstractRecurrent')
function Simple:__init(start, input, feedback, transfer, rho, merge)
   Recurrent.__init(self, rho)
   if not torch.isTypeOf(start, 'nn.Module') then start = nn.Add(start) end
   self.startModule, self.inputModule, self.feedbackModule = start, checked(input, 'input'), checked(feedback, 'feedback')
   self.transferModule, self.mergeModule = transfer or nn.Sigmoid(), merge or nn.CAddTable()
   self.modules = {self.startModule, self.inputModule, self.feedbackModule, self.transferModule, self.mergeModule}
   self:buildInitialModule()
   self:buildRecurrentModule()
end
function Simple:buildInitialModule()
   self.initialModule = nn.Sequential():add(self.inputModule):add(self.startModule):add(self.transferModule)
end
function Simple:buildRecurrentModule()
   local both = nn.ParallelTable():add(self.inputModule):add(self.feedbackModule)
   self.recurrentModule = nn.Sequential():add(both):add(self.mergeModule):add(self.transferModule)
end
function Simple:updateOutput(input)
   if self.step == 1 then
      self.output = self.initialModule:updateOutput(input)
   else
      self.output = self.recurrentModule:updateOutput({input, self.outputs[self.step - 1]})
   end
   self.outputs[self.step] = self.output
   self.step = self.step + 1
   return self.output
end

-- The feedback of tables of states, as long as `nn.Recurrence` asks for.
local Recurrence = class('Recurrence', 'AbstractRecurrent')
function Recurrence:__init(module, outputSize, nInputDim, rho)
   Recurrent.__init(self, rho)
   self.recurrentModule, self.outputSize, self.nInputDim = checked(module, 'nn.Recurrence'), outputSize, nInputDim
   self.modules = {module}
end
function Recurrence:updateOutput(input)
   local function start(size)
      if type(size) == 'table' then
         local all = {}
         for i, one in ipairs(size) do all[i] = start(one) end
         return all
      end
      local sizes = torch.type(size) == 'number' and {size} or size:totable()
      local first = input
      while type(first) == 'table' do first = first[1] end
      if first:dim() > (self.nInputDim or 1) then table.insert(sizes, 1, first:size(1)) end
      return torch.Tensor(torch.LongStorage(sizes)):zero()
   end
   local before = self.outputs[self.step - 1] or start(self.outputSize)
   self.output = self.recurrentModule:updateOutput({input, before})
   self.outputs[self.step] = self.output
   self.step = self.step + 1
   return self.output
end

---------------------------------------------------------------- long short-term memory
local LSTM = class('LSTM', 'AbstractRecurrent')
function LSTM:__init(inputSize, outputSize, rho, cell2gate, p)
   Recurrent.__init(self, rho)
   if p and p ~= 0 then error(torch.type(self) .. ' with dropout inside is not known', 3) end
   self.inputSize, self.outputSize = inputSize, outputSize
   self.cell2gate = cell2gate == nil or cell2gate
   self.recurrentModule = self:buildModel()
   self.modules = {self.recurrentModule}
end
function LSTM:buildGate()
   local parts, n = nn.ParallelTable(), self.outputSize
   parts:add(nn.Linear(self.inputSize, n)):add(nn.LinearNoBias(n, n))
   local gate = nn.Sequential()
   if self.cell2gate then parts:add(nn.CMul(n)) else gate:add(nn.NarrowTable(1, 2)) end
   return gate:add(parts):add(nn.CAddTable()):add(nn.Sigmoid())
end
function LSTM:buildInputGate()
   self.inputGate = self:buildGate()
   return self.inputGate
end
function LSTM:buildForgetGate()
   self.forgetGate = self:buildGate()
   return self.forgetGate
end
function LSTM:buildOutputGate()
   self.outputGate = self:buildGate()
   return self.outputGate
end
function LSTM:buildhidden()
   local n = self.outputSize
   local parts = nn.ParallelTable():add(nn.Linear(self.inputSize, n)):add(nn.LinearNoBias(n, n))
   self.hiddenLayer = nn.Sequential():add(nn.NarrowTable(1, 2)):add(parts):add(nn.CAddTable()):add(nn.Tanh())
   return self.hiddenLayer
end
local function product(a, b)
   return nn.Sequential():add(nn.ConcatTable():add(a):add(b)):add(nn.CMulTable())
end
function LSTM:buildcell()
   self:buildInputGate()
   self:buildForgetGate()
   self:buildhidden()
   local kept = product(self.forgetGate, nn.SelectTable(3))
   local new = product(self.inputGate, self.hiddenLayer)
   self.cellLayer = nn.Sequential():add(nn.ConcatTable():add(kept):add(new)):add(nn.CAddTable())
   return self.cellLayer
end
-- From input, output and cell before to output and cell.
function LSTM:buildModel()
   self:buildcell()
   self:buildOutputGate()
   local shown = nn.Sequential():add(nn.SelectTable(3)):add(nn.Tanh())
   return nn.Sequential():add(nn.ConcatTable():add(nn.NarrowTable(1, 2)):add(self.cellLayer)):add(nn.FlattenTable())
      :add(nn.ConcatTable():add(product(self.outputGate, shown)):add(nn.SelectTable(3)))
end
function LSTM:updateOutput(input)
   local h = self.outputs[self.step - 1] or self.userPrevOutput or zeros(input, self.outputSize)
   local c = self.cells[self.step - 1] or self.userPrevCell or zeros(input, self.outputSize)
   local both = self.recurrentModule:updateOutput({input, h, c})
   self.outputs[self.step], self.cells[self.step] = both[1], both[2]
   self.output, self.cell = both[1], both[2]
   self.step = self.step + 1
   return self.output
end
function LSTM:__tostring__()
   return string.format('%s(%d -> %d)', torch.type(self), self.inputSize, self.outputSize)
end

-- All gates by one product; no gate sees the cell.
local Fast = class('FastLSTM', 'LSTM')
function Fast:__init(inputSize, outputSize, rho, eps, momentum, affine, p)
   if self.bn or Fast.bn then error('nn.FastLSTM with batch normalisation is not known', 3) end
   LSTM.__init(self, inputSize, outputSize, rho, false, p)
end
function Fast:buildModel()
   local n = self.outputSize
   self.i2g, self.o2g = nn.Linear(self.inputSize, 4 * n), nn.LinearNoBias(n, 4 * n)
   local gates = nn.Sequential():add(nn.NarrowTable(1, 2))
      :add(nn.ParallelTable():add(self.i2g):add(self.o2g)):add(nn.CAddTable())
      :add(nn.Reshape(4, n)):add(nn.SplitTable(1, 2))
      :add(nn.ParallelTable():add(nn.Sigmoid()):add(nn.Tanh()):add(nn.Sigmoid()):add(nn.Sigmoid()))
   local function pick(...)
      local both = nn.ConcatTable()
      for _, i in ipairs({...}) do both:add(nn.SelectTable(i)) end
      return nn.Sequential():add(both):add(nn.CMulTable())
   end
   -- Gates for input, content, memory and output, and the cell before.
   local cell = nn.Sequential():add(nn.ConcatTable():add(pick(1, 2)):add(pick(3, 5))):add(nn.CAddTable())
   local shown = nn.Sequential():add(nn.ConcatTable():add(nn.SelectTable(1)):add(nn.Sequential()
      :add(nn.SelectTable(2)):add(nn.Tanh()))):add(nn.CMulTable())
   return nn.Sequential():add(nn.ConcatTable():add(gates):add(nn.SelectTable(3))):add(nn.FlattenTable())
      :add(nn.ConcatTable():add(nn.SelectTable(4)):add(cell))
      :add(nn.ConcatTable():add(shown):add(nn.SelectTable(2)))
end

local GRU = class('GRU', 'AbstractRecurrent')
function GRU:__init(inputSize, outputSize, rho, p)
   Recurrent.__init(self, rho)
   if p and p ~= 0 then error('nn.GRU with dropout inside is not known', 3) end
   self.inputSize, self.outputSize = inputSize, outputSize
   self.recurrentModule = self:buildModel()
   self.modules = {self.recurrentModule}
end
-- From input and output before to output.
function GRU:buildModel()
   local n = self.outputSize
   self.i2g, self.o2g = nn.Linear(self.inputSize, 2 * n), nn.LinearNoBias(n, 2 * n)
   local gates = nn.Sequential():add(nn.ParallelTable():add(self.i2g):add(self.o2g)):add(nn.CAddTable())
      :add(nn.Reshape(2, n)):add(nn.SplitTable(1, 2)):add(nn.ParallelTable():add(nn.Sigmoid()):add(nn.Sigmoid()))
   -- Now the values are input, output before, reset gate and update gate.
   local part = nn.Sequential():add(nn.ConcatTable():add(nn.SelectTable(2)):add(nn.SelectTable(3))):add(nn.CMulTable())
      :add(nn.LinearNoBias(n, n))
   local content = nn.Sequential():add(nn.ConcatTable():add(nn.Sequential():add(nn.SelectTable(1))
      :add(nn.Linear(self.inputSize, n))):add(part)):add(nn.CAddTable()):add(nn.Tanh())
   -- Now content, update gate and output before: content + update (before - content).
   local new = nn.Sequential():add(nn.ConcatTable():add(nn.SelectTable(1)):add(nn.Sequential()
      :add(nn.SelectTable(2)):add(nn.MulConstant(-1)):add(nn.AddConstant(1)))):add(nn.CMulTable())
   local kept = nn.Sequential():add(nn.ConcatTable():add(nn.SelectTable(2)):add(nn.SelectTable(3))):add(nn.CMulTable())
   return nn.Sequential():add(nn.ConcatTable():add(nn.SelectTable(1)):add(nn.SelectTable(2)):add(gates))
      :add(nn.FlattenTable())
      :add(nn.ConcatTable():add(content):add(nn.SelectTable(4)):add(nn.SelectTable(2)))
      :add(nn.ConcatTable():add(new):add(kept)):add(nn.CAddTable())
end
function GRU:updateOutput(input)
   local h = self.outputs[self.step - 1] or self.userPrevOutput or zeros(input, self.outputSize)
   self.output = self.recurrentModule:updateOutput({input, h})
   self.outputs[self.step] = self.output
   self.step = self.step + 1
   return self.output
end
GRU.__tostring__ = LSTM.__tostring__

---------------------------------------------------------------- whole sequences
local Sequencer = class('AbstractSequencer', 'Container')
function Sequencer:forget()
   for _, module in ipairs(self.modules) do forget(module) end
   return self
end
Sequencer.remember, Sequencer.setStartState = Recurrent.remember, Recurrent.setStartState

local function recurrent(module)
   if torch.isTypeOf(module, 'nn.AbstractRecurrent') then return module end
   return nn.Recursor(module)
end

-- The steps of a sequence: items of a table, or the first dimension of a tensor.
local function steps_of(input)
   if type(input) == 'table' then return input, function(outputs) return outputs end end
   local steps = {}
   for i = 1, input:size(1) do steps[i] = input:select(1, i) end
   return steps, function(outputs)
      local rows = {}
      for i, output in ipairs(outputs) do
         local sizes = output:size():totable()
         table.insert(sizes, 1, 1)
         rows[i] = output:view(torch.LongStorage(sizes))
      end
      return torch.cat(rows, 1)
   end
end

local Each = class('Sequencer', 'AbstractSequencer')
function Each:__init(module)
   Container.__init(self)
   self.module = recurrent(checked(module, 'nn.Sequencer'))
   self.modules = {self.module}
end
function Each:updateOutput(input)
   self.module:forget()
   local steps, together = steps_of(input)
   local outputs = {}
   for i, step in ipairs(steps) do outputs[i] = self.module:updateOutput(step) end
   self.output = together(outputs)
   return self.output
end

local Repeater = class('Repeater', 'AbstractSequencer')
function Repeater:__init(module, nStep)
   Container.__init(self)
   self.module, self.nStep = recurrent(checked(module, 'nn.Repeater')), nStep
   self.modules = {self.module}
end
function Repeater:updateOutput(input)
   self.module:forget()
   self.output = {}
   for i = 1, self.nStep do self.output[i] = self.module:updateOutput(input) end
   return self.output
end

local Both = class('BiSequencer', 'AbstractSequencer')
function Both:__init(forward, backward, merge)
   Container.__init(self)
   self.forwardModule = checked(forward, 'nn.BiSequencer')
   self.backwardModule = backward
   if not backward then
      self.backwardModule = forward:clone()
      self.backwardModule:reset()
   end
   if type(merge) == 'number' then merge = nn.JoinTable(1, merge) end
   self.mergeModule = merge or nn.JoinTable(1, 1)
   self.forwardModule, self.backwardModule = nn.Sequencer(self.forwardModule), nn.Sequencer(self.backwardModule)
   self.merge = nn.Sequencer(self.mergeModule)
   self.modules = {self.forwardModule, self.backwardModule, self.merge}
end
local function reversed(list)
   local result = {}
   for i = #list, 1, -1 do result[#result + 1] = list[i] end
   return result
end
function Both:updateOutput(input)
   local steps, together = steps_of(input)
   local there = self.forwardModule:updateOutput(steps)
   local back = reversed(self.backwardModule:updateOutput(reversed(steps)))
   local outputs = {}
   for i = 1, #there do outputs[i] = self.mergeModule:updateOutput({there[i], back[i]}) end
   self.output = together(outputs)
   return self.output
end

---------------------------------------------------------------- sequences as one module
local Seq = class('SeqLSTM', 'Module')
function Seq:__init(inputsize, outputsize)
   Module.__init(self)
   self.inputsize, self.outputsize = inputsize, outputsize
   local d, h = inputsize, outputsize
   self.weight, self.gradWeight = torch.Tensor(d + h, 4 * h), torch.Tensor(d + h, 4 * h):zero()
   self.bias, self.gradBias = torch.Tensor(4 * h), torch.Tensor(4 * h):zero()
   self:reset()
end
function Seq:reset(std)
   self.bias:fill(0)
   self.bias[{{self.outputsize + 1, 2 * self.outputsize}}]:fill(1)
   self.weight:normal(0, std or 1 / math.sqrt(self.inputsize + self.outputsize))
   return self
end
function Seq:forget() return self end
Seq.remember, Seq.setStartState = Recurrent.remember, Recurrent.setStartState

-- What all steps add to their gates.
local function inflow(self, x, gates)
   local t, n, d, h = x:size(1), x:size(2), self.inputsize, self.hiddensize or self.outputsize
   local flat = torch.mm(x:contiguous():view(t * n, d), self.weight:narrow(1, 1, d))
   local bias = self.bias:view(1, gates * h):expand(t * n, gates * h)
   return (flat + bias):view(t, n, gates * h)
end
local function ordered(self, input, f)
   if self.maskzero then error(torch.type(self) .. ' with `maskzero` is not known: nn.MaskZero hides padding') end
   if self.remember_states then error(torch.type(self) .. " begins every pass anew: leave `remember_states` out") end
   local x = self.batchfirst and input:transpose(1, 2) or input
   local rows = f(self, x)
   self.output = torch.cat(rows, 1)
   if self.batchfirst then self.output = self.output:transpose(1, 2) end
   return self.output
end
-- With `weightO` what the cells show is multiplied by it and then leaves the module and goes back.
function Seq:updateOutput(input)
   return ordered(self, input, function(self, x)
      local n, d, r = x:size(2), self.inputsize, self.outputsize
      local h = self.hiddensize or r
      local gates, back = inflow(self, x, 4), self.weight:narrow(1, d + 1, r)
      local out, cell, rows = torch.Tensor(n, r):zero(), torch.Tensor(n, h):zero(), {}
      for i = 1, x:size(1) do
         local sum = gates:select(1, i) + torch.mm(out, back)
         local open, content = torch.sigmoid(sum:narrow(2, 1, 3 * h)), torch.tanh(sum:narrow(2, 3 * h + 1, h))
         cell = torch.cmul(open:narrow(2, h + 1, h), cell) + torch.cmul(open:narrow(2, 1, h), content)
         out = torch.cmul(open:narrow(2, 2 * h + 1, h), torch.tanh(cell))
         if self.weightO then out = torch.mm(out, self.weightO) end
         rows[i] = out:view(1, n, r)
      end
      return rows
   end)
end
function Seq:__tostring__()
   return string.format('%s(%d -> %d)', torch.type(self), self.inputsize, self.outputsize)
end

local SeqGRU = class('SeqGRU', 'SeqLSTM')
function SeqGRU:__init(inputsize, outputsize)
   Module.__init(self)
   self.inputsize, self.outputsize = inputsize, outputsize
   local d, h = inputsize, outputsize
   self.weight, self.gradWeight = torch.Tensor(d + h, 3 * h), torch.Tensor(d + h, 3 * h):zero()
   self.bias, self.gradBias = torch.Tensor(3 * h), torch.Tensor(3 * h):zero()
   self:reset()
end
function SeqGRU:reset(std)
   self.bias:fill(0)
   self.bias[{{self.outputsize + 1, 2 * self.outputsize}}]:fill(1)
   self.weight:normal(0, std or 1 / math.sqrt(self.inputsize + self.outputsize))
   return self
end
function SeqGRU:updateOutput(input)
   return ordered(self, input, function(self, x)
      local n, d, h = x:size(2), self.inputsize, self.outputsize
      local gates, back = inflow(self, x, 3), self.weight:narrow(1, d + 1, h)
      local out, rows = torch.Tensor(n, h):zero(), {}
      for i = 1, x:size(1) do
         local now = gates:select(1, i)
         local open = torch.sigmoid(now:narrow(2, 1, 2 * h) + torch.mm(out, back:narrow(2, 1, 2 * h)))
         local reset, update = open:narrow(2, 1, h), open:narrow(2, h + 1, h)
         local past = torch.mm(torch.cmul(reset, out), back:narrow(2, 2 * h + 1, h))
         local content = torch.tanh(now:narrow(2, 2 * h + 1, h) + past)
         out = content + torch.cmul(update, out - content)
         rows[i] = out:view(1, n, h)
      end
      return rows
   end)
end

local Two = class('SeqBRNN', 'Container')
function Two:__init(inputDim, hiddenDim, batchFirst, merge)
   Container.__init(self)
   self.forwardModule, self.backwardModule = nn.SeqLSTM(inputDim, hiddenDim), nn.SeqLSTM(inputDim, hiddenDim)
   self.merge, self.dim = merge or nn.CAddTable(), batchFirst and 2 or 1
   self.forwardModule.batchfirst, self.backwardModule.batchfirst = batchFirst, batchFirst
   local back = nn.Sequential():add(nn.SeqReverseSequence(self.dim)):add(self.backwardModule)
      :add(nn.SeqReverseSequence(self.dim))
   self.modules = {nn.Sequential():add(nn.ConcatTable():add(self.forwardModule):add(back)):add(self.merge)}
end
function Two:updateOutput(input)
   self.output = self.modules[1]:updateOutput(input)
   return self.output
end

---------------------------------------------------------------- padding by zeros
-- Rows of the input that are all zeros give zeros.
local MaskZero = class('MaskZero', 'Decorator')
function MaskZero:__init(module, nInputDim)
   nn.Decorator.__init(self, module)
   self.nInputDim = nInputDim
end
local function rows_kept(input, nInputDim)
   while type(input) == 'table' do input = input[1] end
   local sizes = input:size():totable()
   local rows, columns = 1, 1
   for i, size in ipairs(sizes) do
      if i <= #sizes - nInputDim then rows = rows * size else columns = columns * size end
   end
   local norms = torch.abs(input):contiguous():view(rows, columns):sum(2)
   return torch.ne(norms, 0):typeAs(input), rows
end
local function masked(output, kept, rows)
   if type(output) == 'table' then
      local all = {}
      for i, one in ipairs(output) do all[i] = masked(one, kept, rows) end
      return all
   end
   local flat = output:contiguous():view(rows, output:nElement() / rows)
   return torch.cmul(flat, kept:expandAs(flat)):viewAs(output)
end
function MaskZero:updateOutput(input)
   local kept, rows = rows_kept(input, self.nInputDim)
   self.output = masked(self.modules[1]:updateOutput(input), kept, rows)
   return self.output
end
for _, name in ipairs({'LSTM', 'FastLSTM', 'GRU', 'Recurrent', 'Recursor'}) do
   local Class = nn[name]
   function Class:maskZero(nInputDim)
      if self.recurrentModule then
         self.recurrentModule = nn.MaskZero(self.recurrentModule, nInputDim or 1)
         if #self.modules == 1 then self.modules[1] = self.recurrentModule end
      else
         self.module = nn.MaskZero(self.module, nInputDim or 1)
         self.modules[1] = self.module
      end
      return self
   end
end

-- Number 0 gives a row of zeros; the table has one row more than words.
local Lookup, Table = class('LookupTableMaskZero', 'LookupTable')
-- Its gradient is that of what it computes.
Lookup.__derived = true
function Lookup:__init(nIndex, nOutput)
   Table.__init(self, nIndex + 1, nOutput)
   self.weight:narrow(1, 1, 1):zero()
end
function Lookup:updateOutput(input)
   local rows = torch.cat({torch.Tensor(1, self.weight:size(2)):zero(), self.weight:narrow(1, 2, self.weight:size(1) - 1)}, 1)
   local flat = torch.add(input:contiguous():view(input:nElement()), 1)
   local sizes = input:size():totable()
   sizes[#sizes + 1] = self.weight:size(2)
   self.output = rows:index(1, flat):view(torch.LongStorage(sizes))
   return self.output
end

---------------------------------------------------------------- criterions of sequences
local Sequence = class('SequencerCriterion', 'Criterion')
function Sequence:__init(criterion, sizeAverage)
   nn.Criterion.__init(self)
   self.criterion, self.sizeAverage = criterion, sizeAverage or false
end
function Sequence:updateOutput(input, target)
   local steps, targets = steps_of(input), steps_of(target)
   local sum = 0
   for i, step in ipairs(steps) do sum = sum + self.criterion:updateOutput(step, targets[i]) end
   self.output = self.sizeAverage and sum / #steps or sum
   return self.output
end
local Repeated = class('RepeaterCriterion', 'Criterion')
function Repeated:__init(criterion)
   nn.Criterion.__init(self)
   self.criterion = criterion
end
function Repeated:updateOutput(input, target)
   local sum = 0
   for _, step in ipairs((steps_of(input))) do sum = sum + self.criterion:updateOutput(step, target) end
   self.output = sum
   return sum
end


-- The loss of the rows that are not all zeros; where it is an average, over these.
local Kept = class('MaskZeroCriterion', 'Criterion')
function Kept:__init(criterion, nInputDim)
   nn.Criterion.__init(self)
   if type(nInputDim) ~= 'number' or not torch.isTypeOf(criterion, 'nn.Criterion') then
      error('nn.MaskZeroCriterion needs a criterion and the number of dimensions of one item', 3)
   end
   self.criterion, self.nInputDim = criterion, nInputDim
end
local function row_of(value, i, change)
   if type(value) ~= 'table' then return change(value:narrow(1, i, 1)) end
   local all = {}
   for at, one in ipairs(value) do all[at] = row_of(one, i, change) end
   return all
end
function Kept:updateOutput(input, target)
   if self.criterion.weights then error('nn.MaskZeroCriterion over weighted classes is not supported') end
   local kept, rows = rows_kept(input, self.nInputDim)
   local sum = 0
   for i = 1, rows do
      local mask = kept:narrow(1, i, 1)
      -- What stands beside zeros is no class; any class will do, since it does not count.
      local function counted(row)
         local spread = mask:view(torch.LongStorage(torch.ones(row:dim()):totable())):expandAs(row)
         return torch.cmul(row, spread) + torch.add(torch.mul(spread, -1), 1)
      end
      local loss = self.criterion:updateOutput(row_of(input, i, function(row) return row end), row_of(target, i, counted))
      sum = sum + loss * mask[1][1]
   end
   if self.criterion.sizeAverage ~= false then sum = sum / torch.clamp(kept:sum(1), 1, rows)[1][1] end
   self.output = sum
   return sum
end

-- What nn.MaskZero gives, without computing rows that are zeros.
class('TrimZero', 'MaskZero')

---------------------------------------------------------------- further modules
local Projected = class('SeqLSTMP', 'SeqLSTM')
function Projected:__init(inputsize, hiddensize, outputsize)
   Module.__init(self)
   if not inputsize or not hiddensize or not outputsize then error('Expecting input, hidden and output size', 3) end
   local d, h, r = inputsize, hiddensize, outputsize
   self.inputsize, self.hiddensize, self.outputsize = d, h, r
   self.weight, self.gradWeight = torch.Tensor(d + r, 4 * h), torch.Tensor(d + r, 4 * h):zero()
   self.bias, self.gradBias = torch.Tensor(4 * h), torch.Tensor(4 * h):zero()
   self.weightO, self.gradWeightO = torch.Tensor(h, r), torch.Tensor(h, r):zero()
   self:reset()
end
function Projected:reset(std)
   self.bias:zero()
   self.bias[{{self.outputsize + 1, 2 * self.outputsize}}]:fill(1)
   self.weight:normal(0, std or 1 / math.sqrt(self.hiddensize + self.inputsize))
   self.weightO:normal(0, std or 1 / math.sqrt(self.outputsize + self.hiddensize))
   return self
end
function Projected:parameters()
   return {self.weight, self.bias, self.weightO}, {self.gradWeight, self.gradBias, self.gradWeightO}
end

-- The same tensor; what goes back is a copy.
class('CopyGrad', 'Identity')

local Add = class('SAdd', 'Module')
function Add:__init(addend, negate)
   Module.__init(self)
   self.addend, self.negate = addend, negate or false
end
function Add:updateOutput(input)
   self.output = torch.add(input, self.addend)
   if self.negate then self.output:mul(-1) end
   return self.output
end

-- Lets the states of a sequence through, and adds to their gradient that of beta times the mean squared difference of the
-- lengths of one state and the next (Krueger and Memisevic 2015).
local Pair = class('NormStabilizerPair', 'Module')
function Pair:__init(beta)
   Module.__init(self)
   self.beta = beta
end
function Pair:updateOutput(states)
   self.output = torch.Tensor():resizeAs(states[2]):copy(states[2])
   return self.output
end
function Pair:updateGradInput(states, gradOutput)
   local lengths = {torch.norm(states[1], 2, 2), torch.norm(states[2], 2, 2)}
   local function slope(own, other)
      local factor = torch.cdiv(torch.mul(lengths[own] - lengths[other], 2 * self.beta / states[own]:size(1)), lengths[own])
      return torch.cmul(states[own], factor:expandAs(states[own]))
   end
   self.gradInput = {slope(1, 2), gradOutput + slope(2, 1)}
   return self.gradInput
end
local Stabilizer = class('NormStabilizer', 'AbstractRecurrent')
function Stabilizer:__init(beta, rho)
   Recurrent.__init(self, rho)
   self.beta = beta
   self.recurrentModule = nn.NormStabilizerPair(beta)
   self.modules = {self.recurrentModule}
   native.modes = true
end
function Stabilizer:updateOutput(input)
   local before = self.outputs[self.step - 1]
   self.output = input
   if before and self.train ~= false then self.output = self.recurrentModule:updateOutput({before, input}) end
   self.outputs[self.step], self.step = self.output, self.step + 1
   return self.output
end
function Stabilizer:__tostring__() return torch.type(self) end

-- Two directions for a model of language: what stands beside an item tells nothing of the item itself.
local Around = class('BiSequencerLM', 'BiSequencer')
function Around:updateOutput(input)
   if type(input) ~= 'table' or #input < 2 then error('nn.BiSequencerLM takes a table of two tensors or more') end
   local first, last = {}, {}
   for i = 1, #input - 1 do first[i], last[i] = input[i], input[i + 1] end
   local there = self.forwardModule:updateOutput(first)
   local back = reversed(self.backwardModule:updateOutput(reversed(last)))
   table.insert(there, 1, torch.Tensor():resizeAs(there[1]):zero())
   table.insert(back, torch.Tensor():resizeAs(back[1]):zero())
   self.output = {}
   for i = 1, #input do self.output[i] = self.mergeModule:updateOutput({there[i], back[i]}) end
   return self.output
end

-- Looks at its input several times: each time an action of what came before says where.
local Attention = class('RecurrentAttention', 'AbstractSequencer')
function Attention:__init(rnn, action, nStep, hiddenSize)
   Container.__init(self)
   if type(hiddenSize) ~= 'table' or type(hiddenSize[1]) ~= 'number' or type(nStep) ~= 'number' then
      error('nn.RecurrentAttention needs a number of steps and a table of the sizes of what the first looks from', 3)
   end
   self.rnn, self.action = recurrent(checked(rnn, 'rnn')), checked(action, 'action')
   self.nStep, self.hiddenSize, self.forwardActions = nStep, hiddenSize, false
   self.modules, self.actions, self.output = {self.rnn, self.action}, {}, {}
end
function Attention:updateOutput(input)
   self.rnn:forget()
   local before = torch.Tensor(input:size(1), unpack(self.hiddenSize)):zero()
   self.output, self.actions = {}, {}
   for step = 1, self.nStep do
      self.actions[step] = self.action:updateOutput(before)
      before = self.rnn:updateOutput({input, self.actions[step]})
      self.output[step] = self.forwardActions and {before, self.actions[step]} or before
   end
   return self.output
end

-- A gated unit whose gate chooses among several functions of the state before and the new one (Weissenborn and
-- Rocktaschel 2016).
local Unit = class('MuFuRu', 'GRU')
local function function_of(name)
   if name == 'keep' then return nn.SelectTable(1) end
   if name == 'replace' then return nn.SelectTable(2) end
   if name == 'mul' then return nn.CMulTable() end
   if name == 'diff' then return nn.CSubTable() end
   if name == 'forget' then return nn.Sequential():add(nn.SelectTable(1)):add(nn.MulConstant(0)) end
   if name == 'sqrt_diff' then
      return nn.Sequential():add(nn.CSubTable()):add(nn.Abs()):add(nn.Sqrt()):add(nn.MulConstant(0.25))
   end
   if name == 'max' then return nn.CMaxTable() end
   if name == 'min' then return nn.CMinTable() end
   error("nn.MuFuRu knows no function '" .. tostring(name) .. "'", 4)
end
function Unit:__init(inputSize, outputSize, ops, rho)
   self.ops = ops or {'keep', 'replace', 'mul', 'diff', 'forget', 'sqrt_diff', 'max', 'min'}
   self.num_ops, self.operations = #self.ops, {}
   for i, name in ipairs(self.ops) do self.operations[i] = function_of(name) end
   GRU.__init(self, inputSize, outputSize, rho)
end
function Unit:buildModel()
   local n, d, count = self.outputSize, self.inputSize, self.num_ops
   local reset = nn.Sequential():add(nn.ParallelTable():add(nn.Linear(d, n)):add(nn.Linear(n, n)))
      :add(nn.CAddTable()):add(nn.Sigmoid())
   -- From input, state before and reset gate.
   local content = nn.Sequential():add(nn.ConcatTable():add(nn.SelectTable(1))
      :add(nn.Sequential():add(nn.NarrowTable(2, 2)):add(nn.CMulTable()))):add(nn.JoinTable(2))
      :add(nn.Linear(d + n, n)):add(nn.Sigmoid())
   local weights = nn.Sequential():add(nn.NarrowTable(1, 2)):add(nn.JoinTable(2)):add(nn.Linear(d + n, count * n))
      :add(nn.View(count, n):setNumInputDims(1)):add(nn.Transpose({1, 2})):add(nn.SoftMax())
   local values = nn.ConcatTable()
   for _, operation in ipairs(self.operations) do values:add(operation) end
   local all = nn.Sequential():add(nn.NarrowTable(1, 2)):add(values):add(nn.MapTable(nn.Unsqueeze(1))):add(nn.JoinTable(1, 3))
   local chosen = nn.Sequential():add(nn.ConcatTable():add(all):add(nn.SelectTable(3))):add(nn.CMulTable()):add(nn.Sum(1, 3))
   return nn.Sequential()
      :add(nn.ConcatTable():add(nn.SelectTable(1)):add(nn.SelectTable(2)):add(reset))
      :add(nn.ConcatTable():add(nn.SelectTable(2)):add(content):add(weights))
      :add(chosen)
end
function Unit:__tostring__()
   return string.format('%s(%d -> %d) { %s }', torch.type(self), self.inputSize, self.outputSize,
      table.concat(self.ops, ' '))
end

native.loading = loading
return nn
