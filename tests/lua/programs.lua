-- @case opt_default
local opt = {} local depth = opt.depth or 18 local drop = opt.drop ~= false print(depth, drop)
-- @case opt_false_default
local opt = {bias = false} local bias = opt.bias == nil or opt.bias print(bias)
-- @case depth_rule
local function n(depth) assert((depth - 2) % 6 == 0, 'depth should be one of 20, 32, 44, 56, 110, 1202') return (depth - 2) / 6 end print(n(20), n(110)) print(n(21))
-- @case depth_rule_plain
local depth = 21 assert((depth - 4) % 6 == 0)
-- @case config_lookup
local cfg = {[18] = {{2, 2, 2, 2}, 512, 'basic'}, [50] = {{3, 4, 6, 3}, 2048, 'bottleneck'}} assert(cfg[50], 'Invalid depth: ' .. tostring(50)) local def, features, block = table.unpack and table.unpack(cfg[50]) or unpack(cfg[50]) print(def[3], features, block)
-- @case config_missing
local cfg = {[18] = 1} assert(cfg[19], 'Invalid depth: ' .. tostring(19))
-- @case iChannels
local iChannels local function layer(n, count) local t = {} for i = 1, count do t[i] = (iChannels or 0) .. '-' .. n iChannels = n end return table.concat(t, ' ') end print(layer(64, 2)) print(layer(128, 3))
-- @case counter
local function counter() local n = 0 return function() n = n + 1 return n end end local a, b = counter(), counter() print(a(), a(), b(), a())
-- @case loop_closures
local fs = {} for i = 1, 3 do fs[i] = function() i = i + 1 return i end end print(fs[1](), fs[1](), fs[2](), fs[3]())
-- @case while_closures
local fs, i = {}, 0 while i < 3 do i = i + 1 local j = i fs[i] = function() return j end end print(fs[1](), fs[2](), fs[3]())
-- @case chain
local C = {} C.__index = C function C:add(x) self[#self + 1] = x return self end local net = setmetatable({}, C) net:add('a'):add('b') :add('c') print(table.concat(net, ' -> '))
-- @case add_nil
local C = {} C.__index = C function C:add(x) return self end local net = setmetatable({}, C) net:add(1):addd(2)
-- @case call_field_nil
local nn = {} nn.SpatialConvolution(1, 2)
-- @case call_global_nil
SpatialConvolution(1, 2)
-- @case call_method_nil
local m = {} m:cuda()
-- @case call_upvalue_nil
local f local function g() f() end g()
-- @case call_result_nil
local function f() end f()()
-- @case call_string_method_nil
('x'):nothing()
-- @case index_field_nil
local opt = {} print(opt.model.depth)
-- @case index_global_nil
print(opt.depth)
-- @case index_upvalue_nil
local opt local function f() return opt.depth end f()
-- @case index_result_nil
local function f() end print(f().x)
-- @case index_number
local n = 5 print(n.x)
-- @case arith_field_nil
local opt = {} print(opt.growthRate * 2)
-- @case arith_local_nil
local growthRate print(2 * growthRate)
-- @case arith_upvalue_nil
local k local function f() return k / 2 end f()
-- @case arith_string
print('3' * '4', '10' / 4, -'2', '0x10' + 0)
-- @case arith_bad_string
print('3x' * 2)
-- @case arith_bool
print(true + 1)
-- @case concat_field_nil
local opt = {} print('depth ' .. opt.depth)
-- @case concat_bool
print('x' .. true)
-- @case concat_table
print({} .. 'x')
-- @case concat_numbers
print(1 .. 2, 1.5 .. '', 2^53 .. '', -0 .. '')
-- @case compare_nil
local opt = {} if opt.dropout > 0 then print(1) end
-- @case compare_mixed
print(1 < '2')
-- @case compare_tables
print({} < {})
-- @case compare_bools
print(true < false)
-- @case len_nil
local classes print(#classes)
-- @case len_field_nil
local opt = {} print(#opt.classes)
-- @case len_number
print(#5)
-- @case for_nil
for i = 1, nil do end
-- @case for_string
for i = '1', 2 do io.write(i, ' ') end
-- @case for_zero_step
local n = 0 for i = 1, 3, 0 do n = n + 1 if n > 3 then break end end print(n)
-- @case for_float
for x = 0, 1, 0.25 do io.write(x, ' ') end print()
-- @case for_down
for i = 5, 1, -2 do io.write(i, ' ') end print()
-- @case for_large
for i = 2^53, 2^53 + 2 do io.write(string.format('%.0f', i), ' ') break end print()
-- @case for_in_nil
for k, v in nil do end
-- @case for_in_table
for k, v in {} do end
-- @case ipairs_nil
for i, v in ipairs(nil) do end
-- @case ipairs_field_nil
local m = {} for i, v in ipairs(m.modules) do end
-- @case pairs_nil
for k in pairs(nil) do end
-- @case ipairs_stops
local t = {1, 2, nil, 4} local n = 0 for _ in ipairs(t) do n = n + 1 end print(n)
-- @case varargs_select
local function f(...) return select('#', ...), (select(2, ...)), select(-1, ...) end print(f('a', 'b', 'c'))
-- @case varargs_nil
local function f(...) return select('#', ...) end print(f(nil, nil), f(), f(nil))
-- @case varargs_table
local function f(...) local t = {...} return #t, t[1] end print(f(3, 4, 5))
-- @case select_zero
print(select(0, 1))
-- @case select_far
print(select('#', select(5, 1, 2)))
-- @case select_negative
print(select(-3, 1, 2))
-- @case unpack_range
print(unpack({1, 2, 3, 4}, 2, 3)) print((unpack({1, 2})))
-- @case unpack_nil
print(unpack(nil))
-- @case unpack_holes
print(unpack({1, nil, 3}, 1, 3))
-- @case swap
local a, b, c = 1, 2, 3 a, b, c = c, a, b print(a, b, c)
-- @case multi_order
local t = {} local i = 1 i, t[i] = i + 1, 20 print(i, t[1], t[2])
-- @case multi_more
local a, b, c = (function() return 1, 2 end)() print(a, b, c)
-- @case multi_cut
local a, b = ((function() return 1, 2 end)()) print(a, b)
-- @case ternary
local function pick(c) return c and 'avg' or 'max' end print(pick(true), pick(nil), pick(0), pick(''))
-- @case and_or_false
print(nil and 1, false or nil, nil or false, 1 and nil or 2, not nil == true)
-- @case precedence
print(2 ^ 3 ^ 2, -2 ^ 2, not 1 == 2, 1 .. 2 == '12', 2 * 3 % 4, 7 - 2 - 1)
-- @case modulo
print(5 % 3, -5 % 3, 5 % -3, -5 % -3, 5.5 % 2, 5 % math.huge, -5 % math.huge)
-- @case division
print(7 / 2, 1 / 0, -1 / 0, 0 / 0 ~= 0 / 0, math.floor(-7 / 2))
-- @case floor_sizes
local function out(i, k, s, p) return math.floor((i + 2 * p - k) / s) + 1 end print(out(224, 7, 2, 3), out(112, 3, 2, 1), out(5, 3, 2, 0))
-- @case format_sizes
print(string.format('%s(%d -> %d, %dx%d)', 'nn.SpatialConvolution', 3, 64, 7, 7))
-- @case format_mixed
print(string.format('%5.2f|%-6s|%06d|%+d|%e|%g|%x|%c|%%', 3.14159, 'ab', 42, 7, 12345.678, 1e20, 255, 65))
-- @case format_q
print(string.format('%q', 'a "b"\n\\c\0d'))
-- @case format_missing
print(string.format('%d %d', 1))
-- @case format_wrong
print(string.format('%d', 'x'))
-- @case format_numeral
print(string.format('%d %s', '12', 12), string.format('%s %s', nil, true))
-- @case format_width
print(string.format('[%10s] [%-10s] [%.3s]', 'abc', 'abc', 'abcdef'))
-- @case format_bad
print(string.format('%y', 1))
-- @case tostring_numbers
print(1e15, 1e16, 123456789012345, 0.1, 1/3, -1e-10, 100, 1e100, 2^31, 5 // 1 == nil)
-- @case tostring_numbers2
print(1e15, 1e16, 123456789012345, 0.1, 1 / 3, -1e-10, 100, 1e100, 2 ^ 31)
-- @case tonumber_bases
print(tonumber('ff', 16), tonumber('777', 8), tonumber('12', 2), tonumber('z', 36), tonumber('10'), tonumber('1e3'), tonumber(' 5 '), tonumber('5x'), tonumber(''), tonumber('0x1p4'))
-- @case gsub_words
print((('conv1_relu'):gsub('_(%l)', function(c) return c:upper() end)))
-- @case gsub_count
print(('a.b.c'):gsub('%.', '/'))
-- @case gsub_table
print((('$x and $y'):gsub('%$(%w+)', {x = 1, y = 'two'})))
-- @case gsub_captures
print((('hello world'):gsub('(%w+) (%w+)', '%2 %1')), (('abc'):gsub('', '-')), (('abc'):gsub('%w', '%0%0')))
-- @case gsub_bad
print((('abc'):gsub('(', 'x')))
-- @case gsub_bad_capture
print((('abc'):gsub('a', '%9')))
-- @case gmatch_pairs
for k, v in ('a=1, b=2, c=3'):gmatch('(%w+)=(%w+)') do io.write(k, v, ';') end print()
-- @case gmatch_lines
local n = 0 for line in ('x\ny\n\nz'):gmatch('[^\n]+') do n = n + 1 end print(n)
-- @case match_version
print(('cudnn 5.1.5'):match('(%d+)%.(%d+)%.(%d+)')) print(('abc'):match('(x?)b'), ('key = value'):match('^(%w+)%s*=%s*(%w+)$'))
-- @case match_balance
print(('f(a(b)c)d'):match('%b()'), ('THE (quick) fox'):find('%((%a+)%)'))
-- @case match_frontier
print((('THE (quick) fox'):gsub('%f[%a]%a+', 'W')))
-- @case find_plain
print(('a.b'):find('.', 1, true), ('a.b'):find('.'), ('abc'):find('b', -1), ('abc'):find('', 10), ('abc'):find('', 4))
-- @case sub_ends
print(('abcdef'):sub(2, -2), ('abcdef'):sub(-3), ('abcdef'):sub(0), ('abcdef'):sub(5, 2), ('abcdef'):sub(-100, 100))
-- @case rep_join
print(('ab'):rep(3), ('x'):rep(0), ('x'):rep(-1))
-- @case byte_char
print(('ABC'):byte(1, -1)) print(string.char(72, 105), ('x'):byte(5))
-- @case upper_reverse
print(('aBc'):upper(), ('aBc'):lower(), ('abc'):reverse(), ('abc'):len())
-- @case sort_by_field
local t = {{n = 'b', v = 2}, {n = 'a', v = 1}, {n = 'c', v = 3}} table.sort(t, function(x, y) return x.v > y.v end) for _, e in ipairs(t) do io.write(e.n) end print()
-- @case sort_keys
local t = {z = 1, a = 2, m = 3} local keys = {} for k in pairs(t) do keys[#keys + 1] = k end table.sort(keys) print(table.concat(keys, ','))
-- @case sort_nil
local t = {3, nil, 1} table.sort({3, 1, 2}, function(a, b) return nil end) print('ended')
-- @case insert_remove
local t = {} for i = 1, 5 do table.insert(t, 1, i) end table.remove(t, 2) print(table.concat(t, ' '), #t)
-- @case insert_position
local t = {1, 2} table.insert(t, 2, 'x') print(unpack(t))
-- @case remove_last
local t = {} print(table.remove(t), #t)
-- @case concat_nested
print(table.concat({1, {}, 3}, ','))
-- @case maxn
print(table.maxn({1, 2, [10] = 3}), table.maxn({}))
-- @case class_inherit
local A = {} A.__index = A function A.new(x) return setmetatable({x = x}, A) end function A:get() return self.x end local B = setmetatable({}, {__index = A}) B.__index = B function B.new(x) return setmetatable(A.new(x), B) end function B:get() return A.get(self) * 2 end print(A.new(3):get(), B.new(3):get())
-- @case class_super
local function class(parent) local c = {} c.__index = c return setmetatable(c, {__index = parent, __call = function(k, ...) local o = setmetatable({}, k) o:init(...) return o end}) end local P = class() function P:init(n) self.n = n end function P:double() return self.n * 2 end local Q = class(P) function Q:init(n) P.init(self, n + 1) end print(P(4):double(), Q(4):double())
-- @case metamethods_vector
local V = {} V.__index = V V.__add = function(a, b) return setmetatable({a[1] + b[1]}, V) end V.__tostring = function(v) return '<' .. v[1] .. '>' end V.__eq = function(a, b) return a[1] == b[1] end V.__lt = function(a, b) return a[1] < b[1] end V.__unm = function(a) return setmetatable({-a[1]}, V) end V.__concat = function(a, b) return tostring(a) .. '|' .. tostring(b) end V.__call = function(s, x) return x + s[1] end local a, b = setmetatable({1}, V), setmetatable({2}, V) print(tostring(a + b), a == b, a < b, a > b, tostring(-a), a .. b, a .. 'x', a(10))
-- @case index_function
local t = setmetatable({}, {__index = function(t, k) return k .. '!' end}) print(t.a, t[1], rawget(t, 'a'))
-- @case newindex
local log = {} local t = setmetatable({}, {__newindex = function(t, k, v) log[#log + 1] = k rawset(t, k, v) end}) t.a = 1 t.a = 2 t.b = 3 print(table.concat(log, ','), t.a, t.b)
-- @case newindex_table
local store = {} local t = setmetatable({}, {__newindex = store}) t.x = 5 print(rawget(t, 'x'), store.x)
-- @case protected
local ok, e = pcall(error, {code = 7}) print(ok, type(e), e.code) print(pcall(error)) print(pcall(error, 'x', 0))
-- @case error_levels
local function f() error('deep', 2) end local function g() f() end print(pcall(g)) print(pcall(function() error('own') end)) print(pcall(function() error('none', 0) end))
-- @case error_number
print(pcall(error, 42))
-- @case assert_values
print(assert(1, 'x', 3)) print(pcall(assert, false)) print(pcall(assert, nil, 'said'))
-- @case xpcall_handler
print(xpcall(function() error('x', 0) end, function(m) return 'handled ' .. m end)) print(xpcall(function(...) return select('#', ...) end, print, 1, 2))
-- @case pcall_module
local ok = pcall(require, 'cudnn_that_is_not_there') print(ok)
-- @case pcall_nested
print(pcall(pcall, error, 'x'))
-- @case goto_continue
for i = 1, 5 do if i % 2 == 0 then goto continue end io.write(i, ' ') ::continue:: end print()
-- @case goto_nested
for i = 1, 3 do for j = 1, 3 do if j == 2 then goto next end io.write(i, j, ' ') end ::next:: end print()
-- @case repeat_local
local n = 0 repeat local done = n >= 3 n = n + 1 until done print(n)
-- @case while_break
local i = 0 while true do i = i + 1 if i == 7 then break end end print(i)
-- @case numeric_keys
local t = {} t[1.0] = 'a' t['1'] = 'b' t[2^53] = 'c' print(t[1], t['1'], t[2^53], #t)
-- @case nan_key
local t = {} t[0 / 0] = 1
-- @case nil_key
local t = {} t[nil] = 1
-- @case next_empty
print(next({}), next({5}), type(next))
-- @case rawequal_len
print(rawequal('a', 'a'), rawequal({}, {}), #'abc', #{1, 2, 3, nil})
-- @case gsub_trim
print(('  x y  '):match('^%s*(.-)%s*$') .. '|')
-- @case split_path
local parts = {} for p in ('models/resnet/init.lua'):gmatch('[^/]+') do parts[#parts + 1] = p end print(#parts, parts[#parts]:match('(.+)%.lua$'))
-- @case long_strings
print([[a
b]], [==[x]]y]==], #[[
x]])
-- @case escapes
print('\65\066\x43\z
      D', '\a\b' == '\7\8', "tab\tq\"", 'nl\
x')
-- @case comments
--[[ block ]] print(1) --[==[ x
]] ]==] print(2) -- rest
-- @case semicolons
local a = 1; local b = 2; print(a + b);
-- @case method_string
print(('%d:%d'):format(1, 2), ('x'):rep(3), #('abc'):upper())
-- @case call_string
local function f(s) return s .. '!' end print(f'a', f"b", f[[c]], (f{} == nil))
-- @case call_table
local function f(t) return t.n * 2 end print(f{n = 4}, f({n = 5}))
-- @case recursion_fib
local function fib(n) return n < 2 and n or fib(n - 1) + fib(n - 2) end print(fib(15))
-- @case tail_call
local function loop(n) if n == 0 then return 'end' end return loop(n - 1) end print(loop(5000))
-- @case mutual
local even, odd function even(n) if n == 0 then return true end return odd(n - 1) end function odd(n) if n == 0 then return false end return even(n - 1) end print(even(10), odd(7))
-- @case setfenv_globals
local f = loadstring('x = 5 return x + (y or 0)') setfenv(f, {y = 2}) print(f(), x)
-- @case loadstring_error
print(loadstring('x = = 1', 'chunk'))
-- @case math_functions
print(math.max(1, 5, 3), math.min(2, -1), math.abs(-3), math.ceil(1.2), math.floor(-1.2), math.sqrt(16), math.pow(2, 10), math.fmod(7, 3), math.fmod(-7, 3))
-- @case math_log
print(math.log(1), math.exp(0), math.log10(1000), string.format('%.6f', math.log(2)), math.pi > 3.14)
-- @case bit_ops
local bit = require 'bit' print(bit.band(12, 10), bit.bor(12, 10), bit.bxor(12, 10), bit.lshift(1, 4), bit.rshift(256, 2), bit.bnot(0), bit.tohex(255))
-- @case type_names
print(type(nil), type(1), type('x'), type({}), type(print), type(function() end), type(true))
-- @case type_none
print(type())
-- @case global_function
function helper(a, b) b = b or 2 return a + b end print(helper(1), helper(1, 5))
-- @case do_block
local x = 1 do local x = 2 x = x + 1 end print(x)
-- @case local_function_recursion
local function f(n) if n > 0 then return f(n - 1) .. n end return '' end print(f(4))
-- @case nested_tables
local cfg = {{64}, {64, 64}, {64, 96}, {'avg', 32}} print(cfg[4][1], cfg[3][2], #cfg, cfg[1][2])
-- @case nested_missing
local cfg = {{64}} print(cfg[2][1])
-- @case default_tables
local function make(a) a = a or {} a.n = (a.n or 0) + 1 return a end local t = make() make(t) print(t.n, make().n)
-- @case string_compare
print('a' < 'b', 'Z' < 'a', 'abc' < 'abd', '' < 'a', '10' < '9')
-- @case string_coerce
print(10 == '10', '10' + 5, 10 .. '', #tostring(12345))
-- @case integer_format
print(string.format('%d', 3.7), string.format('%i', -2), string.format('%5.1f', 2.25), string.format('%5.1f', 2.35))
-- @case numerals_in_bases
print(tonumber('+5', 16), tonumber('-ff', 16), tonumber('0x1f', 16), tonumber('1\0z', 2), tonumber('+z', 36), tonumber('++1', 8))
-- @case next_of_no_key
print(pcall(next, {}, 'no such key')) next({}, 'no such key')
-- @case modules_of_old
module('old.fashioned', package.seeall) function double(x) return 2 * x end print(_NAME, _PACKAGE, double(4), _M == old.fashioned, type(string)) _G.print(package.loaded['old.fashioned'].double(1))
-- @case module_without_globals
local print = print local m = {} package.loaded.mine = m module('mine') x = 5 print(m.x, m._NAME, string)
-- @case where_a_function_is
local function f() local i = debug.getinfo(1, 'nSl') return i.name, i.namewhat, i.what, i.currentline, i.linedefined end
print(f()) print(debug.getinfo(print).what, debug.getinfo(f).nups, debug.getinfo(1, 'S').what, debug.getinfo(50))
-- @case dates_without_a_clock
print(os.date('!%Y-%m-%d %H:%M:%S %j %a %B %p %y', 951782400), os.date('!%c', 0), os.date('!%x %X', 86399))
local t = os.date('!*t', 1e9) print(t.year, t.month, t.day, t.hour, t.min, t.sec, t.wday, t.yday, t.isdst)
print(pcall(os.time, {})) print(pcall(os.time, {year = 2000, month = 1}))
-- @case files_are_known
print(io.type(io.stdout), io.type(io.stderr), io.type(5))
