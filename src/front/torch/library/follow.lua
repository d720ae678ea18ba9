-- Follows modules that compute in Lua: their `updateOutput` is run on tensors whose numbers are not known, and what it asks
-- of them is written down as modules of nn, step by step. Every tensor that depends on the input has a value, by number.
local torch, nn, native = ...
local methods, is_tensor = native.tensor_methods, native.is_tensor

-- What is being followed: `at` has the value of every tensor, `part` says which part of which tensor one is, `sample` has
-- for every value a tensor of its shape, `steps` lists what was asked.
local trace
-- While this is set, functions about tensors do what they always do.
local plainly = false

-- The methods of tensors as they are.
local original = {}
for name, method in pairs(methods) do
   original[name] = function(...)
      local before = plainly
      plainly = true
      local result = method(...)
      plainly = before
      return result
   end
end

-- What cannot be followed is said at the place of the definition that asks it.
local function refuse(complaint) error({complaint = complaint}, 0) end
local function unknown(what)
   refuse(what .. ' needs numbers that are known only when the network runs')
end
local function guarded(f, ...)
   local results = {pcall(f, ...)}
   if results[1] then return results[2], results[3] end
   local problem = results[2]
   if type(problem) == 'table' and problem.complaint then error(problem.complaint, 3) end
   error(problem, 0)
end

local function sizes(tensor) return original.size(tensor):totable() end

local function tree(value, f)
   if is_tensor(value) or type(value) == 'number' then return f(value) end
   if type(value) ~= 'table' then refuse('a module gives tensors, not ' .. type(value)) end
   local result = {}
   for i, item in ipairs(value) do result[i] = tree(item, f) end
   return result
end

local function define(sample)
   trace.sample[#trace.sample + 1] = sample
   return #trace.sample
end

-- The values that a module makes of values.
local function step(module, inputs, leaf)
   local given = tree(inputs, function(id) return trace.sample[id] end)
   local outputs
   if leaf then outputs = define(leaf) else outputs = tree(native.forward(module, given, true), define) end
   trace.steps[#trace.steps + 1] = {module = module, inputs = leaf and {} or inputs, outputs = outputs}
   return outputs
end

-- The value of a tensor, if it depends on the input.
local function value_of(tensor)
   local part = trace.part[tensor]
   if part and trace.at[part.of] ~= part.when then
      refuse('this part of a tensor was taken before the tensor was changed')
   end
   return trace.at[tensor]
end

local function is_followed(value)
   if value == nil or type(value) == 'number' then return false end
   if is_tensor(value) then return trace.at[value] ~= nil end
   if type(value) ~= 'table' or torch.typename(value) then return false end
   for _, item in pairs(value) do
      if is_followed(item) then return true end
   end
   return false
end

local function any_followed(...)
   for i = 1, select('#', ...) do
      if is_followed((select(i, ...))) then return true end
   end
   return false
end

-- The value of any tensor; numbers that do not depend on the input are constants.
local function value(tensor)
   local known = value_of(tensor)
   if known then return known end
   if native.is_random(tensor) then refuse('random numbers are not followed') end
   return step(nn.Constant(original.clone(tensor)), trace.first)
end

local function view(id, extents)
   return step(nn.View(unpack(extents)), id)
end

local function join(ids, dimension)
   if #ids == 1 then return ids[1] end
   return step(nn.JoinTable(dimension), ids)
end

-- Gives a tensor a value; a part of a tensor passes it on to the whole.
local function give(id, tensor)
   local sample = trace.sample[id]
   if not tensor then
      tensor = original.clone(sample)
      trace.at[tensor] = id
      return tensor
   end
   local part = trace.part[tensor]
   if part then
      if not part.dimension then refuse('a tensor is changed through another shape of it') end
      local whole, d = part.of, part.dimension
      local base, before = value(whole), part.first - 1
      local after = original.size(whole, d) - before - part.length
      local pieces = {}
      if before > 0 then pieces[1] = step(nn.Narrow(d, 1, before), base) end
      local extents = sizes(whole)
      extents[d] = part.length
      pieces[#pieces + 1] = view(id, extents)
      if after > 0 then pieces[#pieces + 1] = step(nn.Narrow(d, part.first + part.length, after), base) end
      trace.part[tensor] = nil
      give(join(pieces, d), whole)
      part.when = trace.at[whole]
      trace.part[tensor], trace.at[tensor] = part, id
      return tensor
   end
   original.resize(tensor, torch.LongStorage(sizes(sample)))
   trace.at[tensor] = id
   return tensor
end

-- A tensor that shows (a part of) another.
local function show(id, of, dimension, first, length)
   local tensor = give(id)
   trace.part[tensor] = {of = of, when = trace.at[of], dimension = dimension, first = first, length = length}
   return tensor
end

---------------------------------------------------------------- what tensors are asked
local handlers = {}

-- Tensors and numbers among arguments.
local function sorted(...)
   local tensors, numbers, before = {}, {}, {}
   for i = 1, select('#', ...) do
      local item = select(i, ...)
      if is_tensor(item) then
         tensors[#tensors + 1] = item
         before[#tensors] = #numbers
      elseif type(item) == 'number' then
         numbers[#numbers + 1] = item
      end
   end
   return tensors, numbers, before
end

-- Operations of one tensor and numbers: `x:f(...)` changes x, `x:f(y, ...)` makes x of y, `torch.f([x,] y, ...)`.
local function of_one(name, make)
   handlers[name] = function(own, ...)
      local tensors, numbers = sorted(...)
      local target, source = own, tensors[1]
      if own then
         source = source or own
      elseif #tensors > 1 then
         target, source = tensors[1], tensors[2]
      end
      return give(make(value(source), numbers[1], numbers[2], source), target)
   end
end

local function module_of(class, ...)
   local extra = {...}
   return function(id) return step(nn[class](unpack(extra)), id) end
end
for name, class in pairs({abs = 'Abs', exp = 'Exp', log = 'Log', sqrt = 'Sqrt', tanh = 'Tanh', sigmoid = 'Sigmoid'}) do
   of_one(name, module_of(class))
end
of_one('neg', module_of('MulConstant', -1))
of_one('cinv', module_of('Power', -1))
of_one('rsqrt', module_of('Power', -0.5))
of_one('pow', function(id, n) return n == 2 and step(nn.Square(), id) or step(nn.Power(n), id) end)
of_one('mul', function(id, n) return step(nn.MulConstant(n), id) end)
of_one('div', function(id, n) return step(nn.MulConstant(1 / n), id) end)
of_one('clamp', function(id, least, most) return step(nn.Clamp(least, most), id) end)

local function scaled(id, by)
   return by == 1 and id or step(nn.MulConstant(by), id)
end

-- Operations of two tensors: `x:f(y)` changes x, `x:f(y, z)` makes x of both, `torch.f([x,] y, z)`. A number before the
-- last tensor is its factor, one after it takes the place of a second.
local function of_two(name, make, of_number, each)
   handlers[name] = function(own, ...)
      local tensors, numbers, before = sorted(...)
      local n = #tensors
      if #numbers > 0 and (n == 0 or before[n] == 0) then
         if not of_number then unknown("'" .. name .. "'") end
         return give(of_number(value(tensors[n] or own), numbers[1]), own or n == 2 and tensors[1] or nil)
      end
      local target, a, b = own, own, tensors[1]
      if own and n == 2 then
         a, b = tensors[1], tensors[2]
      elseif not own then
         a, b = tensors[n - 1], tensors[n]
         target = n == 3 and tensors[1] or nil
      end
      local first, second = value(a), scaled(value(b), numbers[1] or 1)
      if each then second = view(second, sizes(trace.sample[first])) end
      return give(make(first, second), target)
   end
end

local function pair(class)
   return function(a, b) return step(nn[class](), {a, b}) end
end
of_two('add', pair('CAddTable'), function(id, n) return step(nn.AddConstant(n), id) end, true)
of_two('csub', pair('CSubTable'), function(id, n) return step(nn.AddConstant(-n), id) end, true)
of_two('cmul', pair('CMulTable'), nil, true)
of_two('cdiv', pair('CDivTable'), nil, true)
of_two('cmax', pair('CMaxTable'), function(id, n) return step(nn.Threshold(n, n), id) end, true)
of_two('cmin', pair('CMinTable'), function(id, n)
   return scaled(step(nn.Threshold(-n, -n), scaled(id, -1)), -1)
end, true)
of_two('mm', pair('MM'))
of_two('bmm', pair('MM'))
of_two('mv', pair('MV'))
of_two('ger', function(a, b)
   local column = view(a, {original.nElement(trace.sample[a]), 1})
   return step(nn.MM(), {column, view(b, {1, original.nElement(trace.sample[b])})})
end)

-- `x:addcmul([factor,] y, z)` and `torch.addcmul([result,] x, [factor,] y, z)`.
for name, class in pairs({addcmul = 'CMulTable', addcdiv = 'CDivTable'}) do
   handlers[name] = function(own, ...)
      local tensors, numbers = sorted(...)
      local n = #tensors
      local base = n > 2 and tensors[n - 2] or own
      local product = step(nn[class](), {value(tensors[n - 1]), value(tensors[n])})
      local sum = step(nn.CAddTable(), {value(base), scaled(product, numbers[1] or 1)})
      return give(sum, own or n == 4 and tensors[1] or nil)
   end
end

-- Sums along a dimension, which keeps the extent 1.
local function reduced(name, make)
   handlers[name] = function(own, ...)
      local tensors, numbers = sorted(...)
      local source = tensors[#tensors] or own
      local target
      if own and #tensors == 1 then target = own end
      if not own and #tensors == 2 then target = tensors[1] end
      local dimension = numbers[#numbers]
      if not dimension or name == 'norm' and #numbers < 2 then unknown("'" .. name .. "' of all elements") end
      local extents = sizes(source)
      extents[dimension] = 1
      return give(view(make(value(source), dimension, numbers[1], extents), extents), target)
   end
end
reduced('sum', function(id, d) return step(nn.Sum(d), id) end)
reduced('mean', function(id, d) return step(nn.Mean(d), id) end)
reduced('max', function(id, d) return step(nn.Max(d), id) end)
reduced('min', function(id, d) return step(nn.Min(d), id) end)
reduced('norm', function(id, d, p)
   local powers = p == 2 and step(nn.Square(), id) or step(nn.Power(p), step(nn.Abs(), id))
   local sum = step(nn.Sum(d), powers)
   return p == 2 and step(nn.Sqrt(), sum) or step(nn.Power(1 / p), sum)
end)

-- A value of `have` extents several times along each dimension.
local function repeated(id, have, times)
   while #have < #times do table.insert(have, 1, 1) end
   id = view(id, have)
   for d, n in ipairs(times) do
      if n ~= 1 then
         have[d] = have[d] * n
         local before = d == 1 and 1 or d
         -- The copies of an item follow each other, so all before it is one dimension.
         local lead, rest = 1, {}
         for i = 1, before - 1 do lead = lead * have[i] end
         for i = d, #have do rest[#rest + 1] = i == d and have[d] / n or have[i] end
         local flat = 1
         for _, extent in ipairs(rest) do flat = flat * extent end
         id = view(step(nn.Replicate(n, 2), view(id, {lead, flat})), have)
      end
   end
   return id
end

local function expanded(id, extents)
   local have, times = sizes(trace.sample[id]), {}
   for d, extent in ipairs(extents) do
      local own = have[d - #extents + #have] or 1
      times[d] = own == extent and 1 or extent
   end
   return repeated(id, have, times)
end

local function spread(name, make)
   reduced(name, function(id, d, _, extents)
      local whole = sizes(trace.sample[id])
      local mean = expanded(view(step(nn.Mean(d), id), extents), whole)
      local squares = step(nn.Square(), step(nn.CSubTable(), {id, mean}))
      return make(step(nn.MulConstant(1 / (whole[d] - 1)), step(nn.Sum(d), squares)))
   end)
end
spread('var', function(id) return id end)
spread('std', function(id) return step(nn.Sqrt(), id) end)

---------------------------------------------------------------- shapes
local function extents_of(first, ...)
   if torch.typename(first) == 'torch.LongStorage' then return first:totable() end
   if type(first) == 'table' then return first end
   return {first, ...}
end

-- `x:f(...)`, `torch.f(x, ...)` and `x:f(y, ...)` for those that give a tensor of another shape.
local function reshaping(name, make)
   handlers[name] = function(own, first, ...)
      if own then return make(own, first, ...) end
      return make(first, ...)
   end
end

local function inferred(tensor, extents)
   local known = 1
   for _, extent in ipairs(extents) do
      if extent ~= -1 then known = known * extent end
   end
   for d, extent in ipairs(extents) do
      if extent == -1 then extents[d] = original.nElement(tensor) / known end
   end
   return extents
end

reshaping('view', function(tensor, first, ...)
   if is_tensor(first) then
      -- `x:view(y, ...)` makes x a view of y.
      return give(view(value(first), inferred(first, extents_of(...))), tensor)
   end
   return show(view(value(tensor), inferred(tensor, extents_of(first, ...))), tensor)
end)
reshaping('viewAs', function(tensor, first, second)
   if second then return give(view(value(first), sizes(second)), tensor) end
   return show(view(value(tensor), sizes(first)), tensor)
end)
reshaping('reshape', function(tensor, ...) return give(view(value(tensor), inferred(tensor, extents_of(...)))) end)
reshaping('narrow', function(tensor, d, first, length)
   return show(step(nn.Narrow(d, first, length), value(tensor)), tensor, d, first, length)
end)
reshaping('select', function(tensor, d, index)
   return show(step(nn.Select(d, index), value(tensor)), tensor, d, index, 1)
end)
reshaping('transpose', function(tensor, a, b) return show(step(nn.Transpose({a, b}), value(tensor)), tensor) end)
reshaping('t', function(tensor) return show(step(nn.Transpose({1, 2}), value(tensor)), tensor) end)
reshaping('permute', function(tensor, ...)
   local wanted, have, id = {...}, {}, value(tensor)
   for d in ipairs(wanted) do have[d] = d end
   for d, axis in ipairs(wanted) do
      for other = d, #have do
         if have[other] == axis and other ~= d then
            id = step(nn.Transpose({d, other}), id)
            have[d], have[other] = have[other], have[d]
         end
      end
   end
   return show(id, tensor)
end)
reshaping('expand', function(tensor, first, ...)
   if is_tensor(first) then return give(expanded(value(first), extents_of(...)), tensor) end
   return show(expanded(value(tensor), extents_of(first, ...)), tensor)
end)
reshaping('expandAs', function(tensor, first, second)
   if second then return give(expanded(value(first), sizes(second)), tensor) end
   return show(expanded(value(tensor), sizes(first)), tensor)
end)
reshaping('repeatTensor', function(tensor, first, ...)
   local target
   if is_tensor(first) then
      target, tensor = tensor, first
      first = nil
   end
   local times = first and extents_of(first, ...) or extents_of(...)
   return give(repeated(value(tensor), sizes(tensor), times), target)
end)
reshaping('squeeze', function(tensor, d)
   local extents = {}
   for i, extent in ipairs(sizes(tensor)) do
      if extent ~= 1 or d and d ~= i then extents[#extents + 1] = extent end
   end
   if #extents == 0 then extents = {1} end
   return show(view(value(tensor), extents), tensor)
end)
reshaping('unsqueeze', function(tensor, d)
   local extents = sizes(tensor)
   table.insert(extents, d, 1)
   return show(view(value(tensor), extents), tensor)
end)
for name, by_count in pairs({split = false, chunk = true}) do
   reshaping(name, function(tensor, n, d)
      d = d or 1
      local whole, parts = original.size(tensor, d), {}
      local length = by_count and math.ceil(whole / n) or n
      for first = 1, whole, length do
         parts[#parts + 1] = methods.narrow(tensor, d, first, math.min(length, whole - first + 1))
      end
      return parts
   end)
end
reshaping('index', function(tensor, d, places)
   return give(step(nn.Index(d), {value(tensor), value(places)}))
end)

function handlers.cat(_, first, second, third)
   local list, dimension, target = first, second
   if is_tensor(first) and is_tensor(second) then
      list, dimension = {first, second}, third
   elseif is_tensor(first) then
      target, list, dimension = first, second, third
   end
   local ids = {}
   for i, tensor in ipairs(list) do ids[i] = value(tensor) end
   return give(join(ids, dimension or original.dim(list[1])), target)
end

---------------------------------------------------------------- copies, and what gives up a value
for _, name in ipairs({'clone', 'contiguous', 'type', 'typeAs', 'float', 'double', 'cuda', 'half'}) do
   handlers[name] = function(own, ...)
      if name == 'type' and select('#', ...) == 0 then return original.type(own) end
      if name == 'clone' then return give(value(own)) end
      return own
   end
end
function handlers.copy(own, source)
   local id = value(source)
   if original.nElement(source) == original.nElement(own) then id = view(id, sizes(own)) end
   return give(id, own)
end
function handlers.set(own, source)
   trace.part[own], trace.at[own] = nil, nil
   if not source then return original.set(own) end
   return give(value(source), own)
end
for _, name in ipairs({'resize', 'resizeAs'}) do
   handlers[name] = function(own, ...)
      local id, extents = trace.at[own], nil
      if name == 'resizeAs' then extents = sizes((...)) else extents = extents_of(...) end
      local count = 1
      for _, extent in ipairs(extents) do count = count * extent end
      local kept = id and count == original.nElement(trace.sample[id])
      original.resize(own, torch.LongStorage(extents))
      trace.at[own] = kept and view(id, extents) or nil
      return own
   end
end
for _, name in ipairs({'fill', 'zero'}) do
   handlers[name] = function(own, number)
      local filled = original.fill(original.clone(trace.sample[trace.at[own]]), number or 0)
      if trace.part[own] then return give(value(filled), own) end
      trace.at[own] = nil
      return original.fill(own, number or 0)
   end
end

---------------------------------------------------------------- operators
local operators = {}
function operators.add(a, b) return torch.add(a, b) end
function operators.subtract(a, b)
   if type(b) == 'number' then return torch.add(a, -b) end
   if type(a) == 'number' then return torch.add(torch.mul(b, -1), a) end
   return torch.csub(a, b)
end
function operators.multiply(a, b)
   if type(b) == 'number' then return torch.mul(a, b) end
   if original.dim(a) == 1 and original.dim(b) == 1 then unknown('a product of vectors') end
   return original.dim(b) == 1 and torch.mv(a, b) or torch.mm(a, b)
end
function operators.divide(a, b)
   if type(b) == 'number' then return torch.div(a, b) end
   if type(a) == 'number' then return torch.mul(torch.cinv(b), a) end
   return torch.cdiv(a, b)
end
function operators.power(a, b) return torch.pow(a, b) end
function operators.negate(a) return torch.mul(a, -1) end

-- What `tensor[key]` shows.
local function part_of(tensor, key)
   if type(key) == 'number' then
      if original.dim(tensor) == 1 then unknown('an element') end
      return methods.select(tensor, 1, key)
   end
   if type(key) ~= 'table' then unknown('a part that a mask names') end
   local shown, d = tensor, 1
   for _, entry in ipairs(key) do
      if type(entry) == 'table' then
         if entry[1] then
            local last = entry[2] or entry[1]
            if last < 0 then last = original.size(shown, d) + 1 + last end
            shown = methods.narrow(shown, d, entry[1], last - entry[1] + 1)
         end
         d = d + 1
      elseif original.dim(shown) == 1 then
         unknown('an element')
      else
         shown = methods.select(shown, d, entry)
      end
   end
   return shown
end

-- Calls a handler: says whether it did its work, or what it refused.
local function handled(f, ...)
   local results = {pcall(f, ...)}
   if results[1] then return true, results[2], results[3] end
   local problem = results[2]
   if type(problem) == 'table' and problem.complaint then return 'refused', problem.complaint end
   error(problem, 0)
end

-- Whether a key of a tensor without followed numbers names a part of it, not an element.
local function names_part(tensor, key)
   if type(key) == 'number' then return original.dim(tensor) > 1 end
   if type(key) ~= 'table' or torch.typename(key) then return false end
   for _, entry in ipairs(key) do
      if type(entry) == 'table' then return true end
   end
   return #key < original.dim(tensor)
end

native.follow_operator = function(operator, a, b)
   if not trace or plainly then return false end
   if not any_followed(a, b) then
      -- It may come to depend on the input.
      if operator == 'index' and names_part(a, b) then return handled(part_of, a, b) end
      return false
   end
   if operator == 'index' then return handled(part_of, a, b) end
   local f = operators[operator] or function() unknown("'" .. operator .. "'") end
   if type(a) == 'number' and (operator == 'add' or operator == 'multiply') then a, b = b, a end
   return handled(f, a, b)
end

local function assign(tensor, key, item)
   if not trace.at[tensor] then trace.at[tensor] = value(tensor) end
   local part = part_of(tensor, key)
   if type(item) == 'number' then
      methods.fill(part, item)
   else
      methods.copy(part, item)
   end
end

native.follow_assignment = function(tensor, key, item)
   if not trace or plainly or not any_followed(tensor, item) then return false end
   return handled(assign, tensor, key, item)
end

---------------------------------------------------------------- following
-- Functions that ask for no numbers, and those that are written in terms of others.
local harmless = {}
for name in ([[size dim nDimension nElement numel isContiguous stride storageOffset isSameSizeAs isSize elementSize new
   isTensor typename addmm addmv addr baddbmm addbmm lerp]]):gmatch('%S+') do
   harmless[name] = true
end

-- A function about tensors that the definition calls, as a method of its first argument or not.
native.follow_call = function(name, as_method, own, ...)
   if not trace or plainly or harmless[name] then return false end
   if not any_followed(own, ...) then
      if (name == 'narrow' or name == 'select') and is_tensor(own) then
         local d, first, length = ...
         if type(d) ~= 'number' or name == 'select' and original.dim(own) == 1 then return false end
         local shown = original[name](own, d, first, length)
         trace.part[shown] = {of = own, dimension = d, first = first, length = length or 1}
         return true, shown
      end
      return false
   end
   local handler = handlers[name]
   if not handler then return handled(unknown, "'" .. name .. "'") end
   if as_method then return handled(handler, own, ...) end
   return handled(handler, nil, own, ...)
end

-- Whether a weight of a module depends on the input or on parameters of others.
local function is_computed(tensor)
   return is_tensor(tensor) and trace.at[tensor] ~= nil and trace.at[tensor] ~= trace.leaf[tensor]
end

-- What a module of nn makes of values. Batch normalisation whose gain and shift are computed, such as copies of those of
-- the module around it, normalises first.
local function made_by(module, input)
   if not is_computed(module.weight) and not is_computed(module.bias) then return step(module, input) end
   if not torch.isTypeOf(module, 'nn.BatchNormalization') or type(input) ~= 'number' then
      refuse('a weight of ' .. torch.type(module) .. ' that is computed is not followed')
   end
   local planes = original.nElement(module.weight)
   local bare = getmetatable(module)(planes, module.eps, module.momentum, false)
   bare.running_mean, bare.running_var = module.running_mean, module.running_var
   local id = step(bare, input)
   local extents, shape = sizes(trace.sample[id]), {}
   for d in ipairs(extents) do shape[d] = d == 2 and planes or 1 end
   local gain = expanded(view(value(module.weight), shape), extents)
   local shift = expanded(view(value(module.bias), shape), extents)
   return step(nn.CAddTable(), {step(nn.CMulTable(), {id, gain}), shift})
end

local plain = nn.Module.updateOutput
function nn.Module:updateOutput(input)
   if not trace or not is_followed(input) then return plain(self, input) end
   self.output = guarded(function()
      local function of(item) return value(item) end
      local function made(id) return give(id) end
      return tree(made_by(self, tree(input, of)), made)
   end)
   return self.output
end

-- Ends the following of a module, also after an error.
native.unfollow = function()
   trace, plainly = trace.outer, false
   if not trace then native.follow_operators(false) end
end

-- What `module:updateOutput(input)` asks, as steps and the values of its result; input tensors have the values from 1 on.
native.follow = function(module, input)
   local outer = trace
   trace = {at = {}, part = {}, leaf = {}, sample = {}, steps = {}, outer = outer}
   if not outer then native.follow_operators(true) end
   tree(input, function(tensor)
      trace.at[tensor] = define(original.clone(tensor))
      return trace.at[tensor]
   end)
   trace.first = 1
   local parameters, gradients = module:parameters()
   for i, parameter in ipairs(parameters or {}) do
      if not trace.at[parameter] then
         local leaf = native.find('cortado.Parameter')()
         leaf.weight, leaf.gradWeight = parameter, gradients[i]
         trace.at[parameter] = step(leaf, {}, original.clone(parameter))
         trace.leaf[parameter] = trace.at[parameter]
      end
   end
   if module.train == nil then module.train = true end
   local output = module:updateOutput(input)
   if output == nil then output = module.output end
   local results = guarded(tree, output, value)
   local read, steps = {}, {}
   local function note(id)
      read[id] = true
      return id
   end
   tree(results, note)
   for _, one in ipairs(trace.steps) do tree(one.inputs, note) end
   for _, one in ipairs(trace.steps) do
      -- Parameters that nothing reads are no part of the net.
      if type(one.outputs) ~= 'number' or read[one.outputs] then steps[#steps + 1] = one end
   end
   return steps, results
end
