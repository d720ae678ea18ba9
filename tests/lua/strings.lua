-- @case escapes
print('a\tb\\c\'d\"e', "\65\066\10x", '\x41\x7a', 'a\z      b', '\a\b\f\v' == '\7\8\12\11')
-- @case long
print([[a
b]], [==[x]]y]==], #[[

z]])
-- @case long_nested
print([[a[b]c]], [=[ ]] ]=])
-- @case line_continuation
print('a\
b')
-- @case sub
local s = 'hello' print(s:sub(2, 3), s:sub(-3), s:sub(2), s:sub(10), s:sub(0, 2), s:sub(3, 2), s:sub(-100, 2), s:sub(2, -2), s:sub(2, 100))
-- @case byte
print(('abc'):byte(), ('abc'):byte(2), ('abc'):byte(-1), ('abc'):byte(1, 3), ('abc'):byte(10), (''):byte())
-- @case char
print(string.char(72, 105), string.char(), #string.char(0, 255))
-- @case char_bad
print(string.char(256))
-- @case char_negative
print(string.char(-1))
-- @case rep
print(('x'):rep(3), ('x'):rep(0), ('x'):rep(-1), ('ab'):rep(2), ('ab'):rep(3, ','), (''):rep(5))
-- @case case
print(('MiXed1'):upper(), ('MiXed1'):lower())
-- @case reverse
print(('abc'):reverse(), (''):reverse(), ('x'):reverse())
-- @case len
print(('abc'):len(), #'a\0b', (''):len())
-- @case find_plain
print(('a.b'):find('.', 1, true), ('a+b'):find('+', 1, true), ('abc'):find('c', 1, true), ('abc'):find('', 1, true), ('abc'):find('', 10, true))
-- @case find_start
print(('abcabc'):find('b', 3), ('abc'):find('a', -1), ('abc'):find('c', -1), ('abc'):find('b', 10), ('abc'):find('', 4), ('abc'):find('a', -10))
-- @case find_captures
print(('hello world'):find('(o)(.)'), ('key=val'):find('(%w+)=(%w+)'))
-- @case find_nothing
print(('abc'):find('x'), ('abc'):match('x'), ('') :find('x'))
-- @case match
print(('2015-01-02'):match('(%d+)-(%d+)-(%d+)'), ('abc'):match('b'), ('abc'):match('()b()'), ('abc'):match('.', 2))
-- @case gmatch
for w in ('one two  three'):gmatch('%S+') do io.write('[', w, ']') end print()
-- @case gmatch_captures
for k, v in ('a=1, b=2'):gmatch('(%w+)=(%w+)') do io.write(k, v, ';') end print()
-- @case gmatch_empty
for p in ('abc'):gmatch('()') do io.write(p, ' ') end print()
-- @case gmatch_empty_star
for w in ('a1b22'):gmatch('%d*') do io.write('<', w, '>') end print()
-- @case gmatch_anchor
for w in ('aaa'):gmatch('^a') do io.write(w, ' ') end print('end')
-- @case gsub_string
print(('hello'):gsub('l', 'L'), ('abc'):gsub('%w', '%0%0'), ('a b'):gsub('(%w) (%w)', '%2 %1'))
-- @case gsub_limit
print(('aaaa'):gsub('a', 'b', 2), ('aaaa'):gsub('a', 'b', 0), ('aaaa'):gsub('a', 'b', -1))
-- @case gsub_table
print(('$name is $age $x'):gsub('%$(%w+)', {name = 'Bob', age = 42}))
-- @case gsub_function
print(('abc'):gsub('%w', function(c) if c == 'b' then return nil end return c:upper() .. '.' end))
-- @case gsub_function_false
print(('abc'):gsub('b', function() return false end), ('abc'):gsub('b', function() return 7 end))
-- @case gsub_empty
print(('abc'):gsub('', '-'), ('abc'):gsub('x*', '-'), (''):gsub('', 'x'))
-- @case gsub_anchor
print(('aaa'):gsub('^a', 'b'), ('baa'):gsub('^a', 'x'), ('aab'):gsub('b$', 'c'))
-- @case gsub_percent
print(('a.b'):gsub('%.', '%%'), ('x'):gsub('x', '%%1'))
-- @case gsub_position
print(('abc'):gsub('()', '%1'))
-- @case gsub_bad_replacement
print(('abc'):gsub('b', function() return {} end))
-- @case gsub_bad_argument
print(('abc'):gsub('b', true))
-- @case gsub_bad_index
print(('abc'):gsub('b', '%2'))
-- @case gsub_multiple_captures
print(('ab'):gsub('(a)(b)', function(x, y) return y .. x end))
-- @case gsub_metatable
print(('ab'):gsub('%w', setmetatable({}, {__index = function(_, k) return k .. k end})))
-- @case number_methods
print((5 .. ''):rep(2), ('%d'):format(3))
-- @case indexing
print(('x').len == string.len, ('x').nothing, #('x' .. 'y'))
-- @case comparison
print('a' < 'b', 'Z' < 'a', 'abc' < 'abd', '' < 'a', 'a' <= 'a', 'b' > 'a', '10' < '9', 'a\0b' < 'a\0c')
-- @case coercion
print(string.len(123), string.rep(1, 3), string.sub(12345, 2, 3), ('x'):rep('2'))
-- @case call_without_parentheses
print(('%s'):format 'x', #'abc', type 'x', type {} )
-- @case metatable
print(getmetatable('').__index == string, getmetatable('x') == getmetatable('y'))
-- @case extend
function string.twice(s) return s .. s end print(('ab'):twice())
-- @case gfind_len
print(#('x'):rep(1000), ('x'):rep(10):len())
-- @case tostring_values
print(tostring(nil), tostring(true), tostring(false), tostring('x'), tostring(12))
-- @case concat_mixed
print('a' .. 1 .. 2.5 .. '' .. -3)
-- @case embedded_zero
local s = 'a\0b' print(#s, s:byte(2), s == 'a\0b', s:find('\0', 1, true), s:find('%z'))
-- @case byte_range
print(('hello'):byte(-3, -1)) print(('hello'):byte(0, 2)) print(select('#', ('x'):byte(5, 10)))
-- @case unicode_bytes
print(#'é', ('é'):byte(1, -1))
-- @case infinite_places
print(('hello'):sub(math.huge), ('hello'):sub(1, math.huge), ('hello'):sub(-math.huge), ('hello'):sub(0/0))
print(('hello'):byte(math.huge), ('hello'):find('l', math.huge), ('hello'):find('', math.huge), #('x'):rep(math.huge))
print(pcall(select, math.huge, 1)) print(pcall(string.char, math.huge))
print(('ab'):rep(3), ('ab'):rep(3, '-'), ('ab'):rep(1, '-'), ('ab'):rep(0, '-'), (''):rep(3, '-'), ('ab'):rep(-1))
