-- @case classes
print(('aB1 _.\n'):gsub('%a', 'a'), ('aB1'):gsub('%d', '#'), ('aB1'):gsub('%l', '-'), ('aB1'):gsub('%u', '+'))
-- @case classes_more
print(('a b\tc'):gsub('%s', '_'), ('a,b.'):gsub('%p', '!'), ('f00g'):gsub('%x', 'x'), ('a\1b'):gsub('%c', 'C'), ('a_1'):gsub('%w', 'w'))
-- @case negated_classes
print(('a1 '):gsub('%A', '.'), ('a1 '):gsub('%D', '.'), ('a1 '):gsub('%S', '.'), ('a1 '):gsub('%W', '.'))
-- @case sets
print(('hello'):gsub('[aeiou]', '*'), ('hello'):gsub('[^aeiou]', '*'), ('a-b'):gsub('[a-]', '.'), ('a]b'):gsub('[]]', '.'))
-- @case ranges
print(('abcxyz'):gsub('[a-c]', '.'), ('a1B2'):gsub('[%d%u]', '.'), ('x^y'):gsub('[x^]', '.'), ('a-z'):gsub('[a%-z]', '.'))
-- @case set_negated_bracket
print(('a]b'):gsub('[^]]', '.'), ('[x]'):gsub('[[]', '('), ('[x]'):gsub('[%]]', ')'))
-- @case quantifiers
print(('aaab'):match('a*'), ('aaab'):match('a+'), ('aaab'):match('a-b'), ('aaab'):match('a?'), ('b'):match('a*'), ('b'):match('a+'))
-- @case lazy
print(('<a><b>'):match('<.->'), ('<a><b>'):match('<.*>'), ('aXbX'):match('(.-)X'))
-- @case optional
print(('color colour'):gsub('colou?r', 'C'), ('-5'):match('^-?%d+$'), ('5'):match('^-?%d+$'))
-- @case anchors
print(('abc'):match('^a'), ('abc'):match('^b'), ('abc'):match('c$'), ('abc'):match('b$'), ('a$'):match('a%$'), ('a$b'):match('a$b'), ('^a'):match('%^a'))
-- @case anchored_find
print(('abcabc'):find('^abc'), ('abcabc'):find('^abc', 4), ('xabc'):find('^abc'))
-- @case balanced
print(('f(a(b)c)d'):match('%b()'), ('((x)'):match('%b()'), ('{a{b}}'):gsub('%b{}', ''), ('xx'):match('%bxx'))
-- @case frontier
print(('THE (quick) fox'):find('%f[%a]%a+%f[%A]'), ('hello world'):gsub('%f[%w]%w+', string.upper))
-- @case frontier_ends
print(('x'):find('%f[%z]'), ('abc'):gsub('%f[%w]', '^'), ('a b'):gsub('%f[%W]', '$'))
-- @case back_reference
print(('abab'):match('(ab)%1'), ([[say "hi" or 'x']]):match([[(["'])(.-)%1]]), ('abc'):match('(a)%1'))
-- @case position_captures
print(('hello'):match('()ll()'), ('abc'):find('()'), ('abc'):match('a()(.)()'))
-- @case nested_captures
print(('abcd'):match('((a)(b))(c)'), ('key = value'):match('^(%w+)%s*=%s*(%w+)$'))
-- @case empty_capture
print(('abc'):match('a()b'), ('abc'):match('(x*)'), #('abc'):match('(x*)'))
-- @case percent_literal
print(('50%'):match('%d+%%'), ('a.b'):match('a%.b'), ('a*b'):gsub('%*', 'x'))
-- @case malformed_set
print(pcall(string.find, 'a', '[a'))
-- @case malformed_escape
print(pcall(string.find, 'a', '%'))
-- @case malformed_set_escape
print(pcall(string.find, 'a', '[%'))
-- @case unfinished_capture
print(pcall(string.find, 'a', '(a'))
-- @case balanced_missing
print(pcall(string.find, 'a', '%b'))
-- @case frontier_missing
print(pcall(string.find, 'a', '%fa'))
-- @case bad_back_reference
print(pcall(string.find, 'aa', '(a)%2'))
-- @case back_reference_open
print(pcall(string.find, 'aa', '(a%1)'))
-- @case trim
local function trim(s) return (s:gsub('^%s+', ''):gsub('%s+$', '')) end print('[' .. trim('  a b  ') .. ']')
-- @case split
local t = {} for p in ('a,b,,c'):gmatch('([^,]*)') do t[#t + 1] = '<' .. p .. '>' end print(table.concat(t))
-- @case dash_at_end
print(('a-'):match('[%w-]+'), ('x-y'):match('[a-y]+'))
-- @case dot
print(('a\nb'):match('a.b') == 'a\nb', ('abc'):match('...'), ('ab'):match('...'))
-- @case star_backtrack
print(('aaa'):match('a*a'), ('aaa'):match('a+a$'), ('aab'):match('a-ab'))
-- @case init_beyond
print(('abc'):match('', 4), ('abc'):find('', 5), ('abc'):match('.', 4))
-- @case many_captures
print(('abcdefghij'):match('(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)'))
-- @case too_many_captures
print(pcall(string.match, ('x'):rep(40), ('(.)'):rep(33)))
-- @case path
print(('path/to/file.lua'):match('([^/]+)%.lua$'), ('a/b'):match('^(.*)/'), ('file.tar.gz'):match('^(.-)%.(.*)$'))
-- @case numbers
print(('x = -1.5e3;'):match('[+-]?%d+%.?%d*[eE]?[+-]?%d*'))
-- @case case_insensitive
print(('Hello'):match('[hH][eE]'))
-- @case repeated_group_is_literal
print(('(ab)*'):match('%(ab%)%*'))
-- @case replacement_ends_with_percent
print(#('abc'):gsub('b', '%'), (('abc'):gsub('b', '%')):byte(1, -1))
-- @case zero_bytes
for _, a in ipairs({{'hello', '\0', 'x'}, {'he\0lo', 'l\0o', 'x'}, {'he\0lo', '[\0]', 'x'}, {'he\0lo', '%z', 'x'}, {'he\0lo', '%\0', 'x'},
   {'he\0lo', '(\0)', 'x'}, {'abc', 'a\0+', 'x'}, {'he\0lo', '%b\0o', 'x'}, {'he\0lo', '%bh\0', 'x'}}) do
   print(pcall(string.gsub, unpack(a))) print(pcall(string.match, a[1], a[2]))
end
print(('a\0b'):find('b', 1, true), ('a\0bc'):find('\0b'))
-- @case finished_iterator
local it = ('abc'):gmatch('.')
print(it(), it(), it(), it()) print(select('#', it()))
