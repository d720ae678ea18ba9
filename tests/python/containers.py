# @case list_basics
a = [1, 2, 3]
a.append(4); a.extend([5, 6]); a.insert(0, 0); a.insert(-1, 9)
print(a, len(a), a.pop(), a.pop(0), a, a.index(3), a.count(9), 3 in a)
a.remove(9); a.reverse()
print(a, a + [7], a * 2, 2 * a)
# @case list_indexing
a = list(range(10))
print(a[0], a[-1], a[2:5], a[:3], a[7:], a[::3], a[::-1], a[8:2:-2], a[-3:], a[100:], a[:-8])
# @case list_assignment
a = [1, 2, 3, 4]
a[0] = 9; a[-1] = 8; a[1:3] = [7, 7, 7]; a[::2] = [0, 0, 0]
print(a)
a[1:1] = [5]; del a[0]; del a[-2:]
print(a)
# @case slice_size_error
a = [1, 2, 3]
a[::2] = [1]
# @case list_index_error
[1, 2][2]
# @case list_assignment_error
a = []
a[0] = 1
# @case list_type_error
[1]['a']
# @case pop_empty
[].pop()
# @case remove_missing
[1].remove(2)
# @case index_missing
[1].index(2)
# @case sort
a = [3, 1, 2]
a.sort(); print(a)
a.sort(reverse=True); print(a)
a.sort(key=lambda x: -x); print(a)
print(sorted('hello'), sorted([3, 1], reverse=True), sorted([(1, 'b'), (1, 'a'), (0, 'c')]), sorted(['b', 'A'], key=str.lower))
# @case sort_stable
print(sorted(['bb', 'a', 'cc', 'd'], key=len), sorted(['bb', 'a', 'cc', 'd'], key=len, reverse=True))
# @case sort_mixed
sorted([1, 'a'])
# @case comparison
print([1, 2] < [1, 3], [1] < [1, 0], [] < [0], (1, 2) == (1, 2), [1, [2]] == [1, [2]], (1,) > (0, 5), [1] != [1])
# @case tuple_basics
t = (1, 2, 3)
print(t, t[0], t[-1], t[1:], t + (4,), t * 2, len(t), 2 in t, t.index(2), t.count(1), (), (1,), tuple([1, 2]))
# @case tuple_immutable
t = (1,)
t[0] = 2
# @case tuple_concat
(1,) + [2]
# @case list_concat
[1] + (2,)
# @case nested
a = [[0] * 3 for _ in range(2)]
a[0][1] = 5
b = [[0] * 2] * 2
b[0][0] = 1
print(a, b)
# @case aliases
a = [1]
b = a
b += [2]
c = a
c = c + [3]
print(a, b, c, a is b, a is c)
# @case self_reference
a = [1]
a.append(a)
d = {}
d['d'] = d
print(a, d)
# @case dict_basics
d = {'a': 1, 'b': 2}
d['c'] = 3; d['a'] = 9
print(d, len(d), d['a'], 'b' in d, 'x' in d, d.get('x'), d.get('x', 5), list(d), list(d.keys()), list(d.values()), list(d.items()))
del d['b']
print(d, d.pop('a'), d.pop('z', 0), d, d.setdefault('q', []), d)
# @case dict_missing
{'a': 1}['b']
# @case dict_missing_int
{}[1]
# @case dict_delete_missing
d = {}
del d['x']
# @case dict_pop_missing
{}.pop('x')
# @case dict_update
d = {'a': 1}
d.update({'b': 2}); d.update(c=3); d.update([('d', 4)]); d.update({'a': 0}, e=5)
print(d, dict(a=1, b=2), dict([('x', 1)]), dict({'k': 2}, z=3), dict(zip('ab', [1, 2])), dict())
# @case dict_literal_unpack
a = {'x': 1}
print({**a, 'y': 2}, {'x': 0, **a}, [*a, *[1, 2]], (*a, 3), {*a, 'z'} == {'x', 'z'})
# @case dict_order
d = {}
for k in 'zebra':
    d[k] = 1
d['z'] = 2
del d['e']
d['e'] = 3
print(d)
# @case dict_keys_types
d = {1: 'a', 1.0: 'b', True: 'c', (1, 2): 'd', None: 'e', 'x': 'f', 2.5: 'g', frozenset([1]): 'h'}
print(len(d), d[1], d[(1, 2)], d[None], d[2.5], d[frozenset([1])])
# @case unhashable_list
{[1]: 2}
# @case unhashable_dict
{{}: 2}
# @case unhashable_in_tuple
{(1, [2]): 3}
# @case dict_iteration
d = {'a': 1, 'b': 2}
for k in d:
    print(k, d[k])
for k, v in d.items():
    print(k, v)
for i, (k, v) in enumerate(sorted(d.items())):
    print(i, k, v)
# @case dict_changed
d = {'a': 1}
for k in d:
    d[k + 'x'] = 1
# @case dict_equality
print({'a': 1, 'b': 2} == {'b': 2, 'a': 1}, {'a': 1} == {'a': 1.0}, {} == [], {'a': [1]} != {'a': [2]})
# @case dict_copy
a = {'x': [1]}
b = a.copy()
b['x'].append(2); b['y'] = 1
print(a, b, dict.fromkeys('ab', 0), dict.fromkeys([1]))
# @case dict_clear_popitem
d = {'a': 1, 'b': 2}
print(d.popitem(), d)
d.clear()
print(d)
d.popitem()
# @case dict_merge
a = {'x': 1}
b = a | {'y': 2}
a |= {'z': 3}
print(a, b)
# @case set_basics
s = {3, 1, 2}
s.add(4); s.add(1); s.discard(9); s.remove(3)
print(sorted(s), len(s), 1 in s, 3 in s, set(), sorted(set('hello')), sorted(frozenset([2, 1])))
# @case set_operators
a, b = {1, 2, 3}, {2, 3, 4}
print(sorted(a & b), sorted(a | b), sorted(a - b), sorted(a ^ b), a < b, {2} < a, a <= a, a > {1}, a == {3, 2, 1}, a.isdisjoint({9}))
print(sorted(a.union([9], [8])), sorted(a.intersection([1, 5])), sorted(a.difference([1])), a.issubset([1, 2, 3, 4]), a.issuperset([1]))
# @case set_update
a = {1}
a.update([2, 3]); a |= {4}; a -= {1}; a &= {2, 3}; a ^= {3, 5}
print(sorted(a))
# @case set_remove_missing
{1}.remove(2)
# @case range
print(list(range(5)), list(range(2, 5)), list(range(0, 10, 3)), list(range(5, 0, -2)), list(range(0)), len(range(0, 10, 3)), 3 in range(5), range(5)[2], range(5)[-1], range(10)[2:5], range(3))
# @case range_zero_step
range(0, 5, 0)
# @case range_float
range(1.5)
# @case range_compare
print(range(3) == range(0, 3), range(0) == range(1, 1), list(reversed(range(4))), range(0, 5, 2).index(4), range(5).count(3))
# @case unpacking
a, b = 1, 2
a, b = b, a
(c, d), e = [3, 4], 5
[f, g] = 'xy'
h, = [7]
print(a, b, c, d, e, f, g, h)
# @case unpacking_star
a, *b = [1, 2, 3]
*c, d = 'abc'
e, *f, g = range(5)
h, *i = [1]
print(a, b, c, d, e, f, g, h, i)
# @case unpacking_nested
for (a, b), c in [((1, 2), 3), ((4, 5), 6)]:
    print(a, b, c)
(x, (y, z)), w = (1, (2, 3)), 4
print(x, y, z, w)
# @case unpack_few
a, b = [1]
# @case unpack_many
a, b = [1, 2, 3]
# @case unpack_star_few
a, *b, c = [1]
# @case unpack_int
a, b = 5
# @case swap_items
a = [1, 2]
a[0], a[1] = a[1], a[0]
print(a)
# @case multiple_assignment
a = b = c = []
a.append(1)
x = y, z = 1, 2
print(b, c, x, y, z)
# @case conversions
print(list((1, 2)), tuple([1]), list({'a': 1}), list('ab'), set([1, 1]), dict([[1, 2]]), list(), tuple(), list(map(str, [1, 2])))
# @case dict_of_sequences_error
dict([1, 2])
# @case dict_of_long_pairs
dict([(1, 2, 3)])
# @case slice_object
s = slice(1, 5, 2)
print([0, 1, 2, 3, 4, 5][s], s.start, s.stop, s.step, slice(3), s.indices(4))
# @case in_nested
print([1] in [[1], 2], (1, 2) in [(1, 2)], None in [None], 'a' in {'a': 1}, 1.0 in [1])
# @case del_names
a = 1
del a
print('a' in dir())if False else None
a
# @case identity
a = [1]
print(a is a, a is [1], a is not [1], None is None, a == [1], () is ())
# @case boolean_containers
print([] or 'empty', [0] and 'full', {} or (), not [], bool(()))
# @case list_copy
a = [1, [2]]
b = a[:]; c = a.copy(); d = list(a)
b[1].append(3); b.append(4)
print(a, b, c, d)
# @case sum_of_lists
print(sum([[1], [2, 3]], []), sum(((1,), (2,)), ()))
# @case sum_of_strings
sum(['a'], '')
# @case extend_types
a = []
a.extend('ab'); a.extend((1,)); a.extend({2: 3}); a += (x for x in [9])
print(a)
# @case iterate_none
for x in None:
    pass
# @case len_none
len(None)
# @case len_int
len(5)
# @case subscript_none
None[0]
# @case subscript_int
5[0]
# @case item_assignment_none
None[0] = 1
