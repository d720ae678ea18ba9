-- @case index_table
local t = setmetatable({}, {__index = {x = 1}}) print(t.x, t.y)
-- @case index_function
local t = setmetatable({}, {__index = function(t, k) return k .. '!' end}) print(t.hello, t[1])
-- @case index_chain
local a = {x = 1} local b = setmetatable({}, {__index = a}) local c = setmetatable({}, {__index = b}) print(c.x)
-- @case index_present
local t = setmetatable({x = 1}, {__index = function() return 2 end}) print(t.x, t.y)
-- @case newindex_function
local log = {} local t = setmetatable({}, {__newindex = function(t, k, v) rawset(t, k, v * 2) end}) t.x = 5 t.x = 6 print(t.x)
-- @case newindex_table
local store = {} local t = setmetatable({}, {__newindex = store}) t.x = 1 print(rawget(t, 'x'), store.x)
-- @case call
local t = setmetatable({}, {__call = function(self, a, b) return a + b, self ~= nil end}) print(t(2, 3))
-- @case call_varargs
local t = setmetatable({}, {__call = function(_, ...) return select('#', ...) end}) print(t(), t(nil), t(1, 2))
-- @case call_chain
local f = setmetatable({}, {__call = function(_, x) return x end}) local t = setmetatable({}, {__call = f}) print(t(1) == t)
-- @case arithmetic
local mt = {} for _, op in ipairs{'add', 'sub', 'mul', 'div', 'mod', 'pow'} do mt['__' .. op] = function(a, b) return op end end local t = setmetatable({}, mt) print(t + 1, 1 - t, t * t, t / 2, t % 3, 2 ^ t)
-- @case unary_minus
print(-setmetatable({}, {__unm = function(a, b) return rawequal(a, b) end}))
-- @case concat
local t = setmetatable({}, {__concat = function(a, b) return (type(a) == 'table' and 'T' or a) .. '|' .. (type(b) == 'table' and 'T' or b) end}) print(t .. 'x', 'x' .. t, 1 .. t, t .. t, 'a' .. 'b' .. t)
-- @case len_ignored
print(#setmetatable({1, 2}, {__len = function() return 42 end}))
-- @case eq
local mt = {__eq = function(a, b) return a.v == b.v end} local a, b, c = setmetatable({v = 1}, mt), setmetatable({v = 1}, mt), setmetatable({v = 2}, mt) print(a == b, a == c, a ~= b, a == 1)
-- @case eq_different
local a = setmetatable({}, {__eq = function() return true end}) local b = setmetatable({}, {__eq = function() return true end}) print(a == b)
-- @case lt_le
local mt = {__lt = function(a, b) return a.v < b.v end, __le = function(a, b) return a.v <= b.v end} local a, b = setmetatable({v = 1}, mt), setmetatable({v = 2}, mt) print(a < b, a <= b, a > b, a >= b)
-- @case le_from_lt
local mt = {__lt = function(a, b) return a.v < b.v end} local a, b = setmetatable({v = 1}, mt), setmetatable({v = 2}, mt) print(a <= b, b <= a)
-- @case lt_mixed
print(pcall(function() return setmetatable({}, {__lt = function() return true end}) < 1 end))
-- @case tostring
print(setmetatable({}, {__tostring = function() return 'obj' end}), tostring(setmetatable({}, {__tostring = function() return 'x' end})))
-- @case tostring_number
print(setmetatable({}, {__tostring = function() return 'n' .. 5 end}))
-- @case metatable_field
local t = setmetatable({}, {__metatable = 'locked'}) print(getmetatable(t), pcall(setmetatable, t, {}))
-- @case remove_metatable
local t = setmetatable({}, {__index = {x = 1}}) setmetatable(t, nil) print(t.x, getmetatable(t))
-- @case setmetatable_returns
local t = {} print(setmetatable(t, {}) == t)
-- @case setmetatable_wrong
setmetatable(1, {})
-- @case setmetatable_missing
setmetatable({})
-- @case class
local C = {} C.__index = C function C.new(v) return setmetatable({v = v}, C) end function C:get() return self.v end function C:set(v) self.v = v return self end print(C.new(1):set(5):get())
-- @case inheritance
local A = {} A.__index = A function A:hi() return 'A ' .. self.n end local B = setmetatable({}, {__index = A}) B.__index = B function B:bye() return 'B' end local o = setmetatable({n = 'o'}, B) print(o:hi(), o:bye())
-- @case rawequal_ignores
local mt = {__eq = function() return true end} print(rawequal(setmetatable({}, mt), setmetatable({}, mt)))
-- @case rawget_ignores
print(rawget(setmetatable({}, {__index = {x = 1}}), 'x'))
-- @case arithmetic_missing
print(setmetatable({}, {}) + 1)
-- @case index_missing_method
local t = setmetatable({}, {__index = {}}) t:nope()
-- @case globals
setmetatable(_G, {__index = function(_, k) return 'no ' .. k end}) print(undefined_name)
-- @case globals_newindex
setmetatable(_G, {__newindex = function(t, k, v) rawset(t, k, v .. '!') end}) fresh = 'x' print(fresh)
-- @case strict
setmetatable(_G, {__index = function(_, k) error('undefined ' .. k, 2) end}) print(pcall(function() return missing end))
-- @case default
local d = setmetatable({}, {__index = function(t, k) local v = {} rawset(t, k, v) return v end}) d.a.b = 1 print(d.a.b)
-- @case proxy
local function proxy(t) return setmetatable({}, {__index = t, __newindex = function() error('read only', 2) end}) end local p = proxy{1} print(p[1], pcall(function() p[1] = 2 end))
-- @case string_metatable
getmetatable('').__add = function(a, b) return a .. '+' .. b end print('a' + 'b', '1' + '2')
-- @case string_call
getmetatable('').__call = function(s, x) return s .. x end print(('a')('b'))
-- @case loops
local t = {} setmetatable(t, {__index = t, __newindex = t})
print(pcall(function() return t.x end)) print(pcall(function() t.x = 1 end))
