-- Penlight (lapp, stringx, tablex): what programs of Torch read their options with, and functions of texts and tables.
local torch, nn, native = ...

---------------------------------------------------------------- lapp: options from a text that describes them
local lapp = {show_usage_error = true}
local function stripped(text) return (text:gsub('^%s+', ''):gsub('%s+$', '')) end

-- A default without quotes: a number where it looks like one and nothing else is said, else a text.
local function default_of(text, kind)
   if not kind or kind == 'number' then
      local number = tonumber(text)
      if number then return number end
   end
   if text:match('^["\']') then text = text:sub(2, -2) end
   return text
end

-- The name of the option that a line describes and the rest of the line.
local function described(line)
   for _, pattern in ipairs({'^%-%a,?%s*%-%-([%w_%-]+)(.*)$', '^%-%-([%w_%-]+)(.*)$', '^%-(%a)(.*)$'}) do
      local name, rest = line:match(pattern)
      if name then return (name:gsub('%W', '_')), rest end
   end
   local name, rest = line:match('^<([^>]+)>(.*)$')
   if name then return (name:gsub('%.%.%.$', ''):gsub('%A', '_')), rest end
end

function lapp.process_options_string(text)
   local options, given, required = {}, rawget(_G, 'opt') or {}, {}
   for line in text:gmatch('[^\n]+') do
      local name, rest = described(stripped(line))
      if name then
         local described_by = rest:match('^%s*%.*%s*(%b())')
         if described_by then
            local words = stripped(described_by:sub(2, -2))
            local kind, word = words:match('^(%S+)%s+default%s+(.*)$')
            word = word or words:match('^default%s+(.*)$')
            if word then
               options[name] = default_of(stripped(word), kind)
            else
               required[#required + 1] = name
            end
         else
            -- A flag: its absence is false.
            options[name] = false
         end
      end
   end
   for name, value in pairs(given) do
      -- What is a text stays one.
      local text = type(options[name]) == 'string' and type(value) == 'number'
      options[name] = text and tostring(value) or value
   end
   for _, name in ipairs(required) do
      if options[name] == nil then error("missing required parameter: " .. name, 3) end
   end
   return options
end
function lapp.add_type() end
setmetatable(lapp, {__call = function(_, text) return lapp.process_options_string(text) end})

---------------------------------------------------------------- stringx
local stringx = {}
function stringx.startswith(text, start) return text:sub(1, #start) == start end
function stringx.endswith(text, ending) return #ending <= #text and text:sub(#text - #ending + 1) == ending end
function stringx.isdigit(text) return text:find('^%d+$') == 1 end
function stringx.isalpha(text) return text:find('^%a+$') == 1 end
function stringx.isspace(text) return text:find('^%s+$') == 1 end

-- Of blanks, or of any of some characters.
local function set_of(characters)
   return characters and '[' .. characters:gsub('[%]%^%-%%]', '%%%0') .. ']' or '%s'
end
function stringx.lstrip(text, characters) return (text:gsub('^' .. set_of(characters) .. '+', '')) end
function stringx.rstrip(text, characters)
   local set, last = set_of(characters), #text
   while last > 0 and text:sub(last, last):match(set) do last = last - 1 end
   return text:sub(1, last)
end
function stringx.strip(text, characters) return stringx.rstrip(stringx.lstrip(text, characters), characters) end
function stringx.join(glue, list) return table.concat(list, glue) end
function stringx.replace(text, old, new, most)
   local parts, from, count = {}, 1, 0
   while #old > 0 and (not most or count < most) do
      local first, last = text:find(old, from, true)
      if not first then break end
      parts[#parts + 1] = text:sub(from, first - 1) .. new
      from, count = last + 1, count + 1
   end
   return table.concat(parts) .. text:sub(from)
end

-- At blanks, where those at the ends do not count, or at a word.
function stringx.split(text, separator, most)
   local parts, from = {}, 1
   local plain = separator ~= nil and separator ~= ''
   if not plain then text = stringx.lstrip(text) end
   while true do
      local first, last = text:find(plain and separator or '%s+', from, plain)
      if not first or most and #parts >= most then break end
      parts[#parts + 1] = text:sub(from, first - 1)
      from = last + 1
   end
   if plain and text ~= '' or from <= #text then parts[#parts + 1] = text:sub(from) end
   return parts
end
function stringx.splitlines(text)
   local lines = {}
   for line in (text:gsub('\n$', '') .. '\n'):gmatch('([^\n]*)\n') do lines[#lines + 1] = line end
   return lines
end
function stringx.count(text, part) return #stringx.split(text, part) - 1 end
function stringx.import()
   for name, f in pairs(stringx) do
      if name ~= 'import' then string[name] = f end
   end
end

---------------------------------------------------------------- tablex
local tablex = {}
local function caller(f)
   if type(f) == 'string' then return function(item, ...) return item[f](item, ...) end end
   return f
end
function tablex.copy(t)
   local result = {}
   for key, item in pairs(t) do result[key] = item end
   return result
end
function tablex.deepcopy(t) return native.deep_copy(t, {}) end
function tablex.size(t)
   local n = 0
   for _ in pairs(t) do n = n + 1 end
   return n
end
function tablex.keys(t)
   local result = {}
   for key in pairs(t) do result[#result + 1] = key end
   return result
end
function tablex.values(t)
   local result = {}
   for _, item in pairs(t) do result[#result + 1] = item end
   return result
end
function tablex.update(t, other)
   for key, item in pairs(other) do t[key] = item end
   return t
end
function tablex.merge(a, b, both)
   local result = {}
   for key, item in pairs(a) do
      if both or b[key] ~= nil then result[key] = item end
   end
   for key, item in pairs(b) do
      if both or a[key] ~= nil then result[key] = item end
   end
   return result
end
tablex.union = function(a, b) return tablex.merge(a, b, true) end
function tablex.difference(a, b)
   local result = {}
   for key, item in pairs(a) do
      if b[key] == nil then result[key] = item end
   end
   return result
end
function tablex.map(f, t, ...)
   local result, call = {}, caller(f)
   for key, item in pairs(t) do result[key] = call(item, ...) end
   return result
end
function tablex.imap(f, t, ...)
   local result, call = {}, caller(f)
   for i, item in ipairs(t) do result[i] = call(item, ...) end
   return result
end
function tablex.foreach(t, f, ...)
   for key, item in pairs(t) do caller(f)(item, key, ...) end
end
function tablex.foreachi(t, f, ...)
   for i, item in ipairs(t) do caller(f)(item, i, ...) end
end
function tablex.reduce(f, t)
   local result = t[1]
   for i = 2, #t do result = f(result, t[i]) end
   return result
end
function tablex.filter(t, accepts, ...)
   local result = {}
   for _, item in ipairs(t) do
      if accepts(item, ...) then result[#result + 1] = item end
   end
   return result
end
function tablex.find(t, wanted, from)
   for i = from or 1, #t do
      if t[i] == wanted then return i end
   end
end
function tablex.search(t, wanted)
   for key, item in pairs(t) do
      if item == wanted then return key end
   end
end
function tablex.range(first, last, step)
   local result = {}
   for i = first, last, step or 1 do result[#result + 1] = i end
   return result
end
function tablex.rep(n, item)
   local result = {}
   for i = 1, n do result[i] = item end
   return result
end
tablex.new = function(n, item) return tablex.rep(n, item) end
function tablex.index_by(t, indices)
   local result = {}
   for i, index in ipairs(indices) do result[i] = t[index] end
   return result
end
function tablex.index_map(t)
   local result = {}
   for i, item in ipairs(t) do result[item] = i end
   return result
end
function tablex.makeset(t)
   local result = {}
   for _, item in ipairs(t) do result[item] = true end
   return result
end
function tablex.sub(t, first, last)
   if first < 0 then first = #t + first + 1 end
   last = last or -1
   if last < 0 then last = #t + last + 1 end
   return {unpack(t, first, last)}
end
function tablex.insertvalues(t, at, values)
   if values == nil then at, values = #t + 1, at end
   for i, item in ipairs(values) do table.insert(t, at + i - 1, item) end
   return t
end
function tablex.deepcompare(a, b)
   if type(a) ~= 'table' or type(b) ~= 'table' then return a == b end
   for key, item in pairs(a) do
      if not tablex.deepcompare(item, b[key]) then return false end
   end
   for key in pairs(b) do
      if a[key] == nil then return false end
   end
   return true
end
tablex.compare = tablex.deepcompare

---------------------------------------------------------------- where they are found
local known = {lapp = lapp, stringx = stringx, tablex = tablex}
for name, module in pairs(known) do
   -- What is left out says so, rather than to give nothing.
   local meta = getmetatable(module) or {}
   meta.__index = function(_, key) error("pl." .. name .. '.' .. tostring(key) .. ' is not available here', 2) end
   setmetatable(module, meta)
   package.preload['pl.' .. name] = function()
      if rawget(_G, name) == nil then rawset(_G, name, module) end
      return module
   end
end
-- The whole package makes them global.
local pl = package.loaded.pl
package.loaded.pl = nil
package.preload.pl = function()
   for name in pairs(known) do require('pl.' .. name) end
   return pl
end
