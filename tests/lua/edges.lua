-- @case edges68
local function ack(m,n) if m==0 then return n+1 elseif n==0 then return ack(m-1,1) else return ack(m-1,ack(m,n-1)) end end print(ack(2,3),ack(3,3))
-- @case edges69
local function fib(n) if n<2 then return n end return fib(n-1)+fib(n-2) end print(fib(15))
-- @case edges70
local s=0 local function sum(t,i) if not t[i] then return 0 end return t[i]+sum(t,i+1) end local t={} for i=1,3000 do t[i]=i end print(sum(t,1))
-- @case edges71
local function hanoi(n,a,b,c) if n==0 then return 0 end return hanoi(n-1,a,c,b)+1+hanoi(n-1,c,b,a) end print(hanoi(8,'a','b','c'))
-- @case edges72
local function build(d) if d==0 then return nil end return {build(d-1)} end local t,n=build(2000),0 while t do t=t[1] n=n+1 end print(n)
-- @case edges73
local a={} local i=1 i,a[i]=i+1,20 print(i,a[1],a[2])
-- @case edges74
local function f(n) io.write('') x=(x or '')..n return n end x='' local t={[f(1)]=f(2),f(3),[f(4)]=f(5)} print(x)
-- @case edges75
x='' local function f(n) x=x..n return n end local _=f(1)+f(2)*f(3) print(x) x='' _=f(1)..f(2)..f(3) print(x) x='' _=f(2)>f(1) print(x)
-- @case edges76
local a,b,c=(function() return 1,2,3 end)() print(a,b,c) a,b,c=(function() return 1,2,3 end)(),10 print(a,b,c) local d,e=((function() return 1,2 end)()) print(d,e)
-- @case edges77
local t={(function() return 1,2,3 end)(),(function() return 1,2,3 end)()} print(#t) t={(function() return 1,2,3 end)(),nil} print(#t) t={((function() return 1,2,3 end)())} print(#t)
-- @case edges78
local fs={} for i=1,3 do fs[i]=function() i=i+1 return i end end print(fs[1](),fs[1](),fs[2](),fs[3]())
-- @case edges79
local fs={} local j=1 while j<=3 do local k=j fs[j]=function() k=k+1 return k end j=j+1 end print(fs[1](),fs[1](),fs[2]())
-- @case edges80
local fs={} repeat local q=#fs fs[#fs+1]=function() return q end until q>=2 print(#fs,fs[1](),fs[3]())
-- @case edges81
local x=1 do local x=2 do local x=3 print(x) end print(x) end print(x)
-- @case edges82
local x=5 local x=x+1 local function x2() return x end x=x*2 print(x,x2())
-- @case edges83
local function a() return b1 and b1() or 'nob' end print(a()) b1=function() return 'B' end print(a())
-- @case edges84
for i=3,1 do print('never') end for i=1,3,-1 do print('never') end for i=3,1,-1 do io.write(i,' ') end print() for i=1,2,0.5 do print(i) end
-- @case edges85
for i=1,3 do local i=i*10 print(i) i=0 end
-- @case edges86
for i=0.1,1,0.3 do print(i) end for i=1,0 do end for i=2^53,2^53+2 do print(i) break end
-- @case edges87
local n=0 for i=1,math.huge do n=n+1 if i==10 then break end end print(n) for i=10,1,-3 do io.write(i,',') end print()
-- @case edges88
print(pcall(function() for i='a',2 do end end)) print(pcall(function() for i=1,{} do end end)) print(pcall(function() for i=1,2,nil do end end)) for i='1','3' do io.write(type(i),' ') end print()
-- @case edges89
goto e do print('skipped') end ::e:: print('here') do goto f end ::f:: print('f')
-- @case edges90
for i=1,3 do for j=1,3 do if j==2 then goto next end io.write(i,j,' ') ::next:: end end print()
-- @case edges91
do local k=0 ::top:: k=k+1 if k<5 then goto top end print(k) end
-- @case edges92
local i=1 while true do i=i*2 if i>100 then break end end print(i) repeat local z=i i=i-50 until z<0 or i<0 print(i)
-- @case edges93
print(1 and 2,nil and 1,false or 'x',nil or false,1 or error('no'),nil==false,not nil,not 0,not '')
-- @case edges94
print(2^3^2,-2^2,not 1==2,1 ..2 ..3,'a'..'b'=='ab',1+2 ..'',2*3 ..4,-'2',- -2,#'abc'+1,-#'abc',not not nil)
-- @case edges95
print(1<2==true,'a'<'b','a'<'B','Z'<'a',''<'a','a\0b'<'a\0c','10'<'9',pcall(function() return 1<'2' end))
-- @case edges96
print(5%3,-5%3,5%-3,-5%-3,5.5%2,-5.5%2,1e15%7,0%5,-0%5,5%math.huge,-5%math.huge)
-- @case edges97
print(0/0~=0/0,1/0,-1/0,0/0==0/0,math.huge==1/0,-(0/0)~=0,1/(-0),1/0>1e308)
-- @case edges98
print(1e15,1e16,123456789012,0.1,1/3,1e100,-1e-7,100,1e2,2^31,2^63,5e-324,1e15+0.5,123456.789e3)
-- @case edges99
print(0x10,0xff,0XA,1e1,.5,5.,3e-2,0x.8p1 or 0)
-- @case edges101
print(#'\0\0',('\0a'):byte(1,2),'a\0b'=='a\0b',('x\0y'):len(),('x\0y'):upper()=='X\0Y')
-- @case edges102
--[[ long
comment ]] print(1) --[==[ ]] ]==] print(2) -- end
-- @case edges103
local t={1,2,3,nil,5,n=1,[10]=1} print(t[5],t.n,t[10],select('#',unpack(t,1,5)))
-- @case edges104
local t={} t[1.0]='a' t['1']='b' t[2^0]='c' print(t[1],t['1'],#t) t[-0]=1 print(t[0],next({[0]=1}))
-- @case edges105
local t={} print(pcall(function() t[nil]=1 end)) print(pcall(function() t[0/0]=1 end)) print(t[nil],t[0/0],rawget(t,nil))
-- @case edges106
local t={10,20,30} for i,v in ipairs(t) do if i==1 then t[4]=40 end io.write(v,' ') end print() t[2]=nil for i,v in ipairs(t) do io.write(v,' ') end print()
-- @case edges107
local t={a=1,b=2,c=3} for k in pairs(t) do t[k]=nil end print(next(t)) 
-- @case edges108
local t={1,2,3} for k,v in pairs(t) do t[k]=v*2 end print(t[1],t[2],t[3])
-- @case edges109
local A={} A.__index=A function A.new(x) return setmetatable({x=x},A) end function A:get() return self.x end local B=setmetatable({},{__index=A}) B.__index=B function B:get() return A.get(self)*2 end local b=setmetatable({x=4},B) print(b:get(),A.new(3):get(),rawget(b,'get'))
-- @case edges110
local log={} local t=setmetatable({},{__index=function(t,k) log[#log+1]='i'..k return k end,__newindex=function(t,k,v) log[#log+1]='n'..k rawset(t,k,v) end}) local _=t.a t.b=1 t.b=2 _=t.b print(table.concat(log,' '))
-- @case edges111
local t=setmetatable({},{__index=setmetatable({a=1},{__index=setmetatable({b=2},{__index=function(_,k) return k end})})}) print(t.a,t.b,t.c)
-- @case edges112
local d={} local t=setmetatable({},{__newindex=d}) t.x=1 print(rawget(t,'x'),d.x) t=setmetatable({},{__newindex=setmetatable({},{__newindex=function(o,k,v) d[k]=v end})}) t.y=2 print(d.y)
-- @case edges113
local mt={__call=function(self,...) return select('#',...),... end} local t=setmetatable({},mt) print(t(),t(nil,nil),pcall(t,1)) local u=setmetatable({},{__call=t}) print(pcall(u,1,2))
-- @case edges114
local m={__eq=function(a,b) return a.v==b.v end} local a,b=setmetatable({v=1},m),setmetatable({v=1},m) print(a==b,a~=b,rawequal(a,b)) local c=setmetatable({v=1},{__eq=m.__eq}) print(a==c) print(a==1,a=='x')
-- @case edges115
local m={__lt=function(a,b) return a.v<b.v end} local a,b=setmetatable({v=1},m),setmetatable({v=2},m) print(a<b,a>b,a<=b,a>=b) print(pcall(function() return a<1 end))
-- @case edges116
local m={__le=function(a,b) return 'yes' end} local a=setmetatable({},m) print(a<=a,a>=a,pcall(function() return a<a end))
-- @case edges117
local m={__concat=function(a,b) return (type(a)=='table' and 'T' or a)..(type(b)=='table' and 'T' or b) end} local t=setmetatable({},m) print(t..'x','x'..t,t..t,1 ..t,t..1,'a'..'b'..t..'c'..'d')
-- @case edges118
local m={__unm=function(a) return 'neg' end,__len=function() return 99 end} local t=setmetatable({1,2},m) print(-t,#t)
-- @case edges119
local m={} for _,n in ipairs{'add','sub','mul','div','mod','pow'} do m['__'..n]=function(a,b) return n..':'..type(a)..type(b) end end local t=setmetatable({},m) print(t+1,1-t,t*t,t/2,3%t,t^'2','x'+t)
-- @case edges120
local t=setmetatable({},{__tostring=function() return 'custom' end}) print(t,tostring(t),pcall(string.format,'%s',t)) t=setmetatable({},{__tostring=function() return 5 end}) print(pcall(tostring,t))
-- @case edges121
local t=setmetatable({},{__index=function(t,k) return k*2 end}) print(t[21],rawget(t,21),next(t)) t=setmetatable({},{__index=string}) print(t.format('%d',3))
-- @case edges122
local t=setmetatable({},{__index=function() error('no index') end}) print(pcall(function() return t.x end)) print(rawget(t,'x')) t=setmetatable({},{__newindex=function() error('read only',2) end}) print(pcall(function() t.x=1 end))
-- @case edges123
print(getmetatable('abc').__index==string,('x').rep('y',3),('%d'):format(5),#('abc'):rep(3),('abc'):upper():lower())
-- @case edges124
print(pcall(setmetatable,1,{})) print(pcall(setmetatable,{},1)) print(pcall(setmetatable,{})) print(getmetatable({}),getmetatable(print),getmetatable(nil))
-- @case edges125
local cls=setmetatable({},{__call=function(c,...) local o=setmetatable({},{__index=c}) o:init(...) return o end}) function cls:init(a) self.a=a end print(cls(5).a,cls(6).a)
-- @case edges126
local t=setmetatable({},{__index=_G}) setfenv(1,t) y=5 print(y,rawget(t,'y'),_G==nil) 
-- @case edges127
local prox=setmetatable({},{__index=function(t,k) local v='gen'..k rawset(t,k,v) return v end}) print(prox.a,rawget(prox,'a'),prox.a)
-- @case edges128
local m={__mode='k',__gc=1,__metatable=false} local t=setmetatable({},m) print(getmetatable(t),pcall(setmetatable,t,nil))
-- @case edges129
print(('hello'):sub(2),('hello'):sub(-3),('hello'):sub(2,-2),('hello'):sub(0),('hello'):sub(10),('hello'):sub(-100,2),('hello'):sub(3,2),('hello'):sub(2.9,'4'))
-- @case edges130
print(('abc'):byte(),('abc'):byte(-1),('abc'):byte(1,-1),('abc'):byte(10),('').byte(''),string.char(),string.char(72,105),pcall(string.char,256),pcall(string.char,-1))
-- @case edges131
print(('x'):rep(0),('x'):rep(-1),('ab'):rep(3),('x'):rep(2.7),pcall(string.rep),('').rep('',5)=='',('a'):rep(3,','))
-- @case edges132
print(('abc'):reverse(),(''):reverse(),('AbC'):lower(),('AbC'):upper(),('abc'):len(),#'',('a,b'):find(','),('a.b'):find('.',1,true),('a+b'):find('+',1,true),('abc'):find('b',-1),('abc'):find('',4),('abc'):find('',5))
-- @case edges133
print(('key=val'):match('(%w+)=(%w+)'),('  x '):match('^%s*(.-)%s*$'),('2024-05-06'):match('(%d+)-(%d+)-(%d+)'),('abc'):match('()b()'),('abc'):match('.-'),('abc'):match('a*'),('[x]'):match('%[(.-)%]'),('f(a(b)c)d'):match('%b()'))
-- @case edges134
print(('hello world'):gsub('o','0'),('hello'):gsub('l',{l='L'}),('hello'):gsub('.',function(c) if c=='e' then return 'E' end end),('abc'):gsub('%w','%0%0'),('abc'):gsub('','-'),('a b c'):gsub('%s','',1),('x'):gsub('x','%%'))
-- @case edges135
print(pcall(string.gsub,'x','x','%2')) print(pcall(string.gsub,'x','(','')) print(pcall(string.gsub,'x','%','')) print(pcall(string.gsub,'x','[a','')) print(pcall(string.gsub,'x','x',true)) print(pcall(string.gsub,'x','x')) print(pcall(string.gsub,'x','x','y','z'))
-- @case edges136
for w in ('one two  three'):gmatch('%a+') do io.write(w,';') end print() for k,v in ('a=1, b=2'):gmatch('(%w+)=(%w+)') do io.write(k,v,' ') end print() for p in ('abc'):gmatch('()') do io.write(p,' ') end print() for a in ('aXbX'):gmatch('(.-)X') do io.write('<',a,'>') end print()
-- @case edges137
print(('THE (quick) fox'):find('%((%a+)%)')) print(('a%b'):find('%%')) print(('x^2'):find('^x^2')) print(('$5'):match('%$(%d)')) print(('a-b'):match('a%-b')) print(('é'):len(),('é'):byte(1,2))
-- @case edges138
print(('%5d|%-5d|%05d|%+d|% d|%x|%X|%o|%c|%e|%g|%s|%q|%%'):format(42,42,42,42,42,255,255,8,65,12345.678,0.0001,'hi','a"b\n\\\0'))
-- @case edges139
print(('%.3f|%10.2f|%-10.2f|%.0f|%5.1f|%g|%g|%g|%.3g|%G'):format(3.14159,2.5,2.5,2.5,9.96,1e20,1e-5,123456789,1234.5,1e-10)) print(('%s %s %s'):format(nil and 1 or 'n',true and 'y','z'),pcall(string.format,'%s'),pcall(string.format,'%d','x'),pcall(string.format,'%d',nil))
-- @case edges140
print(('%d'):format('10'),('%d'):format(3.0),('%i'):format(-7.9),('%u'):format(7),('%5s|%-5s|%.2s'):format('ab','ab','abcdef'),('%s'):format(1.5),('%s'):format('a\0b')=='a\0b')
-- @case edges141
print(tostring(1e15),tostring(-0),tostring(0/0):gsub('-',''),tostring(1e300*1e10),tostring(2^53),tostring(12345678901234567890),1e14,1e-14,3.0,-1.5e-10)
-- @case edges142
print(tonumber('0x1F'),tonumber(' 12 '),tonumber('1e2'),tonumber('1e'),tonumber(''),tonumber('z',36),tonumber('ff',16),tonumber('8',8),tonumber('1.5.5'),tonumber({}),tonumber('10',2),tonumber('  0x '),tonumber('nan'),tonumber('inf'))
-- @case edges143
print('10'+5,'0x10'*2,' 3 '-1,'1e1'/2,10 ..'',-'3',pcall(function() return 'a'+1 end),pcall(function() return {}+1 end),pcall(function() return nil..'x' end))
-- @case edges144
print(('a,b,,c'):gsub(',',';'),('a,b,,c'):find(',,'),select(2,('a,b,,c'):gsub(',','')),('x'):rep(3):gsub('x',{x=1}),('abc'):gsub('b',false))
-- @case edges145
print(('hello'):find('l'),('hello'):find('l',4),('hello'):find('xyz'),('hello'):find('l',-1),('hello'):find('h',-100),('a\nb'):find('\n'),('aaa'):find('a-',2),('aaa'):find('a-$'))
-- @case edges146
print(('  trim  '):gsub('^%s+',''),('CamelCaseWord'):gsub('(%u)',' %1'),('hello'):gsub('(l)(l)','%2%1'),('abc'):gsub('(a)(b)(c)','%3%2%1'),('path/to/file.ext'):match('([^/]+)%.(%w+)$'))
-- @case edges147
print(('x=1;y=2'):gsub('(%w)=(%w)',function(k,v) return v..'='..k end),('abc'):gsub('.',{a=1,b=true,c=false}),pcall(string.gsub,'abc','.',function() return {} end))
-- @case edges148
print(('f%og'):gsub('%%o','oo'),('THE END'):lower():gsub('^%l',string.upper),('a.b.c'):gsub('%.','/'),('[[x]]'):gsub('[%[%]]',''),('tab\there'):gsub('%c','_'),('p!u@n'):gsub('%p',''))
-- @case edges149
print(('abc123def'):match('%a+(%d+)%a+'),('0xDEAD'):match('^0[xX](%x+)$'),('foo.bar'):match('^(.-)%.(.*)$'),('a1b2'):gsub('%d',function(d) return d+1 end),('%w'):gsub('%%(%w)','<%1>'))
-- @case edges150
print(('%f test THE (quick)'):gsub('%f[%a]%a+','W'),('foo_bar'):gsub('_(%l)',function(c) return c:upper() end),('aaa'):gsub('a','b',2),('aaa'):gsub('a*','x'),('abc'):gsub('x*','-'))
-- @case edges151
print(table.concat({1,2,3},'-'),table.concat({},'x'),table.concat({'a'},'x'),table.concat({1,2,3},',',2),table.concat({1,2,3},',',2,3),table.concat({1,2,3},',',3,2),pcall(table.concat,{1,{},3}),pcall(table.concat,{1,nil,3},',',1,3))
-- @case edges152
local t={1,2,3} table.insert(t,4) table.insert(t,1,0) table.insert(t,3,'x') print(table.concat(t,' '),#t) print(pcall(table.insert,t)) print(pcall(table.insert,t,1,2,3)) print(pcall(table.insert,nil,1))
-- @case edges153
local t={1,2,3,4} print(table.remove(t),table.remove(t,1),table.remove(t,5),table.concat(t,' ')) print(table.remove({}),#t,table.remove(t,#t),pcall(table.remove,1))
-- @case edges154
local t={5,2,8,1} table.sort(t) print(table.concat(t,' ')) table.sort(t,function(a,b) return a>b end) print(table.concat(t,' ')) print(pcall(table.sort,{1,'x',2})) print(pcall(table.sort,{3,1,2},function(a,b) error('cmp') end)) local w={'b','a','C','B'} table.sort(w) print(table.concat(w,''))
-- @case edges155
print(unpack({1,2,3})) print(unpack({1,2,3},2)) print(unpack({1,2,3},2,3)) print(unpack({},1,3)) print(select('#',unpack({n=3},1,3))) print(pcall(unpack)) print(pcall(unpack,{},1,1e7))
-- @case edges156
print(#{1,2,3},#{n=1},#'x',#{{},{}},#{[1]=1,[2]=2},table.maxn({1,2,[10]=3,[-1]=1,x=2}),table.maxn({}))
-- @case edges157
print(select(1,'a','b','c')) print(select(2,'a','b','c')) print(select(-1,'a','b','c')) print(select('#')) print(select('#',nil,nil)) print(pcall(select,0,1)) print(select(5,1,2)) print(pcall(select,-5,1))
-- @case edges158
print(next({})) print(next({10})) print(next({10},1)) print(pcall(next,{},'nokey')) print(type(next),rawequal({},{}),rawequal('a','a'),rawget({5},1),rawset({},1,2)[1])
-- @case edges159
local t={} for i=1,100 do t[i]=i end for i=1,100 do if i%2==0 then t[i]=nil end end local n=0 for _ in pairs(t) do n=n+1 end print(n) for i=1,100 do t[i]=nil end print(next(t),#t)
-- @case edges160
local t={} t[3]=3 t[2]=2 t[1]=1 print(#t) local q={} for i=10,1,-1 do q[i]=i end print(#q,table.concat(q,','))
-- @case edges161
local q={first=1,last=0} local function push(v) q.last=q.last+1 q[q.last]=v end local function pop() local v=q[q.first] q[q.first]=nil q.first=q.first+1 return v end push('a') push('b') print(pop(),pop(),pop())
-- @case edges162
local function copy(o,s) s=s or {} if type(o)~='table' then return o end if s[o] then return s[o] end local r={} s[o]=r for k,v in pairs(o) do r[copy(k,s)]=copy(v,s) end return setmetatable(r,getmetatable(o)) end local a={x={1,2}} a.self=a local b=copy(a) print(b.self==b,b.x~=a.x,b.x[2])
-- @case edges163
local function map(f,t) local r={} for i=1,#t do r[i]=f(t[i]) end return r end local function fold(f,z,t) for i=1,#t do z=f(z,t[i]) end return z end print(table.concat(map(function(x) return x*x end,{1,2,3}),' '),fold(function(a,b) return a+b end,0,{1,2,3,4}))
-- @case edges164
table.foreach({10,20},function(k,v) io.write(k,':',v,' ') end) print() table.foreachi({1,2,3},function(i,v) if i==2 then return 'stop' end end) print(table.getn({1,2,3}),table.foreach({a=1},function(k,v) return k end))
-- @case edges165
local t={10,20,30,nil,50} local n=0 for _ in pairs(t) do n=n+1 end print(n) for i,v in ipairs(t) do io.write(i,'=',v,' ') end print()
-- @case edges166
local m={} for i=1,3 do m[i]={} for j=1,3 do m[i][j]=i*j end end local r={} for i=1,3 do r[i]=table.concat(m[i],' ') end print(table.concat(r,'|'))
-- @case edges167
local keys={} for k in pairs({a=1,b=2,c=3}) do keys[#keys+1]=k end table.sort(keys) print(table.concat(keys,','))
-- @case edges168
local s={} for c in ('mississippi'):gmatch('.') do s[c]=(s[c] or 0)+1 end print(s.m,s.i,s.s,s.p)
-- @case edges169
local t={3,1,2} table.sort(t,function(a,b) return a>b end) print(unpack(t)) local recs={{n='x',v=2},{n='y',v=1}} table.sort(recs,function(a,b) return a.v<b.v end) print(recs[1].n)
-- @case edges170
print(table.concat({1.5,2,'x',-0.25},' '),pcall(table.concat,{true}),pcall(table.concat,{1},{}),table.concat({'a','b','c'},', ',1,2))
-- @case edges171
local function f(...) local a,b=... return select('#',...),a,b,... end print(f()) print(f(nil)) print(f(1,nil,nil)) print((f(1,2)))
-- @case edges174
local function lvl(n) error('L'..n,n) end for i=0,3 do print(pcall(lvl,i)) end print(pcall(function() lvl(2) end))
-- @case edges176
print(pcall(pcall)) print(pcall(pcall,error,'x')) print(pcall(function() return pcall(function() error('in') end) end)) local ok,e=pcall(function() local ok,e=pcall(error,'a',0) error(e..'b',0) end) print(ok,e)
-- @case edges177
local e=setmetatable({},{__tostring=function() return 'E!' end}) local ok,x=pcall(error,e) print(ok,x==e,tostring(x)) print(pcall(function() error(setmetatable({},{__concat=function() return 'cc' end})..'x') end))
-- @case edges178
print(pcall(function() local a; a.b=1 end)) print(pcall(function() a.b.c=1 end)) print(pcall(function() local t={} t.x.y=1 end)) print(pcall(function() local t={} t:nope() end)) print(pcall(function() undefinedf() end)) print(pcall(function() local s='x' s() end)) print(pcall(function() return ('x')+1 end)) print(pcall(function() return #5 end)) print(pcall(function() return -{} end))
-- @case edges179
print(pcall(function() local a={} return a<a end)) print(pcall(function() return 1<'x' end)) print(pcall(function() return nil>1 end)) print(pcall(function() return {}..{} end)) print(pcall(function() local t={{}} return t[1]+1 end)) print(pcall(function() local t={a={}} return t.a.b.c end)) print(pcall(function() return (1)() end)) print(pcall(function() return ('x'):y() end))
-- @case edges180
local co=coroutine.create(function(a,b) local c=coroutine.yield(a+b) local d,e=coroutine.yield(c*2) return d+e,'done' end) print(coroutine.resume(co,1,2)) print(coroutine.resume(co,10)) print(coroutine.resume(co,3,4)) print(coroutine.resume(co)) print(coroutine.status(co))
-- @case edges181
local gen=coroutine.wrap(function() for i=1,3 do coroutine.yield(i) end end) print(gen(),gen(),gen(),gen()) print(pcall(gen))
-- @case edges182
local function perm(a,n) n=n or #a if n<=1 then coroutine.yield(table.concat(a)) else for i=1,n do a[n],a[i]=a[i],a[n] perm(a,n-1) a[n],a[i]=a[i],a[n] end end end for p in coroutine.wrap(function() perm({'a','b','c'}) end) do io.write(p,' ') end print()
-- @case edges183
local co co=coroutine.create(function() print(coroutine.status(co),coroutine.running()==co) local inner=coroutine.create(function() print(coroutine.status(co)) end) coroutine.resume(inner) end) coroutine.resume(co) print(coroutine.status(co),coroutine.running())
-- @case edges185
local co=coroutine.wrap(function() local ok,v=pcall(function() local x=coroutine.yield('a') error('err'..x,0) end) coroutine.yield(ok,v) return 'end' end) print(co()) print(co('Z')) print(co()) print(pcall(co))
-- @case edges186
local function prod() return coroutine.create(function() for _,v in ipairs{'x','y'} do coroutine.yield(v) end end) end local function filt(p) return coroutine.create(function() while true do local _,v=coroutine.resume(p) if not v then return end coroutine.yield(v..v) end end) end local c=filt(prod()) print(coroutine.resume(c)) print(coroutine.resume(c)) print(coroutine.resume(c))
-- @case edges187
local t=setmetatable({},{__index=function(t,k) return coroutine.yield(k) end}) local co=coroutine.wrap(function() return 'got '..tostring(t.foo) end) print(co()) print(co('bar'))
-- @case edges188
local co=coroutine.wrap(function() for k,v in (function() return coroutine.yield('it') end) do return k,v end return 'none' end) print(co()) print(co(1,2))
-- @case edges189
local env={print=print} local f=loadstring('x=1 print(x,_G) return y') setfenv(f,env) print(f(),env.x,x) print(getfenv(f)==env,getfenv(1)==_G,getfenv(print)==_G,pcall(getfenv,99),pcall(setfenv,99,{}))
-- @case edges190
local f=load(function() return nil end) print(f and f()) local parts={'return ','1','+2'} local i=0 print(load(function() i=i+1 return parts[i] end)()) print(pcall(load,5)) print(load(function() error('r') end))
-- @case edges191
print(loadstring('return ...')(1,2)) print(loadstring('syntax error here')) print(loadstring('for')) print(loadstring('x = = 1')) print(loadstring("x='abc")) print(loadstring('x=[[abc')) print(loadstring('goto nowhere')) print(loadstring('break')) print(loadstring('return return')) print(loadstring('local function end')) print(loadstring('if x then')) print(loadstring('x=}')) print(loadstring('a.b:c=1')) print(loadstring('f(')) print(loadstring('::a:: ::a::')) print(loadstring('local a <const> = 1')) print(loadstring('x=0x')) print(loadstring('x=1..2')) print(loadstring('--[[')) print(loadstring("x='\\400'"))
-- @case edges192
print(math.floor(-3.5),math.ceil(-3.5),math.abs(-2),math.max(1,5,3),math.min(4,2),pcall(math.max),math.fmod(-5,3),math.fmod(5,-3),math.modf(3.7),math.modf(-3.7),math.modf(math.huge)) print(math.sqrt(16),math.pow(2,10),math.exp(0),math.log(1),math.log10(1000),math.pi,math.huge,math.deg(math.pi),math.rad(180)) print(math.frexp(8),math.ldexp(0.5,4),math.frexp(0),math.sin(0),math.cos(0),math.atan2(1,1),math.floor('3.7'),pcall(math.floor,'x'),pcall(math.floor))
-- @case edges194
print(bit.band(12,10),bit.bor(12,10),bit.bxor(12,10),bit.bnot(0),bit.lshift(1,31),bit.rshift(-1,28),bit.arshift(-8,1),bit.tohex(255),bit.tohex(255,4),bit.rol(1,31),bit.ror(1,1),bit.bswap(0x12345678),bit.tobit(2^32+5),bit.band(-1,255),bit.bor(),1)
-- @case edges195
print(os.time{year=2000,month=1,day=1,hour=12},os.date('!%Y-%m-%d %H:%M:%S',0),os.date('!*t',86400).day,os.date('!%A %B %j',0),pcall(os.time,{year=2000}),os.difftime(5,3),type(os.clock()),os.getenv('NOPE_X')) print(os.date('!%c',0),os.date('!%x %X %p',3600),os.time{year=2024,month=14,day=-3,hour=0})
-- @case edges196
package.preload.mymod=function(name) return {n=name} end print(require('mymod').n,require('mymod')==require('mymod'),package.loaded.mymod.n) package.preload.m2=function() end print(require('m2'),package.loaded.m2) package.loaded.m3='three' print(require('m3')) print((select(2,pcall(require,'no.such.mod')):match('^[^\n]*')))
-- @case edges197
module('mm',package.seeall) function hello() return 'hi '.._NAME end print(hello(),_M.hello==hello,_PACKAGE=='') 
-- @case edges198
local t=require('string') print(t==string,require('table')==table,package.loaded._G==_G,type(package.path),type(package.loaders or {}),_VERSION,type(_G),_G._G==_G)
-- @case edges199
local a={} local function f() return a end f().x=1 f()['y']=2 print(a.x,a.y) local s='str' print(s:len(),#s,('a'):byte(),({1,2,3})[2],(function() return 7 end)(),#{...})
-- @case edges200
do local function counter() local c=0 return function() c=c+1 return c end,function() return c end end local inc,get=counter() inc() inc() print(get()) local inc2=counter() print(inc2(),inc()) end
-- @case edges201
local Stack={} Stack.__index=Stack setmetatable(Stack,{__call=function(c) return setmetatable({n=0},c) end}) function Stack:push(...) for i=1,select('#',...) do self.n=self.n+1 self[self.n]=(select(i,...)) end return self end function Stack:pop() local v=self[self.n] self[self.n]=nil self.n=self.n-1 return v end local st=Stack():push(1,2,3) print(st:pop(),st:pop(),st.n)
-- @case edges202
local function curry(f,a) return function(...) return f(a,...) end end print(curry(math.max,5)(3,9),curry(string.rep,'ab')(2)) local function compose(...) local fs={...} return function(x) for i=#fs,1,-1 do x=fs[i](x) end return x end end print(compose(math.sqrt,math.abs)(-16))
-- @case edges203
local memo=setmetatable({},{__mode='k'}) local function mf(f) return function(x) local v=memo[x] if v==nil then v=f(x) memo[x]=v end return v end end local n=0 local g=mf(function(x) n=n+1 return #x end) local k={1,2} print(g(k),g(k),n)
-- @case edges204
local s='' for i=1,5 do for j=i,5 do if (i+j)%3==0 then goto cont end s=s..i..j..' ' ::cont:: end end print(s)
-- @case edges205
local sieve,p={},{} for i=2,50 do if not sieve[i] then p[#p+1]=i for j=i*i,50,i do sieve[j]=true end end end print(table.concat(p,' '))
-- @case edges206
local function gcd(a,b) while b~=0 do a,b=b,a%b end return a end print(gcd(48,18),gcd(17,5),gcd(0,5)) local b='' local n=10 repeat b=(n%2)..b n=math.floor(n/2) until n==0 print(b)
-- @case edges207
local function q(t,l,h) if l<h then local p,i=t[h],l-1 for j=l,h-1 do if t[j]<=p then i=i+1 t[i],t[j]=t[j],t[i] end end t[i+1],t[h]=t[h],t[i+1] q(t,l,i) q(t,i+2,h) end end local t={5,3,8,1,9,2} q(t,1,#t) print(table.concat(t,' '))
-- @case edges208
local ok,e=pcall(function() local t=setmetatable({},{__index=function(t,k) return nil end}) return t.a.b end) print(e) print(pcall(function() local x<1 end==nil and 1 or error))
