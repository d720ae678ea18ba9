# @case percent_basic
print('%d %s %r %f %g %e' % (3, 'a', 'b', 1.5, 0.1, 12345.678))
# @case percent_width
print('%5d|%-5d|%05d|%+d|% d|%x|%X|%o|%#x|%c|%c' % (42, 42, 42, 42, 42, 255, 255, 8, 255, 'a', 98))
# @case percent_float
print('%.2f|%8.3f|%-8.1f|%+.1f|%08.2f|%.0f|%g|%g|%G|%.3e' % (3.14159, 2.5, 1.25, 2.0, -3.14159, 2.5, 1e-5, 1e20, 1e-10, 12345.678))
# @case percent_string
print('%10s|%-10s|%.2s|%5.1s|%%' % ('abc', 'abc', 'abc', 'abc'))
# @case percent_dict
print('%(a)s %(b)03d %(a)r' % {'a': 'x', 'b': 7})
# @case percent_star
print('%*d|%-*d|%.*f' % (5, 42, 5, 42, 2, 3.14159))
# @case percent_single
print('%s' % 5, '%s' % [1, 2], '%s' % None, '%d' % 3.7, '%s %s' % ('a', (1, 2)), '%s' % (1,))
# @case percent_too_few
'%d %d' % 1
# @case percent_too_many
'%d' % (1, 2)
# @case percent_type
'%d' % 'a'
# @case percent_float_type
'%f' % 'a'
# @case percent_bad
'%z' % 1
# @case percent_incomplete
'%' % 1
# @case percent_no_mapping
'%(a)s' % 1
# @case percent_missing_key
'%(b)s' % {'a': 1}
# @case percent_bool_none
print('%d %s %r' % (True, True, None), '%i' % 5, '%5s' % None)
# @case format_basic
print('{} {}'.format(1, 'a'), '{0} {1} {0}'.format('x', 'y'), '{a} {b}'.format(a=1, b=2), '{{}}'.format())
# @case format_width
print('{:5d}|{:<5}|{:>5}|{:^5}|{:05d}|{:+d}|{:*^7}|{:x}|{:#b}|{:,}'.format(42, 42, 'a', 'b', 42, 42, 'mid', 255, 5, 1234567))
# @case format_float
print('{:.2f}|{:8.3f}|{:e}|{:g}|{:%}|{:.1%}|{:,.2f}|{:+.1f}'.format(3.14159, 2.5, 12345.678, 0.0001, 0.5, 0.256, 1234567.891, 2.0))
# @case format_string
print('{:.2}|{:10}|{:>10}|{!r}|{!s}|{!r:>6}'.format('abc', 'abc', 'abc', 'a', 'a', 'b'))
# @case format_nested
print('{:{}}|{:{w}.{p}f}|{:>{w}}'.format('a', 5, 3.14159, 'x', w=8, p=2))
# @case format_attributes
class A(object):
    x = 5
print('{0.x} {1[0]} {2[k]} {a.x}'.format(A(), [7, 8], {'k': 9}, a=A()))
# @case format_missing
'{} {}'.format(1)
# @case format_missing_name
'{a}'.format(b=1)
# @case format_single_brace
'}'.format()
# @case format_open_brace
'{'.format()
# @case format_code
'{:d}'.format('a')
# @case format_function
print(format(3.14159, '.2f'), format(42, '06d'), format('a', '>3'), format(5), format(1e10, 'g'), format(True))
# @case format_bool_int
print('{:d}'.format(True), '{}'.format(True), '{:5}'.format(1.5), '{:5}'.format(3), '{:5}'.format('a') + '|')
# @case fstring
a, b = 3, 'x'
print(f'{a} {b} {a + 1} {b!r} {{}} {a:03d} {a:>{a + 2}} {[1, 2][0]} {"q"}')
# @case fstring_expression
d = {'k': [1, 2]}
print(f"{d['k'][1]}", f'{len("abc")}', f'{a if False else 5}' if False else f'{5}', f'{(lambda x: x + 1)(2)}', f'{1 == 1}', f'{3 != 4}')
# @case fstring_debug
x = 5
print(f'{x=} {x + 1=} {x=:03d}')
# @case fstring_concatenation
x = 1
print('a' f'{x}' 'b{x}', f'{x}' '{y}')
# @case fstring_float
x = 3.14159
print(f'{x:.2f}|{x:8.3f}|{x:e}', f'{x!s:>10}')
# @case fstring_name_error
f'{undefined}'
# @case general_format
print('%g %g %g %g %g %g' % (100000, 1000000, 0.0001, 0.00001, 1.5, 3), '%.3g %.10g' % (3.14159, 3.14159))
# @case float_precision
print('%.10f' % 0.1, '%.20f' % 0.1, '%.1f' % 0.25, '%.1f' % 0.35, '%.0f' % 0.5, '%.0f' % 1.5)
# @case special_floats
print('%f %e %g' % (float('inf'), float('nan'), float('-inf')), '{:.2f} {}'.format(float('inf'), float('nan')))
# @case grouping
print('{:,}'.format(1234), '{:_}'.format(1234567), '{:,}'.format(-1234567), '{:,}'.format(999), '{:10,}'.format(12345))
# @case format_object
class A(object):
    def __str__(self):
        return 'str'
    def __repr__(self):
        return 'repr'
    def __format__(self, spec):
        return 'spec:' + spec
print('%s %r' % (A(), A()), '{} {!r} {!s} {:abc}'.format(A(), A(), A(), A()), f'{A()} {A():x}')
# @case percent_object
class A(object):
    def __str__(self):
        return 'str'
print('%s|%5s' % (A(), A()))
# @case percent_list_argument
print('shape %s size %d' % ([1, 28, 28], 784), '%s' % {'a': 1}, '%r %r' % ('a', u'b'))
