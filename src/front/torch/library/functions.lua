-- The functions of C that the modules of nn are written in, for classes that call them themselves: those of THNN,
-- `x.THNN.Threshold_updateOutput(x:cdata(), y:cdata(), ...)`, and those before 2016,
-- `x.nn.Threshold_updateOutput(self, x)`. They do what the module of that name does.
local torch, nn, native = ...
local methods = native.tensor_methods

-- The fields of a module by their places behind the input and the output.
local fields = {
   Abs = '', AbsCriterion = 'sizeAverage', BCECriterion = 'sizeAverage weights',
   ClassNLLCriterion = 'sizeAverage weights total_weight ignoreIndex', DistKLDivCriterion = 'sizeAverage',
   BatchNormalization = 'weight bias running_mean running_var save_mean save_std train momentum eps',
   ELU = 'alpha inplace', GatedLinear = 'dim', HardShrink = 'lambda', HardTanh = 'min_val max_val inplace',
   LeakyReLU = 'negval inplace', LogSigmoid = 'buffer', LogSoftMax = '', MSECriterion = 'sizeAverage',
   MarginCriterion = 'sizeAverage margin', MultiLabelMarginCriterion = 'isTarget sizeAverage',
   MultiMarginCriterion = 'sizeAverage p weights margin',
   PReLU = 'weight nOutputPlane', Sigmoid = '', SmoothL1Criterion = 'sizeAverage', SoftMarginCriterion = 'sizeAverage', SoftMax = '',
   SoftPlus = 'beta threshold', SoftShrink = 'lambda',
   SpatialAveragePooling = 'kW kH dW dH padW padH ceil_mode count_include_pad',
   SpatialConvolutionMM = 'weight bias finput fgradInput kW kH dW dH padW padH',
   SpatialDilatedConvolution = 'weight bias columns ones kW kH dW dH padW padH dilationW dilationH',
   SpatialFullConvolution = 'weight bias columns ones kW kH dW dH padW padH adjW adjH',
   SpatialMaxPooling = 'indices kW kH dW dH padW padH ceil_mode',
   SpatialReflectionPadding = 'pad_l pad_r pad_t pad_b', SpatialReplicationPadding = 'pad_l pad_r pad_t pad_b',
   SpatialUpSamplingNearest = 'scale_factor', Sqrt = 'eps', Square = '', Tanh = '',
   Threshold = 'threshold val inplace',
}

-- A module of a class with these fields.
local function module_with(class, values, rank)
   if class == 'BatchNormalization' and rank > 2 then class = rank > 4 and 'VolumetricBatchNormalization' or 'SpatialBatchNormalization' end
   if class == 'SpatialConvolutionMM' and values.weight:dim() == 4 then class = 'SpatialConvolution' end
   if class == 'GatedLinear' then class = 'GatedLinearUnit' end
   local module = setmetatable({}, nn[class])
   if torch.isTypeOf(module, 'nn.Criterion') then nn.Criterion.__init(module) else nn.Module.__init(module) end
   module.train, module.divide = true, true
   for name, value in pairs(values) do module[name] = value end
   local weight, bias = module.weight, module.bias
   if weight then module.gradWeight = native.gradient_of(weight) end
   if bias then module.gradBias = native.gradient_of(bias) end
   if class:find('Convolution') then
      local full = class:find('Full') ~= nil
      local planes = weight:size(2) / (weight:dim() == 2 and module.kW * module.kH or 1)
      module.nInputPlane, module.nOutputPlane = full and weight:size(1) or planes, full and planes or weight:size(1)
   end
   module.affine = weight ~= nil
   return module
end

local function asks_gradient(name)
   return function() native.refuse('it asks for the gradient of ' .. name) end
end

methods.THNN = setmetatable({}, {__index = function(_, name)
   local class, what = name:match('^(%w+)_(%w+)$')
   if not class then return nil end
   if what ~= 'updateOutput' then return asks_gradient('THNN.' .. class) end
   local list = fields[class]
   if not list then return function() error('THNN.' .. name .. ' is not followed', 2) end end
   return function(input, second, third, ...)
      local loss = class:find('Criterion') ~= nil
      local arguments, values, place = loss and {...} or {third, ...}, {}, 0
      for field in list:gmatch('%S+') do
         place = place + 1
         values[field] = arguments[place]
      end
      local module = module_with(class, values, input:dim())
      if loss then
         third[1] = module:updateOutput(input, second)
      else
         local result = module:updateOutput(input)
         second:resizeAs(result):copy(result)
      end
   end
end})

methods.nn = setmetatable({}, {__index = function(_, name)
   local class, what = name:match('^(%w+)_(%w+)$')
   if not class then return nil end
   if what ~= 'updateOutput' and what ~= 'forward' then return asks_gradient('nn.' .. class) end
   return function(self, input, target)
      local of = nn[class]
      if not of then error('nn.' .. name .. ' is not followed', 2) end
      local module = {}
      for key, value in pairs(self) do module[key] = value end
      local result = setmetatable(module, of):updateOutput(input, target)
      if torch.isTensor(result) then
         self.output:resizeAs(result):copy(result)
      else
         self.output = result
      end
      return self.output
   end
end})

-- Handles of C are the tensors themselves.
function methods.cdata(self) return self end
