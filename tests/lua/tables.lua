-- @case constructor
local t = {1, 2, x = 3, ['y z'] = 4, [10] = 5; 6} print(t[1], t[2], t[3], t.x, t['y z'], t[10])
-- @case constructor_calls
local function f() return 1, 2, 3 end print(#{f()}, #{f(), f()}, #{(f())}, #{f(), nil}, #{x = f()})
-- @case constructor_override
local t = {[1] = 'a', 'b'} print(t[1], #t)
-- @case constructor_override_later
local t = {'b', [1] = 'a', 'c', [2] = 'd'} print(t[1], t[2], #t)
-- @case constructor_nested
local t = {{1, {2}}, a = {b = {c = 'd'}}} print(t[1][2][1], t.a.b.c)
-- @case constructor_trailing
print(#{1, 2, 3,}, #{1; 2;}, #{})
-- @case constructor_varargs
local function f(...) return #{...}, #{..., 1}, #{1, ...} end print(f(1, 2, 3))
-- @case constructor_nil_key
local t = {[nil] = 1}
-- @case constructor_holes
local t = {1, nil, 3} print(t[1], t[2], t[3])
-- @case insert
local t = {} table.insert(t, 'a') table.insert(t, 1, 'b') table.insert(t, 2, 'c') print(table.concat(t, ','))
-- @case insert_end
local t = {1, 2} table.insert(t, 3, 'x') table.insert(t, #t + 1, 'y') print(unpack(t))
-- @case insert_wrong
table.insert({}, 1, 2, 3)
-- @case insert_none
table.insert({})
-- @case insert_nil
local t = nil table.insert(t, 1)
-- @case insert_number
table.insert(5, 1)
-- @case remove
local t = {1, 2, 3} print(table.remove(t), table.remove(t, 1), #t, t[1], table.remove(t), table.remove(t), #t)
-- @case remove_middle
local t = {1, 2, 3, 4} print(table.remove(t, 2), table.concat(t, ','))
-- @case remove_outside
local t = {1} print(table.remove(t, 5), #t)
-- @case remove_empty
print(table.remove({})) print(select('#', table.remove({})))
-- @case concat
print(table.concat({1, 2, 'x', 4.5}, ', '), table.concat({}, ','), table.concat({'a'}), table.concat({1, 2, 3}, '-', 2, 3), table.concat({1, 2}, '', 2, 1))
-- @case concat_bad
print(table.concat({1, {}, 3}))
-- @case concat_missing
print(table.concat({1, 2}, ',', 1, 5))
-- @case concat_wrong
print(table.concat(5))
-- @case sort
local t = {5, 2, 8, 1, 9, 3} table.sort(t) print(table.concat(t, ' '))
-- @case sort_strings
local t = {'pear', 'apple', 'fig'} table.sort(t) print(table.concat(t, ' '))
-- @case sort_function
local t = {5, 2, 8, 1} table.sort(t, function(a, b) return a > b end) print(table.concat(t, ' '))
-- @case sort_equal_keys
local t = {} for i = 1, 20 do t[i] = {k = i % 3, i = i} end table.sort(t, function(a, b) return a.k < b.k end) for _, v in ipairs(t) do io.write(v.k, ':', v.i, ' ') end print()
-- @case sort_large
local t = {} for i = 1, 500 do t[i] = (i * 7919) % 1009 end table.sort(t) local ok = true for i = 2, #t do ok = ok and t[i - 1] <= t[i] end print(ok)
-- @case sort_small
for n = 0, 3 do local t = {} for i = 1, n do t[i] = n - i end table.sort(t) io.write(table.concat(t, ','), ';') end print()
-- @case sort_mixed
local t = {3, 'x'} table.sort(t)
-- @case sort_error
print(pcall(table.sort, {1, 2, 3}, function() error('cmp', 0) end))
-- @case sort_bad_function
print(pcall(table.sort, {1, 2}, 5))
-- @case maxn
print(table.maxn({1, 2, nil, 4}), table.maxn({}), table.maxn({[10] = 1, [2.5] = 1}), table.maxn({x = 1}))
-- @case getn
print(table.getn({1, 2, 3}))
-- @case foreach
table.foreachi({'a', 'b'}, function(i, v) io.write(i, v, ' ') end) table.foreach({'c'}, print)
-- @case unpack
print(unpack({1, 2, 3})) print(unpack({1, 2, 3}, 2)) print(unpack({1, 2, 3}, 2, 3)) print(unpack({}, 1, 3)) print((unpack({1, 2})))
-- @case unpack_nils
print(select('#', unpack({1, nil, 3}, 1, 3)), select('#', unpack({}, 1, 0)))
-- @case unpack_too_many
print(pcall(unpack, {}, 1, 1e6))
-- @case unpack_wrong
unpack(nil)
-- @case ipairs_stops
for i, v in ipairs({1, 2, nil, 4}) do io.write(i, '=', v, ' ') end print()
-- @case ipairs_wrong
for i, v in ipairs(nil) do end
-- @case pairs_array
local s = '' for k, v in pairs({10, 20, 30}) do s = s .. k .. '=' .. v .. ' ' end print(s)
-- @case pairs_sum
local n, c = 0, 0 for k, v in pairs({a = 1, b = 2, 3, [true] = 4}) do n = n + v c = c + 1 end print(n, c)
-- @case pairs_remove
local t = {} for i = 1, 50 do t['k' .. i] = i end for k in pairs(t) do t[k] = nil end print(next(t))
-- @case pairs_update
local t = {a = 1, b = 2} for k, v in pairs(t) do t[k] = v * 10 end print(t.a, t.b)
-- @case pairs_wrong
for k in pairs(nil) do end
-- @case next
print(next({})) print(next({5})) local t = {x = 1} print(next(t), next(t, 'x'))
-- @case next_bad
print(pcall(next, {}, 'nope'))
-- @case length
local t = {} for i = 1, 10 do t[i] = i end t[#t] = nil print(#t) t[#t + 1] = 'x' print(#t)
-- @case length_from_hash
local t = {} t[3] = 3 t[2] = 2 t[1] = 1 print(#t)
-- @case float_keys
local t = {} t[1.0] = 'a' t[1.5] = 'b' t[2^53] = 'c' print(t[1], t[1.5], t[2^53])
-- @case key_types
local f, u = function() end, {} local t = {[f] = 1, [u] = 2, [true] = 3, [false] = 4} print(t[f], t[u], t[true], t[false])
-- @case string_number_keys
local t = {} t['1'] = 'a' t[1] = 'b' print(t['1'], t[1])
-- @case negative_keys
local t = {[-1] = 'a', [0] = 'b'} print(t[-1], t[0], #t)
-- @case nil_index_read
local t = {} print(t[nil])
-- @case nil_index_write
local t = {} t[nil] = 1
-- @case nan_index_write
local t = {} t[0/0] = 1
-- @case raw
local t = setmetatable({}, {__index = {x = 1}, __newindex = error}) rawset(t, 'y', 2) print(rawget(t, 'x'), t.x, t.y, rawequal(t, t), rawequal({}, {}))
-- @case raw_wrong
rawset(1, 2, 3)
-- @case rawlen
print(rawlen, table.pack, table.unpack, math.tointeger, utf8)
-- @case references
local a = {} local b = a b.x = 1 print(a.x, a == b, {} == {})
-- @case stack
local s = {} for i = 1, 5 do s[#s + 1] = i end while #s > 0 do io.write(table.remove(s), ' ') end print()
-- @case matrix
local m = {} for i = 1, 3 do m[i] = {} for j = 1, 3 do m[i][j] = i * j end end print(m[2][3], #m, #m[1])
-- @case self_reference
local t = {} t.t = t print(t.t.t.t == t)
-- @case select
print(select(2, 'a', 'b', 'c')) print(select(-1, 'a', 'b', 'c')) print(select('#')) print(select('#', nil, nil)) print(select(5, 1))
-- @case select_zero
print(pcall(select, 0, 1))
-- @case select_negative
print(pcall(select, -5, 1))
-- @case without_order
print(pcall(table.sort, {{}, {}})) print(pcall(function() table.sort({{}, {}}) end)) print(pcall(table.sort, {1, 'x'}))
print(pcall(table.sort, {setmetatable({}, {__lt = function() return false end}), {}}))
-- @case move
print(table.concat(table.move({1, 2, 3, 4}, 2, 4, 1), ' '), table.concat(table.move({1, 2, 3}, 1, 3, 2), ' '))
print(table.concat(table.move({1, 2, 3}, 2, 3, 1, {9}), ' '), #table.move({1}, 1, 0, 5))
-- @case lengths of tables with holes
local t = {} t[1], t[2], t[4] = 1, 2, 4
print(#t)
t = {} for i = 1, 10 do t[i] = i end
t[10] = nil t[5] = nil
print(#t)
t = {} for i = 2, 10 do t[i] = i end
print(#t)
t = {} for i = 10, 1, -1 do t[i] = i end
t[8] = nil
print(#t)
t = {} t[1], t[3] = 1, 3
print(#t)
t = {} t[1] = 1 t[2] = 2 t[3] = 3 t[4] = 4 t[6] = 6 t[7] = 7
print(#t)
t = {1, 2, 3} t[4] = 4 t[6] = 6
print(#t)
t = {1, 2, 3} t[5] = 5
print(#t)
t = {nil, nil, 3} print(#t)
t = {1, nil, 3, nil} print(#t)
t = {n = 1, 1, nil, 3} print(#t)
t = {1, 2, 3, 4, 5} t[5] = nil t[4] = nil t[2] = nil print(#t)
t = {1, 2, 3, 4} t[2] = nil table.insert(t, 9) print(#t)
