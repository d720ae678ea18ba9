-- @case rounding
print(math.floor(3.7), math.floor(-3.7), math.ceil(3.2), math.ceil(-3.2), math.floor(5), math.ceil(-0.5))
-- @case fmod
print(math.fmod(7, 3), math.fmod(-7, 3), math.fmod(7, -3), math.fmod(5.5, 2), math.fmod(1, 1e308))
-- @case modf
print(math.modf(3.25)) print(math.modf(-3.25)) print(math.modf(5)) print(math.modf(1/0))
-- @case abs
print(math.abs(-4), math.abs(4), math.abs(-0.5))
-- @case min_max
print(math.max(1, 5, 3), math.min(2, -1), math.max(1), math.min('3', 2))
-- @case max_none
print(pcall(math.max))
-- @case powers
print(math.sqrt(16), math.pow(2, 10), math.exp(0), math.log(1), math.log10(1000), math.log(8, 2))
-- @case trigonometry
print(math.sin(0), math.cos(0), math.tan(0), math.asin(1), math.acos(1), math.atan(1), math.atan2(1, -1))
-- @case hyperbolic
print(math.sinh(1), math.cosh(1), math.tanh(1))
-- @case angles
print(math.deg(math.pi), math.rad(180))
-- @case constants
print(math.pi, math.huge, -math.huge)
-- @case frexp
print(math.frexp(8)) print(math.frexp(0.3)) print(math.frexp(-5)) print(math.frexp(0)) print(math.frexp(5e-324))
-- @case ldexp
print(math.ldexp(0.5, 4), math.ldexp(1, -1074), math.ldexp(1, 2000), math.ldexp(3, 0))
-- @case random_range
math.randomseed(42) local ok = true for i = 1, 100 do local a, b, c = math.random(), math.random(6), math.random(5, 7) ok = ok and a >= 0 and a < 1 and b >= 1 and b <= 6 and b % 1 == 0 and c >= 5 and c <= 7 end print(ok)
-- @case random_repeats
math.randomseed(7) local a = math.random(1000) math.randomseed(7) print(a == math.random(1000))
-- @case wrong
math.floor('x')
-- @case none
math.sqrt()
-- @case nil_argument
math.sin(nil)
-- @case string_argument
print(math.floor('3.7'), math.sqrt('16'))
-- @case bits
print(bit.band(12, 10), bit.bor(12, 10), bit.bxor(12, 10), bit.bnot(0), bit.lshift(1, 4), bit.rshift(-1, 28), bit.arshift(-8, 1))
-- @case bits_more
print(bit.tobit(2^32 + 5), bit.tohex(255), bit.tohex(255, 4), bit.tohex(255, -2), bit.bswap(0x12345678), bit.rol(0x12345678, 8), bit.ror(0x12345678, 8))
-- @case bits_many
print(bit.band(15, 7, 3), bit.bor(1, 2, 4), bit.lshift(1, 31), bit.lshift(1, 32))
-- @case sqrt_negative
print(math.sqrt(-1) ~= math.sqrt(-1))
