# @case quotes
print('a', "b", '''c''', """d""", 'it''s', "say \"hi\"", 'it\'s')
# @case triple
print('''a
  b
c''')
# @case escapes
print('a\tb\\n\x41\101\u00e9\0end' == "a\tb\\n" + 'A' + 'A' + '\xe9' + '\x00end', len('\n\r\t\a\b\f\v'))
# @case raw
print(r'a\nb', R"\t", r'\'', len(r'\\'), rb'x\y' == b'x\\y')
# @case prefixes
print(u'a' 'b' "c", U"x")
# @case unknown_escape
print('\d\.' == '\\d\\.')
# @case continuation_inside
print('abc\
def')
# @case implicit_concatenation
x = ('a'
     'b'  # a remark
     "c")
print(x, 'x' 'y')
# @case repr
print(repr('a'), repr("it's"), repr('say "x"'), repr('both \' and "'), repr('\n\t\\'), repr('\x00\x1f\x7f'), repr('é'), repr(''))
# @case operators
print('a' + 'b', 'ab' * 3, 3 * 'ab', 'a' * 0, 'a' * -1, 'b' in 'abc', 'x' not in 'abc', '' in 'a', 'a' < 'b', 'Z' < 'a', 'ab' == "ab")
# @case indexing
s = 'hello'
print(s[0], s[-1], s[1:3], s[:2], s[2:], s[::-1], s[::2], s[-3:-1], s[10:], s[3:1], s[-100:100], s[4:0:-2])
# @case index_error
'abc'[3]
# @case index_type_error
'abc'['a']
# @case immutable
s = 'abc'
s[0] = 'x'
# @case case_methods
print('aBc'.lower(), 'aBc'.upper(), 'hello world'.capitalize(), 'hello world'.title(), 'aBc'.swapcase(), "they're".title())
# @case strip
print('  a '.strip() + '|', '  a '.lstrip() + '|', '  a '.rstrip() + '|', 'xxaxx'.strip('x'), 'abcba'.strip('ab'), 'a.b..'.rstrip('.'))
# @case split
print('a b  c'.split(), ' a b '.split(), 'a,b,,c'.split(','), 'a,b,c'.split(',', 1), 'a b c'.split(None, 1), ''.split(), ''.split(','))
print('a,b,c'.rsplit(',', 1), 'a b c'.rsplit(None, 1), 'abc'.split('b'), 'a--b--c'.split('--'), 'a b c d '.split(None, 2))
# @case split_empty
'a'.split('')
# @case join
print(','.join(['a', 'b']), ''.join('abc'), '-'.join(()), '/'.join(str(i) for i in range(3)))
# @case join_error
','.join(['a', 1])
# @case replace_find
print('aaa'.replace('a', 'b'), 'aaa'.replace('a', 'b', 2), 'abc'.replace('', '-'), 'hello'.find('l'), 'hello'.rfind('l'), 'hello'.find('x'), 'hello'.index('e'), 'hello'.find('l', 3), 'hello'.count('l'))
# @case index_missing
'abc'.index('x')
# @case startswith
print('abc'.startswith('ab'), 'abc'.endswith('bc'), 'abc'.startswith(('x', 'a')), 'abc'.startswith('b', 1), 'abc'.endswith('b', 0, 2))
# @case tests
print('12'.isdigit(), 'a1'.isalnum(), 'ab'.isalpha(), ' '.isspace(), 'AB'.isupper(), 'ab'.islower(), ''.isdigit(), 'A1'.isupper())
# @case justify
print('a'.ljust(3) + '|', 'a'.rjust(3) + '|', 'ab'.center(5, '*'), 'ab'.center(7, '*'), 'abc'.center(6, '-'), '7'.zfill(3), '-7'.zfill(4), 'abcd'.zfill(2))
# @case partition
print('a=b=c'.partition('='), 'a=b=c'.rpartition('='), 'abc'.partition('='), 'abc'.rpartition('='))
# @case splitlines
print('a\nb\n'.splitlines(), 'a\nb'.splitlines(True), ''.splitlines())
# @case iteration
print([c for c in 'abc'], list('ab'), tuple('xy'), sorted('cab'), len('abc'), max('abc'), ''.join(reversed('abc')))
# @case str_function
print(str(), str(5), str([1, 'a']), str('x'), str((1,)), str({'a': 1}))
# @case unicode_length
print(len('héllo'), 'héllo'[1], 'héllo'.upper(), 'é' in 'héllo', 'héllo'.find('l'), 'héllo'[::-1])
# @case multiply_error
'a' * 1.5
# @case concat_error
'a' + 1
# @case in_type_error
1 in 'abc'
# @case attribute_error
'abc'.foo
# @case expandtabs
print('a\tb'.expandtabs(4), 'ab\tc'.expandtabs())
# @case chained_methods
print('  Conv_1/weights '.strip().lower().split('/')[0].replace('_', '-'))
# @case compare_chain
print('a' < 'b' < 'c', 'a' <= 'a', 'abc' > 'abd', sorted(['b', 'A', 'a', 'B']))
# @case docstring
def f():
    """The doc."""
    return f.__doc__
print(f())
# @case multiline_literal_in_call
print('one '
      'two '
      'three')
# @case format_of_name
for i in range(3):
    print('conv%d_%s' % (i + 1, 'abc'[i]))
# @case encode_roundtrip
print('abc'.encode('utf-8').decode('utf-8'))
# @case casefold_and_str_subclass
print('ABC'.casefold() == 'abc'.casefold())
