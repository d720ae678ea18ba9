-- argcheck: functions whose arguments are checked and completed by rules, by position or by name.
local torch, nn, native = ...

local function is_kind(value, kind)
   if kind == nil or kind == '*' then return true end
   if kind == 'torch.*Tensor' or kind == 'torch.Tensor' then return torch.isTensor(value) end
   if kind == 'torch.*Storage' then return torch.isStorage(value) end
   if type(value) == kind then return true end
   return torch.typename(value) ~= nil and (torch.type(value) == kind or torch.isTypeOf(value, kind))
end

local function fits(rule, value)
   return value ~= nil and is_kind(value, rule.type) and (not rule.check or rule.check(value))
end
local function may_be_left_out(rule)
   return rule.opt or rule.default ~= nil or rule.defaulta ~= nil or rule.defaultf ~= nil
end

-- The value of every rule by its name; nothing if the arguments do not fit them.
local function by_position(rules, arguments, count)
   local values, at = {}, 1
   for i, rule in ipairs(rules) do
      -- One that may be left out is so where the others need what is left.
      local needed = 0
      for j = i + 1, #rules do
         if not may_be_left_out(rules[j]) then needed = needed + 1 end
      end
      local spare = count - at + 1 > needed
      if fits(rule, arguments[at]) and (spare or not may_be_left_out(rule)) then
         values[rule.name] = arguments[at]
         at = at + 1
      elseif not may_be_left_out(rule) then
         return nil
      elseif at <= count and arguments[at] == nil then
         at = at + 1
      end
   end
   if at <= count then return nil end
   return values
end
local function by_name(rules, named, own)
   local values, known = {}, {}
   for i, rule in ipairs(rules) do
      local value = named[rule.name]
      if i == 1 and own ~= nil then value = own end
      if value ~= nil and not fits(rule, value) or value == nil and not may_be_left_out(rule) then return nil end
      values[rule.name], known[rule.name] = value, true
   end
   for key in pairs(named) do
      if not known[key] then return nil end
   end
   return values
end

-- What the rules ask for, for a complaint.
local function usage(rules)
   local lines = {}
   for _, rule in ipairs(rules) do
      local kind = rule.type or 'any'
      lines[#lines + 1] = may_be_left_out(rule) and '[' .. rule.name .. ' = ' .. kind .. ']' or rule.name .. ' = ' .. kind
   end
   return table.concat(lines, ', ')
end

local function values_of(rules, ...)
   local arguments, count = {...}, select('#', ...)
   local first, values = rules[1], nil
   local own = first and first.name == 'self'
   local named = arguments[own and 2 or 1]
   local alone = count == (own and 2 or 1) and type(named) == 'table' and torch.typename(named) == nil
   if not rules.noordered then values = by_position(rules, arguments, count) end
   if not values and alone and not rules.nonamed then values = by_name(rules, named, own and arguments[1] or nil) end
   return values
end

local function argcheck(rules, call)
   if call then rules.call = call end
   local checked = function(...)
      local values = values_of(rules, ...)
      if not values then
         if rules.overload then return rules.overload(...) end
         error('arguments do not fit: ' .. usage(rules) .. ' expected', 2)
      end
      local list = {}
      for i, rule in ipairs(rules) do
         local value = values[rule.name]
         if value == nil then
            if rule.defaulta ~= nil then
               value = values[rule.defaulta]
            elseif rule.defaultf ~= nil then
               value = rule.defaultf()
            else
               value = rule.default
            end
            values[rule.name] = value
         end
         list[i] = value
      end
      if rules.pack then
         if rules.call then return rules.call(values) end
         return values
      end
      if rules.call then return rules.call(unpack(list, 1, #rules)) end
      return unpack(list, 1, #rules)
   end
   return checked
end

package.loaded['argcheck.env'] = package.loaded['argcheck.env'] or {istype = is_kind}
package.loaded['argcheck.doc'] = package.loaded['argcheck.doc'] or setmetatable({}, {__call = function() end,
   __index = function() return function() end end})
return argcheck
