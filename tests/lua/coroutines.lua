-- Cases of coroutines: values to and fro, errors, states, and what cannot be left.
-- @case values
local co = coroutine.create(function(a, b)
   local c, d = coroutine.yield(a + b)
   local e = coroutine.yield(c * d, 'second')
   return 'end', e
end)
print(coroutine.resume(co, 1, 2))
print(coroutine.resume(co, 3, 4))
print(coroutine.status(co), coroutine.resume(co, 'x'))
print(coroutine.status(co), coroutine.resume(co))
print(select('#', coroutine.resume(coroutine.create(function() end))))
print(coroutine.resume(coroutine.create(coroutine.yield), 3))
-- @case generators
local function count(n) return coroutine.wrap(function() for i = 1, n do coroutine.yield(i, i * i) end end) end
local sum = 0
for i, square in count(10) do sum = sum + square end
print(sum)
local function permutations(list, n)
   n = n or #list
   if n <= 1 then coroutine.yield(table.concat(list, ' ')) end
   for i = 1, n do
      list[n], list[i] = list[i], list[n]
      permutations(list, n - 1)
      list[n], list[i] = list[i], list[n]
   end
end
for p in coroutine.wrap(function() permutations({1, 2, 3}) end) do print(p) end
local function walk(tree)
   if tree then walk(tree.left) coroutine.yield(tree.key) walk(tree.right) end
end
local tree = {key = 4, left = {key = 2, left = {key = 1}}, right = {key = 7}}
for key in coroutine.wrap(function() walk(tree) end) do io.write(key, ' ') end print()
-- @case pipeline
local function producer() return coroutine.create(function() for i = 1, 3 do coroutine.yield('line ' .. i) end end) end
local function filter(source)
   return coroutine.create(function()
      local n = 1
      while true do
         local ok, line = coroutine.resume(source)
         if not line then return end
         coroutine.yield(('%d %s'):format(n, line))
         n = n + 1
      end
   end)
end
local f = filter(producer())
repeat local ok, line = coroutine.resume(f) print(ok, line) until not line
-- @case errors
local co = coroutine.create(function() coroutine.yield(1) error('inside') end)
print(coroutine.resume(co)) print(coroutine.resume(co)) print(coroutine.status(co), coroutine.resume(co))
print(coroutine.resume(coroutine.create(function() error({}) end)) == false)
print(coroutine.resume(coroutine.create(function() local x = nil return x.y end)))
print(pcall(coroutine.resume, 1))
print(pcall(coroutine.create, 1))
print(pcall(coroutine.status))
print(pcall(coroutine.wrap))
-- @case wrapped_errors
local w = coroutine.wrap(function() coroutine.yield(1) error('boom') end)
print(w()) print(pcall(w)) print(pcall(w))
local v = coroutine.wrap(function() error('boom') end)
print(pcall(function() v() end))
print(pcall(function() v() end))
local u = coroutine.wrap(function() error({}, 2) end)
print(type(select(2, pcall(u))))
-- @case uncaught
local w = coroutine.wrap(function()
   error('not caught')
end)
w()
-- @case states
local co
co = coroutine.create(function()
   print(coroutine.running() == co, coroutine.status(co), coroutine.resume(co))
   local inner = coroutine.create(function() print(coroutine.status(co), coroutine.resume(co)) end)
   print(coroutine.resume(inner), coroutine.status(inner))
end)
print(coroutine.status(co), coroutine.running())
coroutine.resume(co)
print(coroutine.status(co), type(co), (tostring(co):gsub('0x%x+', 'place')))
print(co == co, ({[co] = 'key'})[co], rawequal(co, coroutine.create(print)))
-- @case what_may_be_left
local function inside(f, ...) return coroutine.resume(coroutine.create(f), ...) end
local function yield() return coroutine.yield(8) end
print(inside(function() pcall(yield) end))
print(inside(function() xpcall(yield, print) end))
print(inside(function() return setmetatable({}, {__index = yield}).x end))
print(inside(function() return setmetatable({}, {__add = yield}) + 1 end))
print(inside(function() local t = setmetatable({}, {__lt = yield}) return t < t end))
print(inside(function() return setmetatable({}, {__call = yield})() end))
print(inside(function() for a in yield do end end))
print(inside(function() table.foreach({1}, yield) end))
print(inside(function() tostring(setmetatable({}, {__tostring = yield})) end))
local co = coroutine.wrap(function() return pcall(function() error('later ' .. coroutine.yield('first')) end) end)
print(co()) print(co('x'))
-- @case what_cannot_be_left
local function inside(f, ...) return coroutine.resume(coroutine.create(f), ...) end
local function yield() return coroutine.yield(8) end
print(inside(function() table.sort({1, 2, 3}, function(a, b) coroutine.yield(7) return a < b end) end))
print(inside(function() return (('x'):gsub('x', yield)) end))
print(inside(function() print(setmetatable({}, {__tostring = yield})) end))
print(pcall(coroutine.yield, 1))
print(pcall(function() coroutine.yield(1) end))
-- @case many
local list = {}
for i = 1, 200 do
   list[i] = coroutine.wrap(function() local own = {i} while true do coroutine.yield(own[1]) own[1] = own[1] + 1 end end)
end
local sum = 0
for round = 1, 3 do for i = 1, 200 do sum = sum + list[i]() end end
print(sum)
-- @case abandoned
for i = 1, 3000 do
   local co = coroutine.wrap(function() local held = {i} pcall(function() coroutine.yield(held) end) print('never') end)
   co()
end
print('done')
-- @case deep_inside
local function depth(n) if n == 0 then coroutine.yield('bottom') return 0 end return 1 + depth(n - 1) end
local co = coroutine.create(function() return depth(150) end)
print(coroutine.resume(co)) print(coroutine.resume(co))
-- @case environment
local co = coroutine.wrap(function() x = 5 coroutine.yield(x) return getfenv(1) == _G end)
print(co(), x, co())
