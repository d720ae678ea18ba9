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

for name, instead in pairs({RNN = 'nn.Recurrence', RNNReLU = 'nn.Recurrence', RNNTanh = 'nn.Recurrence', LSTM = 'nn.SeqLSTM',
   BLSTM = 'nn.SeqLSTM', GRU = 'nn.SeqGRU', BGRU = 'nn.SeqGRU'}) do
   local Class = class(name, nn.Module)
   function Class:__init()
      error('cudnn.' .. name .. ' is not supported; the package rnn has ' .. instead, 3)
   end
end
