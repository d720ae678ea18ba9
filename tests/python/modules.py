# @case math
import math
print(math.sqrt(16), math.floor(2.7), math.ceil(2.1), math.floor(-2.5), math.pi, math.e, math.trunc(-2.7))
print(math.log(math.e), math.log(8, 2), math.log2(8), math.log10(1000), math.exp(0), math.pow(2, 3), math.fabs(-2), math.hypot(3, 4))
print(math.sin(0), math.cos(0), math.atan2(1, 1) == math.pi / 4, math.gcd(12, 18), math.factorial(5), math.isnan(float('nan')), math.isinf(1), math.fmod(7, 3), math.degrees(math.pi))
# @case math_domain
import math
math.sqrt(-1)
# @case math_log_domain
import math
math.log(0)
# @case math_type
import math
math.sqrt('a')
# @case math_range
import math
math.exp(1000)
# @case from_import
from math import sqrt, pi as PI
import math as m
print(sqrt(9), PI == m.pi)
# @case import_missing
import nothing_here
# @case from_import_missing
try:
    from math import nothing
except ImportError as e:
    print(str(e)[:41])
# @case ordered_dict
from collections import OrderedDict
d = OrderedDict([('b', 1), ('a', 2)])
d['c'] = 3
d.move_to_end('b')
print(list(d.items()), d['a'], isinstance(d, dict), d == {'a': 2, 'b': 1, 'c': 3}, d.popitem(last=False))
# @case default_dict
from collections import defaultdict
d = defaultdict(list)
d['a'].append(1); d['a'].append(2); d['b']
print(dict(d), len(d), 'c' in d)
c = defaultdict(int)
for x in 'abca':
    c[x] += 1
print(sorted(c.items()), defaultdict(lambda: 'x')['k'])
# @case counter
from collections import Counter
c = Counter('abca')
print(c['a'], c['z'], c.most_common(1), sorted(c.items()))
c.update('aa')
print(c['a'])
# @case namedtuple
from collections import namedtuple
P = namedtuple('P', ['x', 'y'])
p = P(1, y=2)
print(p, p.x, p[1], tuple(p), p == (1, 2), len(p), p._replace(x=5), P._fields, isinstance(p, tuple), P(*[3, 4]))
x, y = p
print(x, y, p._asdict() == {'x': 1, 'y': 2}, [a for a in p], p + (3,))
# @case namedtuple_string
from collections import namedtuple
Block = namedtuple('Block', 'scope, unit args')
b = Block('b1', None, [(256, 64, 1)])
print(b.scope, b.args, b)
# @case namedtuple_subclass
from collections import namedtuple
class Block(namedtuple('Block', ['scope', 'args'])):
    'A block.'
    def depth(self):
        return len(self.args)
b = Block('x', [1, 2])
print(b.scope, b.depth(), b)
# @case namedtuple_missing
from collections import namedtuple
P = namedtuple('P', 'x y')
try:
    P(1)
except TypeError as e:
    print(e)
try:
    P(1, 2).x = 5
except AttributeError as e:
    print('readonly')
# @case deque
from collections import deque
d = deque([1, 2])
d.append(3); d.appendleft(0)
print(list(d), d.pop(), d.popleft(), len(d), d[0])
# @case abc_checks
import collections.abc
print(isinstance([], collections.abc.Iterable), isinstance(5, collections.abc.Iterable), isinstance({}, collections.abc.Mapping), isinstance('a', collections.abc.Sequence), isinstance(len, collections.abc.Callable))
# @case functools
import functools
add = lambda a, b, c=0: a + b + c
p = functools.partial(add, 1, c=10)
print(p(2), functools.reduce(lambda a, b: a * b, [1, 2, 3, 4]), functools.reduce(lambda a, b: a + b, [], 5), p.args, p.keywords)
# @case wraps
from functools import wraps
def d(f):
    @wraps(f)
    def g(*a):
        """g"""
        return f(*a) + 1
    return g
@d
def h(x):
    """h docs"""
    return x
print(h(1), h.__name__, h.__doc__)
# @case reduce_empty
from functools import reduce
try:
    reduce(lambda a, b: a, [])
except TypeError as e:
    print(str(e)[:30])
# @case lru_cache
from functools import lru_cache
@lru_cache(maxsize=None)
def f(x):
    print('computing', x)
    return x * 2
print(f(2), f(2), f(3))
# @case itertools
import itertools
print(list(itertools.chain([1], 'ab')), list(itertools.islice(itertools.count(5), 3)), list(itertools.repeat(1, 2)), list(itertools.product('ab', [1, 2])))
print(list(itertools.islice(range(10), 2, 8, 2)), list(itertools.takewhile(lambda x: x < 3, range(9))), list(itertools.dropwhile(lambda x: x < 3, range(5))), list(itertools.accumulate([1, 2, 3])))
print(list(itertools.combinations('abc', 2)), list(itertools.permutations([1, 2, 3], 2)), list(itertools.zip_longest([1], [2, 3])), list(itertools.starmap(pow, [(2, 3)])))
print([(k, list(g)) for k, g in itertools.groupby('aabc')], list(itertools.islice(itertools.cycle('ab'), 5)), list(itertools.chain.from_iterable([[1], [2]])), list(itertools.compress('abc', [1, 0, 1])))
print(list(itertools.combinations_with_replacement('ab', 2)), list(itertools.product([0, 1], repeat=2)), len(list(itertools.permutations(range(4)))))
# @case copy
import copy
a = [1, [2, 3], {'k': [4]}]
b, c = copy.copy(a), copy.deepcopy(a)
a[1].append(9); a[2]['k'].append(8)
print(a, b, c)
# @case copy_object
import copy
class A(object):
    def __init__(self):
        self.l = [1]
a = A()
b, c = copy.copy(a), copy.deepcopy(a)
a.l.append(2)
print(b.l, c.l, type(c).__name__)
# @case copy_cycle
import copy
a = [1]
a.append(a)
b = copy.deepcopy(a)
print(b[1] is b, b is a)
# @case contextmanager
from contextlib import contextmanager
@contextmanager
def scope(name):
    print('open', name)
    try:
        yield name.upper()
    finally:
        print('close', name)
with scope('a') as s:
    print(s)
try:
    with scope('b'):
        raise ValueError('inside')
except ValueError as e:
    print('caught', e)
# @case contextmanager_swallows
from contextlib import contextmanager
@contextmanager
def quiet():
    try:
        yield
    except KeyError:
        print('swallowed')
with quiet():
    {}['x']
print('after')
# @case suppress
from contextlib import suppress
with suppress(KeyError):
    {}['x']
print('after')
# @case operator
import operator
print(operator.add(1, 2), operator.itemgetter(1)([5, 6]), sorted([(1, 'b'), (2, 'a')], key=operator.itemgetter(1)), operator.attrgetter('real')(5) if False else 0, operator.mul(3, 4))
# @case string_module
import string
print(string.ascii_lowercase[:3], string.digits)
# @case future
from __future__ import print_function, division, absolute_import
print(7 / 2)
# @case future_bad
try:
    exec
except NameError:
    pass
print('ok')
# @case import_in_function
def f():
    import math
    from math import floor
    return floor(math.sqrt(10))
print(f())
# @case dotted_import
import collections.abc as cabc
import collections.abc
print(cabc.Iterable is collections.abc.Iterable)
# @case warnings_and_logging
import warnings, logging
warnings.filterwarnings('ignore')
logging.disable(logging.CRITICAL)
print('silent')
# @case abc_module
from abc import ABCMeta, abstractmethod
class A(object):
    @abstractmethod
    def f(self):
        pass
class B(A):
    def f(self):
        return 1
print(B().f())
# @case total_ordering
import functools
@functools.total_ordering
class V(object):
    def __init__(self, x):
        self.x = x
    def __eq__(self, o):
        return self.x == o.x
    def __lt__(self, o):
        return self.x < o.x
print(V(1) <= V(1), V(2) > V(1), V(1) >= V(2))
# @case cmp_to_key
from functools import cmp_to_key
print(sorted([3, 1, 2], key=cmp_to_key(lambda a, b: b - a)))
# @case names_as_paths
import os
import os.path as osp
print(os.path.dirname('a/b/c'), os.path.basename('a/b/c'), os.path.join('a', 'b/', 'c'), os.path.join('a', '/b'), osp.dirname('c'), osp.basename('a/'), os.path.dirname('/a'), os.path.dirname('a//b'))
print(os.path.splitext('a/b.c.d'), os.path.splitext('a.b/c'), os.path.splitext('.rc'), os.path.splitext('a/.rc'), os.path.join('a', ''), os.path.join('', 'b'))
# @case regular_expressions
import re
print(re.sub('%s_[0-9]*/' % 'tower', '', 'tower_12/conv1/Relu'), re.sub(r'(\w+)@(\w+)', r'\2-\1-\g<1>', 'a@b c@d'))
print(re.sub('a', lambda m: m.group().upper(), 'banana', 2), re.subn('x', 'y', 'xx'), re.escape('a.b*c') == r'a\.b\*c')
for pattern in ['a+', '(a|b)*c', '^x', 'x$', 'a.c', '(a)(b)?', '[^a-z]+', r'\s*,\s*', 'a{2,3}', 'a{,2}', 'a*?b', 'b|', '(a+)(a*)',
                r'\bx', 'x(?=y)', 'x(?!y)', r'(\w)\1', '[-a]', '[]a]', '(a|ab)(c|bcd)', '(?:ab)+', '((a)|b)+']:
    for text in ['', 'aab', 'xabcy', 'a1b22c333', 'foo, bar ,baz', 'xyx xy', 'aabbaacc', 'ab\nxb', 'A-b]c']:
        found = re.search(pattern, text)
        print(found and (found.span(), found.group(), found.groups()), re.findall(pattern, text), re.sub(pattern, '#', text),
              re.split(pattern, text), bool(re.match(pattern, text)))
# @case compiled_expressions
import re
pattern = re.compile('(?P<name>[a-z]+)_(?P<number>[0-9]+)', re.IGNORECASE)
found = pattern.match('Conv_12/x')
print(found.group('name'), found.group(2), found.start('number'), found.end(), found.group(0, 1), pattern.groups)
print(sorted(found.groupdict().items()), [m.start() for m in re.finditer('a', 'banana')], re.fullmatch('a+', 'aab'))
for wrong in ['(', '*a', '[a', 'a)', '\\']:
    try:
        re.compile(wrong)
    except re.error:
        print('bad')
# @case numbers_module
import numbers
print(isinstance(3, numbers.Number), isinstance(2.5, numbers.Integral), isinstance('a', numbers.Real))
