# @case defaults
def f(a, b=2, c=3):
    return a, b, c
print(f(1), f(1, 5), f(1, c=9), f(c=1, a=2), f(*[1, 2], **{'c': 4}))
# @case rest_and_keywords
def f(a, *args, **kwargs):
    return a, args, sorted(kwargs.items())
print(f(1), f(1, 2, 3), f(1, x=2), f(1, 2, y=3, z=4), f(*range(3), **dict(k=1)))
# @case keyword_only
def f(a, *, b, c=3):
    return a, b, c
print(f(1, b=2), f(1, c=4, b=5))
# @case keyword_only_after_rest
def f(*args, sep='-'):
    return sep.join(args)
print(f('a', 'b'), f('a', 'b', sep='+'))
# @case positional_only
def f(a, /, b):
    return a, b
print(f(1, b=2))
# @case several_stars
def f(*args, **kw):
    return args, kw
print(f(*[1], 2, *(3, 4), **{'a': 1}, **{'b': 2}))
# @case missing_one
def f(a, b):
    pass
f(1)
# @case missing_two
def f(a, b, c):
    pass
f(1)
# @case missing_three
def f(a, b, c):
    pass
f()
# @case missing_keyword_only
def f(*, a):
    pass
f()
# @case too_many
def f(a):
    pass
f(1, 2)
# @case too_many_none
def f():
    pass
f(1)
# @case too_many_defaults
def f(a, b=1):
    pass
f(1, 2, 3)
# @case unexpected_keyword
def f(a):
    pass
f(1, b=2)
# @case multiple_values
def f(a, b):
    pass
f(1, a=2)
# @case mutable_default
def f(x, acc=[]):
    acc.append(x)
    return acc
print(f(1), f(2), f(3, []), f(4))
# @case default_evaluated_once
def g():
    print('once')
    return 1
def f(a=g()):
    return a
f(); f()
# @case closures
def counter():
    n = [0]
    def inc():
        n[0] += 1
        return n[0]
    return inc
a, b = counter(), counter()
print(a(), a(), b(), a())
# @case nonlocal
def f():
    x = 1
    def g():
        nonlocal x
        x += 1
        return x
    g()
    return g(), x
print(f())
# @case global
x = 1
def f():
    global x, y
    x = 2
    y = 3
f()
print(x, y)
# @case late_binding
fs = [lambda: i for i in range(3)]
gs = [lambda i=i: i for i in range(3)]
print([f() for f in fs], [g() for g in gs])
# @case lambda_forms
print((lambda: 1)(), (lambda x, y=2: x + y)(1), (lambda *a, **k: (a, k))(1, b=2), list(map(lambda x: x * 2, [1, 2])))
# @case recursion
def fact(n):
    return 1 if n < 2 else n * fact(n - 1)
def fib(n):
    if n < 2:
        return n
    return fib(n - 1) + fib(n - 2)
print(fact(10), fib(15))
# @case mutual_recursion
def even(n):
    return True if n == 0 else odd(n - 1)
def odd(n):
    return False if n == 0 else even(n - 1)
print(even(10), odd(7))
# @case unbound_local
x = 1
def f():
    print(x)
    x = 2
f()
# @case unbound_local_augmented
x = 1
def f():
    x += 1
f()
# @case unbound_free
def f():
    def g():
        return x
    g()
    x = 1
f()
# @case undefined
undefined_name
# @case undefined_in_function
def f():
    return missing
f()
# @case decorator
def twice(f):
    def g(*args, **kwargs):
        return f(*args, **kwargs) * 2
    return g
@twice
def h(x):
    return x + 1
print(h(3), h(x=1))
# @case decorator_arguments
def times(n):
    def wrap(f):
        return lambda *a: f(*a) * n
    return wrap
@times(2)
@times(3)
def f(x):
    return x
print(f(1))
# @case decorator_order
def show(name):
    print('make', name)
    def wrap(f):
        print('apply', name)
        return f
    return wrap
@show('a')
@show('b')
def f():
    pass
# @case function_attributes
def f():
    """Docs."""
f.x = 5
print(f.x, f.__name__, f.__doc__, hasattr(f, 'y'), callable(f), callable(5))
# @case functions_as_values
ops = {'add': lambda a, b: a + b, 'mul': lambda a, b: a * b}
print(ops['add'](2, 3), [ops[k](2, 3) for k in sorted(ops)])
# @case return_several
def f():
    return 1, 2
a, b = f()
print(a, b, f())
# @case return_nothing
def f():
    return
def g():
    pass
print(f(), g())
# @case nested_three
def a(x):
    def b(y):
        def c(z):
            return x + y + z
        return c
    return b
print(a(1)(2)(3))
# @case shadowing
x = 'global'
def f():
    x = 'local'
    def g():
        return x
    return g()
print(f(), x)
# @case comprehension_scope
x = 'outer'
l = [x for x in range(3)]
print(x, l)
# @case class_scope
x = 1
class A(object):
    x = 2
    y = x + 1
    def f(self):
        return x
print(A.y, A().f())
# @case builtin_shadowed
def f(len):
    return len
print(f(3), len([1]))
# @case call_not_callable
5()
# @case call_none
def f():
    pass
f()()
# @case call_string
'abc'()
# @case bad_star
def f(*a):
    pass
try:
    f(*5)
except TypeError as e:
    print('iterable' in str(e))
# @case double_star_duplicate
def f(**k):
    pass
try:
    f(a=1, **{'a': 2})
except TypeError as e:
    print('multiple values' in str(e))
# @case double_star_not_strings
def f(**k):
    pass
f(**{1: 2})
# @case conditional_expression
def sign(x):
    return 'neg' if x < 0 else 'zero' if x == 0 else 'pos'
print(sign(-1), sign(0), sign(1))
# @case short_circuit
def t(x):
    print('t', x)
    return x
print(t(0) and t(1), t(1) or t(2), not t(0) and t(3), t(0) or t('') or t([]))
# @case walrus
if (n := len([1, 2, 3])) > 2:
    print(n)
print([y := 5, y + 1], [last := i for i in range(3)], last)
# @case annotations
def f(a: int, b: 'str' = 'x', *args: int, c: float = 1.0, **k) -> bool:
    x: int = 5
    y: int
    return a, b, x, c
print(f(1))
z: int = 3
print(z)
# @case yield_basic
def f(n):
    for i in range(n):
        yield i * i
print(list(f(4)), sum(f(3)), [x for x in f(2)])
# @case yield_state
def f():
    print('start')
    yield 1
    print('middle')
    yield 2
    print('end')
g = f()
print(next(g)); print(next(g)); print(next(g, 'done')); print(next(g, 'still'))
# @case yield_interleaved
def f(name):
    for i in range(2):
        print('make', name, i)
        yield i
for a, b in zip(f('x'), f('y')):
    print(a, b)
# @case yield_while
def f():
    n = 0
    while True:
        n += 1
        if n % 2:
            continue
        if n > 6:
            break
        yield n
    else:
        yield 'never'
    yield 'after'
print(list(f()))
# @case yield_try
def f():
    try:
        yield 1
        raise ValueError('x')
    except ValueError as e:
        yield str(e)
    else:
        yield 'never'
    finally:
        yield 'finally'
    yield 'end'
print(list(f()))
# @case yield_with
class M(object):
    def __enter__(self):
        print('enter')
        return 7
    def __exit__(self, *a):
        print('exit', a[0] is None)
def f():
    with M() as m:
        yield m
        yield m + 1
for x in f():
    print(x)
# @case yield_return
def f():
    yield 1
    return
    yield 2
print(list(f()))
# @case yield_recursive
def walk(t):
    for x in t:
        if isinstance(x, list):
            for y in walk(x):
                yield y
        else:
            yield x
print(list(walk([1, [2, [3, 4]], 5])))
# @case yield_infinite
def naturals():
    n = 0
    while True:
        yield n
        n += 1
g = naturals()
print([next(g) for _ in range(5)], next(x for x in naturals() if x * x > 50))
# @case yield_exception
def f():
    yield 1
    raise KeyError('k')
g = f()
print(next(g))
try:
    next(g)
except KeyError as e:
    print('caught', e)
print(next(g, 'over'))
# @case yield_else
def f(x):
    if x > 1:
        yield 'big'
    elif x == 1:
        yield 'one'
    else:
        yield 'small'
    for i in ():
        pass
    else:
        yield 'else'
print(list(f(2)), list(f(1)), list(f(0)))
# @case stop_iteration
next(iter([]))
# @case generator_type
def f():
    yield 1
print(type(f()).__name__, iter(f()) is not None)
# @case string_of_docless
def f(): pass
print(f.__doc__, (lambda: 0).__name__)
# @case star_args_forwarding
def outer(*args, **kwargs):
    return inner(*args, **kwargs)
def inner(a, b=1, *rest, **options):
    return a, b, rest, sorted(options)
print(outer(1), outer(1, 2, 3, z=4, y=5))
# @case sort_key_method
words = ['bb', 'A', 'c']
print(sorted(words, key=str.lower), sorted(words, key=len), max(words, key=len), list(map(str.upper, words)))
# @case yield_from
def f(n):
    yield 0
    yield from range(1, n)
    yield from 'ab'
    for x in [[1], [2]]:
        yield from x
print(list(f(3)))
