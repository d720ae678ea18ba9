# @case basics
class A(object):
    """Docs."""
    kind = 'a'
    def __init__(self, x):
        self.x = x
    def get(self):
        return self.x
a = A(3)
print(a.x, a.get(), a.kind, A.kind, A.__name__, A.__doc__, a.__class__.__name__, A.get(a))
# @case attributes
class A(object):
    pass
a = A()
a.x = 1
a.x += 1
setattr(a, 'y', 2)
print(a.x, a.y, hasattr(a, 'z'), getattr(a, 'z', 'none'), getattr(a, 'x'), a.__dict__, vars(a))
del a.x
print(hasattr(a, 'x'))
delattr(a, 'y')
print(a.__dict__)
# @case missing_attribute
class A(object):
    pass
A().foo
# @case missing_class_attribute
class A(object):
    pass
A.foo
# @case delete_missing
class A(object):
    pass
del A().x
# @case inheritance
class A(object):
    def f(self):
        return 'A.f'
    def g(self):
        return self.f() + '!'
class B(A):
    def f(self):
        return 'B.f ' + super().f()
class C(B):
    def f(self):
        return 'C.f ' + super(C, self).f()
print(A().g(), B().g(), C().g(), isinstance(C(), A), issubclass(C, A), issubclass(A, C), isinstance(A(), B))
# @case init_super
class A(object):
    def __init__(self, x, **kw):
        self.x = x
        self.kw = kw
class B(A):
    def __init__(self, *args, **kwargs):
        super(B, self).__init__(*args, **kwargs)
        self.y = self.x + 1
b = B(1, z=3)
print(b.x, b.y, b.kw)
# @case diamond
class A(object):
    def f(self):
        return ['A']
class B(A):
    def f(self):
        return ['B'] + super().f()
class C(A):
    def f(self):
        return ['C'] + super().f()
class D(B, C):
    def f(self):
        return ['D'] + super().f()
print(D().f())
# @case bad_mro
class A(object): pass
class B(A): pass
try:
    class C(A, B): pass
except TypeError as e:
    print('Cannot create a consistent' in str(e))
# @case class_variables
class A(object):
    items = []
    count = 0
    def add(self, x):
        self.items.append(x)
        self.count += 1
a, b = A(), A()
a.add(1); b.add(2)
print(A.items, a.count, A.count, b.items is a.items)
# @case property
class A(object):
    def __init__(self):
        self._x = 1
    @property
    def x(self):
        return self._x
    @x.setter
    def x(self, value):
        self._x = value * 2
a = A()
a.x = 5
print(a.x, a._x)
# @case property_readonly
class A(object):
    @property
    def x(self):
        return 1
A().x = 2
# @case static_and_class_methods
class A(object):
    n = 5
    @staticmethod
    def s(x):
        return x * 2
    @classmethod
    def c(cls, x):
        return cls.n + x
class B(A):
    n = 7
print(A.s(3), A().s(4), A.c(1), B.c(1), B().c(2))
# @case special_methods
class V(object):
    def __init__(self, x, y):
        self.x, self.y = x, y
    def __add__(self, o):
        return V(self.x + o.x, self.y + o.y)
    def __mul__(self, k):
        return V(self.x * k, self.y * k)
    __rmul__ = __mul__
    def __neg__(self):
        return V(-self.x, -self.y)
    def __eq__(self, o):
        return (self.x, self.y) == (o.x, o.y)
    def __repr__(self):
        return 'V(%r, %r)' % (self.x, self.y)
    def __len__(self):
        return 2
    def __getitem__(self, i):
        return (self.x, self.y)[i]
    def __call__(self, z):
        return self.x + z
    def __contains__(self, v):
        return v in (self.x, self.y)
    def __bool__(self):
        return self.x != 0
    def __iter__(self):
        return iter((self.x, self.y))
v = V(1, 2)
print(v + V(3, 4), v * 3, 2 * v, -v, v == V(1, 2), v != V(1, 3), len(v), v[0], v[-1], v(5), 2 in v, 9 in v, bool(v), bool(V(0, 1)), list(v))
a, b = v
print(a, b, [str(v)], '%s %r' % (v, v))
# @case reflected
class A(object):
    def __radd__(self, o):
        return ('radd', o)
    def __rsub__(self, o):
        return ('rsub', o)
    def __rtruediv__(self, o):
        return ('rdiv', o)
    def __rpow__(self, o):
        return ('rpow', o)
print(1 + A(), 'x' + A(), [1] - A(), 2 / A(), 2 ** A())
# @case not_implemented
class A(object):
    def __add__(self, o):
        return NotImplemented
class B(object):
    def __radd__(self, o):
        return 'B'
print(A() + B())
A() + 1
# @case in_place
class A(object):
    def __init__(self):
        self.l = []
    def __iadd__(self, x):
        self.l.append(x)
        return self
a = A()
b = a
a += 1
a += 2
print(a.l, a is b)
# @case ordering
class A(object):
    def __init__(self, x):
        self.x = x
    def __lt__(self, o):
        return self.x < o.x
    def __repr__(self):
        return 'A%d' % self.x
print(sorted([A(3), A(1), A(2)]), A(1) < A(2), A(1) > A(2), min(A(2), A(1)))
# @case items
class A(object):
    def __init__(self):
        self.d = {}
    def __getitem__(self, k):
        return self.d[k]
    def __setitem__(self, k, v):
        self.d[k] = v
    def __delitem__(self, k):
        del self.d[k]
a = A()
a['x'] = 1
a['x'] += 5
print(a['x'], a.d)
del a['x']
print(a.d)
# @case slices_passed
class A(object):
    def __getitem__(self, k):
        return k
a = A()
print(a[1], a[1:2], a[::3], a[1, 2], a[..., 0], a[1:2, None, :], a['k'], a[-1:])
# @case getattr_hook
class A(object):
    def __init__(self):
        self.real = 1
    def __getattr__(self, name):
        if name.startswith('x'):
            return 'dynamic ' + name
        raise AttributeError(name)
a = A()
print(a.real, a.xyz, hasattr(a, 'nope'), getattr(a, 'nope', 'default'))
a.nope
# @case setattr_hook
class A(object):
    def __setattr__(self, name, value):
        self.__dict__[name] = value
try:
    print(A())if False else print('ok')
except Exception:
    pass
# @case iterator_protocol
class Count(object):
    def __init__(self, n):
        self.n = n
    def __iter__(self):
        return self
    def __next__(self):
        if self.n == 0:
            raise StopIteration
        self.n -= 1
        return self.n
print(list(Count(3)), [x for x in Count(2)], sum(Count(4)), next(Count(5)))
# @case getitem_iteration
class A(object):
    def __getitem__(self, i):
        if i > 2:
            raise IndexError
        return i * 10
print(list(A()), 20 in A(), [x for x in A()])
# @case context_manager
class M(object):
    def __init__(self, swallow):
        self.swallow = swallow
    def __enter__(self):
        print('enter')
        return self
    def __exit__(self, kind, value, trace):
        print('exit', kind.__name__ if kind else None, value)
        return self.swallow
with M(False) as m:
    print('body', m.swallow)
with M(True):
    raise ValueError('x')
print('after')
with M(False):
    raise KeyError('y')
# @case with_several
class M(object):
    def __init__(self, n):
        self.n = n
    def __enter__(self):
        print('enter', self.n)
        return self.n
    def __exit__(self, *a):
        print('exit', self.n)
with M(1) as a, M(2) as b:
    print(a, b)
with (M(3) as c, M(4)):
    print(c)
# @case with_return
class M(object):
    def __enter__(self):
        return 1
    def __exit__(self, *a):
        print('exit')
def f():
    for i in range(3):
        with M() as m:
            if i == 1:
                return i
print(f())
# @case with_not_manager
with 5:
    pass
# @case init_return
class A(object):
    def __init__(self):
        return 5
try:
    A()
except TypeError as e:
    print(str(e)[:30])
# @case init_missing_argument
class A(object):
    def __init__(self, x):
        pass
try:
    A()
except TypeError as e:
    print("missing 1 required positional argument: 'x'" in str(e))
# @case no_arguments
class A(object):
    pass
A(1)
# @case method_without_self
class A(object):
    def f():
        pass
try:
    A().f()
except TypeError as e:
    print('takes 0 positional arguments but 1 was given' in str(e))
# @case bound_methods
class A(object):
    def __init__(self, x):
        self.x = x
    def f(self, y):
        return self.x + y
m = A(1).f
print(m(2), list(map(A(10).f, [1, 2])), m.__name__, m.__self__.x, A(1).f == A(1).f)
# @case class_as_value
class A(object):
    pass
class B(object):
    pass
kinds = {'a': A, 'b': B}
print(type(kinds['a']()).__name__, type(A()) is A, type(A()) == B, isinstance(A(), (B, A)), A is A)
# @case nested_class
class A(object):
    class B(object):
        x = 1
    def make(self):
        return self.B()
print(A.B.x, A().make().x)
# @case class_body_code
class A(object):
    l = []
    for i in range(3):
        l.append(i * i)
    if len(l) > 2:
        big = True
    def f(self):
        return self.l
print(A.l, A.big, A.i, A().f())
# @case class_comprehension
class A(object):
    n = 3
    l = [i for i in range(n)]
print(A.l)
# @case class_decorator
def tag(cls):
    cls.tag = 'yes'
    return cls
@tag
class A(object):
    pass
print(A.tag)
# @case type_call
A = type('A', (object,), {'x': 5, 'f': lambda self: self.x + 1})
print(A.__name__, A().x, A().f())
# @case dict_subclass
class Options(dict):
    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name)
    def __setattr__(self, name, value):
        self[name] = value
o = Options(a=1)
o.b = 2
print(o.a, o['b'], len(o), sorted(o.items()), 'a' in o, isinstance(o, dict), o == {'a': 1, 'b': 2}, hasattr(o, 'zz'))
# @case list_subclass
class Stack(list):
    def push(self, x):
        self.append(x)
    def top(self):
        return self[-1]
s = Stack([1])
s.push(2)
print(s, s.top(), len(s), s + [3], isinstance(s, list), [x for x in s], s == [1, 2], s[0:1])
# @case int_subclass
class N(int):
    def double(self):
        return self * 2
print(N(5) + 1, N(5).double(), N(3) == 3, [0, 1, 2, 3][N(2)])
# @case str_subclass
class S(str):
    def shout(self):
        return self.upper() + '!'
print(S('a').shout(), S('ab') + 'c', len(S('abc')), S('x') == 'x', {S('k'): 1}['k'])
# @case dict_subclass_init
class D(dict):
    def __init__(self, **kw):
        super(D, self).__init__(**kw)
        self['extra'] = True
print(sorted(D(a=1).items()))
# @case missing_hook
class D(dict):
    def __missing__(self, k):
        return k * 2
print(D(a=1)['a'], D()['xy'])
# @case new
class A(object):
    def __new__(cls, x):
        o = object.__new__(cls)
        o.made = True
        return o
    def __init__(self, x):
        self.x = x
a = A(3)
print(a.made, a.x)
# @case hash_identity
class A(object):
    pass
a, b = A(), A()
d = {a: 1, b: 2}
print(d[a], d[b], a in d, A() in d, len({a, a, b}))
# @case equality_default
class A(object):
    pass
a = A()
print(a == a, a == A(), a != A(), a is a)
# @case str_falls_back
class A(object):
    def __repr__(self):
        return 'R'
class B(object):
    def __str__(self):
        return 'S'
print(str(A()), repr(A()), [A()], str(B()), '%s' % B())
# @case name_lookup
class A(object):
    def f(self):
        return 1
a = A()
a.f = lambda: 2
print(a.f(), A().f(), A.f(a))
# @case private_names
class A(object):
    _x = 1
    __slots__ = ()
print(A._x)
# @case old_style
class A:
    def __init__(self):
        self.x = 1
print(A().x, isinstance(A(), object))
# @case abstract
class Base(object):
    def run(self):
        raise NotImplementedError
class Derived(Base):
    pass
Derived().run()
# @case cached_property_pattern
def cached(f):
    name = '_cache_' + f.__name__
    @property
    def wrapper(self):
        if not hasattr(self, name):
            setattr(self, name, f(self))
        return getattr(self, name)
    return wrapper
class A(object):
    @cached
    def x(self):
        print('computing')
        return 42
a = A()
print(a.x, a.x)
# @case getattr_with_string
class Layer(object):
    def conv(self, n):
        return 'conv%d' % n
    def pool(self, n):
        return 'pool%d' % n
net = Layer()
print([getattr(net, kind)(i) for i, kind in enumerate(['conv', 'pool'])])
# @case class_repr
class A(object):
    pass
print(int, str, ValueError, type(None), type([]), type(type))
# @case super_attribute_error
class A(object):
    def f(self):
        return super().nothing
A().f()
# @case setter_through_init
class A(object):
    def __init__(self, v):
        self.v = v
    @property
    def v(self):
        return self._v
    @v.setter
    def v(self, value):
        if value < 0:
            raise ValueError('negative')
        self._v = value
print(A(3).v)
A(-1)
# @case operators_compare_all
class N(object):
    def __init__(self, n): self.n = n
    def __le__(self, o): return 'le'
    def __gt__(self, o): return 'gt'
    def __ne__(self, o): return 'ne'
print(N(1) <= N(2), N(1) > N(2), N(1) != N(1), N(1) < N(2), N(2) >= N(1))
# @case callable_instances
class F(object):
    def __init__(self, k): self.k = k
    def __call__(self, *a, **kw): return self.k, a, kw
print(F(1)(2, x=3), callable(F(1)), list(map(F(0), [5])))
# @case not_callable_instance
class A(object): pass
A()()
# @case not_subscriptable
class A(object): pass
A()[0]
# @case not_iterable
class A(object): pass
for x in A(): pass
# @case mangled_inherit_constant
class Base(object):
    depth = 1
class Net(Base):
    depth = Base.depth + 1
    widths = {'3a': [64, 96], '3b': [128, 192]}
print(Net.depth, Net.widths['3a'][1], sorted(Net.widths))
# @case attributes_as_a_dict
class Options(object):
    def __init__(self, **kwargs):
        self.depth = 1
        self.__dict__.update(kwargs)
o = Options(width=2)
o.__dict__['height'] = 3
o.late = 4
del o.depth
print(o.width, o.height, hasattr(o, 'depth'), sorted(vars(o).items()), sorted(n for n in dir(o) if not n.startswith('__')))
other = Options()
other.__dict__ = {'name': 'x'}
print(other.name, hasattr(other, 'depth'), other.__dict__)
# @case dict_that_is_its_attributes
class AttrDict(dict):
    def __init__(self, *args, **kwargs):
        super(AttrDict, self).__init__(*args, **kwargs)
        self.__dict__ = self
a = AttrDict(size=3, name='n')
a.more = [1]
a['last'] = 5
print(a.size, a['more'], a.last, len(a), sorted(a), 'more' in a)
a.none
# @case dict_of_something_else
class A(object): pass
A().__dict__ = 3
# @case descriptors
class lazy(object):
    def __init__(self, function):
        self.function = function
    def __get__(self, obj, owner=None):
        if obj is None:
            return owner.__name__
        value = self.function(obj)
        setattr(obj, self.function.__name__, value)
        return value
class Typed(object):
    def __init__(self, kind): self.kind = kind
    def __get__(self, obj, owner): return obj.__dict__.get('_typed', 'unset')
    def __set__(self, obj, value):
        if not isinstance(value, self.kind):
            raise TypeError('not a ' + self.kind.__name__)
        obj.__dict__['_typed'] = value
class Net(object):
    made = 0
    size = Typed(int)
    @lazy
    def logits(self):
        Net.made += 1
        return 'logits'
class Deep(Net): pass
n = Deep()
print(n.logits, n.logits, Net.made, Deep.logits, n.size)
n.size = 3
print(n.size, sorted(n.__dict__))
n.size = 'x'
