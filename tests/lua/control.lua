-- @case while
local i = 0 while i < 3 do i = i + 1 io.write(i, ' ') end print()
-- @case while_break
local i = 0 while true do i = i + 1 if i > 5 then break end end print(i)
-- @case repeat_scope
local k = 0 repeat local done = k >= 3 k = k + 1 until done print(k)
-- @case numeric_for
for i = 1, 3 do io.write(i, ' ') end for i = 10, 1, -4 do io.write(i, ' ') end for i = 1, 0 do io.write('never') end print()
-- @case for_fractions
for i = 0, 1, 0.25 do io.write(i, ' ') end for i = 1, 0, -0.5 do io.write(i, ' ') end print()
-- @case for_strings
for i = '1', '3' do io.write(i, ' ') end print()
-- @case for_variable_is_copy
for i = 1, 3 do local j = i i = i * 10 io.write(i, ' ') end print()
-- @case for_evaluates_once
local n = 3 for i = 1, n do n = 10 io.write(i, ' ') end print()
-- @case for_huge
for i = math.huge, 1 do print('never') end print('done')
-- @case for_bad_start
for i = 'x', 2 do end
-- @case for_bad_limit
for i = 1, {} do end
-- @case for_bad_step
for i = 1, 2, {} do end
-- @case generic_for
local function iter(s, i) i = i + 1 if i <= s then return i, i * i end end for i, sq in iter, 3, 0 do io.write(i, ':', sq, ' ') end print()
-- @case generic_closure
local function range(n) local i = 0 return function() i = i + 1 if i <= n then return i end end end for i in range(3) do io.write(i, ' ') end print()
-- @case generic_nil
for k in nil do end
-- @case generic_callable
for i in setmetatable({}, {__call = function(_, _, c) c = (c or 0) + 1 if c < 4 then return c end end}) do io.write(i, ' ') end print()
-- @case nested_break
for i = 1, 3 do for j = 1, 3 do if j == 2 then break end io.write(i, j, ' ') end end print()
-- @case goto_continue
for i = 1, 5 do if i % 2 == 0 then goto continue end io.write(i, ' ') ::continue:: end print()
-- @case goto_loop
local i = 1 ::top:: if i <= 3 then io.write(i, ' ') i = i + 1 goto top end print()
-- @case goto_out
for i = 1, 3 do for j = 1, 3 do if i * j == 4 then goto done end end end ::done:: print('out')
-- @case goto_closure
local fs = {} do local i = 1 ::top:: local x = i fs[i] = function() return x end i = i + 1 if i <= 3 then goto top end end print(fs[1](), fs[2](), fs[3]())
-- @case goto_name
local goto = 1 print(goto)
-- @case goto_undefined
goto nowhere
-- @case goto_duplicate
::a:: ::a::
-- @case goto_in_function
::a:: local function f() goto a end
-- @case break_outside
break
-- @case break_function
while true do local function f() break end end
-- @case if_chain
for i = 1, 4 do if i == 1 then io.write('a') elseif i == 2 then io.write('b') elseif i == 3 then io.write('c') else io.write('d') end end print()
-- @case truthiness
if 0 then io.write('0 ') end if '' then io.write('empty ') end if not nil then io.write('nil ') end print()
-- @case do_block
local x = 1 do local x = 2 io.write(x, ' ') end print(x)
-- @case multiple_assignment
local a, b, c = 1, 2 print(a, b, c) a, b = b, a print(a, b)
-- @case assignment_order
local i, t = 1, {} i, t[i] = i + 1, 20 print(i, t[1], t[2])
-- @case assignment_calls
local function f() return 1, 2, 3 end local a, b, c, d = f() print(a, b, c, d) a, b, c = 0, f() print(a, b, c) a, b = (f()) print(a, b)
-- @case assignment_extra
local a = 1, 2 print(a)
-- @case shadowing
local x = 1 local x = x + 1 print(x)
-- @case global_local
x = 1 local function f() x = 2 end f() print(x, _G.x, rawget(_G, 'x'))
-- @case return_middle
local function f(x) if x then return 'yes' end return 'no' end print(f(1), f())
-- @case return_nothing
local function f() return end print(f(), (f()), select('#', f()))
-- @case semicolons
local a = 1; local b = 2; print(a + b);
-- @case comments
print(1) -- end --[[ no ]] --[==[ long
]==] print(2) --[[x]] print(3)
-- @case shebang_like
-- first print(0)
-- @case chained_comparison
print(1 < 2 == true, not (1 > 2))
-- @case break_repeat
local n = 0 repeat n = n + 1 if n == 3 then break end until n > 10 print(n)
