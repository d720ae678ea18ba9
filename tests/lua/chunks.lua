-- Cases of texts that are loaded at run time, and of what the compiler says about them.
-- @case load_function
local parts, i = {'return ', '1 +', ' 2'}, 0
local f, problem = load(function() i = i + 1 return parts[i] end)
print(f(), problem)
print(type(load(function() return nil end)), type(load(function() return '' end)))
local n = 0
print(load(function() n = n + 1 if n == 1 then return 'x =' end end))
n = 0
print(load(function() n = n + 1 if n == 1 then return 'x =' end end, '@named'))
print((load(function() error({}) end)), pcall(load), pcall(load, {}))
-- @case load_text
print(load('return 1 + 1')(), load('return a', 'n', 't', {a = 3})())
print(load('x=', 'n')) print(load('return 1', 'n', 'b'))
-- @case lexical_errors
local function try(s) local f, e = loadstring(s, '=case') print(('%q'):format(s), f and 'ok' or e) end
for _, s in ipairs({"return '\\256'", "'\\256'", "x = 'abc\\q def'", "x = '\\xgg'", "x='\\u{110000}'", "x = 'a\\\nb\\q'",
   "3x", "x = 0x", "x = 0xg", "x = 1e", "return 3..2", "x = 1.2.3", "x = [=", "x = [=a", "x[=1]", "return 'abc", "return 'abc\nx",
   "x = 'a\\", "x = [[abc\n\n", "--[==[ \n abc", "x = \1", "f('a\\q', ", "x = = '\\q'"}) do try(s) end
-- @case syntax_errors
local function try(s) local f, e = loadstring(s, '=case') print(('%q'):format(s), f and 'ok' or e) end
for _, s in ipairs({"return 'a' 'b'", "return a !b", "return 1 & 2", ";;", "return;;", "return x = 1", "x() = 1", "(x) = 1", "x, f() = 1",
   "do return 1 & 2 end", "if x then\nreturn 1\nx = 2 end", "repeat return\nx = 1 until y", "while x do\n\nreturn x !y end",
   "if x then else\nreturn 1 ! end", "function f()\nreturn\nx = 1 end"}) do try(s) end
-- @case gotos
local function try(s) local f, e = loadstring(s, '=case') print(('%q'):format(s), f and 'ok' or e) end
for _, s in ipairs({"goto c; local x; ::c:: x = 1", "do goto c; local x; ::c:: end", "repeat goto c local y ::c:: until y",
   "while true do goto c local y, z ::c:: y = 1 end", "goto c local function f() end ::c:: f()", "local a goto c local b, d ::c:: d = 1",
   "repeat local y goto c ::c:: until y"}) do try(s) end
-- @case mark_of_bytes
print(loadstring('\239\187\191return 7')(), loadstring('\239\187\191#!shell\nreturn 8')(), (loadstring('\239\187\191x=', '=case')))
-- @case limits_of_variables
local function try(s, what) local f, e = loadstring(s, '=case') print(what, f and 'ok' or e) end
local function locals(n) local o = {} for i = 1, n do o[i] = 'local a' .. i .. ' = 1' end return table.concat(o, '\n') end
local function sum(n) local o = {} for i = 1, n do o[i] = 'a' .. i end return table.concat(o, ' + ') end
try(locals(200), 200) try(locals(201), 201)
try('\nlocal function f()\n' .. locals(201) .. ' end', 'in a function')
try('\nlocal function f(' .. ('a,'):rep(200) .. 'b) end', 'parameters')
try(locals(195) .. ' for i = 1, 2 do local x end', 'loop') try(locals(197) .. ' for i = 1, 2 do end', 'loop')
try(locals(60) .. '\nlocal function f() return ' .. sum(60) .. ' end', 60)
try(locals(61) .. '\nlocal function f() return ' .. sum(61) .. ' end', 61)
-- @case limits_of_levels
local function try(s, what) local f, e = loadstring(s, '=case') print(what, f and 'ok' or e) end
for _, n in ipairs({197, 198, 199}) do
   try('return ' .. ('('):rep(n) .. '1' .. (')'):rep(n), '(') try('return ' .. ('{'):rep(n) .. ('}'):rep(n), '{')
   try(('do '):rep(n) .. ('end '):rep(n), 'do') try('return ' .. ('not '):rep(n) .. '1', 'not')
   try('return ' .. ('2^'):rep(n) .. '1', '^') try('return ' .. ("'a'.."):rep(n) .. '1', '..') try('return ' .. ('1+'):rep(n) .. '1', '+')
end
-- @case strings_as_they_are_read
local function try(s) local f, e = loadstring(s, '=case') print(f and 'ok' or e) end
for _, s in ipairs({"x = 1 '\\65bc'", 'x = "a\\tb" "c\\x41"', "x = y 'it\\'s'", "return 'a' '\\1234'", "f() = 'x'"}) do try(s) end
