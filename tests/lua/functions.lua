-- @case closures
local function counter() local n = 0 return function() n = n + 1 return n end end local a, b = counter(), counter() print(a(), a(), b())
-- @case shared_upvalue
local function pair() local n = 0 return function() n = n + 1 end, function() return n end end local inc, get = pair() inc() inc() print(get())
-- @case loop_closures
local fs = {} for i = 1, 3 do fs[i] = function() i = i + 10 return i end end print(fs[1](), fs[1](), fs[2](), fs[3]())
-- @case while_closures
local fs, i = {}, 1 while i <= 2 do local j = i fs[i] = function() j = j + 1 return j end i = i + 1 end print(fs[1](), fs[1](), fs[2]())
-- @case captured_parameter
local function f(x) return function() x = x + 1 return x end end local g = f(5) print(g(), g())
-- @case deep_upvalues
local a = 1 local function f() return function() return function() a = a + 1 return a end end end print(f()()(), a)
-- @case recursion
local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end print(fib(15))
-- @case local_function_recursion
local f = function(n) return n end local function g(n) if n == 0 then return 'end' end return g(n - 1) end print(g(5), f(1))
-- @case mutual_recursion
local even, odd function even(n) if n == 0 then return true end return odd(n - 1) end function odd(n) if n == 0 then return false end return even(n - 1) end print(even(10), odd(7))
-- @case tail_calls
local function loop(n) if n == 0 then return 'done' end return loop(n - 1) end print(loop(100000))
-- @case varargs
local function f(...) return select('#', ...), ... end print(f()) print(f(nil)) print(f(1, nil, 3))
-- @case varargs_middle
local function f(...) return ..., 'x' end print(f(1, 2, 3))
-- @case varargs_parentheses
local function f(...) return (...) end print(f(1, 2, 3), f())
-- @case varargs_table
local function f(...) local t = {n = select('#', ...), ...} return t.n, t[1], t[3] end print(f(1, nil, 3))
-- @case varargs_main
print(select('#', ...))
-- @case varargs_named
local function f(a, b, ...) return a, b, select('#', ...) end print(f(1)) print(f(1, 2, 3, 4))
-- @case varargs_closure
local function f(...) local a, b = ... return function() return a, b end end print(f(1, 2)())
-- @case varargs_outside
local function f() return ... end
-- @case too_few_arguments
local function f(a, b) return a, b end print(f(1))
-- @case too_many_arguments
local function f(a) return a end print(f(1, 2, 3))
-- @case methods
local o = {v = 5} function o:get(x) return self.v + x end print(o:get(1), o.get(o, 2), o.get({v = 1}, 1))
-- @case nested_names
local a = {b = {}} function a.b.f(x) return x end function a.b:g(x) return self == a.b, x end print(a.b.f(1), a.b:g(2))
-- @case immediately_called
print((function(x) return x * 2 end)(21))
-- @case returned_functions
local function adder(a) return function(b) return function(c) return a + b + c end end end print(adder(1)(2)(3))
-- @case string_call
local function f(s) return s .. '!' end print(f 'x', f [[y]], f {} == nil and 1 or 2) 
-- @case string_call_ok
local function f(s) return type(s) end print(f 'x', f [[y]], f {})
-- @case chained_calls
local t = {} function t:add(x) self[#self + 1] = x return self end print(#t:add(1):add(2):add(3))
-- @case method_on_string
print(('x'):rep(3), ('%d'):format(5))
-- @case parameters_are_local
local function f(x) x = 5 return x end local x = 1 f(x) print(x)
-- @case default_arguments
local function f(x) x = x or 'default' return x end print(f(), f(1), f(false))
-- @case select_negative
local function last(...) return (select(-1, ...)) end print(last(1, 2, 3))
-- @case pcall_returns
print(pcall(function() return 1, 2, 3 end)) print(pcall(function(...) return ... end, 'a', 'b'))
-- @case xpcall
print(xpcall(function() error('x', 0) end, function(m) return 'handled ' .. m end)) print(xpcall(function() return 1, 2 end, print))
-- @case xpcall_arguments
print(xpcall(function(a, b) return a + b end, print, 1, 2))
-- @case error_values
print(type(select(2, pcall(error, {1}))))
-- @case error_table
local ok, e = pcall(error, {code = 7}) print(ok, e.code)
-- @case error_levels
local function f() error('here', 1) end local function g() error('there', 2) end print(pcall(f)) print(pcall(function() g() end)) print(pcall(error, 'none', 0)) print(pcall(error, 'pcall'))
-- @case error_nil
print(pcall(error)) print(pcall(error, nil))
-- @case error_number
print(pcall(error, 42))
-- @case error_number_position
error(42)
-- @case assert_number
assert(false, 42)
-- @case error_nested
print(pcall(pcall, error, 'x'))
-- @case error_rethrow
local ok, e = pcall(function() local ok, e = pcall(error, 'inner', 0) error('outer ' .. e, 0) end) print(e)
-- @case uncaught_string
error('message')
-- @case uncaught_level_zero
error('message', 0)
-- @case uncaught_table
error({})
-- @case assert
print(assert(1, 2, 3)) print(pcall(assert, false)) print(pcall(assert, nil, 'msg')) print(select('#', assert(1, nil)))
-- @case assert_position
assert(false, 'with position')
-- @case assert_default
assert(nil)
-- @case assert_table
local t = {} print(select(2, pcall(assert, false, t)) == t)
-- @case assert_none
print(pcall(assert))
-- @case loadstring
print(loadstring('return 1 + 1')()) local f = loadstring('local a, b = ... return b, a') print(f(1, 2))
-- @case loadstring_error
print(loadstring('x ='))
-- @case loadstring_name
print(loadstring('x =', '=name')) print(loadstring('x =', '@file.lua')) print(loadstring('error("e")', '=chunk') ~= nil)
-- @case loadstring_runtime
print(pcall(loadstring('error("e")', '=chunk')))
-- @case loadstring_multiline
print(loadstring('a = 1\nb = = 2'))
-- @case loadstring_globals
loadstring('g = 5')() print(g)
-- @case loadstring_long_name
print(loadstring('x = 1 + + + + + + + + + + + + + + + + + + + + + + + + + + + + + + + + + + + +'))
-- @case setfenv
local env = {print = print} local function f() y = 3 return y end setfenv(f, env) print(f(), env.y, y)
-- @case setfenv_level
local p = print local function f() setfenv(1, {z = 9}) return z end p(f(), z)
-- @case getfenv
print(getfenv() == _G, getfenv(print) == _G, getfenv(1) == _G, getfenv(0) == _G)
-- @case getfenv_function
local e = {} local f = setfenv(function() end, e) print(getfenv(f) == e)
-- @case type
print(type(nil), type(1), type('x'), type(true), type({}), type(print), type(function() end))
-- @case type_none
print(pcall(type))
-- @case require_missing
print((select(2, pcall(require, 'no_such_module')):match('^[^\n]*')))
-- @case require_preload
package.preload.m = function(name) return {name = name} end print(require('m').name, require('m') == require('m'), package.loaded.m == require 'm')
-- @case require_no_value
package.preload.m = function() end print(require('m'), package.loaded.m)
-- @case require_library
print(require('string') == string, require 'table' == table, require('math') == math)
-- @case require_error
package.preload.bad = function() error('inside', 0) end print(pcall(require, 'bad'))
-- @case globals_table
_G.zz = 5 print(zz, _G._G == _G, _G.print == print)
-- @case version
print(_VERSION, type(jit), jit.version_num >= 20100)
-- @case print_tostring
print(nil, true, 1.5, 'x', setmetatable({}, {__tostring = function() return 'T' end}))
-- @case io_write
io.write('a', 1, 2.5, '\n') io.write() print(io.write('') ~= nil)
-- @case stdout
io.stdout:write('x', 'y', '\n')
-- @case collectgarbage
print(collectgarbage() == 0, type(collectgarbage('count')))
-- @case collector
print(collectgarbage('step'), collectgarbage('collect'), collectgarbage(), collectgarbage('stop'), collectgarbage('restart'))
print(pcall(collectgarbage, 'bogus')) print(pcall(collectgarbage, {})) print(type(gcinfo()), type(collectgarbage('count')))
-- @case handlers
print(pcall(xpcall, error, {})) print(pcall(xpcall, error)) print(pcall(xpcall))
print(xpcall(function() error('q') end, function(e) error('again') end))
print(xpcall(function() error('q', 0) end, function(e) return e .. '!', 2 end))
