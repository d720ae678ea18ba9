# @case literals
print(1, 0x1F, 0o17, 0b101, 1_000_000, 1.5, .5, 5., 1e3, 1E-3, 1_0.0_1, 0, 00)
# @case arithmetic
print(7 + 3, 7 - 3, 7 * 3, 7 / 2, 7 // 2, 7 % 2, 2 ** 10)
print(6 / 3, -7 // 2, -7 % 3, 7 // -2, 7 % -3, 2 ** -1)
# @case float_arithmetic
print(7.5 // 2, -7.5 // 2, 7.5 % 2, -7.5 % 2, 7.5 % -2, 1e300 * 1e10, -0.0, 0.1 + 0.2)
# @case mixed
print(1 + 2.0, 3 * 0.5, True + 1, True * 2.5, 10 // 3.0, 2 ** 0.5, 4 ** 0.5)
# @case precedence
print(1 + 2 * 3, (1 + 2) * 3, -2 ** 2, 2 ** 3 ** 2, 2 ** -1, not 1 == 2, 1 - 2 - 3, 8 / 4 / 2)
print(1 | 2 ^ 3 & 4 << 1, ~5, -~5, +3, - - 3, 1 + -1)
# @case bits
print(5 & 3, 5 | 3, 5 ^ 3, ~0, 1 << 10, 1024 >> 3, -1 >> 1, True & False, True | False, True ^ True)
# @case comparisons
print(1 < 2, 1 <= 1, 2 > 3, 2 >= 2, 1 == 1.0, 1 != 2, 0.5 < 1, True == 1)
print(1 < 2 < 3, 1 < 3 < 2, 1 == 1 == 1, 3 > 2 > 1 > 0, 1 < 2 > 1)
# @case chained_evaluates_once
def f(x):
    print('f', x)
    return x
print(f(1) < f(3) < f(2) < f(9))
# @case division_by_zero
1 / 0
# @case floor_division_by_zero
1 // 0
# @case modulo_by_zero
1 % 0
# @case float_division_by_zero
1.0 / 0
# @case float_modulo_by_zero
1.0 % 0.0
# @case zero_to_negative
0.0 ** -1
# @case float_repr
print(1.0, 0.1, 1e16, 1e15, 123456789012345680.0, 1e-4, 1e-5, 1.5e-7, 1e22, 1e100, 3.14159265358979)
print(float('inf'), float('-inf'), float('nan'), -0.0, 2.5e-3, 100.0, 1/3)
# @case int_function
print(int('12'), int(' -7 '), int(3.9), int(-3.9), int(True), int('ff', 16), int('0x1f', 16), int('101', 2), int('0b11', 0), int())
# @case int_errors
try:
    int('x')
except ValueError as e:
    print(e)
try:
    int('1.5')
except ValueError as e:
    print(e)
try:
    int(None)
except TypeError as e:
    print(str(e)[:30])
int('')
# @case int_of_inf
int(float('inf'))
# @case int_of_nan
int(float('nan'))
# @case float_function
print(float('1.5'), float('  2e3 '), float(3), float('-inf'), float('1_0'), float())
# @case float_error
float('abc')
# @case bool_function
print(bool(0), bool(1), bool(''), bool('a'), bool([]), bool([0]), bool({}), bool(None), bool(0.0), bool(()), bool())
# @case round
print(round(2.5), round(3.5), round(-2.5), round(2.567, 2), round(1234.5, -2), round(7), round(1.005, 2), round(0.5), round(1.5))
# @case abs_divmod_pow
print(abs(-3), abs(2.5), abs(True), divmod(7, 2), divmod(-7, 2), divmod(7.5, 2), pow(2, 3), pow(2, 10, 1000), pow(3, -1))
# @case min_max_sum
print(min(3, 1, 2), max([3, 1, 2]), sum([1, 2, 3]), sum([0.5, 0.5], 1), min('b', 'a'), max([1, 5], key=lambda x: -x), min([], default=7))
# @case min_empty
min([])
# @case hex_oct_bin
print(hex(255), oct(8), bin(5), hex(-255), chr(97), ord('a'), bin(-2))
# @case is_integer
print((2.0).is_integer(), (2.5).is_integer(), (5).bit_length(), 1.5.is_integer())
# @case unsupported_add
1 + 'a'
# @case unsupported_sub
'a' - 1
# @case unsupported_none
None + 1
# @case unsupported_compare
1 < 'a'
# @case unary_error
-'a'
# @case unary_list
+[]
# @case large
print(2 ** 62, -2 ** 62 * 2, 9223372036854775807, 10 ** 18, 123456789 * 987654321)
# @case augmented
x = 5
x += 2; x -= 1; x *= 3; x //= 2; x **= 2; x %= 50; x <<= 2; x >>= 1; x |= 1; x &= 31; x ^= 3
print(x)
x /= 4
print(x)
# @case bool_is_int
print(isinstance(True, int), True + True, sum([True, False, True]), [1, 2][True])
# @case float_equality
print(0.1 + 0.2 == 0.3, 1e308 * 10 == float('inf'), float('nan') == float('nan'), 1 == 1.0 == True)
# @case negative_shift
1 << -1
# @case int_methods_on_literal
print((3).__class__.__name__, type(3.0).__name__, type(True).__name__)
# @case complex_expression
a, b, c = 3, 4, 5
print((a ** 2 + b ** 2) ** 0.5 == c, a if b > c else b, a and b or c, not a or b)
# @case matmul_type_error
[1] @ [2]
# @case str_of_numbers
print(str(1), str(1.0), repr(2.50), str(True), str(None), str(1e21), '%s' % 1e5)
