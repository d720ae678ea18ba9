-- What a labelHook makes of each label by itself: an affine function, another one beyond certain labels, and exceptions.
-- The hook is followed on labels of which each is known as a number that may grow; what it compares with what says where
-- the function changes, so that it is known everywhere once it is known at those labels, between and beyond them.
local torch, nn, native = ...
local original = native.original

-- A form is what an element is while labels are what they are: the number `at`, which grows by `slope` when the label
-- number `of` grows by one. `of` is nil where no label has a say; false stands for what is no such thing.
local rules = {}

-- Lists of more forms are not kept.
local most_forms = 4096

-- A form of two, where one label at most has a say in both.
local function each(combine)
   return function(context, lists, module)
      local a, b = lists[1], lists[2]
      if not a or not b or lists[3] then return nil end
      local result = {}
      for i = 1, #a do
         local x, y = a[i], #b == 1 and b[1] or b[i]
         result[i] = false
         if x and y and (not x.of or not y.of or x.of == y.of) then
            local of = x.of or y.of
            local at, slope = combine(x, y, context, of, module)
            if at then result[i] = {at = at, slope = slope, of = of} end
         end
      end
      return result
   end
end

rules['nn.CAddTable'] = each(function(x, y) return x.at + y.at, x.slope + y.slope end)
rules['nn.CSubTable'] = each(function(x, y) return x.at - y.at, x.slope - y.slope end)
rules['nn.CMulTable'] = each(function(x, y)
   if x.slope ~= 0 and y.slope ~= 0 then return nil end
   return x.at * y.at, x.slope * y.at + y.slope * x.at
end)
rules['nn.CDivTable'] = each(function(x, y)
   if y.slope ~= 0 then return nil end
   return x.at / y.at, x.slope / y.at
end)

-- x - y, which is 0 where rounding alone keeps it from being so; notes the label at which it is.
local function gap(x, y, context, of)
   local at, slope = x.at - y.at, x.slope - y.slope
   if math.abs(at) <= 1e-9 * (math.abs(x.at) + math.abs(y.at)) then at = 0 end
   if slope ~= 0 then context.breaks[context.labels[of] - at / slope] = true end
   return at
end

local comparisons = {
   eq = function(d) return d == 0 end, ne = function(d) return d ~= 0 end, lt = function(d) return d < 0 end,
   le = function(d) return d <= 0 end, gt = function(d) return d > 0 end, ge = function(d) return d >= 0 end,
}
local compared = each(function(x, y, context, of, module)
   return comparisons[module.method](gap(x, y, context, of)) and 1 or 0, 0
end)

rules['cortado.ElementFunction'] = function(context, lists, module)
   if comparisons[module.method] then
      local second = module.number and {{at = module.number, slope = 0}} or lists[2]
      return compared(context, {lists[1], second}, module)
   end
   if module.method ~= 'maskedFill' then return nil end
   local mask, filled, kept = lists[1], lists[2], lists[3]
   local function of_mask(chosen)
      return each(function(x, y) return y.at, y.slope end)(context, {mask, chosen})
   end
   local first, second, result = of_mask(filled), of_mask(kept), {}
   for i = 1, #mask do
      if not mask[i] then
         result[i] = false
      elseif mask[i].at ~= 0 then
         result[i] = first[i]
      else
         result[i] = second[i]
      end
   end
   return result
end

-- Functions of one form.
local function single(f)
   return function(context, lists, module)
      local result = {}
      for i, form in ipairs(lists[1]) do
         result[i] = false
         if form then
            local at, slope = f(form, module, context)
            result[i] = {at = at, slope = slope, of = form.of}
         end
      end
      return result
   end
end
rules['nn.MulConstant'] = single(function(x, m) return x.at * m.constant_scalar, x.slope * m.constant_scalar end)
rules['nn.AddConstant'] = single(function(x, m) return x.at + m.constant_scalar, x.slope end)
rules['nn.Abs'] = single(function(x, _, context)
   if gap(x, {at = 0, slope = 0}, context, x.of) < 0 then return -x.at, -x.slope end
   return x.at, x.slope
end)
rules['nn.Clamp'] = single(function(x, m, context)
   if gap(x, {at = m.min_val, slope = 0}, context, x.of) < 0 then return m.min_val, 0 end
   if gap(x, {at = m.max_val, slope = 0}, context, x.of) > 0 then return m.max_val, 0 end
   return x.at, x.slope
end)

-- Modules that only move elements: the same is done to their places.
local function places_of(list, extents, first)
   local places = {}
   for i = 1, #list do places[i] = first + i end
   return original.resize(torch.DoubleTensor(places), torch.LongStorage(extents))
end
local function gathered(places, forms)
   local result = {}
   for i, place in ipairs(original.storage(original.clone(places)):totable()) do result[i] = forms[place] end
   return result
end
local function moving(move)
   return function(_, lists, module, extents)
      return gathered(move(places_of(lists[1], extents[1], 0), module, extents[1]), lists[1])
   end
end
rules['nn.View'] = function(_, lists) return lists[1] end
rules['nn.Narrow'] = moving(function(places, m) return original.narrow(places, m.dimension, m.index, m.length) end)
rules['nn.Select'] = moving(function(places, m) return original.narrow(places, m.dimension, m.index, 1) end)
rules['nn.Transpose'] = moving(function(places, m)
   for _, pair in ipairs(m.permutations) do places = original.transpose(places, pair[1], pair[2]) end
   return places
end)
rules['nn.Replicate'] = moving(function(places, m, extents)
   local one, several = {unpack(extents)}, {unpack(extents)}
   table.insert(one, m.dim, 1)
   table.insert(several, m.dim, m.nfeatures)
   return original.expand(original.view(places, unpack(one)), unpack(several))
end)
rules['nn.JoinTable'] = function(_, lists, module, extents)
   local parts, all = {}, {}
   for i, list in ipairs(lists) do
      parts[i] = places_of(list, extents[i], #all)
      for _, form in ipairs(list) do all[#all + 1] = form end
   end
   return gathered(torch.cat(parts, module.dimension), all)
end
rules['nn.Constant'] = function(_, _, module)
   local result = {}
   for i, number in ipairs(original.storage(original.clone(module.value)):totable()) do
      result[i] = {at = number, slope = 0}
   end
   return result
end

-- The forms of what a module makes of values whose forms are known; nil where they are not known.
native.forms_of = function(context, module, lists, extents)
   local rule = rules[torch.typename(module)]
   if not rule then return nil end
   local count = 0
   for _, list in ipairs(lists) do count = count + #list end
   if count > most_forms or torch.typename(module) == 'nn.Constant' and original.nElement(module.value) > most_forms then
      return nil
   end
   return rule(context, lists, module, extents)
end

-- A table of zeros, or tensor, for as many records.
local function resized(value, records)
   if not native.is_tensor(value) then
      local result = {}
      for i, item in ipairs(value) do result[i] = resized(item, records) end
      return result
   end
   local extents = original.size(value):totable()
   extents[1] = records
   return torch.Tensor(torch.LongStorage(extents))
end

local function near(a, b) return a == b or math.abs(a - b) <= 1e-6 * (1 + math.abs(b)) end

-- What the hook makes of labels of these points in several arrangements, by point, with the labels that it compares
-- with; nil unless each label is answered by itself.
local function survey(hook, input, records, points, arrangements, answers, breaks)
   for a = 1, arrangements do
      local labels, numbers = {}, {}
      for i = 1, records do
         -- First every point at every place, then in no order.
         local at = a <= #points and i + a or (i * 7919 + a * 104729) % 10007
         numbers[i] = at % #points + 1
         labels[i] = points[numbers[i]]
      end
      local forms, asked, more = native.follow_labels(hook, torch.Tensor(labels), resized(input, records), labels)
      if not forms or #forms ~= records then return false end
      for point in pairs(more) do breaks[point] = true end
      for i, form in ipairs(forms) do
         if not form or form.of and form.of ~= i then return false end
         local answer = answers[numbers[i]]
         local questions = asked[i] or ''
         if not answer then
            answers[numbers[i]] = {at = form.at, slope = form.slope, asked = questions}
         elseif not near(form.at, answer.at) or not near(form.slope, answer.slope) or questions ~= answer.asked then
            return false
         end
      end
   end
   return true
end

local most_breaks = 30

native.label_map = function(hook, input, batch)
   local points, known = {0, 1}, {}
   for _ = 1, 8 do
      local answers, breaks = {}, {}
      -- What is true of each label by itself is so in batches of any size.
      local arrangements = #points + 4
      if not survey(hook, input, 5, points, arrangements, answers, breaks)
         or not survey(hook, input, 7, points, arrangements, answers, breaks) then
         return nil
      end
      local more = false
      for point in pairs(breaks) do
         if point ~= point or math.abs(point) > 1e9 then return nil end
         local found = false
         for _, before in ipairs(known) do found = found or near(point, before) end
         if not found then
            known[#known + 1], more = point, true
         end
      end
      if #known > most_breaks then return nil end
      if not more then
         if batch and batch <= 64 and not survey(hook, input, batch, points, 1, answers, breaks) then return nil end
         return points, answers
      end
      table.sort(known)
      -- Odd places are between and beyond the labels that are compared with.
      points = {known[1] - 1}
      for i, point in ipairs(known) do
         points[#points + 1] = point
         points[#points + 1] = known[i + 1] and (point + known[i + 1]) / 2 or point + 1
      end
   end
   return nil
end
