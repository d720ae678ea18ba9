# @case list
print([x * x for x in range(5)], [x for x in range(10) if x % 2], [x for x in 'abc'], [[] for _ in range(2)])
# @case nested_for
print([(x, y) for x in range(3) for y in range(x)], [x + y for x in 'ab' for y in 'cd'])
# @case nested_conditions
print([x for x in range(20) if x % 2 if x % 3], [(x, y) for x in range(4) if x for y in range(4) if x < y])
# @case nested_lists
print([[j * i for j in range(3)] for i in range(3)], [x for row in [[1, 2], [3]] for x in row])
# @case unpacking
print([a + b for a, b in [(1, 2), (3, 4)]], {k: v for k, v in zip('ab', [1, 2])}, [x for (x, (y, z)) in [(1, (2, 3))]])
# @case dict_and_set
print({x: x * x for x in range(3)}, sorted({x % 3 for x in range(10)}), {k.upper(): v for k, v in {'a': 1}.items()})
# @case generator
g = (x * 2 for x in range(3))
print(next(g), list(g), list(g), sum(x for x in range(5)), max(len(w) for w in ['a', 'bbb']))
# @case generator_lazy
def f(x):
    print('f', x)
    return x
g = (f(x) for x in range(3))
print('made')
print(next(g))
# @case first_iterable_is_eager
try:
    g = (x for x in 5)
except TypeError as e:
    print(e)
# @case conditional_element
print(['even' if x % 2 == 0 else 'odd' for x in range(3)], [x if x else 'zero' for x in range(2)])
# @case closure
def f(n):
    return [x + n for x in range(3)]
print(f(10))
# @case in_class_method
class A(object):
    k = 2
    def f(self):
        return [self.k * x for x in range(3)], {self.k: x for x in range(1)}
print(A().f())
# @case any_all
print(any(x > 2 for x in range(4)), all(x < 4 for x in range(4)), any([]), all([]), any(x for x in [0, '']))
# @case join
print(', '.join(str(x) for x in [1, 2]), ''.join([c for c in 'abc' if c != 'b']))
# @case call_with_other_arguments
print(sorted((x for x in [3, 1]), reverse=True), list(map(lambda x: x + 1, (y for y in [1]))))
# @case shadowing
x = 10
print([x for x in range(2)], x, [y for y in range(x - 8)])
# @case enumerate_zip
print([(i, a, b) for i, (a, b) in enumerate(zip('ab', [1, 2]))], list(enumerate('ab', 1)), list(zip([1, 2], 'ab', [True])), list(zip()), list(zip([1, 2], [3])))
# @case map_filter
print(list(map(lambda a, b: a + b, [1, 2], [10, 20])), list(filter(None, [0, 1, '', 'a'])), list(filter(lambda x: x > 1, [1, 2, 3])), list(map(int, '123')))
# @case reversed
print(list(reversed([1, 2, 3])), list(reversed('ab')), list(reversed(range(3))), list(reversed((1, 2))))
# @case iter_next
i = iter([1, 2])
print(next(i), next(i), next(i, None))
j = iter({'a': 1})
print(next(j), list(iter('ab')))
# @case iter_sentinel
l = [1, 2, 3, 0, 4]
print(list(iter(lambda: l.pop(0), 0)), l)
# @case zip_consumes
a = iter([1, 2, 3])
print(list(zip(a, a)))
# @case comprehension_error
[1 / x for x in [1, 0]]
# @case generator_not_subscriptable
(x for x in [1])[0]
# @case generator_no_len
len(x for x in [1])
# @case not_iterable
[x for x in 5]
# @case not_an_iterator
next([1])
# @case reversed_error
reversed({1})
# @case star_in_display
print([*range(3), 9], (*'ab',), {**{'a': 1}}, [*[], *()], print(*[1, 2], sep='-'))
# @case nested_generator
print(list(x for x in (y * 2 for y in range(3)) if x), sum(sum(r) for r in [[1, 2], [3]]))
# @case lambda_in_comprehension
print([f(2) for f in [lambda x: x, lambda x: x * x]])
# @case large
print(sum([i for i in range(1000)]), len([0 for _ in range(5000)]))
# @case dict_from_lists
names, sizes = ['conv1', 'conv2'], [16, 32]
layers = dict((n, {'size': s}) for n, s in zip(names, sizes))
print(layers['conv2']['size'], sorted(layers))
