-- @case integers
print(string.format('%d %i %5d|%-5d|%05d|%+d|% d', 42, 7, 42, 42, 42, 42, 42))
-- @case negative
print(string.format('%d %5d|%-5d|%05d', -42, -42, -42, -42))
-- @case precision_integer
print(string.format('%.3d|%5.3d|%.0d|%-6.3d|', 7, 7, 0, 7))
-- @case floats
print(string.format('%f %.2f %5.1f|%-8.3f|%08.3f|%+.1f', 3.14159, 3.14159, 3.14159, 3.14159, 3.14159, 3.14159))
-- @case rounding
print(string.format('%.0f %.0f %.0f %.1f %.2f %.3f', 0.5, 1.5, 2.5, 0.25, 1.005, 2.0005))
-- @case exponents
print(string.format('%e %.3e %E %.0e', 12345.678, 0.00012345, 1e100, 5))
-- @case general
print(string.format('%g %g %g %g %g %g', 0.1, 100000, 1e15, 1e-5, 1e20, 123456789))
-- @case general_precision
print(string.format('%.3g %.10g %.14g %.17g %10.4g|%-10.2g|%#.3g', 1234.5678, 1/3, 1/3, 0.1, 3.14159, 3.14159, 1))
-- @case general_upper
print(string.format('%G %G', 1e-10, 1e20))
-- @case hexadecimal
print(string.format('%x %X %#x %#X %5x|%-5x|%05x', 255, 255, 255, 255, 255, 255, 255))
-- @case hexadecimal_negative
print(string.format('%x', -1))
-- @case octal
print(string.format('%o %#o', 8, 8))
-- @case unsigned
print(string.format('%u', 42))
-- @case characters
print(string.format('%c%c%c|%3c|%-3c|', 76, 117, 97, 65, 66))
-- @case strings
print(string.format('%s|%5s|%-5s|%.2s|%5.1s|', 'abc', 'ab', 'ab', 'abc', 'xyz'))
-- @case string_of_values
print(string.format('%s %s %s %s', nil, true, 12, 1.5))
-- @case string_tostring
print(string.format('%s', setmetatable({}, {__tostring = function() return 'obj' end})))
-- @case quoted
print(string.format('%q', 'a "q" \\ \n end'))
-- @case quoted_control
print(string.format('%q', 'a\r\0b\0001\127'))
-- @case quoted_read_back
local s = 'x\n"\\\0y' print(loadstring('return ' .. string.format('%q', s))() == s)
-- @case percent
print(string.format('100%% %d%%', 5))
-- @case coercion
print(string.format('%d %f %s', '10', '1.5', 3))
-- @case fraction_to_integer
print(string.format('%d %d', 3.7, -3.7))
-- @case infinities
print(string.format('%f %g %5.1f %d', 1/0, -1/0, 1/0, 0))
-- @case infinity_padding
print(string.format('%05g|%-6g|%+g', 1/0, 1/0, 1/0))
-- @case large
print(string.format('%.0f %d', 2^63, 2^53), string.format('%.20f', 0.1))
-- @case bad_option
print(string.format('%y', 1))
-- @case bad_end
print(string.format('%'))
-- @case missing_argument
print(string.format('%d'))
-- @case wrong_argument
print(string.format('%d', 'x'))
-- @case wrong_table
print(string.format('%d', {}))
-- @case extra_arguments
print(string.format('x', 1, 2))
-- @case no_format
print(pcall(string.format))
-- @case width_two_digits
print(string.format('%20s|%-20s|', 'x', 'y'))
-- @case hex_float
print(string.format('%a %a %.2a', 1, 0.5, 3.14159))
-- @case zero_flags
print(string.format('%+05d %-05d|% 05d', 3, 3, 3))
-- @case alternate_form
print(('%#o|%#o|%#x|%#X|%#.0f|%#.0e|%#.0g|%#g|%#5.0f|%#.3x|%#.3o'):format(0, 8, 0, 0, 1, 1, 1, 1, 2, 5, 5))
print(('%.0f|%#.0f|%#a|%.0a|%#.0a|%#d|%#i|%#.3f'):format(.5, .5, 1, 1, 1, 5, 5, 2))
-- @case signs_of_no_numbers
print(('%+f|%+g|%+012.2f|% f|%+e|%f|%+.3f|% g'):format(0/0, 0/0, 0/0, 0/0, 0/0, 1/0, -1/0, 1/0))
