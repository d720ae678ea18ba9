-- Follows modules that compute in Lua: their `updateOutput` is run on tensors whose numbers are not known, and what it asks
-- of them is written down as modules of nn, step by step. Every tensor that depends on the input has a value, by number.
local torch, nn, native = ...
local methods, is_tensor = native.tensor_methods, native.is_tensor
-- The classes of nn, whatever the definition has put in their places.
local stock = setmetatable({}, {__index = function(_, name) return native.replaced['nn.' .. name] or nn[name] end})

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
native.original = original

-- What cannot be followed is said at the place of the definition that asks it.
local function refuse(complaint) error({complaint = complaint}, 0) end
native.refuse = refuse
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

-- Numbers that depend on the input are those of tensors of one element.
local late_tensor = native.late_tensor

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

-- While labels are followed one by one (labels.lua): the forms of a value of those it is made of.
local function note_forms(module, inputs, outputs)
   if type(outputs) ~= 'number' then return end
   local lists, extents, known = {}, {}, torch.typename(module) == 'nn.Constant'
   if not known then
      known = true
      tree(inputs, function(id)
         lists[#lists + 1], extents[#extents + 1] = trace.forms[id], sizes(trace.sample[id])
         known = known and trace.forms[id] ~= nil
         return id
      end)
   end
   if known then trace.forms[outputs] = native.forms_of(trace.labels, module, lists, extents) end
end

-- Functions of each element, which what a mask names may be given to.
local of_elements = {}
for name in ([[Abs AddConstant CAddTable CDivTable CMaxTable CMinTable CMulTable CSubTable Clamp ELU Exp Log LogSigmoid
   MulConstant Power ReLU Sigmoid SoftPlus Sqrt Square Tanh Threshold View ZeroGrad]]):gmatch('%S+') do
   of_elements['nn.' .. name] = true
end
of_elements['cortado.ElementFunction'] = true

-- The step that makes a value.
local function maker(id)
   for i = #trace.steps, 1, -1 do
      if trace.steps[i].outputs == id then return trace.steps[i] end
   end
end

-- Whether two values are made alike.
local function same_value(a, b)
   if a == b then return true end
   local x, y = maker(a), maker(b)
   local kind = x and y and torch.typename(x.module)
   if not kind or kind ~= torch.typename(y.module) or not of_elements[kind] and kind ~= 'nn.Constant' then return false end
   for key, item in pairs(x.module) do
      local other, plain = y.module[key], type(item) == 'number' or type(item) == 'string'
      if plain and item ~= other then return false end
   end
   if kind == 'nn.Constant' then
      local one, other = x.module.value, y.module.value
      return original.isSameSizeAs(one, other) and original.equal(one, other)
   end
   local left, right = x.inputs, y.inputs
   if type(left) == 'number' then left, right = {left}, {right} end
   for i, id in ipairs(left) do
      if not right[i] or not same_value(id, right[i]) then return false end
   end
   return #left == #right
end

-- The mask whose elements are meant where a step computes on all; none is the rule.
local function mask_among(module, inputs)
   local mask
   tree(inputs, function(id)
      local own = trace.mask[id]
      if own and mask and not same_value(own, mask) then refuse('two masks name different elements here') end
      mask = mask or own
      return id
   end)
   if mask and not of_elements[torch.typename(module)] then
      refuse('of what a mask names, only functions of each element and sums are followed')
   end
   return mask
end

-- The values that a module makes of values.
local function step(module, inputs, leaf)
   -- Modules that are not told to train or not, or tell themselves, do what they do in both.
   local own = module.train
   if type(own) ~= 'boolean' or trace.inside[module] and own == trace.training then own = nil end
   local given = tree(inputs, function(id) return trace.sample[id] end)
   local outputs
   if leaf then outputs = define(leaf) else outputs = tree(native.forward(module, given, true), define) end
   if next(trace.mask) and not leaf then trace.mask[outputs] = mask_among(module, inputs) end
   trace.steps[#trace.steps + 1] = {module = module, inputs = leaf and {} or inputs, outputs = outputs, mode = own}
   if trace.labels then note_forms(module, inputs, outputs) end
   return outputs
end

local function depends(tensor)
   local part = trace.part[tensor]
   return trace.at[tensor] ~= nil or part ~= nil and depends(part.of)
end

-- The value of a tensor, if it depends on the input. What shows (a part of) a tensor that has changed shows the change.
local function value_of(tensor)
   local part = trace.part[tensor]
   if part and depends(part.of) then
      local whole = value_of(part.of)
      if trace.at[tensor] == nil or whole ~= part.when then
         if not part.again then refuse('this part of a tensor was taken before the tensor was changed') end
         trace.at[tensor], part.when = part.again(whole), whole
      end
   end
   return trace.at[tensor]
end

local function is_followed(value)
   if late_tensor(value) then return true end
   if value == nil or type(value) == 'number' then return false end
   if is_tensor(value) then return depends(value) end
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

-- The value of any tensor or number; numbers that do not depend on the input are constants.
local function value(tensor)
   tensor = late_tensor(tensor) or tensor
   if type(tensor) == 'number' then tensor = original.fill(torch.Tensor(1), tensor) end
   local known = value_of(tensor)
   if known then return known end
   return step(stock.Constant(original.clone(tensor)), trace.first)
end

local function view(id, extents)
   local have, same = sizes(trace.sample[id]), true
   for d = 1, math.max(#have, #extents) do same = same and have[d] == extents[d] end
   if same then return id end
   return step(stock.View(unpack(extents)), id)
end

local function join(ids, dimension)
   if #ids == 1 then return ids[1] end
   return step(stock.JoinTable(dimension), ids)
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
   if part and not part.dimension then
      -- The whole gets it back in its own shape.
      if not part.back then refuse('a tensor is changed through another shape of it') end
      trace.part[tensor] = nil
      give(part.back(id), part.of)
      part.when = trace.at[part.of]
      trace.part[tensor], trace.at[tensor] = part, id
      return tensor
   end
   if part then
      local whole, d = part.of, part.dimension
      local base, before = value(whole), part.first - 1
      local after = original.size(whole, d) - before - part.length
      local pieces = {}
      if before > 0 then pieces[1] = step(stock.Narrow(d, 1, before), base) end
      local extents = sizes(whole)
      extents[d] = part.length
      pieces[#pieces + 1] = view(id, extents)
      if after > 0 then pieces[#pieces + 1] = step(stock.Narrow(d, part.first + part.length, after), base) end
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

-- Notes that a tensor shows a part of another.
local function note_part(tensor, of, dimension, first, length)
   local extents = sizes(tensor)
   local function again(id) return view(step(stock.Narrow(dimension, first, length), id), extents) end
   trace.part[tensor] = {of = of, when = trace.at[of], dimension = dimension, first = first, length = length,
      again = dimension and again, apart = not dimension}
   return tensor
end

-- A tensor that shows (a part of) another.
local function show(id, of, dimension, first, length)
   return note_part(give(id), of, dimension, first, length)
end

-- Notes that a tensor shows another in another shape, with what turns a value into that shape and what turns it back.
local function note_turned(tensor, of, again, back)
   local extents, others = sizes(tensor), sizes(of)
   trace.part[tensor] = {of = of, when = trace.at[of], apart = again ~= nil,
      again = again or function(id) return view(id, extents) end,
      back = back or function(id) return view(id, others) end}
   return tensor
end

-- A value with its dimensions in another order.
local function permuted(id, wanted)
   local have = {}
   for d in ipairs(wanted) do have[d] = d end
   for d, axis in ipairs(wanted) do
      for other = d, #have do
         if have[other] == axis and other ~= d then
            id = step(stock.Transpose({d, other}), id)
            have[d], have[other] = have[other], have[d]
         end
      end
   end
   return id
end

-- Functions that show a tensor in another shape: what they and what their opposites make of a value.
local turned = {}
for name in ('view viewAs squeeze unsqueeze'):gmatch('%S+') do
   turned[name] = function() end
end
function turned.transpose(a, b)
   local function swap(id) return step(stock.Transpose({a, b}), id) end
   return swap, swap
end
function turned.t() return turned.transpose(1, 2) end
function turned.permute(...)
   local wanted, back = {...}, {}
   for d, axis in ipairs(wanted) do back[axis] = d end
   return function(id) return permuted(id, wanted) end, function(id) return permuted(id, back) end
end
local function show_turned(name, id, of, ...)
   return note_turned(give(id), of, turned[name](...))
end

---------------------------------------------------------------- what tensors are asked
local handlers = {}

local function element_function(name, inputs, number)
   return step(native.find('cortado.ElementFunction')(name, number), inputs)
end

local function count(id) return original.nElement(trace.sample[id]) end
local function flat(id) return view(id, {count(id)}) end

-- A number of the running network.
local function late(id) return native.late(give(flat(id))) end

-- A value of one element, at every place of a shape.
local function everywhere(id, extents)
   local n = 1
   for _, extent in ipairs(extents) do n = n * extent end
   return view(step(stock.Replicate(n, 1), flat(id)), extents)
end

-- A value and a number, which may depend on the input.
local function with_number(class, of_number)
   return function(id, number)
      if not late_tensor(number) then return of_number(id, number) end
      return step(stock[class](), {id, everywhere(value(number), sizes(trace.sample[id]))})
   end
end
local scaled = with_number('CMulTable', function(id, by)
   return by == 1 and id or step(stock.MulConstant(by), id)
end)
local plus = with_number('CAddTable', function(id, number) return step(stock.AddConstant(number), id) end)
local less = with_number('CSubTable', function(id, number) return step(stock.AddConstant(-number), id) end)
local over = with_number('CDivTable', function(id, by)
   -- Whole labels must stay whole.
   if trace.of_labels then return step(stock.CDivTable(), {id, everywhere(value(by), sizes(trace.sample[id]))}) end
   return step(stock.MulConstant(1 / by), id)
end)
local function raised(id, to)
   if late_tensor(to) then return element_function('pow', {id, value(to)}) end
   return to == 2 and step(stock.Square(), id) or step(stock.Power(to), id)
end

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
      -- Numbers have functions as well.
      if not own and #tensors == 0 then return late(make(value(numbers[1]), numbers[2], numbers[3])) end
      local target, source = own, tensors[1]
      if own then
         source = source or own
      elseif #tensors > 1 then
         target, source = tensors[1], tensors[2]
      end
      return give(make(value(source), numbers[1], numbers[2]), target)
   end
end

local function module_of(class, ...)
   local extra = {...}
   return function(id) return step(stock[class](unpack(extra)), id) end
end
for name, class in pairs({abs = 'Abs', exp = 'Exp', log = 'Log', sqrt = 'Sqrt', tanh = 'Tanh', sigmoid = 'Sigmoid'}) do
   of_one(name, module_of(class))
end
of_one('neg', module_of('MulConstant', -1))
of_one('cinv', module_of('Power', -1))
of_one('rsqrt', module_of('Power', -0.5))
of_one('mul', scaled)
of_one('div', over)
of_one('clamp', function(id, least, most)
   if late_tensor(least) or late_tensor(most) then unknown("'clamp'") end
   return step(stock.Clamp(least, most), id)
end)
for name in ('floor ceil round frac trunc sign sin cos tan asin acos atan sinh cosh log1p'):gmatch('%S+') do
   of_one(name, function(id) return element_function(name, id) end)
end

-- `x:pow(y, n)`, `torch.pow([x,] y, n)` and `torch.pow([x,] n, y)`.
function handlers.pow(own, ...)
   local tensors, numbers, before = sorted(...)
   local source, target = tensors[#tensors] or own, own or #tensors > 1 and tensors[1] or nil
   if #tensors == 0 or before[#tensors] == 0 then return give(raised(value(source), numbers[1]), target) end
   if late_tensor(numbers[1]) then
      local base = everywhere(value(numbers[1]), sizes(source))
      return give(element_function('pow', {base, value(source)}), target)
   end
   return give(step(stock.Exp(), scaled(value(source), math.log(numbers[1]))), target)
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
   return function(a, b) return step(stock[class](), {a, b}) end
end
of_two('add', pair('CAddTable'), plus, true)
of_two('csub', pair('CSubTable'), less, true)
of_two('cmul', pair('CMulTable'), nil, true)
of_two('cdiv', pair('CDivTable'), nil, true)
of_two('cmax', pair('CMaxTable'), function(id, n) return step(stock.Threshold(n, n), id) end, true)
of_two('cmin', pair('CMinTable'), function(id, n)
   return scaled(step(stock.Threshold(-n, -n), scaled(id, -1)), -1)
end, true)
of_two('cpow', function(a, b) return element_function('pow', {a, b}) end, nil, true)
of_two('mm', pair('MM'))
of_two('bmm', pair('MM'))
of_two('mv', pair('MV'))
of_two('ger', function(a, b)
   local column = view(a, {original.nElement(trace.sample[a]), 1})
   return step(stock.MM(), {column, view(b, {1, original.nElement(trace.sample[b])})})
end)

-- `x:addcmul([factor,] y, z)` and `torch.addcmul([result,] x, [factor,] y, z)`.
for name, class in pairs({addcmul = 'CMulTable', addcdiv = 'CDivTable'}) do
   handlers[name] = function(own, ...)
      local tensors, numbers = sorted(...)
      local n = #tensors
      local base = n > 2 and tensors[n - 2] or own
      local product = step(stock[class](), {value(tensors[n - 1]), value(tensors[n])})
      local sum = step(stock.CAddTable(), {value(base), scaled(product, numbers[1] or 1)})
      return give(sum, own or n == 4 and tensors[1] or nil)
   end
end

-- Comparisons: `x:gt(y)` makes a mask, `mask:gt(x, y)` fills one, `torch.gt([mask,] x, y)`; a number may stand for y.
for name in ('eq ne lt le gt ge'):gmatch('%S+') do
   handlers[name] = function(own, ...)
      local operands = {own, ...}
      if not own then operands = {...} end
      local n = #operands
      local a, b, target = operands[n - 1], operands[n], n > 2 and operands[1] or nil
      if type(b) == 'number' and not late_tensor(b) then
         return give(element_function(name, value(a), b), target)
      end
      return give(element_function(name, {value(a), value(b)}), target)
   end
end

-- What a mask names, as a line of all elements of which those count that it names; the others are 1, which most functions
-- are defined for.
local function named(tensor, mask)
   local chosen = value(mask)
   local others = element_function('eq', chosen, 0)
   local id = flat(element_function('maskedFill', {others, value(1), value(tensor)}))
   trace.mask[id] = flat(chosen)
   return id
end
function handlers.maskedSelect(own, first, second)
   if own and second then return give(named(first, second), own) end
   return give(named(own or first, own and first or second))
end

-- What a mask names becomes a number, or what the same mask names elsewhere.
local function masked(tensor, mask, item)
   local id, chosen, filled = value(tensor), value(mask), nil
   if is_tensor(item) and not late_tensor(item) then
      filled = value(item)
      local own = trace.mask[filled]
      if not own or not same_value(own, flat(chosen)) then unknown('a part that a mask names') end
      filled = view(filled, sizes(tensor))
   elseif type(item) ~= 'number' and not late_tensor(item) then
      unknown('a part that a mask names')
   else
      filled = late_tensor(item) and everywhere(value(item), sizes(tensor)) or value(item)
   end
   local result = element_function('maskedFill', {chosen, filled, id})
   trace.mask[result] = nil
   return give(result, tensor)
end
function handlers.maskedFill(own, mask, number, last)
   if own then return masked(own, mask, number) end
   return masked(mask, number, last)
end
function handlers.maskedCopy(own, mask, source) return masked(own, mask, source) end

-- A value whose elements all count: 0 where a mask does not name them.
local function all_of(id)
   local mask = trace.mask[id]
   if not mask then return id end
   local line = element_function('maskedFill', {element_function('eq', mask, 0), value(0), flat(id)})
   trace.mask[line] = nil
   return line
end

-- Sums along a dimension, which keeps the extent 1, or of all elements, a number.
local function reduced(name, make)
   handlers[name] = function(own, ...)
      local tensors, numbers = sorted(...)
      local source = tensors[#tensors] or own
      local target
      if own and #tensors == 1 then target = own end
      if not own and #tensors == 2 then target = tensors[1] end
      local dimension = numbers[#numbers]
      local mask = trace.mask[value(source)]
      if mask then
         if name ~= 'sum' and name ~= 'mean' and name ~= 'norm' then unknown("'" .. name .. "' of what a mask names") end
         local line = give(all_of(value(source)))
         if name ~= 'mean' then return handlers[name](nil, line, unpack(numbers)) end
         return handlers.sum(nil, line) / late(step(stock.Sum(1), mask))
      end
      if not dimension or name == 'norm' and #numbers < 2 then
         return late(make(flat(value(source)), 1, numbers[1], {1}))
      end
      local extents = sizes(source)
      extents[dimension] = 1
      return give(view(make(value(source), dimension, numbers[1], extents), extents), target)
   end
end
reduced('sum', function(id, d) return step(stock.Sum(d), id) end)
reduced('mean', function(id, d) return step(stock.Mean(d), id) end)
reduced('max', function(id, d) return step(stock.Max(d), id) end)
reduced('min', function(id, d) return step(stock.Min(d), id) end)
reduced('norm', function(id, d, p)
   p = p or 2
   local powers = p == 2 and step(stock.Square(), id) or step(stock.Power(p), step(stock.Abs(), id))
   local sum = step(stock.Sum(d), powers)
   return p == 2 and step(stock.Sqrt(), sum) or step(stock.Power(1 / p), sum)
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
         id = view(step(stock.Replicate(n, 2), view(id, {lead, flat})), have)
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
      local mean = expanded(view(step(stock.Mean(d), id), extents), whole)
      local squares = step(stock.Square(), step(stock.CSubTable(), {id, mean}))
      return make(step(stock.MulConstant(1 / (whole[d] - 1)), step(stock.Sum(d), squares)))
   end)
end
spread('var', function(id) return id end)
spread('std', function(id) return step(stock.Sqrt(), id) end)

-- `a:dot(b)` and `a:dist(b, p)` are numbers.
function handlers.dot(own, ...)
   local tensors = sorted(own, ...)
   local product = step(stock.CMulTable(), {flat(value(tensors[1])), flat(value(tensors[2]))})
   return late(step(stock.Sum(1), all_of(product)))
end
function handlers.dist(own, ...)
   local tensors, numbers = sorted(own, ...)
   local gap = step(stock.CSubTable(), {flat(value(tensors[1])), flat(value(tensors[2]))})
   return handlers.norm(nil, give(gap), numbers[1] or 2)
end

---------------------------------------------------------------- random numbers
-- What fills a tensor with random numbers, or draws one; each is drawn anew at every pass.
local laws = {uniform = true, normal = true, bernoulli = true, exponential = true, random = true,
   rand = 'uniform', randn = 'normal', geometric = false, cauchy = false, logNormal = false, multinomial = false,
   randperm = false}
-- While modules are made their first values are drawn, once.
local constructing = 0
native.constructing = function(f, ...)
   if not trace then return f(...) end
   constructing = constructing + 1
   local results = {pcall(f, ...)}
   constructing = constructing - 1
   if not results[1] then error(results[2], 0) end
end

local function draw(law, first, second, extents)
   return step(native.find('cortado.RandomNumbers')(law, first, second, extents), {},
      original.resize(torch.Tensor(), torch.LongStorage(extents)))
end

local function drawn(name, as_method, ...)
   local own, first, second = ...
   local law = laws[name]
   if not law then refuse("'" .. name .. "' is not followed") end
   if type(law) == 'string' then
      plainly = true
      local made = torch[name](...)
      plainly = false
      return give(draw(law, nil, nil, sizes(made)), made)
   end
   if not as_method then return late(draw(name, own, first, {1})) end
   local extents = sizes(own)
   if is_tensor(first) then
      local uniform = draw('uniform', nil, nil, extents)
      return give(element_function('lt', {uniform, value(first)}), own)
   end
   if late_tensor(first) or late_tensor(second) then
      if name ~= 'uniform' and name ~= 'normal' then unknown("'" .. name .. "'") end
      first, second = first or 0, second or 1
      local id = draw(name, nil, nil, extents)
      return give(plus(scaled(id, name == 'uniform' and second - first or second), first), own)
   end
   return give(draw(name, first, second, extents), own)
end

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
   return show_turned('view', view(value(tensor), inferred(tensor, extents_of(first, ...))), tensor)
end)
reshaping('viewAs', function(tensor, first, second)
   if second then return give(view(value(first), sizes(second)), tensor) end
   return show_turned('viewAs', view(value(tensor), sizes(first)), tensor)
end)
reshaping('reshape', function(tensor, ...) return give(view(value(tensor), inferred(tensor, extents_of(...)))) end)
reshaping('narrow', function(tensor, d, first, length)
   return show(step(stock.Narrow(d, first, length), value(tensor)), tensor, d, first, length)
end)
reshaping('sub', function(tensor, ...)
   local shown, ends = tensor, {...}
   for d = 1, #ends / 2 do
      local extent = original.size(tensor, d)
      local first, last = ends[2 * d - 1], ends[2 * d]
      if first < 0 then first = extent + 1 + first end
      if last < 0 then last = extent + 1 + last end
      if first ~= 1 or last ~= extent then shown = methods.narrow(shown, d, first, last - first + 1) end
   end
   return shown
end)
reshaping('select', function(tensor, d, index)
   return show(step(stock.Select(d, index), value(tensor)), tensor, d, index, 1)
end)
reshaping('transpose', function(tensor, a, b)
   return show_turned('transpose', step(stock.Transpose({a, b}), value(tensor)), tensor, a, b)
end)
reshaping('t', function(tensor) return show_turned('t', step(stock.Transpose({1, 2}), value(tensor)), tensor) end)
reshaping('permute', function(tensor, ...)
   return show_turned('permute', permuted(value(tensor), {...}), tensor, ...)
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
   return show_turned('squeeze', view(value(tensor), extents), tensor)
end)
reshaping('unsqueeze', function(tensor, d)
   local extents = sizes(tensor)
   table.insert(extents, d, 1)
   return show_turned('unsqueeze', view(value(tensor), extents), tensor)
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
reshaping('index', function(tensor, first, second, third)
   -- `x:index(y, d, places)` makes x of y.
   if is_tensor(first) then return give(step(stock.Index(second), {value(first), value(third)}), tensor) end
   return give(step(stock.Index(first), {value(tensor), value(second)}))
end)

-- The numbers of places that do not depend on the input.
local function known_places(name, places)
   if is_followed(places) then unknown("'" .. name .. "' at computed places") end
   local list = {}
   for i = 1, original.nElement(places) do list[i] = places[i] end
   return list
end
function handlers.indexCopy(own, d, places, source)
   local count, from = original.size(own, d), {}
   for i = 1, count do from[i] = i end
   for i, place in ipairs(known_places('indexCopy', places)) do from[place] = count + i end
   local kept = 0
   for i = 1, count do kept = from[i] == i and kept + 1 or kept end
   local rows = value(source)
   if kept > 0 then
      rows = join({value(own), rows}, d)
   else
      for i = 1, count do from[i] = from[i] - count end
   end
   return give(step(stock.Index(d), {rows, value(torch.LongTensor(from))}), own)
end
function handlers.indexFill(own, d, places, number)
   local mask = original.zero(original.clone(trace.sample[value(own)]))
   for _, place in ipairs(known_places('indexFill', places)) do
      original.fill(original.narrow(mask, d, place, 1), 1)
   end
   return masked(own, mask, number)
end

-- `torch.Tensor{...}` with numbers of the running network.
local function of_items(list)
   local ids = {}
   for i, item in ipairs(list) do
      local id = type(item) == 'table' and of_items(item) or flat(value(item))
      if type(item) == 'table' then id = view(id, {1, unpack(sizes(trace.sample[id]))}) end
      ids[i] = id
   end
   return join(ids, 1)
end
function handlers.Tensor(_, list) return give(of_items(list)) end

function handlers.cat(_, first, second, third, fourth)
   local list, dimension, target = first, second
   if is_tensor(first) and is_tensor(second) and is_tensor(third) then
      target, list, dimension = first, {second, third}, fourth
   elseif is_tensor(first) and is_tensor(second) then
      list, dimension = {first, second}, third
   elseif is_tensor(first) then
      target, list, dimension = first, second, third
   end
   local ids, most = {}, 1
   for _, tensor in ipairs(list) do most = math.max(most, original.dim(tensor)) end
   local rank = math.max(most, dimension or most)
   for i, tensor in ipairs(list) do
      ids[i] = value(tensor)
      -- Dimensions that a tensor lacks are of size 1, behind those that it has.
      if original.dim(tensor) < rank then
         local extents = sizes(tensor)
         for d = #extents + 1, rank do extents[d] = 1 end
         ids[i] = view(ids[i], extents)
      end
   end
   return give(join(ids, dimension or most), target)
end

---------------------------------------------------------------- what orders.lua builds on
native.following = {handlers = handlers, original = original, step = step, value = value, give = give, view = view,
   expanded = expanded, sizes = sizes, unknown = unknown, element_function = element_function, late = late,
   is_followed = is_followed, sample = function(id) return trace.sample[id] end,
   compare = function(name, a, b) return element_function(name, {a, b}) end}

---------------------------------------------------------------- copies, and what gives up a value
function handlers.clone(own) return give(value(own)) end
-- What lies apart is copied.
function handlers.contiguous(own)
   local part = trace.part[own]
   if part and (part.apart or (part.dimension or 1) > 1) then return give(value(own)) end
   return own
end

local function in_kind(id, kind)
   local copy = original.type(original.clone(trace.sample[id]), kind)
   trace.at[copy] = id
   return copy
end
native.following.in_kind = in_kind
-- A followed tensor in another type. Whole numbers are those that are nearest to 0.
function handlers.type(own, kind)
   local have = original.type(own)
   if kind == nil or kind == have then return kind and own or have end
   native.check_kind(kind)
   local id = value(own)
   if native.is_real(kind) then return in_kind(id, kind) end
   return in_kind(element_function('trunc', id), kind)
end
function handlers.typeAs(own, other) return handlers.type(own, original.type(other)) end
for kind, name in pairs(native.kinds) do
   handlers[name] = function(own) return handlers.type(own, kind) end
end
function handlers.copy(own, source)
   local id = value(source)
   if original.nElement(source) == original.nElement(own) then id = view(id, sizes(own)) end
   return give(id, own)
end
function handlers.set(own, source)
   trace.part[own], trace.at[own] = nil, nil
   if not source then return original.set(own) end
   local leaf = trace.leaf[source]
   if leaf and leaf == trace.at[source] then
      -- A parameter of its own becomes that of another module.
      trace.at[own], trace.leaf[own], trace.gradient[own] = leaf, leaf, trace.gradient[source]
      return original.set(own, source)
   end
   return note_turned(give(value(source), own), source)
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
      if late_tensor(number) then return give(everywhere(value(number), sizes(own)), own) end
      local filled = original.fill(original.clone(trace.sample[value(own)]), number or 0)
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
function operators.modulo(a, b)
   local whole
   if type(b) == 'number' then
      local id = value(a)
      whole = element_function('floor', step(stock.CDivTable(), {id, everywhere(value(b), sizes(trace.sample[id]))}))
      return torch.add(a, torch.mul(give(whole), -b))
   end
   return operators.subtract(a, torch.cmul(torch.floor(operators.divide(a, b)), b))
end
function operators.power(a, b) return torch.pow(a, b) end
function operators.negate(a) return torch.mul(a, -1) end

-- What a value is before any training, if it is made of parameters alone whose first numbers are known.
local function first_numbers(id)
   local made
   for i = #trace.steps, 1, -1 do
      made = trace.steps[i]
      if made.outputs == id then break end
      made = nil
   end
   local kind = made and torch.typename(made.module)
   if not made or kind == 'cortado.RandomNumbers' then return nil end
   if kind == 'cortado.Parameter' then
      local weight = made.module.weight
      return not native.is_random(weight) and weight or nil
   end
   if kind == 'nn.Constant' then return made.module.value end
   local known = true
   local given = tree(made.inputs, function(input)
      local numbers = first_numbers(input)
      known = known and numbers
      return numbers or input
   end)
   return known and native.forward(made.module, given) or nil
end
local function first_number(number)
   if not late_tensor(number) then return number end
   local numbers = first_numbers(value(number))
   local known = numbers and original.sum(numbers)
   return not late_tensor(known) and known or nil
end

-- Comparisons of numbers are decided where they are known for the labels that are asked about, and those of parameters
-- by their first numbers.
local comparisons = {less = 'lt', at_most = 'le', equal = 'eq'}
local function decided(operator, a, b)
   local labels = trace.labels
   if not labels then
      local x, y = first_number(a), first_number(b)
      if not x or not y then unknown('a comparison') end
      trace.decided = true
      if operator == 'less' then return x < y end
      if operator == 'at_most' then return x <= y end
      return x == y
   end
   local id = element_function(comparisons[operator], {value(a), value(b)})
   local form = trace.forms[id] and trace.forms[id][1]
   if not form then unknown('a comparison') end
   if form.of then labels.asked[form.of] = (labels.asked[form.of] or '') .. operator .. form.at end
   return form.at == 1
end

-- What stands at a computed place along a dimension; it cannot be written to.
local function picked(tensor, d, place)
   local id, extents = value(tensor), sizes(tensor)
   if d ~= 1 then
      local wanted = {d}
      for i in ipairs(extents) do
         if i ~= d then wanted[#wanted + 1] = i end
      end
      id = permuted(id, wanted)
   end
   local n, rest, count = extents[d], {}, 1
   for i, extent in ipairs(extents) do
      if i ~= d then rest[#rest + 1], count = extent, count * extent end
   end
   local chosen = element_function('eq', {value(torch.range(1, n)), everywhere(value(place), {n})})
   local row = step(stock.MM(), {view(chosen, {1, n}), view(id, {n, count})})
   if #rest == 0 then return give(view(row, {1})), true end
   return give(view(row, rest))
end

-- What `tensor[key]` shows.
local function part_of(tensor, key)
   if late_tensor(key) then return picked(tensor, 1, key) end
   if type(key) == 'number' then
      if key < 0 then key = original.size(tensor, 1) + 1 + key end
      if original.dim(tensor) == 1 then return methods.narrow(tensor, 1, key, 1), true end
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
      elseif late_tensor(entry) then
         local is_element
         shown, is_element = picked(shown, d, entry)
         if is_element then return shown, true end
      else
         if entry < 0 then entry = original.size(shown, d) + 1 + entry end
         if original.dim(shown) == 1 then return methods.narrow(shown, 1, entry, 1), true end
         shown = methods.select(shown, d, entry)
      end
   end
   return shown
end

-- What `tensor[key]` is: a part, or a number.
local function item_of(tensor, key)
   if is_tensor(key) then return give(named(tensor, key)) end
   local part, is_element = part_of(tensor, key)
   return is_element and late(value(part)) or part
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
   if operator == 'index' then return handled(item_of, a, b) end
   if comparisons[operator] then return handled(decided, operator, a, b) end
   local f = operators[operator] or function() unknown("'" .. operator .. "'") end
   if not is_tensor(a) and not is_tensor(b) then
      local one, other = late_tensor(a), late_tensor(b)
      if one and other and operator == 'multiply' then f = torch.cmul end
      if one and other and operator == 'power' then f = handlers.cpow end
      local numbers = f
      f = function(a, b) return late(value(numbers(late_tensor(a) or a, late_tensor(b) or b))) end
   end
   local number_first = type(a) == 'number' and (not late_tensor(a) or is_tensor(b))
   if number_first and (operator == 'add' or operator == 'multiply') then a, b = b, a end
   return handled(f, a, b)
end

-- The numbers 1, 2 and so on along a dimension of a shape.
local function counted(extents, dimension)
   local shape = {}
   for d in ipairs(extents) do shape[d] = d == dimension and extents[d] or 1 end
   local numbers = original.view(torch.range(1, extents[dimension]), unpack(shape))
   return value(original.contiguous(original.expand(numbers, unpack(extents))))
end

-- `x:scatter(d, places, number)` with one place for each row: ones of every row, such as codes of classes.
function handlers.scatter(own, d, places, number)
   local extents = sizes(own)
   if original.size(places, d) ~= 1 or type(number) ~= 'number' then unknown("'scatter'") end
   local mask = element_function('eq', {expanded(value(places), extents), counted(extents, d)})
   return masked(own, give(mask), number)
end

local function assign(tensor, key, item)
   if not trace.at[tensor] then trace.at[tensor] = value(tensor) end
   if is_tensor(key) then return masked(tensor, key, item) end
   if late_tensor(key) then
      if original.dim(tensor) ~= 1 then unknown('a part at a computed place') end
      local places = value(torch.range(1, original.size(tensor, 1)))
      return masked(tensor, give(element_function('eq', {places, value(key)})), item)
   end
   for _, entry in ipairs(type(key) == 'table' and key or {}) do
      if late_tensor(entry) then unknown('a part at a computed place') end
   end
   local part = part_of(tensor, key)
   if type(item) == 'number' then
      methods.fill(part, item)
   else
      methods.copy(part, item)
   end
end

-- A function of every element.
function handlers.apply(own, f)
   local count = original.nElement(own)
   local line = original.dim(own) == 1 and own or methods.view(own, count)
   for i = 1, count do
      local result = f(late(value(methods.narrow(line, 1, i, 1))))
      if result ~= nil then assign(line, i, result) end
   end
   return own
end

native.follow_assignment = function(tensor, key, item)
   if not trace or plainly or not any_followed(tensor, key, item) then return false end
   return handled(assign, tensor, key, item)
end

---------------------------------------------------------------- following
-- Functions that ask for no numbers, and those that are written in terms of others.
local harmless = {}
for name in ([[size dim nDimension nElement numel isContiguous stride storageOffset isSameSizeAs isSize elementSize new
   isTensor typename addmm addmv addr baddbmm addbmm lerp]]):gmatch('%S+') do
   harmless[name] = true
end

local counts_elements = {size = true, nElement = true, numel = true}

-- A function about tensors that the definition calls, as a method of its first argument or not.
native.follow_call = function(name, as_method, own, ...)
   if not trace or plainly then return false end
   if counts_elements[name] and is_tensor(own) and trace.mask[trace.at[own]] then
      return handled(unknown, 'the size of what a mask names')
   end
   if harmless[name] then return false end
   if laws[name] ~= nil and constructing == 0 then return handled(drawn, name, as_method, own, ...) end
   if not any_followed(own, ...) then
      if (name == 'narrow' or name == 'select') and is_tensor(own) then
         local d, first, length = ...
         if type(d) ~= 'number' or name == 'select' and original.dim(own) == 1 then return false end
         return true, note_part(original[name](own, d, first, length), own, d, first, length or 1)
      end
      if (name == 'split' or name == 'chunk') and is_tensor(own) then return handled(handlers[name], own, ...) end
      if turned[name] and is_tensor(own) and (name == 'viewAs' or not is_tensor((...))) then
         return true, note_turned(original[name](own, ...), own, turned[name](...))
      end
      if (name == 'expand' or name == 'expandAs' or name == 'unfold') and is_tensor(own) then
         local shown = original[name](own, ...)
         -- What is written there would be everywhere.
         trace.part[shown] = {of = own, apart = true}
         if name ~= 'unfold' then
            local extents = sizes(shown)
            trace.part[shown].again = function(id) return expanded(id, extents) end
         end
         return true, shown
      end
      if name == 'set' and is_tensor((...)) then
         original.set(own, (...))
         return true, note_turned(own, (...))
      end
      return false
   end
   local handler = handlers[name]
   if not handler then return handled(unknown, "'" .. name .. "'") end
   if as_method then return handled(handler, own, ...) end
   return handled(handler, nil, own, ...)
end

-- The gradient of a parameter of what is followed.
native.gradient_of = function(parameter) return trace.gradient[parameter] end

-- Whether a weight of a module depends on the input or on parameters of others.
local function is_computed(tensor)
   return is_tensor(tensor) and trace.at[tensor] ~= nil and trace.at[tensor] ~= trace.leaf[tensor]
end

-- The value of a weight that a module of nn takes. Where numbers were written over a parameter, the gradient is that of
-- what stands there and goes to the parameter, as Torch's modules add it up.
local function weight_value(tensor)
   local id, own = value(tensor), trace.leaf[tensor]
   if not own or id == own then return id end
   local gap = step(stock.CSubTable(), {view(id, sizes(trace.sample[own])), own})
   return step(stock.CAddTable(), {step(stock.ZeroGrad(), gap), own})
end

-- A vector with one number for each plane, which is dimension d, at all places of a shape.
local function of_planes(tensor, d, extents)
   local shape = {}
   for i in ipairs(extents) do shape[i] = i == d and extents[d] or 1 end
   return expanded(view(weight_value(tensor), shape), extents)
end

-- What modules make of a value with weights that are computed.
local with_weights = {}
with_weights['nn.BatchNormalization'] = function(module, input)
   -- It normalises first.
   local planes = original.nElement(module.weight)
   local bare = getmetatable(module)(planes, module.eps, module.momentum, false)
   bare.running_mean, bare.running_var = module.running_mean, module.running_var
   bare.train, bare.one_sample, trace.inside[bare] = module.train, true, trace.inside[module]
   local id = step(bare, input)
   local extents = sizes(trace.sample[id])
   local scaled_by = step(stock.CMulTable(), {id, of_planes(module.weight, 2, extents)})
   return step(stock.CAddTable(), {scaled_by, of_planes(module.bias, 2, extents)})
end
with_weights['nn.Linear'] = function(module, input)
   local have = sizes(trace.sample[input])
   local rows = #have == 1 and view(input, {1, have[1]}) or input
   local id = step(stock.MM(false, true), {rows, weight_value(module.weight)})
   if module.bias then
      id = step(stock.CAddTable(), {id, of_planes(module.bias, 2, sizes(trace.sample[id]))})
   end
   return #have == 1 and view(id, {count(id)}) or id
end
-- The windows as columns, times the weights as a matrix.
local function convolved(module, input)
   if (module.groups or 1) ~= 1 then return nil end
   local have = sizes(trace.sample[input])
   local images = #have == 3 and view(input, {1, unpack(have)}) or input
   local columns = step(native.find('cortado.Windows')(module.kW, module.kH, module.dW, module.dH, module.padW,
      module.padH, module.dilationW, module.dilationH), images)
   local shape = sizes(trace.sample[columns])
   local n, taps, high, wide = unpack(shape)
   local planes = original.size(module.weight, 1)
   local line = view(step(stock.Transpose({1, 2}), columns), {taps, n * high * wide})
   local product = step(stock.MM(), {view(weight_value(module.weight), {planes, taps}), line})
   local id = step(stock.Transpose({1, 2}), view(product, {planes, n, high, wide}))
   if module.bias then id = step(stock.CAddTable(), {id, of_planes(module.bias, 2, {n, planes, high, wide})}) end
   return #have == 3 and view(id, {planes, high, wide}) or id
end
with_weights['nn.SpatialConvolution'] = convolved
with_weights['nn.SpatialConvolutionMM'] = convolved

-- What a module of nn makes of values.
local function made_by(module, input)
   -- Normalisations inside of modules are older than the rule that one sample has no statistics.
   if torch.isTypeOf(module, 'nn.BatchNormalization') then module.one_sample = true end
   if not is_computed(module.weight) and not is_computed(module.bias) then return step(module, input) end
   if type(input) == 'number' then
      for name, make in pairs(with_weights) do
         local made = torch.isTypeOf(module, name) and make(module, input)
         if made then return made end
      end
   end
   refuse('a weight of ' .. torch.type(module) .. ' that is computed is not followed')
end

-- What a module makes of numbers that are known is not known for that, if it learns.
local function learns(module)
   local values = module:parameters()
   return values ~= nil and values[1] ~= nil
end

local plain = nn.Module.updateOutput
function nn.Module:updateOutput(input)
   if not trace or plainly or constructing > 0 and not is_followed(input) then return plain(self, input) end
   if not is_followed(input) and not learns(self) then return plain(self, input) end
   self.output = guarded(function()
      local function of(item) return value(item) end
      local function made(id) return give(id) end
      return tree(made_by(self, tree(input, of)), made)
   end)
   return self.output
end

-- The number that a criterion makes of values.
local plain_loss = nn.Criterion.updateOutput
function nn.Criterion:updateOutput(input, target)
   if not trace or not any_followed(input, target) then return plain_loss(self, input, target) end
   self.output = guarded(function()
      local inputs = {tree(input, value)}
      if target ~= nil then inputs[2] = tree(target, value) end
      local loss = define(torch.Tensor(1))
      trace.steps[#trace.steps + 1] = {module = self, inputs = inputs, outputs = loss}
      return late(loss)
   end)
   return self.output
end
local function weighted(name, part)
   local class = nn[name]
   function class:updateOutput(input, target)
      local sum = 0
      for i, criterion in ipairs(self.criterions) do
         local own = self.repeatTarget and target or part(target, i)
         sum = sum + criterion:updateOutput(part(input, i), own) * self.weights[i]
      end
      self.output = sum
      return sum
   end
end
weighted('MultiCriterion', function(value) return value end)
weighted('ParallelCriterion', function(value, i) return value[i] end)
function nn.ModuleCriterion:updateOutput(input, target)
   if self.inputModule then input = self.inputModule:updateOutput(input) end
   if self.targetModule then target = self.targetModule:updateOutput(target) end
   self.output = self.criterion:updateOutput(input, target)
   return self.output
end

---------------------------------------------------------------- functions of numbers
local of_numbers = {pow = function(a, b) return a ^ b end}
for name in ('abs exp log sqrt tanh floor ceil sin cos tan sinh cosh'):gmatch('%S+') do
   of_numbers[name] = function(number) return late(value(torch[name](late_tensor(number)))) end
end
for name, method in pairs({max = 'cmax', min = 'cmin'}) do
   of_numbers[name] = function(a, ...)
      for i = 1, select('#', ...) do
         local b = select(i, ...)
         if not late_tensor(a) then a, b = b, a end
         a = late(value(torch[method](late_tensor(a), late_tensor(b) or b)))
      end
      return a
   end
end
-- The functions of `math` that know such numbers take the places of those that do not.
local mathematics
local function replace_mathematics()
   mathematics = {}
   for name, f in pairs(of_numbers) do
      local plain = math[name]
      mathematics[name] = plain
      math[name] = function(...)
         if any_followed(...) then return guarded(f, ...) end
         return plain(...)
      end
   end
   mathematics.random = math.random
   math.random = function(low, high)
      if constructing > 0 then return mathematics.random(low, high) end
      if not low then return guarded(drawn, 'uniform') end
      return guarded(drawn, 'random', false, high and low or 1, high or low)
   end
end

-- Ends the following of a module, also after an error.
native.unfollow = function()
   if not trace then return end
   for i = #trace.wrapped, 1, -1 do rawset(trace.wrapped[i][1], 'updateOutput', trace.wrapped[i][2]) end
   trace, plainly, constructing = trace.outer, false, 0
   if not trace then
      native.follow_operators(false)
      for name, f in pairs(mathematics) do math[name] = f end
   end
end

---------------------------------------------------------------- following
-- Tells a module and those inside whether they train; gives a function that sets what was before.
local function set_mode(module, training)
   local before = {}
   local inside = module.listModules and module:listModules() or {module}
   for i, one in ipairs(inside) do
      before[i] = one.train
      trace.inside[one] = true
   end
   local method = training and module.training or module.evaluate
   if not method or not pcall(method, module) then module.train = training end
   return function()
      for i, one in ipairs(inside) do one.train = before[i] end
   end
end

-- Gradients of modules inside of one that is followed are not known here, but for the simplest.
local plain_gradient = nn.Module.updateGradInput
function nn.Module:updateGradInput(input, gradOutput)
   if trace and any_followed(input, gradOutput) then
      refuse('it asks for the gradient of a ' .. torch.type(self))
   end
   return plain_gradient(self, input, gradOutput)
end
function nn.Identity:updateGradInput(_, gradOutput)
   self.gradInput = gradOutput
   return gradOutput
end
local plain_loss_gradient = nn.Criterion.updateGradInput
local loss_gradients = {
   ['nn.MSECriterion'] = function(gap) return torch.mul(gap, 2) end,
   ['nn.AbsCriterion'] = function(gap) return torch.sign(gap) end,
}
function nn.Criterion:updateGradInput(input, target)
   if not trace or not any_followed(input, target) then return plain_loss_gradient(self, input, target) end
   local of_gap = loss_gradients[torch.type(self)]
   if not of_gap then refuse('it asks for the gradient of a ' .. torch.type(self)) end
   local gradient = of_gap(torch.add(input, -1, target))
   if self.sizeAverage then gradient:div(original.nElement(input)) end
   self.gradInput = gradient
   return gradient
end

-- The values of a module's result with the gradient that its own updateGradInput computes: what depends on the gradient of
-- the result becomes steps of their own, the rest steps like others.
local function with_gradient(module, results, input_ids, input, target)
   local gradients_of_results = tree(results, function(id) return define(original.clone(trace.sample[id])) end)
   local before, given = #trace.steps, nil
   local is_loss = torch.isTypeOf(module, 'nn.Criterion')
   if is_loss then
      given = module:updateGradInput(input, target)
   else
      given = module:updateGradInput(input, tree(gradients_of_results, function(id) return give(id) end))
   end
   if given == nil then given = module.gradInput end
   local list = {}
   local function gather(ids, gradient)
      if type(ids) == 'table' then
         for i, id in ipairs(ids) do gather(id, type(gradient) == 'table' and gradient[i] or nil) end
      elseif not is_tensor(gradient) or original.nElement(gradient) == 0 then
         list[#list + 1] = false
      else
         local extents = sizes(trace.sample[ids])
         if original.nElement(gradient) ~= original.nElement(trace.sample[ids]) then
            refuse('its result has another size than the input')
         end
         local id = value(gradient)
         if is_loss then id = step(stock.CMulTable(), {view(id, extents), everywhere(gradients_of_results, extents)}) end
         list[#list + 1] = id
      end
   end
   gather(input_ids, given)
   local inner, others, within, listed = {}, {}, {}, {}
   tree(gradients_of_results, function(id) within[id] = true return id end)
   local steps = trace.steps
   local function external(id)
      if not within[id] and not listed[id] then
         listed[id] = true
         others[#others + 1] = id
      end
      return id
   end
   for i = before + 1, #steps do
      local one, depends = steps[i], false
      tree(one.inputs, function(id) depends = depends or within[id] return id end)
      steps[i] = nil
      if depends then
         inner[#inner + 1] = one
         tree(one.inputs, external)
         tree(one.outputs, function(id) within[id] = true return id end)
      else
         before = before + 1
         steps[before] = one
      end
   end
   for _, id in ipairs(list) do
      if id then external(id) end
   end
   local outputs = tree(results, function(id) return define(original.clone(trace.sample[id])) end)
   steps[#steps + 1] = {module = module, inputs = {results, input_ids, others}, outputs = outputs, results = list,
      gradient = {outputs = gradients_of_results, inputs = input_ids, others = others, steps = inner}}
   return outputs
end

-- A module inside of one that is followed, which computes its gradient itself, does so there as well; where that cannot be
-- followed, its gradient is derived.
local function follow_inner(one)
   local compute, class = one.updateOutput, getmetatable(one)
   trace.wrapped[#trace.wrapped + 1] = {one, rawget(one, 'updateOutput')}
   rawset(one, 'updateOutput', function(self, input, ...)
      if not trace or plainly or not is_followed(input) or trace.underivable[class] then return compute(self, input, ...) end
      local ids = guarded(tree, input, value)
      -- No other gradient reaches the input.
      local cut = tree(ids, function(id) return give(step(stock.ZeroGrad(), id)) end)
      local output = compute(self, cut, ...)
      if output == nil then output = self.output end
      local results = guarded(tree, output, value)
      local done, changed = pcall(with_gradient, self, results, ids, cut)
      if not done then
         changed = type(changed) == 'table' and changed.complaint or tostring(changed)
         trace.underivable[class] = changed
         native.underivable = torch.typename(self) .. ': ' .. changed
         return compute(self, input, ...)
      end
      self.output = tree(changed, function(id) return give(id) end)
      return self.output
   end)
end
local function computes_gradient(one)
   local gradient, inner = one.updateGradInput, rawget(one, 'modules')
   return gradient ~= nn.Module.updateGradInput and gradient ~= nn.Identity.updateGradInput
      and one.updateOutput ~= nn.Module.updateOutput and not (inner and inner[1])
end

-- What is asked of labels one by one by the following that begins next.
local labels_asked

-- What a module (or a criterion) asks of its input (and of its target), and the values of its result; at last why its own
-- gradient was refused, if it was wanted.
local function record(module, training, own_gradient, ...)
   local outer = trace
   trace = {at = {}, part = {}, leaf = {}, gradient = {}, mask = {}, sample = {}, steps = {}, outer = outer, first = 1, inside = {},
      training = training, wrapped = {}, underivable = {}}
   if not outer then
      native.follow_operators(true)
      replace_mathematics()
   end
   local arguments = {...}
   local function enter(tensor)
      trace.at[tensor] = define(original.clone(tensor))
      return trace.at[tensor]
   end
   if labels_asked then
      trace.labels, trace.forms = labels_asked, {labels_asked.forms}
      labels_asked.forms, labels_asked = trace.forms, nil
   end
   trace.of_labels = module.is_hook
   local input_ids = tree(arguments, enter)[1]
   for i, reward in ipairs(module.__rewards_inside or {}) do
      reward.__given, reward.train = arguments[2 + i], training
   end
   if own_gradient then
      -- No other gradient reaches the input.
      tree(arguments[1], function(tensor)
         trace.at[tensor] = step(stock.ZeroGrad(), trace.at[tensor])
         return trace.at[tensor]
      end)
   end
   local parameters, gradients
   if module.parameters then parameters, gradients = module:parameters() end
   for i, parameter in ipairs(parameters or {}) do
      if not trace.at[parameter] then
         local leaf = native.find('cortado.Parameter')()
         leaf.weight, leaf.gradWeight = parameter, gradients[i]
         trace.at[parameter] = step(leaf, {}, original.clone(parameter))
         trace.leaf[parameter], trace.gradient[parameter] = trace.at[parameter], gradients[i]
      end
   end
   trace.leaves = #trace.steps
   for _, one in ipairs(module.listModules and module:listModules() or {}) do
      if not rawequal(one, module) and computes_gradient(one) then follow_inner(one) end
   end
   local restore = set_mode(module, training)
   local output = module:updateOutput(...)
   if output == nil then output = module.output end
   local results, refused = guarded(tree, output, value), nil
   guarded(tree, results, function(id)
      if trace.mask[id] then unknown('the size of what a mask names') end
      return id
   end)
   if own_gradient then
      local done, changed = pcall(with_gradient, module, results, input_ids, ...)
      if done then
         results = changed
      else
         refused = type(changed) == 'table' and changed.complaint or tostring(changed)
      end
   end
   restore()
   local steps, leaves = trace.steps, trace.leaves
   native.decided = native.decided or trace.decided
   native.unfollow()
   -- What nothing reads is no part of the net.
   local read, alive = {}, {}
   local function note(id)
      read[id] = true
      return id
   end
   tree(results, note)
   for i = #steps, 1, -1 do
      tree(steps[i].outputs, function(id) alive[i] = alive[i] or read[id] return id end)
      if alive[i] then tree(steps[i].inputs, note) end
   end
   return steps, alive, results, leaves, refused
end

-- The same with the gradient that the module computes itself, if that is wanted and can be followed.
local function recorded(module, training, own_gradient, ...)
   local steps, alive, results, leaves, refused = record(module, training, own_gradient, ...)
   if refused then steps, alive, results, leaves = record(module, training, false, ...) end
   return steps, alive, results, leaves, refused
end

-- Whether two fields of modules say the same.
local function alike(a, b, depth)
   if type(a) ~= type(b) or rawequal(a, b) then return rawequal(a, b) end
   if is_tensor(a) then
      return is_tensor(b) and original.isSameSizeAs(a, b) and not native.is_random(a) and not native.is_random(b)
         and original.equal(a, b)
   end
   if type(a) ~= 'table' then return type(a) == 'userdata' or a == b end
   if depth == 0 or torch.typename(a) then return true end
   for key, item in pairs(a) do
      if not alike(item, b[key], depth - 1) then return false end
   end
   return #a == #b
end

local results_of_passes = {output = true, gradInput = true, train = true}
local function same_step(a, b)
   if not a or not b or not alike(a.inputs, b.inputs, 9) or not alike(a.outputs, b.outputs, 9) then return false end
   if a.mode ~= b.mode then return false end
   if rawequal(a.module, b.module) then return true end
   if torch.typename(a.module) ~= torch.typename(b.module) then return false end
   for key, item in pairs(a.module) do
      if not results_of_passes[key] and not alike(item, rawget(b.module, key), 3) then return false end
   end
   return true
end

-- The steps of a module that does something else in training than afterwards, if `both` are asked for: those that both
-- begin with, those of training with the values of its result, and those afterwards with theirs.
native.follow = function(module, both, own_gradient, ...)
   native.decided, native.underivable = nil, nil
   local steps, alive, results, leaves, refused = recorded(module, true, own_gradient, ...)
   local common, own = {}, {}
   if not both then
      for i, one in ipairs(steps) do
         if alive[i] then common[#common + 1] = one end
      end
      return common, {}, results, nil, nil, refused, native.underivable
   end
   local others, others_alive, others_results = recorded(module, false, own_gradient, ...)
   local same = leaves
   while same_step(steps[same + 1], others[same + 1]) do same = same + 1 end
   for i = 1, same do
      if alive[i] or others_alive[i] then common[#common + 1] = steps[i] end
   end
   if same == #steps and same == #others and alike(results, others_results, 9) then
      return common, {}, results, nil, nil, refused, native.underivable
   end
   local after = {}
   for i = same + 1, #steps do
      if alive[i] then own[#own + 1] = steps[i] end
   end
   for i = same + 1, #others do
      if others_alive[i] then after[#after + 1] = others[i] end
   end
   return common, own, results, after, others_results, refused, native.underivable
end

---------------------------------------------------------------- label hooks
-- A labelHook as what is followed: a module of the labels and of the model's input. No gradient goes through it.
native.hooked = function(hook)
   return {is_hook = true, updateOutput = function(_, labels, input)
      tree(input, function(tensor)
         trace.at[tensor] = step(stock.ZeroGrad(), trace.at[tensor])
         return tensor
      end)
      local target = hook(input, labels)
      if target == nil then error('the labelHook returns nothing', 0) end
      return target
   end}
end

-- What a hook makes of labels that are these numbers: a form (labels.lua) for each, what was asked of each, and the labels
-- that they were compared with; nil where that cannot be said.
native.follow_labels = function(hooked, labels, input, numbers)
   local asked = {labels = numbers, forms = {}, asked = {}, breaks = {}}
   for i, number in ipairs(numbers) do asked.forms[i] = {at = number, slope = 1, of = i} end
   labels_asked = asked
   local done, _, _, results = pcall(record, hooked, true, false, labels, input)
   labels_asked = nil
   if not done then
      native.unfollow()
      return nil
   end
   if type(results) ~= 'number' then return nil end
   return asked.forms[results], asked.asked, asked.breaks
end
