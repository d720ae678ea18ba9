-- @case integers
print(1, -1, 0, 100, 123456789, 2^31, 2^53, 1e14, 1e15, 123456789012345)
-- @case negative_zero
print(-0, 0 * -1, 0 == -0, 1 / -0)
-- @case fractions
print(0.1, 1/3, 2/3, 1e-5, 1.5e-7, 123.456, 3.14159265358979)
-- @case large
print(1e100, 2^1023, 2^1024, -2^1024, 1e308 * 10)
-- @case not_a_number
local n = 0/0 print(n ~= n, n == n, n < 1, n > 1)
-- @case hexadecimal
print(0x10, 0xff, 0XAB, 0xfffffffff, 0x.8, 0x1p4, 0x1.8p1)
-- @case decimal_forms
print(.5, 5., 5e3, 5E-3, 0.5e+2, 08)
-- @case modulo
print(7 % 3, -7 % 3, 7 % -3, -7 % -3, 5.5 % 2, -0.5 % 1, 5 % math.huge)
-- @case power
print(2^10, 2^-1, 2^0.5, (-8)^2, 0^0, 2^3^2, -2^2)
-- @case division
print(7/2, 10/5, 1/0, -1/0, 6/3)
-- @case string_arithmetic
print('10' + 5, '3' * '4', '0x10' + 0, ' 7 ' - 2, '1e2' / 4, -'2', '2' ^ 2, '7' % '4')
-- @case string_bad_arithmetic
print('a' + 1)
-- @case string_empty_arithmetic
print('' + 1)
-- @case concat_numbers
print(1 .. 2, 1.5 .. '', -1 .. 'x', 10 / 2 .. '', 2^53 .. '')
-- @case comparison
print(1 < 2, 2 <= 2, 3 > 4, 4 >= 4, 1 == 1.0, 1 ~= 2)
-- @case tonumber_text
print(tonumber('12'), tonumber('-1.5'), tonumber('0x1F'), tonumber('1e3'), tonumber(' 7 '), tonumber(''), tonumber('1 2'))
-- @case tonumber_bad
print(tonumber('abc'), tonumber('12abc'), tonumber('1e'), tonumber('0x'), tonumber('--1'), tonumber('1_000'), tonumber('.'))
-- @case tonumber_base
print(tonumber('ff', 16), tonumber('777', 8), tonumber('zz', 36), tonumber('1010', 2), tonumber('9', 8), tonumber('0xff', 16))
-- @case tonumber_base_bad
print(pcall(tonumber, '1', 1)) print(pcall(tonumber, '1', 37))
-- @case tonumber_other
print(tonumber(nil), tonumber({}), tonumber(true), tonumber(5))
-- @case tostring_numbers
print(tostring(3), tostring(3.0), tostring(-1.5), tostring(1e300 * 1e10), tostring(1e15), tostring(1e14))
-- @case precision
print(3.14159265358979312, 100000000000000, 99999999999999.9, 0.1 + 0.2, 1 - 0.9)
-- @case malformed
print(3x)
-- @case malformed_hex
print(0xg)
-- @case malformed_dots
print(1..2)
-- @case associativity
print(7 - 2 - 1, 2 ^ 3 ^ 2, 100 / 10 / 2, 1 .. 2 .. 3)
-- @case precedence
print(1 + 2 * 3, (1 + 2) * 3, -3 ^ 2, not 1 == 2, 1 .. 2 + 3, 2 * 3 % 4, not nil and 1)
-- @case unary_chain
print(- - 2, not not nil, - -'3', -(-2))
-- @case length_operator
print(#'abc', #{1, 2, 3}, #'', #{}, -#'ab')
-- @case logic
print(1 and 2, nil and 1, false or 'd', nil or false, 0 and 'zero', '' and 'empty', false and nil, 1 or error('no'))
-- @case nested_logic
print(nil and nil or 'x', false == nil, (nil or false) == false, 1 and nil or 3)
-- @case powers_of_two_beyond_whole_numbers
print(2 ^ 63, -2 ^ 63, 2 ^ 64, -2 ^ 64, tostring(-2 ^ 63))
-- @case whole_numbers_that_do_not_fit
print(string.format('%d %d %d', 1 / 0, -1 / 0, 0 / 0))
print(string.format('%x %o %X', 1 / 0, 0 / 0, 1e300))
print(string.format('% d|%+d|%5d', 1e300, 1e300, 0 / 0))
-- @case extremes_with_no_number
print(math.min(0, 0 / 0), math.max(0 / 0, 3), math.max(3, 0 / 0), math.min(0 / 0, 3))
-- @case fractions_keep_their_sign
print(math.modf(-2), math.modf(-2.5), math.modf(2), math.modf(-1 / 0), math.modf(1 / 0))
