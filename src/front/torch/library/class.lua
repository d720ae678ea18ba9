-- Classes: torch.class, and how instances are made, printed and compared.
local torch, native = ...
local classes = {}
native.loading = true

local operators = {
   __unm = '__unm__', __add = '__add__', __sub = '__sub__', __mul = '__mul__', __div = '__div__',
   __mod = '__mod__', __pow = '__pow__', __concat = '__concat__', __call = '__call__',
   __lt = '__lt__', __le = '__le__', __eq = '__eq__', __len = '__len__',
}

-- Packages that the program around a definition has loaded, where one adds a class to them.
local loaded_elsewhere = {cudnn = true, ccn2 = true}

-- The namespace of `a.b.C` and the name `C`.
local function namespace(name)
   local space = _G
   local rest = name
   while true do
      local head, tail = rest:match('^([^.]+)%.(.+)$')
      if not head then return space, rest end
      if rawget(space, head) == nil and space == _G and loaded_elsewhere[head] then require(head) end
      if rawget(space, head) == nil then space[head] = {} end
      space, rest = space[head], tail
   end
end

-- Arguments of which texts that are numbers became numbers, as Torch's constructors take them.
local function as_numbers(count, first, ...)
   if count == 0 then return end
   if type(first) == 'string' then first = tonumber(first) or first end
   return first, as_numbers(count - 1, ...)
end

local function construct(class, ...)
   local self = setmetatable({}, class)
   native.place(self)
   local init = class.__init
   if init and not native.loading and not class.__own and class.__typename:sub(1, 6) ~= 'torch.' then
      native.count_arguments(class.__typename, init, ...)
      native.constructing(init, self, as_numbers(select('#', ...), ...))
   elseif init then
      if native.constructing then native.constructing(init, self, ...) else init(self, ...) end
   end
   return self
end

local function define(name, parent)
   local class = {__typename = name}
   class.__index = class
   class.__tostring = function(self)
      local method = class.__tostring__
      if method then return method(self) end
      return name
   end
   for event, method in pairs(operators) do
      if event ~= '__eq' and event ~= '__lt' and event ~= '__le' and event ~= '__call' then
         class[event] = function(a, b, ...)
            local owner = type(a) == 'table' and a[method] or type(b) == 'table' and b[method]
            if not owner then error('attempt to use ' .. event:sub(3) .. ' on a ' .. name, 2) end
            return owner(a, b, ...)
         end
      end
   end
   class.__call = function(self, ...)
      if not self.__call__ then error('attempt to call a ' .. name, 2) end
      return self:__call__(...)
   end
   setmetatable(class, {__index = parent, __call = construct, __tostring = function() return name end})
   classes[name] = class
   return class
end

-- Early modules have `forward` and `backward` only; they are what others call `updateOutput` and `updateGradInput`.
local early = {forward = 'updateOutput', backward = 'updateGradInput'}
local plain = {['nn.Module'] = true, ['nn.Container'] = true, ['nn.Criterion'] = true}
local function accept_early(class, base)
   local above = base
   while above and rawget(above, '__own') do
      if rawget(above, 'updateOutput') then return end
      local meta = getmetatable(above)
      above = meta and meta.__index
   end
   if not above or not plain[rawget(above, '__typename')] then return end
   getmetatable(class).__newindex = function(_, key, method)
      rawset(class, key, method)
      local other = early[key]
      if not other or type(method) ~= 'function' or rawget(class, other) then return end
      if key == 'backward' and not rawget(class, '__early') then return end
      class.__early = true
      local running
      rawset(class, other, function(self, ...)
         -- It may call its parent's, which asks for this one.
         if running == self then return base[other](self, ...) end
         local before = running
         running = self
         local results = {pcall(method, self, ...)}
         running = before
         if not results[1] then error(results[2], 0) end
         return unpack(results, 2)
      end)
   end
end

native.replaced = {}
function torch.class(name, parent, module)
   if type(parent) == 'table' and not parent.__typename then parent, module = nil, parent end
   local base
   if parent then
      base = type(parent) == 'table' and parent or classes[parent] or native.find(parent)
      if not base then
         error("parent class '" .. tostring(parent) .. "' does not exist: require the file that makes it before", 2)
      end
   end
   local class = define(name, base)
   -- Classes of the definition's own may bear names that cortado knows.
   if not native.loading then
      -- The library goes on with the class that bore the name before.
      native.replaced[name] = native.replaced[name] or native.find(name) or nil
      class.__own = true
      accept_early(class, base)
   end
   local space, short = namespace(name)
   rawset(space, short, class)
   if module then module[short] = class end
   return class, base
end

native.define = function(name, parent) return define(name, parent) end

-- What makes classes of a package: `class('Name', parent)` is `package.Name`.
native.definer = function(prefix, package)
   return function(name, parent)
      package[name] = define(prefix .. '.' .. name, parent)
      return package[name]
   end
end

function torch.typename(object)
   if type(object) == 'table' then
      local meta = getmetatable(object)
      return type(meta) == 'table' and rawget(meta, '__typename') or nil
   end
   return native.typename(object)
end

function torch.type(object)
   return torch.typename(object) or type(object)
end

function torch.isTypeOf(object, class)
   local wanted = type(class) == 'string' and class or type(class) == 'table' and rawget(class, '__typename')
   if type(object) ~= 'table' then return torch.typename(object) == wanted end
   local meta = getmetatable(object)
   while type(meta) == 'table' do
      local name = rawget(meta, '__typename')
      if name == nil then return false end
      if name == wanted then return true end
      if type(class) == 'string' and name:match('%.([^.]+)$') == class then return true end
      local above = getmetatable(meta)
      meta = above and above.__index
   end
   return false
end

function torch.setmetatable(object, name)
   local class = classes[name] or native.find(name)
   if not class then error("unknown type name '" .. tostring(name) .. "'", 2) end
   return setmetatable(object, class)
end
function torch.getmetatable(name) return classes[name] or native.find(name) end
function torch.factory(name)
   local class = classes[name] or native.find(name)
   return class and function() return setmetatable({}, class) end
end
