-- @case debug0
local t=setmetatable({},{__mode='v'}) t[1]={} t[2]=t t.x={} local keep={} t.k=keep collectgarbage() print(t[1],t[2]==t,t.x,t.k==keep)
-- @case debug1
local t=setmetatable({},{__mode='k'}) local k={} t[k]=1 t[{}]=2 t[1]={} collectgarbage() local n=0 for a in pairs(t) do n=n+1 end print(n,t[k],t[1]~=nil)
-- @case debug2
local t=setmetatable({},{__mode='kv'}) t[{}]={} t[1]=function() end t.s='str' t.n=5 collectgarbage() collectgarbage() local n=0 for a in pairs(t) do n=n+1 end print(n,t.s,t.n,t[1])
-- @case debug3
local cache=setmetatable({},{__mode='v'}) local function get(k) local v=cache[k] if not v then v={k} cache[k]=v end return v end local a=get('a') get('b') collectgarbage() print(cache.a==a,cache.b)
-- @case debug4
local t=setmetatable({},{__mode='k'}) do local o={} t[o]='x' end collectgarbage() collectgarbage() print(next(t))
-- @case debug5
local t=setmetatable({},{__mode='v'}) for i=1,5 do t[i]={i} end collectgarbage() print(#t,next(t))
-- @case debug6
local m={} local t=setmetatable({},m) t[1]={} m.__mode='v' collectgarbage() print(t[1])
-- @case debug7
local t=setmetatable({},{__mode='k'}) local a,b={},{} t[a]=b t[b]=a a=nil collectgarbage() local n=0 for _ in pairs(t) do n=n+1 end print(n)
-- @case debug8
print(collectgarbage('count')>0,collectgarbage('collect'),collectgarbage('step'),collectgarbage('stop'),collectgarbage('restart'))
-- @case debug9
local p=newproxy() print(type(p),getmetatable(p),pcall(function() return p.x end))
-- @case debug10
local p=newproxy(true) getmetatable(p).__index={a=1,b='x'} print(p.a,p.b,p.c)
-- @case debug11
local p=newproxy(true) local m=getmetatable(p) m.__len=function() return 42 end m.__unm=function() return 'minus' end m.__tostring=function() return 'proxy!' end print(#p,-p,tostring(p),p)
-- @case debug12
local p=newproxy(true) local q=newproxy(p) getmetatable(p).__eq=function() return true end print(p==q,p~=q,getmetatable(p)==getmetatable(q),rawequal(p,q))
-- @case debug13
print(pcall(newproxy,5)) print(pcall(newproxy,'x')) print(pcall(newproxy,io.stdout))
-- @case debug14
local p=newproxy(true) getmetatable(p).__call=function(self,a,b) return b,a end print(p(1,2)) local m=getmetatable(p) m.__newindex=function(t,k,v) rawset(m,k,v) end p.z=3 print(m.z)
-- @case debug15
local p=newproxy(true) getmetatable(p).__lt=function(a,b) return true end getmetatable(p).__le=function() return false end print(p<p,p<=p,p>p,p>=p,pcall(function() return p<1 end))
-- @case debug16
local p=newproxy(true) getmetatable(p).__concat=function(a,b) return type(a)..type(b) end print(p..1,1 ..p,p..p,'a'..p,p..'a')
-- @case debug17
local p=newproxy(true) for k,v in pairs{__add='+',__sub='-',__mul='*',__div='/',__mod='%',__pow='^'} do getmetatable(p)[k]=function(a,b) return v end end print(p+1,1-p,p*p,p/2,2%p,p^2)
-- @case debug18
local t={} t[newproxy()]=1 local p=newproxy() t[p]=2 print(t[p],t[newproxy()])
-- @case debug19
print(type(io.stdout),io.type(io.stdout),io.type(nil),io.type({}),io.stdout==io.stdout,io.stdout==io.stderr)
-- @case debug21
print(pcall(function() return io.stdout.nope end)) print(pcall(function() io.stdout:nope() end))
-- @case debug22
local f=function(a,b) return a+b end local g=loadstring(string.dump(f)) print(g(1,2),f==g)
-- @case debug23
local x=10 local f=function() return x end local g=loadstring(string.dump(f)) print(pcall(g))
-- @case debug25
local d=string.dump(function(...) local t={...} return #t,... end) print(type(d),d:byte(1),load(function() local r=d d=nil return r end)('a','b'))
-- @case debug26
print(loadstring('\27bad','=x')) print(loadstring('\27','=y')) print(loadstring('\27'))
-- @case debug27
local f=setfenv(loadstring(string.dump(function() return zz end)),{zz=7}) print(f())
-- @case debug28
local function outer() local function inner() return 'in' end return inner end print(loadstring(string.dump(outer))()())
-- @case debug29
local a,b=1,2 local function f() return a,b end print(debug.getupvalue(f,1)) print(debug.getupvalue(f,2)) print(debug.getupvalue(f,3)) print(debug.setupvalue(f,1,'new'),a)
-- @case debug30
print(pcall(debug.getupvalue,1,1)) print(pcall(debug.getupvalue,print)) print(select('#',debug.getupvalue(function() end,1)))
-- @case debug31
print(debug.getmetatable('').__index==string,debug.getmetatable({}),debug.getmetatable(1)) local t=setmetatable({},{__metatable='locked'}) print(getmetatable(t),type(debug.getmetatable(t)))
-- @case debug32
local t=setmetatable({},{__metatable='locked'}) print(pcall(setmetatable,t,{})) print(debug.setmetatable(t,{__index={q=1}}),t.q)
-- @case debug33
print(type(debug.getregistry()),select('#',debug.gethook())>=0) debug.sethook() print(pcall(debug.sethook,print))
-- @case debug34
print(debug.getfenv(function() end)==_G) local f=function() return y end debug.setfenv(f,{y=3}) print(f())
-- @case debug35
local i=debug.getinfo(1,'S') print(i.what,i.source,i.short_src,i.linedefined,i.currentline,i.func)
-- @case debug36
local function f() return debug.getinfo(1,'nlSu') end local i=f() print(i.name,i.namewhat,i.what,i.nups,i.currentline,i.linedefined,i.lastlinedefined,i.nparams,i.isvararg)
-- @case debug37
for _,o in ipairs{'n','S','l','u','f',''} do local k={} for a in pairs(debug.getinfo(1,o)) do k[#k+1]=a end table.sort(k) print(o,table.concat(k,' ')) end
-- @case debug38
print(pcall(debug.getinfo,1,'X')) print(pcall(debug.getinfo)) print(pcall(debug.getinfo,{})) print(debug.getinfo(77)) print(pcall(debug.getinfo,'y'))
-- @case debug39
print(debug.getinfo(print).what,debug.getinfo(print).short_src,debug.getinfo(print,'S').source,debug.getinfo(print,'l').currentline)
-- @case debug40
local f=loadstring('return debug.getinfo(1,"S")','=name') print(f().source,f().short_src) f=loadstring('return debug.getinfo(1,"S")','@file.lua') print(f().source,f().short_src) f=loadstring('return debug.getinfo(1,"S")') print(f().source,f().short_src)
-- @case debug41
local f=loadstring('\n\n\nreturn debug.getinfo(1,"lS")','=z') local i=f() print(i.currentline,i.linedefined,i.lastlinedefined)
-- @case debug42
local s=('x'):rep(100) local f=loadstring('return debug.getinfo(1,"S").short_src','='..s) print(f()) f=loadstring('return debug.getinfo(1,"S").short_src','@'..s) print(f()) f=loadstring('return debug.getinfo(1,"S").short_src --'..s) print(f())
-- @case debug43
print(loadstring('x=','=n')) print(loadstring('x=','@n.lua')) print(loadstring('x=')) print(loadstring('x=\n1 2')) print(loadstring('x=',('y'):rep(90)))
-- @case debug47
local function bad() error('oops') end local ok,m=xpcall(function() bad() end,debug.traceback) print(ok,(m:gsub('\n%s*%[C%]: in function .xpcall.*','')))
-- @case debug48
local ok,m=xpcall(function() local x=nil; return x.y end,debug.traceback) print((m:gsub('\n%s*%[C%]: in function .xpcall.*','')))
-- @case debug49
local ok,m=xpcall(function() string.rep() end,debug.traceback) print((m:gsub('\n%s*%[C%]: in function .xpcall.*','')))
-- @case debug50
local ok,m=xpcall(function() assert(false,'nope') end,function(e) return e..' | '..select(2,debug.traceback():gsub('\n','')) end) print(ok,m~=nil)
-- @case debug51
local function f(n) if n==0 then error('deep') end return (f(n-1)) end local ok,m=xpcall(function() f(3) end,debug.traceback) print((m:gsub('\n%s*%[C%]: in function .xpcall.*','')))
-- @case debug53
print(xpcall(function() error({code=5}) end,function(e) return type(e),e.code end)) print(xpcall(function() error(nil) end,function(e) return e==nil end))
-- @case debug54
print(xpcall(function() error('a') end,function(e) error('b') end)) print(xpcall(function() return 1,2 end,print)) print(xpcall(error,function(e) return 'h' end))
-- @case debug55
local log={} xpcall(function() pcall(error,'inner') log[#log+1]='after' error('outer') end,function(e) log[#log+1]=e end) print(table.concat(log,','))
-- @case debug56
local depth=0 local function probe() local n=0 while debug.getinfo(n+1) do n=n+1 end return n end local base=probe() xpcall(function() (function() error('x') end)() end,function() depth=probe()-base end) print(depth>1)
-- @case debug57
local ok,m=xpcall(function() local t=setmetatable({},{__index=function(t,k) error('idx '..k) end}) return t.foo end,function(e) return 'H:'..e end) print(ok,m)
-- @case debug59
local co=coroutine.create(function() error('in co') end) print(coroutine.resume(co)) print(coroutine.status(co))
-- @case debug60
local co=coroutine.wrap(function() local ok,e=xpcall(function() coroutine.yield('y') error('z') end,function(m) return 'handled '..m end) return ok,e end) print(co()) print(co())
-- @case debug61
table.sort({3,1,2},function(a,b) local m=debug.traceback('s') x=m return a<b end) print(x:match('s\nstack traceback:\n[^\n]*'))
-- @case debug62
local function f(n) if n==0 then return 0 end return 1+f(n-1) end print(f(5000)) print(f(9000))
-- @case debug63
local function f(n) if n==0 then return 'end' end return f(n-1) end print(f(100000))
-- @case debug64
local function even(n) if n==0 then return true end return odd(n-1) end function odd(n) if n==0 then return false end return even(n-1) end print(even(20001))
-- @case debug65
local function f() return f() end local n=0 local function g() n=n+1 if n<50000 then return g() end return n end print(g())
-- @case debug66
print(pcall(function() local function f() return 1+f() end return f() end)) 
-- @case debug67
local ok,e=pcall(function() local t=setmetatable({},{}) getmetatable(t).__index=function(t,k) return t[k..'x'] end return t.a end) print(ok,tostring(e):match('stack overflow')~=nil or tostring(e):match('overflow')~=nil)
-- @case traceback_of_nil
local thread = coroutine.create(function() coroutine.yield() end)
coroutine.resume(thread)
print(debug.traceback(nil), debug.traceback(nil, 1), debug.traceback(thread, nil), debug.traceback(thread, nil, 0))
print(#debug.traceback() > 0, debug.traceback(thread):match('^stack traceback:') ~= nil)
