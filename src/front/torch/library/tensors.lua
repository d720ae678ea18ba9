-- Functions about tensors that are made of others, and those of nn.utils.
local torch, nn, native = ...
local is_tensor = native.is_tensor

-- What `torch.f([result,] [beta,] M, [alpha,] a, b)` and `M:f([beta, ] [alpha,] a, b)` are given.
local function parts(own, ...)
   local tensors, numbers, before = {}, {}, {}
   for i = 1, select('#', ...) do
      local value = select(i, ...)
      if is_tensor(value) then
         tensors[#tensors + 1] = value
         before[#tensors] = numbers[1] and table.remove(numbers) or nil
      elseif type(value) == 'number' then
         numbers[#numbers + 1] = value
         if #numbers > 1 then before.beta = table.remove(numbers, 1) end
      end
   end
   local result = own
   if not own and #tensors == 4 then
      result = table.remove(tensors, 1)
      table.remove(before, 1)
   end
   if #tensors == 2 and own then
      return own, before.beta or 1, own, before[1] or 1, tensors[1], tensors[2]
   end
   if #tensors ~= 3 then error('a tensor to add to and two to multiply expected', 3) end
   return result, before[1] or 1, tensors[1], before[2] or 1, tensors[2], tensors[3]
end

-- `beta M + alpha (a times b)` for a kind of product.
local function add_product(name, product)
   local function compute(own, ...)
      local result, beta, base, alpha, a, b = parts(own, ...)
      local sum = base * beta + product(a, b) * alpha
      if result then return result:resizeAs(sum):copy(sum) end
      return sum
   end
   torch[name] = function(...) return compute(nil, ...) end
   native.tensor_methods[name] = function(self, ...) return compute(self, ...) end
end

local function each_product(a, b)
   if a:dim() ~= 3 or b:dim() ~= 3 or a:size(1) ~= b:size(1) then
      error('two batches of as many matrices expected', 3)
   end
   local result = torch.Tensor(a:size(1), a:size(2), b:size(3))
   for i = 1, a:size(1) do result[i]:copy(torch.mm(a[i], b[i])) end
   return result
end

add_product('addmm', torch.mm)
add_product('addmv', torch.mv)
add_product('addr', torch.ger)
add_product('baddbmm', each_product)
add_product('addbmm', function(a, b) return each_product(a, b):sum(1)[1] end)

function torch.bmm(result, a, b)
   if not b then return each_product(result, a) end
   local products = each_product(a, b)
   return result:resizeAs(products):copy(products)
end
function native.tensor_methods.bmm(self, a, b)
   if not b then return each_product(self, a) end
   return torch.bmm(self, a, b)
end

function torch.lerp(a, b, weight) return a + (b - a) * weight end
function native.tensor_methods.lerp(self, b, weight) return self:add((b - self) * weight) end

-- Functions that make tensors, filling the receiver.
for _, name in ipairs({'range', 'linspace', 'logspace', 'zeros', 'ones', 'rand', 'randn', 'randperm', 'eye'}) do
   local make = torch[name]
   if make and not native.tensor_methods[name] then
      native.tensor_methods[name] = function(self, ...) return make(self, ...) end
   end
end

-- Random numbers that are functions of those of simpler laws.
function native.tensor_methods.cauchy(self, median, sigma)
   local drawn = torch.rand(self:size()):add(-0.5):mul(math.pi)
   return self:copy(torch.tan(drawn):mul(sigma or 1):add(median or 0))
end
-- The mean and the deviation are those of the numbers, not of their logarithms.
function native.tensor_methods.logNormal(self, mean, deviation)
   mean, deviation = mean or 1, deviation or 2
   local spread = math.log(1 + (deviation / mean) ^ 2)
   self:normal(math.log(mean) - spread / 2, math.sqrt(spread))
   return self:exp()
end

-- Methods that are functions as well.
for name in ('cauchy fill indexAdd indexCopy indexFill logNormal maskedCopy maskedFill scatter zero'):gmatch('%S+') do
   if not torch[name] then torch[name] = function(tensor, ...) return tensor[name](tensor, ...) end end
end

-- Numbers have powers as well.
local power = torch.pow
function torch.pow(a, b, ...)
   if type(a) == 'number' and type(b) == 'number' then return a ^ b end
   return power(a, b, ...)
end

-- `f` of the vectors along a dimension, in the place of each.
local function along(tensor, dimension, f)
   local extents, n = tensor:size():totable(), tensor:size(dimension)
   extents[dimension] = 1
   local values, places = torch.Tensor(unpack(extents)), torch.LongTensor(unpack(extents))
   local last = tensor:dim()
   local rows = tensor:transpose(dimension, last):contiguous():view(-1, n)
   local firsts = values:transpose(dimension, last):contiguous():view(-1)
   local seconds = places:transpose(dimension, last):contiguous():view(-1)
   for i = 1, rows:size(1) do firsts[i], seconds[i] = f(rows[i]) end
   local turned = tensor:transpose(dimension, last):size():totable()
   turned[last] = 1
   local function back(flat) return flat:view(unpack(turned)):transpose(dimension, last):contiguous() end
   return back(firsts), back(seconds)
end

-- Functions of one tensor, `torch.f(x, ...)` and `x:f(...)`.
local function both(name, f)
   torch[name], native.tensor_methods[name] = f, f
end
both('kthvalue', function(tensor, k, dimension)
   return along(tensor, dimension or tensor:dim(), function(row)
      local sorted, order = torch.sort(row)
      return sorted[k], order[k]
   end)
end)
-- The smallest of the most frequent numbers, and the last place of it.
both('mode', function(tensor, dimension)
   return along(tensor, dimension or tensor:dim(), function(row)
      local counts, best = {}, nil
      for i = 1, row:size(1) do counts[row[i]] = (counts[row[i]] or 0) + 1 end
      for number, count in pairs(counts) do
         local most = best and counts[best] or 0
         if count > most or count == most and number < best then best = number end
      end
      for i = row:size(1), 1, -1 do
         if row[i] == best then return best, i end
      end
   end)
end)
both('histc', function(tensor, bins, least, most)
   bins, least, most = bins or 100, least or 0, most or 0
   if least == most then least, most = tensor:min(), tensor:max() end
   if least == most then least, most = least - 1, most + 1 end
   local counts, flat = torch.zeros(bins), tensor:contiguous():view(-1)
   for i = 1, flat:size(1) do
      local at = flat[i]
      if least <= at and at <= most then
         local bin = math.min(math.floor((at - least) / (most - least) * bins) + 1, bins)
         counts[bin] = counts[bin] + 1
      end
   end
   return counts
end)
-- Parts along a dimension whose norm is above a bound are scaled down to it.
local function renormalised(tensor, p, dimension, bound)
   local result = tensor:clone()
   for i = 1, result:size(dimension) do
      local part = result:select(dimension, i)
      local norm = part:norm(p)
      if norm > bound then part:mul(bound / (norm + 1e-7)) end
   end
   return result
end
torch.renorm = renormalised
function native.tensor_methods.renorm(self, ...) return self:copy(renormalised(self, ...)) end
both('cross', function(a, b, dimension)
   for d = 1, a:dim() do
      if not dimension and a:size(d) == 3 then dimension = d end
   end
   if not dimension or a:size(dimension) ~= 3 then error('a dimension of 3 elements expected', 2) end
   local result = a:clone()
   local function part(tensor, i) return tensor:narrow(dimension, i, 1) end
   for i = 1, 3 do
      local j, k = i % 3 + 1, (i + 1) % 3 + 1
      part(result, i):copy(torch.cmul(part(a, j), part(b, k)) - torch.cmul(part(a, k), part(b, j)))
   end
   return result
end)
-- Images under a window, turned round (a convolution) or not, where it lies inside ('V') or wherever it touches ('F').
local function convolved(image, window, mode, turned)
   if image:dim() == 3 and window:dim() == 3 then
      local parts = {}
      for i = 1, image:size(1) do
         local part = convolved(image[i], window[i], mode, turned)
         parts[i] = part:view(1, part:size(1), part:size(2))
      end
      return torch.cat(parts, 1)
   end
   if image:dim() ~= 2 or window:dim() ~= 2 then error('two images, or two lists of as many, expected', 3) end
   local h, w = window:size(1), window:size(2)
   if mode == 'F' then
      local wide = image:clone():resize(image:size(1) + 2 * (h - 1), image:size(2) + 2 * (w - 1)):zero()
      wide:narrow(1, h, image:size(1)):narrow(2, w, image:size(2)):copy(image)
      image = wide
   end
   local rows, columns = image:size(1) - h + 1, image:size(2) - w + 1
   if rows < 1 or columns < 1 then error('the window is larger than the image', 3) end
   local result = image.new(rows, columns):zero()
   for y = 1, h do
      for x = 1, w do
         local by = turned and window[h + 1 - y][w + 1 - x] or window[y][x]
         result:add(by, image:narrow(1, y, rows):narrow(2, x, columns))
      end
   end
   return result
end
for name, turned in pairs({conv2 = true, xcorr2 = false}) do
   both(name, function(image, window, mode) return convolved(image, window, mode or 'V', turned) end)
end

---------------------------------------------------------------- nn.utils
local utils = {}
nn.utils = utils

-- A tensor, or a table of tables of tensors, with a function of every tensor.
local function mapped(value, f)
   if is_tensor(value) then return f(value) end
   if type(value) == 'table' and not torch.typename(value) then
      local result = {}
      for key, item in pairs(value) do result[key] = mapped(item, f) end
      return result
   end
   return value
end

function utils.recursiveType(value, kind, done)
   if not kind then return value end
   return native.recast_all(value, kind, done)
end
function utils.recursiveFill(value, number)
   return mapped(value, function(tensor) return tensor:fill(number) end)
end
function utils.recursiveCopy(_, from)
   local copy = mapped(from, function(tensor) return tensor:clone() end)
   return copy, from
end
function utils.recursiveResizeAs(_, like)
   return mapped(like, function(tensor) return torch.Tensor(tensor:size()) end), like
end
function utils.recursiveAdd(into, factor, other)
   if not other then factor, other = 1, factor end
   if is_tensor(into) then return into:add(factor, other), other end
   for key, item in pairs(other) do utils.recursiveAdd(into[key], factor, item) end
   return into, other
end
function utils.addSingletonDimension(tensor, dimension)
   local sizes = tensor:size():totable()
   table.insert(sizes, dimension or 1, 1)
   return tensor:view(unpack(sizes))
end
function utils.contiguousView(tensor, ...) return tensor:contiguous():view(...) end
function utils.clear(module, ...)
   for _, field in ipairs({...}) do
      for _, name in ipairs(type(field) == 'table' and field or {field}) do
         if is_tensor(module[name]) then module[name]:set() end
      end
   end
   return module
end
