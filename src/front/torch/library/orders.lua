-- Orders, places and triangles of followed tensors (follow.lua): sorting, what stands at computed places, running sums and
-- the like, all by comparisons and matrix products along one dimension.
local torch, nn, native = ...
local follow = native.following
local handlers, original, step, value, give = follow.handlers, follow.original, follow.step, follow.value, follow.give
local view, expanded, sizes, unknown, compare = follow.view, follow.expanded, follow.sizes, follow.unknown, follow.compare

-- More elements than these are not compared with each other.
local MOST_PAIRS, MOST_FACTORS = 2 ^ 26, 256

local function sizes_of(id) return sizes(follow.sample(id)) end

-- A value as lines along a dimension, lines x extent, and what gives lines of another extent that dimension back.
local function lines_of(id, d)
   local extents = sizes_of(id)
   local rank, lines = #extents, 1
   if d < 0 then d = rank + 1 + d end
   if d ~= rank then id = step(nn.Transpose({d, rank}), id) end
   extents[d], extents[rank] = extents[rank], extents[d]
   for i = 1, rank - 1 do lines = lines * extents[i] end
   local n = extents[rank]
   return view(id, {lines, n}), lines, n, function(line, extent)
      local shape = {unpack(extents)}
      shape[rank] = extent
      line = view(line, shape)
      return d ~= rank and step(nn.Transpose({d, rank}), line) or line
   end
end

-- Items of lines in rows (lines x a x 1) or columns (lines x 1 x b), spread over all pairs.
local function paired(line, lines, a, b, in_rows)
   return expanded(view(line, in_rows and {lines, a, 1} or {lines, 1, b}), {lines, a, b})
end

local function constant(tensor, extents) return expanded(value(tensor), extents) end
local function count_from(first, n) return torch.range(first, first + n - 1) end

-- The first k of lines in their order, and their places.
local function ordered(name, line, lines, n, k, descending)
   if lines * n * n > MOST_PAIRS then unknown("'" .. name .. "' of so many numbers") end
   local all = {lines, n, n}
   local own, other = paired(line, lines, n, n, true), paired(line, lines, n, n, false)
   -- Of equal ones the first comes first.
   local earlier = original.view(original.clone(torch.tril(torch.ones(n, n), -1)), 1, n, n)
   local ties = step(nn.CMulTable(), {compare('eq', other, own), constant(earlier, all)})
   local before = compare(descending and 'gt' or 'lt', other, own)
   local rank = step(nn.Sum(3), step(nn.CAddTable(), {before, ties}))
   local wanted = constant(original.view(count_from(0, k), 1, k, 1), {lines, k, n})
   local chosen = compare('eq', paired(rank, lines, k, n, false), wanted)
   local places = constant(original.view(count_from(1, n), 1, n, 1), {lines, n, 1})
   local values = step(nn.MM(), {chosen, view(line, {lines, n, 1})})
   return view(values, {lines, k}), view(step(nn.MM(), {chosen, places}), {lines, k})
end

-- `[a, b,] x, numbers, a flag` of a call: the tensor that is asked, the tensors that take the results, the rest.
local function arguments(own, ...)
   local tensors, numbers, flag = {own}, {}, nil
   for i = 1, select('#', ...) do
      local item = select(i, ...)
      if torch.isTensor(item) then tensors[#tensors + 1] = item end
      if type(item) == 'number' then numbers[#numbers + 1] = item end
      if type(item) == 'boolean' and flag == nil then flag = item end
   end
   local asked = table.remove(tensors)
   return asked, tensors, numbers, flag
end

-- Values and places as a call gives them.
local function both(values, places, results)
   values = give(values, results[1])
   if results[2] then return values, give(places, results[2]) end
   return values, follow.in_kind(places, 'torch.LongTensor')
end

local function in_order(name, k_of, rows)
   handlers[name] = function(...)
      local asked, results, numbers, flag = arguments(...)
      local k, d, descending = k_of(asked, numbers, flag)
      d = d or original.dim(asked)
      local line, lines, n, back = lines_of(value(asked), d)
      k = k or n
      local values, places = ordered(name, line, lines, n, k, descending)
      if rows then
         -- One of them.
         values, places = step(nn.Narrow(2, k, 1), values), step(nn.Narrow(2, k, 1), places)
         k = 1
      end
      return both(back(values, k), back(places, k), results)
   end
end
in_order('sort', function(_, numbers, flag) return nil, numbers[1], flag end)
in_order('topk', function(_, numbers, flag) return numbers[1] or 1, numbers[2], flag end)
in_order('kthvalue', function(_, numbers) return numbers[1], numbers[2], false end, true)
in_order('median', function(asked, numbers)
   local d = numbers[1] or original.dim(asked)
   return math.ceil(original.size(asked, d) / 2), d, false
end, true)

-- `[y,] x, d, places`: what stands at the places along a dimension, which may be computed.
function handlers.gather(own, ...)
   local items, d = {own}, nil
   for i = 1, select('#', ...) do
      local item = select(i, ...)
      if torch.isTensor(item) then items[#items + 1] = item else d = d or item end
   end
   local places, asked = table.remove(items), table.remove(items)
   local line, lines, n = lines_of(value(asked), d)
   local wanted, others, k, back = lines_of(value(places), d)
   if others ~= lines then unknown("'gather' of fewer lines") end
   if lines * n * k > MOST_PAIRS then unknown("'gather' of so many numbers") end
   local numbers = constant(original.view(count_from(1, n), 1, 1, n), {lines, k, n})
   local chosen = compare('eq', paired(wanted, lines, k, n, true), numbers)
   local found = view(step(nn.MM(), {chosen, view(line, {lines, n, 1})}), {lines, k})
   return give(back(found, k), items[1])
end

-- `x:scatter(d, places, y)`: x with the items of y at the places, no place twice.
local scatter_number = handlers.scatter
function handlers.scatter(own, d, places, source)
   if type(source) == 'number' then return scatter_number(own, d, places, source) end
   local line, lines, n, back = lines_of(value(own), d)
   local wanted, others, k = lines_of(value(places), d)
   local given, thirds, m = lines_of(value(source), d)
   if others ~= lines or thirds ~= lines then unknown("'scatter' to fewer lines") end
   if m > k then given = step(nn.Narrow(2, 1, k), given) end
   if lines * n * k > MOST_PAIRS then unknown("'scatter' of so many numbers") end
   local numbers = constant(original.view(count_from(1, n), 1, n, 1), {lines, n, k})
   local chosen = compare('eq', paired(wanted, lines, n, k, false), numbers)
   local moved = view(step(nn.MM(), {chosen, view(given, {lines, k, 1})}), {lines, n})
   local kept = step(nn.AddConstant(1), step(nn.MulConstant(-1), step(nn.Max(3), chosen)))
   local result = step(nn.CAddTable(), {step(nn.CMulTable(), {line, kept}), moved})
   return give(back(result, n), own)
end

-- Lines times a matrix that is known.
local function times(line, matrix) return step(nn.MM(), {line, value(matrix)}) end

function handlers.cumsum(...)
   local asked, results, numbers = arguments(...)
   local line, _, n, back = lines_of(value(asked), numbers[1] or 1)
   return give(back(times(line, torch.triu(torch.ones(n, n))), n), results[1])
end

-- `x:indexAdd(d, places, y)` at known places.
function handlers.indexAdd(own, d, places, source)
   if follow.is_followed(places) then unknown("'indexAdd' at computed places") end
   local line, _, n, back = lines_of(value(own), d)
   local given, _, m = lines_of(value(source), d)
   local moves = torch.zeros(m, n)
   for i = 1, m do moves[i][places[i]] = 1 end
   return give(back(step(nn.CAddTable(), {line, times(given, moves)}), n), own)
end

-- Products along a dimension, or of all elements.
local function items_of(name, line, n)
   if n > MOST_FACTORS then unknown("'" .. name .. "' of so many numbers") end
   local items = {}
   for i = 1, n do items[i] = step(nn.Narrow(2, i, 1), line) end
   return items
end
local function product(items)
   return #items == 1 and items[1] or step(nn.CMulTable(), items)
end
function handlers.prod(...)
   local asked, results, numbers = arguments(...)
   if not numbers[1] then
      local n = original.nElement(asked)
      return follow.late(product(items_of('prod', view(value(asked), {1, n}), n)))
   end
   local line, _, n, back = lines_of(value(asked), numbers[1])
   return give(back(product(items_of('prod', line, n)), 1), results[1])
end
function handlers.cumprod(...)
   local asked, results, numbers = arguments(...)
   local line, _, n, back = lines_of(value(asked), numbers[1] or 1)
   local items = items_of('cumprod', line, n)
   for i = 2, n do items[i] = product({items[i - 1], items[i]}) end
   return give(back(#items == 1 and items[1] or step(nn.JoinTable(2), items), n), results[1])
end

-- Triangles and diagonals: all else becomes 0.
local function kept(id, mask) return step(nn.CMulTable(), {id, value(mask)}) end
for _, name in ipairs({'tril', 'triu'}) do
   handlers[name] = function(...)
      local asked, results, numbers = arguments(...)
      local extents = sizes(asked)
      return give(kept(value(asked), torch[name](torch.ones(unpack(extents)), numbers[1] or 0)), results[1])
   end
end
function handlers.diag(...)
   local asked, results, numbers = arguments(...)
   if (numbers[1] or 0) ~= 0 then unknown("'diag' beside the middle") end
   local id, extents = value(asked), sizes(asked)
   local n = extents[1]
   if #extents == 1 then return give(kept(expanded(view(id, {n, 1}), {n, n}), torch.eye(n)), results[1]) end
   local least = math.min(n, extents[2])
   local sums = step(nn.Sum(2), kept(id, torch.eye(n, extents[2])))
   return give(least < n and step(nn.Narrow(1, 1, least), sums) or sums, results[1])
end
function handlers.trace(own, first)
   local asked = own or first
   return follow.late(step(nn.Sum(1), value(handlers.diag(asked))))
end

-- `x:unfold(d, size, step)`: windows along a dimension, their items in a dimension of their own at the end.
function handlers.unfold(own, d, size, stride)
   local extents, pieces = sizes(own), {}
   local windows = math.floor((extents[d] - size) / stride) + 1
   if windows > MOST_FACTORS then unknown("'unfold' of so many windows") end
   local line, lines, _, back = lines_of(value(own), d)
   for i = 1, windows do pieces[i] = view(step(nn.Narrow(2, (i - 1) * stride + 1, size), line), {lines, 1, size}) end
   local joined = windows == 1 and pieces[1] or step(nn.JoinTable(2), pieces)
   -- One item of every window at a time has the shape of the whole.
   local items = {}
   extents[d] = windows
   for i = 1, size do
      local shape = {unpack(extents)}
      shape[#shape + 1] = 1
      items[i] = view(back(view(step(nn.Narrow(3, i, 1), joined), {lines, windows}), windows), shape)
   end
   return give(size == 1 and items[1] or step(nn.JoinTable(#extents + 1), items))
end

-- What is left of a division, with the sign of the divisor or of x.
for name, rounding in pairs({remainder = 'floor', fmod = 'trunc'}) do
   handlers[name] = function(...)
      local asked, results, numbers = arguments(...)
      local by = numbers[1]
      if not by then unknown("'" .. name .. "' by a tensor") end
      local whole = follow.element_function(rounding, step(nn.MulConstant(1 / by), value(asked)))
      return give(step(nn.CSubTable(), {value(asked), step(nn.MulConstant(by), whole)}), results[1] or asked == (...) and asked or nil)
   end
end
