-- @case index_local
local t = nil print(t.x)
-- @case index_global
print(nothing.x)
-- @case index_field
local t = {} print(t.a.b)
-- @case index_upvalue
local u local function f() return u.x end f()
-- @case index_number_key
local t = {} print(t[1].x)
-- @case index_call
local function f() end print(f().x)
-- @case index_number
local n = 5 print(n.x.y)
-- @case index_string_field
print(('x').y.z)
-- @case index_boolean
print((true).x)
-- @case assign_local
local t t.x = 1
-- @case assign_global
nothing.x = 1
-- @case assign_field
local t = {} t.a.b = 1
-- @case assign_string
local s = 'x' s.y = 1
-- @case call_local
local f f()
-- @case call_global
undefined_function()
-- @case call_field
local t = {} t.f()
-- @case call_nested_field
local t = {a = {}} t.a.f()
-- @case call_method
local t = {} t:m()
-- @case call_upvalue
local f local function g() f() end g()
-- @case call_number_key
local t = {} t[1]()
-- @case call_result
local function f() end f()()
-- @case call_number
local n = 5 n()
-- @case call_string
('x')()
-- @case call_library_field
string.nope('x')
-- @case method_on_nil
local t t:m()
-- @case method_on_number
local n = 5 n:m()
-- @case arithmetic_local
local x print(x + 1)
-- @case arithmetic_right
local x print(1 + x)
-- @case arithmetic_both
local x, y print(x + y)
-- @case arithmetic_global
print(nothing * 2)
-- @case arithmetic_field
local t = {} print(t.x - 1)
-- @case arithmetic_field_right
local t = {} print(1 - t.x)
-- @case arithmetic_table
print({} + 1)
-- @case arithmetic_table_right
print(1 / {})
-- @case arithmetic_upvalue
local u local function f() return u ^ 2 end f()
-- @case arithmetic_string
print('abc' * 2)
-- @case arithmetic_boolean
print(true % 2)
-- @case arithmetic_function
print(print + 1)
-- @case unary_minus
local x print(-x)
-- @case unary_minus_table
print(-{})
-- @case concat_nil
local x print('a' .. x)
-- @case concat_global
print('a' .. nothing .. 'b')
-- @case concat_field
local t = {} print(t.name .. '!')
-- @case concat_table
print('a' .. {})
-- @case concat_boolean
print(true .. 'x')
-- @case length_nil
local x print(#x)
-- @case length_number
print(#5)
-- @case length_global
print(#nothing)
-- @case length_function
print(#print)
-- @case compare_types
print(1 < 'x')
-- @case compare_types_reversed
print('x' > 1)
-- @case compare_nil
print(nil < 1)
-- @case compare_tables
print({} < {})
-- @case compare_functions
print(print <= print)
-- @case compare_booleans
print(true < false)
-- @case compare_mixed
print({} >= 1)
-- @case argument_type
('x'):rep({})
-- @case argument_missing
string.rep()
-- @case argument_method_second
('x'):rep()
-- @case argument_field
string.sub()
-- @case argument_local_alias
local f = table.insert f(1)
-- @case argument_global
setmetatable(1)
-- @case argument_ipairs
ipairs()
-- @case argument_tostring
tostring()
-- @case argument_string_table
string.upper({})
-- @case argument_nil_string
string.len(nil)
-- @case argument_number
('x'):sub('a')
-- @case argument_in_function
local function f() string.rep() end f()
-- @case argument_tail_call
local function f() return string.rep() end local x = f()
-- @case argument_pcall
print(pcall(string.rep))
-- @case second_line
local x = 1
local y = nil
print(y.z)
-- @case inside_function
local function f()
   error('deep')
end
f()
-- @case level_two
local function check(x)
   if not x then error('bad value', 2) end
end
check(1)
check(nil)
-- @case position_of_call
local function f(x) return x end
print(f(1), undefined(
   2))
-- @case syntax_unexpected
x = = 3
-- @case syntax_end
if true then
print(1)
-- @case syntax_unclosed
print((1 + 2)
print(2)
-- @case syntax_string
x = "abc
-- @case syntax_string_end
x = 'abc
-- @case syntax_number
x = 3x
-- @case syntax_escape
x = '\q'
-- @case syntax_escape_large
x = '\300'
-- @case syntax_extra_end
print(1) end
-- @case syntax_until
until x
-- @case syntax_then
if x print(1) end
-- @case syntax_do
while true print(1) end
-- @case syntax_name
local 1 = 2
-- @case syntax_function_name
function 1() end
-- @case syntax_assign
x
-- @case syntax_assign_two
a, b
-- @case syntax_assign_call
f() = 1
-- @case syntax_parenthesised
(f)
-- @case syntax_args
f(1 2)
-- @case syntax_args_end
f(1,
-- @case syntax_table
t = {1 2}
-- @case syntax_table_end
t = {1,
-- @case syntax_index
print(a[1)
-- @case syntax_method
a:b
-- @case syntax_field
a.
-- @case syntax_for
for i do end
-- @case syntax_for_comma
for i = 1 do end
-- @case syntax_for_in
for a, b = 1, 2 do end
-- @case syntax_return
return 1 print(2)
-- @case syntax_repeat
repeat print(1)
-- @case syntax_ambiguous
local f = print
f
(1)
-- @case syntax_vararg_parameter
function f(..., a) end
-- @case syntax_parameter
function f(1) end
-- @case syntax_symbol
x = @
-- @case syntax_label
::a
-- @case syntax_operator
x = 1 +
-- @case syntax_operator_two
x = * 2
-- @case syntax_not
x = not
-- @case syntax_keyword_name
local end = 1
-- @case syntax_local_field
local a.b = 1
-- @case syntax_double_equal
x == 1
-- @case syntax_bang
x = 1 != 2
-- @case syntax_increment
x = x++
-- @case syntax_continue
while true do continue end
-- @case syntax_comma
x = {a = 1,, b = 2}
-- @case syntax_return_middle
do return 1 x = 2 end
-- @case numbers_as_errors
print(pcall(error, 16), pcall(error, 7.5), type(select(2, pcall(error, 1))))
print(pcall(function() error(16) end))
print(pcall(function() error(16, 0) end), type(select(2, pcall(function() error(16, 0) end))))
-- @case texts_that_are_none
print(type(tostring(setmetatable({}, {__tostring = function() return 1 end}))))
print(type(tostring(setmetatable({}, {__tostring = function() end}))))
-- @case bracketed_names
local t, f = {}, nil
print(pcall(function() return (t) + 1 end)) print(pcall(function() return -(t) end)) print(pcall(function() return 10 .. (t) end))
print(pcall(function() return ((t)) * 2 end)) print(pcall(function() (f)() end)) print(pcall(function() return (f).x end))
print(pcall(function() return (g)() end)) print(pcall(function() return (t.a).b end)) print(pcall(function() return #(f) end))
