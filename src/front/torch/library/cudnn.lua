-- cudnn: the classes that are not those of nn under another name.
local cudnn, nn, native = ...

local class = native.definer('cudnn', cudnn)

-- Over the planes of a volume, at each of its places.
for name, inner in pairs({VolumetricSoftMax = 'SoftMax', VolumetricLogSoftMax = 'LogSoftMax'}) do
   local Class = class(name, nn.Module)
   function Class:__init()
      nn.Module.__init(self)
      self.inner = nn[inner]()
   end
   function Class:updateOutput(input)
      local sizes = input:size()
      local flat = input:dim() == 5 and input:view(sizes[1], sizes[2], -1, 1) or input:view(sizes[1], -1, 1)
      self.output = self.inner:forward(flat):viewAs(input)
      return self.output
   end
end

-- The mean of the losses of all places of a volume.
local Criterion = class('VolumetricCrossEntropyCriterion', nn.Criterion)
function Criterion:__init(weights)
   nn.Criterion.__init(self)
   self.inner = nn.CrossEntropyCriterion(weights)
end
function Criterion:updateOutput(input, target)
   local planes = input:size(2)
   local rows = input:permute(1, 3, 4, 5, 2):contiguous():view(-1, planes)
   self.output = self.inner:forward(rows, target:view(-1))
   return self.output
end

-- It takes a padding where nn's has none.
local Temporal = class('TemporalConvolution', nn.TemporalConvolution)
function Temporal:__init(inputFrameSize, outputFrameSize, kW, dW, padW)
   if padW and padW ~= 0 then error('cudnn.TemporalConvolution with a padding is not known: pad by nn.Padding', 3) end
   nn.TemporalConvolution.__init(self, inputFrameSize, outputFrameSize, kW, dW)
end

---------------------------------------------------------------- recurrent layers
-- Sequences of steps x batch x columns (batch x steps x columns with `batchFirst`) through layers of cells, as cuDNN has them:
-- all matrices and then all biases lie in one vector `weight`; those of a layer are, gate by gate, first for its input and
-- then for its output before. With two directions the layers of one pair follow each other, and their outputs lie side by side.
local RNN = class('RNN', nn.Module)
local gates_of = {CUDNN_RNN_RELU = 1, CUDNN_RNN_TANH = 1, CUDNN_LSTM = 4, CUDNN_GRU = 3}

function RNN:__init(inputSize, hiddenSize, numLayers, batchFirst, dropout, rememberStates)
   nn.Module.__init(self)
   if not inputSize or not hiddenSize or not numLayers then error('inputSize, hiddenSize and numLayers are needed', 3) end
   self.inputSize, self.hiddenSize, self.numLayers = inputSize, hiddenSize, numLayers
   self.batchFirst, self.dropout = batchFirst or false, dropout or 0
   self.rememberStates = rememberStates or false
   if rememberStates then
      native.forgetful(torch.type(self) .. ' begins every pass anew, whatever it is told to remember')
   end
   self.mode, self.bidirectional, self.numDirections = 'CUDNN_RNN_RELU', 'CUDNN_UNIDIRECTIONAL', 1
   self.weight, self.gradWeight, self.train = torch.Tensor(), torch.Tensor(), true
   self:reset()
end
function RNN:reset(stdv)
   local _, _, count = self:places()
   stdv = stdv or 1 / math.sqrt(self.hiddenSize)
   self.weight:resize(count):uniform(-stdv, stdv)
   self.gradWeight:resize(count):zero()
end
for _, name in ipairs({'resetDropoutDescriptor', 'resetRNNDescriptor', 'resetIODescriptors', 'resetHiddenDescriptors',
   'resetCellDescriptors', 'resetWeightDescriptor', 'clearDesc'}) do
   RNN[name] = function() end
end
function RNN:resetStates() self.hiddenInput, self.cellInput = nil, nil end

-- For every layer and direction the places of its matrices and those of its biases, as first elements with rows and columns,
-- and how many elements there are.
function RNN:places()
   local h, gates = self.hiddenSize, gates_of[self.mode]
   local directions = self.bidirectional == 'CUDNN_BIDIRECTIONAL' and 2 or 1
   local matrices, biases, at = {}, {}, 1
   for layer = 1, self.numLayers do
      for direction = 1, directions do
         local columns = layer == 1 and self.inputSize or h * directions
         matrices[#matrices + 1] = {{at, gates * h, columns}, {at + gates * h * columns, gates * h, h}}
         at = at + gates * h * (columns + h)
      end
   end
   for i = 1, #matrices do
      biases[i] = {{at, gates * h}, {at + gates * h, gates * h}}
      at = at + 2 * gates * h
   end
   return matrices, biases, at - 1
end
-- Windows of the vector for every layer and gate, for the input first, as vectors.
local function windows(self, places)
   local all, gates = {}, gates_of[self.mode]
   for i, both in ipairs(places) do
      all[i] = {}
      for _, place in ipairs(both) do
         local length = place[2] * (place[3] or 1) / gates
         for gate = 0, gates - 1 do
            table.insert(all[i], self.weight:narrow(1, place[1] + gate * length, length))
         end
      end
   end
   return all
end
function RNN:weights() return windows(self, (self:places())) end
function RNN:biases()
   local _, biases = self:places()
   return windows(self, biases)
end

-- One step of a cell: from what the input and what the output before give its gates, and the state before, to the new state.
local cells = {}
function cells.CUDNN_RNN_RELU(_, x, past) return torch.cmax(x + past, 0) end
function cells.CUDNN_RNN_TANH(_, x, past) return torch.tanh(x + past) end
function cells.CUDNN_LSTM(h, x, past, _, cell)
   local sum = x + past
   local function gate(i) return sum:narrow(2, i * h + 1, h) end
   local kept = torch.cmul(torch.sigmoid(gate(1)), cell)
   local new = kept + torch.cmul(torch.sigmoid(gate(0)), torch.tanh(gate(2)))
   return torch.cmul(torch.sigmoid(gate(3)), torch.tanh(new)), new
end
function cells.CUDNN_GRU(h, x, past, out)
   local open = torch.sigmoid(x:narrow(2, 1, 2 * h) + past:narrow(2, 1, 2 * h))
   local reset, update = open:narrow(2, 1, h), open:narrow(2, h + 1, h)
   local content = torch.tanh(x:narrow(2, 2 * h + 1, h) + torch.cmul(reset, past:narrow(2, 2 * h + 1, h)))
   return content + torch.cmul(update, out - content)
end

function RNN:updateOutput(input)
   if input:dim() ~= 3 then error('input must have 3 dimensions: seqLength, miniBatch, inputSize') end
   local x = self.batchFirst and input:transpose(1, 2) or input
   if x:size(3) ~= self.inputSize then error('Incorrect input size!') end
   local steps, n, h, cell = x:size(1), x:size(2), self.hiddenSize, cells[self.mode]
   local matrices, biases = self:places()
   local directions = #matrices / self.numLayers
   local function matrix(place) return self.weight:narrow(1, place[1], place[2] * place[3]):view(place[2], place[3]):t() end
   local function bias(place, rows)
      return self.weight:narrow(1, place[1], place[2]):view(1, place[2]):expand(rows, place[2])
   end
   local last = {{}, {}}
   local function scan(x, i, backwards)
      local flat = x:contiguous():view(steps * n, x:size(3))
      local gates = (torch.mm(flat, matrix(matrices[i][1])) + bias(biases[i][1], steps * n)):view(steps, n, -1)
      local back, shift, rows = matrix(matrices[i][2]), bias(biases[i][2], n), {}
      local out = self.hiddenInput and self.hiddenInput[i] or torch.Tensor(n, h):zero()
      local inside = self.cellInput and self.cellInput[i] or torch.Tensor(n, h):zero()
      for step = 1, steps do
         local at = backwards and steps + 1 - step or step
         out, inside = cell(h, gates:select(1, at), torch.mm(out, back) + shift, out, inside)
         rows[at] = out:view(1, n, h)
      end
      last[1][i], last[2][i] = out:view(1, n, h), inside and inside:view(1, n, h)
      return torch.cat(rows, 1)
   end
   for layer = 1, self.numLayers do
      if layer > 1 and self.dropout > 0 then
         -- One that is told nothing does what the net does.
         local dropped = nn.Dropout(self.dropout)
         dropped.train = nil
         x = dropped:forward(x)
      end
      local i = (layer - 1) * directions + 1
      local there = scan(x, i)
      x = directions == 1 and there or torch.cat({there, scan(x, i + 1, true)}, 3)
   end
   self.hiddenOutput = torch.cat(last[1], 1)
   self.cellOutput = last[2][1] and torch.cat(last[2], 1)
   self.output = self.batchFirst and x:transpose(1, 2) or x
   return self.output
end

local function recurrent(name, mode, directions)
   local Class = class(name, RNN)
   function Class:__init(...)
      RNN.__init(self, ...)
      self.mode = mode
      if directions == 2 then self.bidirectional, self.numDirections = 'CUDNN_BIDIRECTIONAL', 2 end
      self:reset()
   end
end
recurrent('RNNReLU', 'CUDNN_RNN_RELU')
recurrent('RNNTanh', 'CUDNN_RNN_TANH')
recurrent('LSTM', 'CUDNN_LSTM')
recurrent('GRU', 'CUDNN_GRU')
recurrent('BLSTM', 'CUDNN_LSTM', 2)
recurrent('BGRU', 'CUDNN_GRU', 2)
