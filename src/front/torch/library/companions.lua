-- What definitions ask of other packages and of the programs that usually load them: enough to build a network, nothing
-- that reads, writes, measures or trains.
local torch, nn, native = ...

local function nothing() end
local function same(...) return ... end

-- A value that can be called, indexed and assigned to without effect.
local function inert()
   local function call(_, ...)
      -- A loop over it ends at once.
      if select('#', ...) == 2 and (...) == nil and select(2, ...) == nil then return nil end
      return inert()
   end
   return setmetatable({}, {__index = function() return inert() end, __call = call})
end

local function unavailable(name)
   return function() error("'" .. name .. "' is not available: a definition is only read here", 2) end
end

-- What is written goes nowhere.
torch.load, torch.save = native.load, nothing
for _, name in ipairs({'DiskFile', 'PipeFile'}) do torch[name] = unavailable('torch.' .. name) end
torch.Tester, torch.TestSuite, torch.Generator = inert, function() return {} end, inert
torch.setRNGState = nothing
function torch.getRNGState() return torch.ByteTensor(1):zero() end
function torch.include(_, file) return native.dofile(file) end
torch.setnumthreads, torch.setheaptracking, torch.tic = nothing, nothing, nothing
function torch.getnumthreads() return 1 end
function torch.toc() return 0 end
function torch.Timer()
   local timer = {}
   timer.reset, timer.stop, timer.resume = same, same, same
   function timer.time() return {real = 0, user = 0, sys = 0} end
   return timer
end

-- Options of a program: a definition that describes its own gets their defaults, under what the global table `opt` says.
local CmdLine = torch.class('torch.CmdLine')
function CmdLine:__init() self.defaults = {} end
function CmdLine:option(name, default)
   self.defaults[(name:gsub('^%-+', ''))] = default
end
function CmdLine:argument(name)
   self.defaults[name] = rawget(_G, 'opt') and opt[name] or nil
end
function CmdLine:parse(given)
   local options = {}
   for name, default in pairs(self.defaults) do options[name] = default end
   for name, value in pairs(rawget(_G, 'opt') or {}) do
      local text = type(options[name]) == 'string' and type(value) == 'number'
      options[name] = text and tostring(value) or value
   end
   -- Words that the definition gives itself: flags turn round, other options take the next word.
   local at = 1
   while type(given) == 'table' and given[at] do
      local name = tostring(given[at]):gsub('^%-+', '')
      local default = self.defaults[name]
      if type(default) == 'boolean' then
         options[name] = not default
      elseif default ~= nil then
         at = at + 1
         local word = given[at]
         options[name] = type(default) == 'number' and tonumber(word) or word
      end
      at = at + 1
   end
   return options
end
for _, name in ipairs({'text', 'addTime', 'log', 'silent', 'help'}) do CmdLine[name] = nothing end
function CmdLine:string(prefix) return prefix end

---------------------------------------------------------------- paths: files of the definition's folder only
paths = {dofile = native.dofile, filep = native.is_file, dirp = function() return false end}

function paths.concat(...)
   local whole
   for _, part in ipairs({...}) do
      if part:sub(1, 1) == '/' or not whole then
         whole = part
      else
         whole = whole:gsub('/$', '') .. '/' .. part
      end
   end
   return whole or '.'
end
function paths.basename(path, suffix)
   local name = path:gsub('/+$', ''):match('[^/]*$')
   local ending = suffix and '.' .. suffix:gsub('^%.', '')
   if ending and name:sub(-#ending) == ending then name = name:sub(1, -#ending - 1) end
   return name
end
function paths.dirname(path) return path:match('^(.*)/[^/]*$') or '.' end
function paths.extname(path) return path:match('%.([^./]*)$') end
function paths.thisfile(name) return name or '' end
paths.cwd, paths.home = function() return '.' end, '.'
paths.require, paths.is_win = require, function() return false end
paths.uname = function() return 'Linux' end
paths.mkdir, paths.rmdir = function() return true end, function() return true end
for _, name in ipairs({'dir', 'execdir', 'files', 'findprogram', 'iterdirs', 'iterfiles', 'tmpname'}) do
   paths[name] = unavailable('paths.' .. name)
end
-- Files of a package, from the one that names them.
include = native.dofile

---------------------------------------------------------------- small packages
xlua = {progress = nothing, print = print, log = nothing, usage = error}
sys = {clock = function() return 0 end, tic = nothing, toc = function() return 0 end, sleep = nothing, usleep = nothing,
   COLORS = setmetatable({}, {__index = function() return '' end}), OS = 'linux', uname = function() return 'linux' end,
   concat = paths.concat, basename = paths.basename, dirname = paths.dirname, filep = paths.filep, dirp = paths.dirp,
   fpath = function() return '.', '' end}
for _, name in ipairs({'execute', 'fexecute', 'ls'}) do sys[name] = unavailable('sys.' .. name) end

-- Arguments by position, or those of one table by their names; a description of each says what is right.
function xlua.unpack(given, name, _, ...)
   local described, values, count = {...}, {}, select('#', ...)
   local first = given[1]
   local named = type(first) == 'table' and not torch.typename(first) and #given == 1
      and (#first == 0 or described[1].type ~= 'table')
   for i, one in ipairs(described) do
      local value = given[i]
      if named then value = first[one.arg] end
      if value == nil then value = one.default end
      if value == nil and one.defaulta then value = values[one.defaulta] end
      if value == nil and one.req then error(tostring(name) .. " needs its argument '" .. one.arg .. "'", 3) end
      values[i], values[one.arg] = value, value
   end
   return values, unpack(values, 1, count)
end
function xlua.unpack_class(object, given, name, help, ...)
   local values = xlua.unpack(given, name, help, ...)
   for key, value in pairs(values) do
      if type(key) == 'string' then object[key] = value end
   end
end
xlua.error = function(text) error(text, 3) end
xlua.require = function(name)
   local found, package = pcall(require, name)
   return found and package or nil
end
optim = inert()
for name in ('adadelta adagrad adam adamax asgd cg cmaes de fista lbfgs nag polyinterp rmsprop rprop'):gmatch('%S+') do
   optim[name] = unavailable('optim.' .. name)
end
-- One step of gradient descent; where the gradient is that of a network its numbers are not known, which is an error.
function optim.sgd(evaluate, x, config, state)
   config = config or {}
   state = state or config
   local momentum, decay = config.momentum or 0, config.weightDecay or 0
   local dampening = config.dampening or momentum
   if config.nesterov and (momentum <= 0 or dampening ~= 0) then
      error('Nesterov momentum requires a momentum and zero dampening', 2)
   end
   local steps = state.evalCounter or 0
   local loss, gradient = evaluate(x)
   if decay ~= 0 then
      gradient:add(decay, x)
   elseif config.weightDecays then
      gradient:add(torch.cmul(config.weightDecays, x))
   end
   if momentum ~= 0 then
      if state.dfdx then
         state.dfdx:mul(momentum):add(1 - dampening, gradient)
      else
         state.dfdx = gradient:clone()
      end
      if config.nesterov then gradient:add(momentum, state.dfdx) else gradient = state.dfdx end
   end
   local rate = (config.learningRate or 1e-3) / (1 + steps * (config.learningRateDecay or 0))
   if config.learningRates then gradient = torch.cmul(gradient, config.learningRates) end
   x:add(-rate, gradient)
   state.evalCounter = steps + 1
   return x, {loss}
end
optnet = {optimizeMemory = nothing, removeOptimization = nothing, countUsedMemory = function() return {} end}

image = {}
for _, name in ipairs({'display', 'displayGUI', 'save', 'saveJPG', 'savePNG', 'toDisplayTensor', 'window'}) do
   image[name] = nothing
end
image.load, image.lena = native.load, function() return native.load('lena.jpg') end
for _, name in ipairs({'loadJPG', 'loadPNG', 'loadPPM'}) do image[name] = native.load end
for name in ([[affinetransform convolve crop decompressJPG drawRect drawText flip getSize gaussianpyramid hflip hsl2rgb hsv2rgb
   jetColormap lab2rgb laplacian lcn minmax polar rgb2hsl rgb2hsv rgb2lab rgb2nrgb rgb2y rgb2yuv rotate scale translate vflip
   warp y2jet yuv2rgb]]):gmatch('%S+') do
   image[name] = unavailable('image.' .. name)
end
gnuplot = inert()
-- Samples of a bell curve; width and mean are fractions of the size.
function image.gaussian1D(...)
   local size, sigma, amplitude, normalize, mean = ...
   if type(size) == 'table' then
      local named = size
      size, sigma, amplitude = named.size, named.sigma, named.amplitude
      normalize, mean = named.normalize, named.mean
   end
   size, sigma, amplitude, mean = size or 3, sigma or 0.25, amplitude or 1, mean or 0.5
   local center = mean * size + 0.5
   local curve = torch.Tensor(size)
   for i = 1, size do
      curve[i] = amplitude * math.exp(-((i - center) / (sigma * size)) ^ 2 / 2)
   end
   if normalize then curve:div(curve:sum()) end
   return curve
end

-- The same in two dimensions.
function image.gaussian(...)
   local size, sigma, amplitude, normalize, width, height, sigma_x, sigma_y, mean_x, mean_y = ...
   if type(size) == 'table' then
      local named = size
      size, sigma, amplitude, normalize = named.size, named.sigma, named.amplitude, named.normalize
      width, height, sigma_x, sigma_y = named.width, named.height, named.sigma_horz, named.sigma_vert
      mean_x, mean_y = named.mean_horz, named.mean_vert
   end
   size, sigma = size or 3, sigma or 0.25
   local across = image.gaussian1D(width or size, sigma_x or sigma, 1, false, mean_x)
   local down = image.gaussian1D(height or size, sigma_y or sigma, amplitude, false, mean_y)
   local bell = torch.ger(down, across)
   if normalize then bell:div(bell:sum()) end
   return bell
end

---------------------------------------------------------------- classes that are known by name only
native.unsupported = function(name, what, instead)
   local Class = torch.class(name, 'nn.Module')
   function Class:__init()
      error(name .. ' ' .. what .. ' is not supported' .. (instead and ': ' .. instead or ''), 3)
   end
end

-- Tools beside the layers: what trains does nothing, since a definition is only read here.
local Trainer = torch.class('nn.StochasticGradient')
function Trainer:__init(module, criterion)
   self.module, self.criterion = module, criterion
   self.learningRate, self.learningRateDecay, self.maxIteration = 0.01, 0, 25
   self.shuffleIndices, self.verbose = true, true
end
function Trainer:train() end
for _, name in ipairs({'Jacobian', 'SparseJacobian'}) do
   nn[name] = setmetatable({}, {__index = function(_, test)
      return unavailable('nn.' .. name .. '.' .. tostring(test))
   end})
end

---------------------------------------------------------------- nninit
-- First values by the name of their law: `module:init('weight', nninit.kaiming, {gain = 'relu'})`.
function nn.Module:init(accessor, initialiser, ...)
   local tensor
   if type(accessor) == 'function' then
      tensor = accessor(self)
   elseif type(accessor) == 'table' then
      tensor = self[accessor[1]][accessor[2]]
   else
      tensor = self[accessor]
   end
   initialiser(self, tensor, ...)
   return self
end

local nninit = {}
for name, method in pairs({copy = 'copy', constant = 'fill', addConstant = 'add', mulConstant = 'mul',
   normal = 'normal', uniform = 'uniform'}) do
   nninit[name] = function(module, tensor, ...)
      tensor[method](tensor, ...)
      return module
   end
end
for name, law in pairs({addNormal = 'normal', addUniform = 'uniform'}) do
   nninit[name] = function(module, tensor, ...)
      local noise = torch.Tensor(tensor:size())
      tensor:add(noise[law](noise, ...))
      return module
   end
end

-- How many numbers flow into an output of a module, and out of an input.
local function fans(module)
   local kind = torch.type(module)
   local window = (module.kW or 1) * (module.kH or 1) * (module.kT or 1)
   if kind:find('TemporalConvolution') or kind:find('Linear') then
      return module.weight:size(2), module.weight:size(1)
   elseif kind:find('SpatialConvolution') or kind:find('VolumetricConvolution') then
      return module.nInputPlane * window, module.nOutputPlane * window
   end
   error('Unsupported module', 3)
end

local function gain_of(gain)
   local kind = type(gain) == 'table' and gain[1] or gain
   if type(kind) == 'number' then return kind end
   if kind == 'relu' then return math.sqrt(2) end
   if kind == 'lrelu' then return math.sqrt(2 / (1 + gain.leakiness ^ 2)) end
   return 1
end

local function spread(tensor, deviation, law)
   if law == 'uniform' then
      tensor:uniform(-deviation * math.sqrt(3), deviation * math.sqrt(3))
   else
      tensor:normal(0, deviation)
   end
end

function nninit.xavier(module, tensor, options)
   local into, out = fans(module)
   options = options or {}
   spread(tensor, gain_of(options.gain) * math.sqrt(2 / (into + out)), options.dist or 'uniform')
   return module
end

function nninit.kaiming(module, tensor, options)
   options = options or {}
   spread(tensor, gain_of(options.gain) * math.sqrt(1 / fans(module)), options.dist or 'normal')
   return module
end

-- A matrix whose rows, or columns where there are fewer of them, are orthogonal. Of large ones only the deviation is right.
local MOST_ORTHOGONAL = 10000
function nninit.orthogonal(module, tensor, options)
   if tensor:dim() < 2 then error('nninit.orthogonal only supports tensors with 2 or more dimensions', 3) end
   local rows, gain = tensor:size(1), gain_of((options or {}).gain)
   local columns = tensor:nElement() / rows
   local most, least = math.max(rows, columns), math.min(rows, columns)
   if tensor:nElement() > MOST_ORTHOGONAL then
      tensor:normal(0, gain / math.sqrt(most))
   else
      local matrix = torch.qr(torch.Tensor(most, least):normal(0, 1)):narrow(2, 1, least)
      if rows < columns then matrix = matrix:t() end
      tensor:copy(matrix:contiguous():viewAs(tensor)):mul(gain)
   end
   return module
end

-- So many weights of every output are not 0.
function nninit.sparse(module, tensor, sparsity)
   local rows = tensor:size(1)
   local line = tensor:view(rows, -1)
   local columns = line:size(2)
   local zeros = math.ceil(sparsity * columns)
   tensor:normal(0, 1 / math.sqrt(math.max(columns - zeros, 1)))
   for row = 1, rows do
      local order = torch.randperm(columns)
      for i = 1, zeros do line[row][order[i]] = 0 end
   end
   return module
end

-- The identity, or in a convolution what passes a plane on.
function nninit.eye(module, tensor)
   local kind = torch.type(module)
   tensor:zero()
   if tensor:dim() == 2 then
      tensor:copy(torch.eye(tensor:size(1), tensor:size(2)))
   elseif kind:find('Convolution') then
      for i = 1, math.min(tensor:size(1), tensor:size(2)) do
         local filter = tensor[i][i]
         if filter:dim() == 1 then
            filter[math.ceil(filter:size(1) / 2)] = 1
         elseif filter:dim() == 2 then
            filter[math.ceil(filter:size(1) / 2)][math.ceil(filter:size(2) / 2)] = 1
         end
      end
   else
      error('Unsupported module', 3)
   end
   return module
end

---------------------------------------------------------------- nnlr
-- Factors of learning rate and decay by the name of a parameter, which a training program hands to optim.
local function factors(field)
   return function(self, name, factor)
      self.__factors = self.__factors or {}
      local own = self.__factors[field] or {}
      if factor == nil then return own[name] end
      own[name] = factor
      self.__factors[field] = own
      return self
   end
end
local function nnlr()
   nn.Module.learningRate, nn.Module.weightDecay = factors('rate'), factors('decay')
   function nn.Module:getOptimConfig(rate, decay)
      local whole = (self:getParameters()):nElement()
      local rates, decays = torch.Tensor(whole), torch.Tensor(whole)
      local at = 1
      for _, module in ipairs(self:listModules()) do
         for _, name in ipairs(module.modules and {} or {'weight', 'bias'}) do
            local own, given = module[name], module.__factors or {}
            if torch.isTensor(own) then
               local n = own:nElement()
               rates:narrow(1, at, n):fill(rate * ((given.rate or {})[name] or 1))
               decays:narrow(1, at, n):fill(decay * ((given.decay or {})[name] or 1))
               at = at + n
            end
         end
      end
      return rates, decays
   end
   return true
end

-- The parts of a text between what matches a pattern; nothing before one at the start.
function string.split(text, pattern)
   local parts, from = {}, 1
   while true do
      local first, last = text:find(pattern, from)
      if not first or last < first then break end
      if first > 1 or first > from then parts[#parts + 1] = text:sub(from, first - 1) end
      from = last + 1
   end
   if from <= #text then parts[#parts + 1] = text:sub(from) end
   return parts
end
sys.split = string.split

local lfs = {currentdir = function() return '.' end, attributes = nothing, mkdir = function() return true end,
   rmdir = unavailable('lfs.rmdir'), dir = unavailable('lfs.dir'), chdir = unavailable('lfs.chdir')}

local modules = {paths = paths, nninit = nninit, xlua = xlua, sys = sys, optim = optim, optnet = optnet, image = image, gnuplot = gnuplot,
   nngraph = nngraph, graph = graph, trepl = inert(), lfs = lfs, env = inert(), pl = inert()}
for name, module in pairs(modules) do package.loaded[name] = module end
package.loaded['pl.import_into'] = inert
-- DIGITS' driver has loaded these.
for _, name in ipairs({'lfs', 'pl', 'trepl'}) do _G[name] = modules[name] end

-- Functions of functions.
local moses = {}
function moses.bindn(f, ...)
   local bound, n = {...}, select('#', ...)
   return function(...)
      local args = {unpack(bound, 1, n)}
      for i = 1, select('#', ...) do args[n + i] = (select(i, ...)) end
      return f(unpack(args, 1, n + select('#', ...)))
   end
end
function moses.bind(f, value) return moses.bindn(f, value) end
package.loaded.moses = moses

---------------------------------------------------------------- graphics processors: none
native.cutorch = {getDeviceCount = function() return 0 end, getDevice = function() return 0 end,
   setDevice = nothing, synchronize = nothing, synchronizeAll = nothing, manualSeed = nothing,
   manualSeedAll = nothing, setHeapTracking = nothing, createCudaHostTensor = torch.FloatTensor,
   withDevice = function(_, work) return work() end}

---------------------------------------------------------------- what training programs define for their models
function makeDataParallel(model) return model end
makeDataParallelTable = makeDataParallel
nClasses = 1000
-- No words follow the name of the program.
arg = {}

---------------------------------------------------------------- packages that make no modules
-- What loads, shows and shares data is there and does nothing.
local elsewhere = [[argparse async audio camera cephes cjson cv csv csvigo debugger display distlearn distributions dok
   fb.debugger ffmpeg gfx.js graph.graphviz graphicsmagick hdf5 inspect ipc iterm iterm.dot itorch json lmdb logging
   logging.console logging.file logroll ltn12 mattorch matio mnist mobdebug nngraph.simple_print npy4th optnet.graphgen
   parallel pl.List pl.class pl.file pl.path pl.pretty pl.utils posix pprint ProFi qt qtwidget qtuiloader qttorch randomkit
   serpent signal socket socket.http strict sundown tds threads torchnet torchx totem video visdom]]
for name in elsewhere:gmatch('%S+') do
   if not package.loaded[name] then
      package.preload[name] = function()
         local package = inert()
         if rawget(_G, name) == nil then _G[name] = package end
         return package
      end
   end
end
package.preload.nnlr = nnlr
-- dp comes with modules, and with programs that train; of its data there are the shapes.
function package.preload.dp()
   require 'nnx'
   require 'dpnn'
   dp = inert()
   function dp.returnString(text) return loadstring('return ' .. text)() end
   table.print = print
   for name, shape in pairs({Mnist = {1, 28, 10}, NotMnist = {1, 28, 10}, Cifar10 = {3, 32, 10}, Cifar100 = {3, 32, 100},
      Svhn = {3, 32, 10}}) do
      local planes, extent, count = unpack(shape)
      dp[name] = function()
         local source, classes = inert(), {}
         for i = 1, count do classes[i] = i - 1 end
         function source.classes() return classes end
         function source.featureSize() return planes * extent * extent end
         function source.ioShapes() return 'bchw', 'b' end
         function source.imageSize(_, axis) return axis == 'c' and planes or axis and extent or {planes, extent, extent} end
         return source
      end
   end
   return dp
end
function package.preload.ffi()
   return setmetatable({}, {__index = function(_, name) return unavailable('ffi.' .. tostring(name)) end})
end
function package.preload.loadcaffe()
   loadcaffe = {load = unavailable('loadcaffe.load')}
   return loadcaffe
end
