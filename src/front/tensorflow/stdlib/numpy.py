# The part of numpy that definitions need: numbers in small arrays.

import math
from math import pi, e, inf, nan

newaxis = None


class float32(float):
    pass


class float64(float):
    pass


class float16(float):
    pass


class int32(int):
    pass


class int64(int):
    pass


class uint8(int):
    pass


class bool_(int):
    pass


float_, int_ = float64, int64


def _shape(value):
    if isinstance(value, ndarray):
        return value.shape
    if hasattr(value, 'as_list'):
        value = value.as_list()
    if not isinstance(value, (list, tuple)):
        return ()
    inner = [_shape(item) for item in value]
    for shape in inner[1:]:
        if shape != inner[0]:
            raise ValueError('setting an array element with a sequence: the shape is inhomogeneous')
    return (len(value),) + (inner[0] if inner else ())


def _flat(value):
    if isinstance(value, ndarray):
        return list(value._data)
    if hasattr(value, 'as_list'):
        value = value.as_list()
    if isinstance(value, (list, tuple)):
        return [x for item in value for x in _flat(item)]
    return [int(value) if hasattr(value, 'value') else value]


def _size(shape):
    size = 1
    for n in shape:
        size *= n
    return size


def _dims(shape):
    return tuple(int(n) for n in shape) if isinstance(shape, (list, tuple, ndarray)) else (int(shape),)


def _cast(dtype):
    if dtype in (int, int32, int64, uint8, 'int32', 'int64', 'int', 'uint8'):
        return int
    if dtype in (bool, bool_, 'bool'):
        return bool
    return float


class ndarray(object):

    def __init__(self, data, shape, dtype):
        self._data = data
        self.shape = shape
        self.dtype = dtype

    @property
    def size(self):
        return len(self._data)

    @property
    def ndim(self):
        return len(self.shape)

    @property
    def T(self):
        return transpose(self)

    def tolist(self):
        def nested(start, shape):
            if not shape:
                return self._data[start]
            step = _size(shape[1:])
            return [nested(start + i * step, shape[1:]) for i in range(shape[0])]
        return nested(0, self.shape)

    def astype(self, dtype):
        cast = _cast(dtype)
        return ndarray([cast(x) for x in self._data], self.shape, dtype)

    def copy(self):
        return ndarray(list(self._data), self.shape, self.dtype)

    def reshape(self, *shape):
        shape = _dims(shape[0]) if len(shape) == 1 else _dims(shape)
        if -1 in shape:
            known = -_size(shape)
            if known == 0 or len(self._data) % known:
                raise ValueError('cannot reshape array of size %d into shape %r' % (len(self._data), shape))
            shape = tuple(len(self._data) // known if n == -1 else n for n in shape)
        if _size(shape) != len(self._data):
            raise ValueError('cannot reshape array of size %d into shape %r' % (len(self._data), shape))
        return ndarray(list(self._data), shape, self.dtype)

    def flatten(self):
        return ndarray(list(self._data), (len(self._data),), self.dtype)

    ravel = flatten

    def fill(self, value):
        self._data = [value] * len(self._data)

    def item(self):
        if len(self._data) != 1:
            raise ValueError('can only convert an array of size 1 to a Python scalar')
        return self._data[0]

    def sum(self, axis=None):
        return sum(self, axis)

    def prod(self, axis=None):
        return prod(self, axis)

    def mean(self, axis=None):
        return mean(self, axis)

    def max(self, axis=None):
        return max(self, axis)

    def min(self, axis=None):
        return min(self, axis)

    def transpose(self, *axes):
        return transpose(self, axes or None)

    def _places(self, key):
        key = key if isinstance(key, tuple) else (key,)
        if Ellipsis in [k for k in key if not isinstance(k, (slice, ndarray))]:
            at = [k is Ellipsis for k in key].index(True)
            key = key[:at] + (slice(None),) * (len(self.shape) - len(key) + 1) + key[at + 1:]
        if len(key) > len(self.shape):
            raise IndexError('too many indices for array')
        shape, places = [], [0]
        for axis, n in enumerate(self.shape):
            step = _size(self.shape[axis + 1:])
            k = key[axis] if axis < len(key) else slice(None)
            if isinstance(k, slice):
                chosen = list(range(*k.indices(n)))
                shape.append(len(chosen))
            else:
                k = int(k)
                if not -n <= k < n:
                    raise IndexError('index %d is out of bounds for axis %d with size %d' % (k, axis, n))
                chosen = [k % n]
            places = [place + k * step for place in places for k in chosen]
        return tuple(shape), places

    def __getitem__(self, key):
        shape, places = self._places(key)
        if not shape:
            return self._data[places[0]]
        return ndarray([self._data[place] for place in places], shape, self.dtype)

    def __setitem__(self, key, value):
        shape, places = self._places(key)
        values = _flat(value)
        if len(values) == 1:
            values = values * len(places)
        if len(values) != len(places):
            raise ValueError('could not broadcast %d values into shape %r' % (len(values), shape))
        for place, value in zip(places, values):
            self._data[place] = value

    def __len__(self):
        if not self.shape:
            raise TypeError('len() of unsized object')
        return self.shape[0]

    def __iter__(self):
        for i in range(len(self)):
            yield self[i]

    def __bool__(self):
        if len(self._data) != 1:
            raise ValueError('The truth value of an array with more than one element is ambiguous')
        return bool(self._data[0])

    def __float__(self):
        return float(self.item())

    def __int__(self):
        return int(self.item())

    def __repr__(self):
        return 'array(%r)' % (self.tolist(),)

    def __str__(self):
        return repr(self.tolist()).replace(',', '')

    def __add__(self, other):
        return _each(lambda a, b: a + b, self, other)

    def __radd__(self, other):
        return _each(lambda a, b: a + b, other, self)

    def __sub__(self, other):
        return _each(lambda a, b: a - b, self, other)

    def __rsub__(self, other):
        return _each(lambda a, b: a - b, other, self)

    def __mul__(self, other):
        return _each(lambda a, b: a * b, self, other)

    def __rmul__(self, other):
        return _each(lambda a, b: a * b, other, self)

    def __truediv__(self, other):
        return _each(lambda a, b: a / b, self, other)

    def __rtruediv__(self, other):
        return _each(lambda a, b: a / b, other, self)

    def __floordiv__(self, other):
        return _each(lambda a, b: a // b, self, other)

    def __mod__(self, other):
        return _each(lambda a, b: a % b, self, other)

    def __pow__(self, other):
        return _each(lambda a, b: a ** b, self, other)

    def __rpow__(self, other):
        return _each(lambda a, b: a ** b, other, self)

    def __neg__(self):
        return _one(lambda a: -a, self)

    def __abs__(self):
        return _one(abs, self)

    def __eq__(self, other):
        return _each(lambda a, b: a == b, self, other)

    def __ne__(self, other):
        return _each(lambda a, b: a != b, self, other)

    def __lt__(self, other):
        return _each(lambda a, b: a < b, self, other)

    def __le__(self, other):
        return _each(lambda a, b: a <= b, self, other)

    def __gt__(self, other):
        return _each(lambda a, b: a > b, self, other)

    def __ge__(self, other):
        return _each(lambda a, b: a >= b, self, other)


def _kind(data):
    for x in data:
        if isinstance(x, float):
            return float64
    return int64


def _known(value):
    return isinstance(value, (int, float, list, tuple, ndarray))


def _each(function, a, b):
    if not _known(a) or not _known(b):
        return NotImplemented
    a, b = asarray(a), asarray(b)
    n = len(a.shape) if len(a.shape) > len(b.shape) else len(b.shape)
    left, right = (1,) * (n - len(a.shape)) + a.shape, (1,) * (n - len(b.shape)) + b.shape
    shape = []
    for x, y in zip(left, right):
        if x != y and x != 1 and y != 1:
            raise ValueError('operands could not be broadcast together with shapes %r %r' % (a.shape, b.shape))
        shape.append(y if x == 1 else x)
    if left == right:
        data = [function(x, y) for x, y in zip(a._data, b._data)]
    else:
        data = []
        for i in range(_size(shape)):
            rest, at, to = i, 0, 0
            step_a = step_b = 1
            for axis in range(n - 1, -1, -1):
                place = rest % shape[axis]
                rest //= shape[axis]
                at += step_a * (place if left[axis] != 1 else 0)
                to += step_b * (place if right[axis] != 1 else 0)
                step_a *= left[axis]
                step_b *= right[axis]
            data.append(function(a._data[at], b._data[to]))
    if not shape:
        return data[0]
    return ndarray(data, tuple(shape), _kind(data))


def _one(function, a):
    if not isinstance(a, (list, tuple, ndarray)):
        return function(a)
    a = asarray(a)
    data = [function(x) for x in a._data]
    return ndarray(data, a.shape, _kind(data))


def array(value, dtype=None, copy=True, ndmin=0):
    shape, data = _shape(value), _flat(value)
    if dtype is not None:
        cast = _cast(dtype)
        data = [cast(x) for x in data]
    shape = (1,) * (ndmin - len(shape)) + shape
    return ndarray(data, shape, dtype or getattr(value, 'dtype', None) or _kind(data))


def asarray(value, dtype=None):
    if isinstance(value, ndarray) and dtype is None:
        return value
    return array(value, dtype)


def full(shape, fill_value, dtype=None):
    shape = _dims(shape)
    value = fill_value if dtype is None else _cast(dtype)(fill_value)
    return ndarray([value] * _size(shape), shape, dtype or _kind([value]))


def zeros(shape, dtype=float64):
    return full(shape, 0, dtype)


def ones(shape, dtype=float64):
    return full(shape, 1, dtype)


def zeros_like(a, dtype=None):
    a = asarray(a)
    return full(a.shape, 0, dtype or a.dtype)


def ones_like(a, dtype=None):
    a = asarray(a)
    return full(a.shape, 1, dtype or a.dtype)


def eye(n, m=None, dtype=float64):
    m = n if m is None else m
    cast = _cast(dtype)
    return ndarray([cast(i == j) for i in range(n) for j in range(m)], (n, m), dtype)


identity = eye


def arange(*bounds, dtype=None):
    start, stop, step = 0, bounds[0], 1
    if len(bounds) > 1:
        start, stop = bounds[:2]
    if len(bounds) > 2:
        step = bounds[2]
    count = int(math.ceil((stop - start) / step))
    data = [start + i * step for i in range(count if count > 0 else 0)]
    if dtype is not None:
        cast = _cast(dtype)
        data = [cast(x) for x in data]
    return ndarray(data, (len(data),), dtype or _kind(data))


def linspace(start, stop, num=50, endpoint=True):
    steps = (num - 1 if endpoint else num) or 1
    data = [start + (stop - start) * float(i) / steps for i in range(num)]
    return ndarray(data, (num,), float64)


def _reduce(function, a, axis):
    a = asarray(a)
    if axis is None:
        return function(a._data)
    axis %= len(a.shape)
    outer, n, inner = _size(a.shape[:axis]), a.shape[axis], _size(a.shape[axis + 1:])
    data = [function([a._data[(o * n + k) * inner + i] for k in range(n)]) for o in range(outer) for i in range(inner)]
    shape = a.shape[:axis] + a.shape[axis + 1:]
    return ndarray(data, shape, _kind(data)) if shape else data[0]


_sum, _max, _min, _abs, _round, _any, _all = sum, max, min, abs, round, any, all


def sum(a, axis=None):
    return _reduce(_sum, a, axis)


def _product(values):
    result = 1
    for value in values:
        result *= value
    return result


def prod(a, axis=None):
    return _reduce(_product, a, axis)


def mean(a, axis=None):
    return _reduce(lambda values: _sum(values) / float(len(values)), a, axis)


def max(a, axis=None):
    return _reduce(_max, a, axis)


def min(a, axis=None):
    return _reduce(_min, a, axis)


amax, amin = max, min


def argmax(a, axis=None):
    return _reduce(lambda values: values.index(_max(values)), a, axis)


def cumsum(a):
    total, data = 0, []
    for x in asarray(a)._data:
        total += x
        data.append(total)
    return ndarray(data, (len(data),), _kind(data))


def var(a, axis=None):
    def one(values):
        center = _sum(values) / float(len(values))
        return _sum([(x - center) ** 2 for x in values]) / float(len(values))
    return _reduce(one, a, axis)


def std(a, axis=None):
    return sqrt(var(a, axis))


def _float(function):
    return lambda a: _one(lambda x: float(function(x)), a)


sqrt, exp, log, log2, log10 = _float(math.sqrt), _float(math.exp), _float(math.log), _float(math.log2), _float(math.log10)
sin, cos, tan, tanh = _float(math.sin), _float(math.cos), _float(math.tan), _float(math.tanh)
floor, ceil = _float(math.floor), _float(math.ceil)
rint = around = _float(_round)


def round(a, decimals=0):
    return _one(lambda x: _round(x, decimals), a)


def abs(a):
    return _one(_abs, a)


absolute = fabs = abs


def square(a):
    return _one(lambda x: x * x, a)


def sign(a):
    return _one(lambda x: (x > 0) - (x < 0), a)


def power(a, b):
    return _each(lambda x, y: x ** y, a, b)


def add(a, b):
    return _each(lambda x, y: x + y, a, b)


def subtract(a, b):
    return _each(lambda x, y: x - y, a, b)


def multiply(a, b):
    return _each(lambda x, y: x * y, a, b)


def divide(a, b):
    return _each(lambda x, y: x / y, a, b)


def maximum(a, b):
    return _each(lambda x, y: x if x > y else y, a, b)


def minimum(a, b):
    return _each(lambda x, y: x if x < y else y, a, b)


def mod(a, b):
    return _each(lambda x, y: x % y, a, b)


def clip(a, low, high):
    return minimum(maximum(a, low), high)


def any(a):
    return _any(asarray(a)._data)


def all(a):
    return _all(asarray(a)._data)


def isscalar(a):
    return isinstance(a, (int, float, str))


def reshape(a, shape):
    return asarray(a).reshape(shape)


def ravel(a):
    return asarray(a).flatten()


def shape(a):
    return asarray(a).shape


def size(a):
    return asarray(a).size


def ndim(a):
    return asarray(a).ndim


def transpose(a, axes=None):
    a = asarray(a)
    n = len(a.shape)
    axes = tuple(range(n))[::-1] if axes is None else _dims(axes)
    steps = [_size(a.shape[axis + 1:]) for axis in axes]
    made = tuple(a.shape[axis] for axis in axes)
    places = [0]
    for count, step in zip(made, steps):
        places = [place + k * step for place in places for k in range(count)]
    return ndarray([a._data[place] for place in places], made, a.dtype)


def concatenate(arrays, axis=0):
    arrays = [asarray(a) for a in arrays]
    first = arrays[0].shape
    axis %= len(first)
    outer = _size(first[:axis])
    for a in arrays:
        if a.shape[:axis] + a.shape[axis + 1:] != first[:axis] + first[axis + 1:]:
            raise ValueError('all the input array dimensions except for the concatenation axis must match exactly')
    data = []
    for o in range(outer):
        for a in arrays:
            n = len(a._data) // outer
            data += a._data[o * n:(o + 1) * n]
    total = _sum([a.shape[axis] for a in arrays])
    return ndarray(data, first[:axis] + (total,) + first[axis + 1:], arrays[0].dtype)


def stack(arrays, axis=0):
    return concatenate([expand_dims(a, axis) for a in arrays], axis)


def expand_dims(a, axis):
    a = asarray(a)
    axis %= len(a.shape) + 1
    return a.reshape(a.shape[:axis] + (1,) + a.shape[axis:])


def squeeze(a, axis=None):
    a = asarray(a)
    if axis is None:
        return a.reshape(tuple(n for n in a.shape if n != 1))
    return a.reshape(a.shape[:axis] + a.shape[axis + 1:])


def dot(a, b):
    a, b = asarray(a), asarray(b)
    if len(a.shape) == 1 and len(b.shape) == 1:
        return _sum([x * y for x, y in zip(a._data, b._data)])
    rows, inner = (a.shape[0], a.shape[1]) if len(a.shape) == 2 else (1, a.shape[0])
    columns = b.shape[1] if len(b.shape) == 2 else 1
    if b.shape[0] != inner:
        raise ValueError('shapes %r and %r not aligned' % (a.shape, b.shape))
    data = [_sum([a._data[i * inner + k] * b._data[k * columns + j] for k in range(inner)])
            for i in range(rows) for j in range(columns)]
    made = a.shape[:-1] + b.shape[1:]
    return ndarray(data, made, _kind(data))


matmul = dot


def outer(a, b):
    a, b = asarray(a), asarray(b)
    data = [x * y for x in a._data for y in b._data]
    return ndarray(data, (len(a._data), len(b._data)), _kind(data))


def meshgrid(*axes, **kwargs):
    axes = [asarray(a).flatten() for a in axes]
    order = list(range(len(axes)))
    if kwargs.get('indexing', 'xy') == 'xy' and len(axes) > 1:
        order[0], order[1] = 1, 0
    shape = [0] * len(axes)
    for place, a in zip(order, axes):
        shape[place] = len(a._data)
    grids = []
    for place, a in zip(order, axes):
        own = [1] * len(axes)
        own[place] = len(a._data)
        grids.append(a.reshape(tuple(own)) * ones(tuple(shape), a.dtype))
    return grids


class _Grid(object):
    """Ranges by slices: open ones along their own axes, or all of them over the whole grid."""

    def __init__(self, whole):
        self._whole = whole

    def __getitem__(self, key):
        ranges = []
        for k in key if isinstance(key, tuple) else (key,):
            start, step = k.start or 0, 1 if k.step is None else k.step
            ranges.append(arange(start, k.stop, step))
        if not isinstance(key, tuple):
            return ranges[0]
        open_ = []
        for i, a in enumerate(ranges):
            shape = [1] * len(ranges)
            shape[i] = len(a._data)
            open_.append(a.reshape(tuple(shape)))
        if not self._whole:
            return open_
        shape = tuple(len(a._data) for a in ranges)
        return stack([a * ones(shape, a.dtype) for a in open_])


ogrid, mgrid = _Grid(False), _Grid(True)


def tile(a, reps):
    a, reps = asarray(a), list(reps) if isinstance(reps, (list, tuple)) else [reps]
    n = len(reps) if len(reps) > len(a.shape) else len(a.shape)
    a = a.reshape((1,) * (n - len(a.shape)) + a.shape)
    for axis, times in enumerate([1] * (n - len(reps)) + reps):
        a = concatenate([a] * times, axis)
    return a


def repeat(a, repeats, axis=None):
    a = asarray(a)
    if axis is None:
        return array([x for x in a._data for _ in range(repeats)])
    n = a.shape[axis]
    return stack([a] * repeats, axis % len(a.shape) + 1).reshape(a.shape[:axis] + (n * repeats,) + a.shape[axis + 1:])


def where(condition, a, b):
    chosen = _each(lambda c, x: (bool(c), x), condition, a)
    other = _each(lambda c, y: y, condition, b)
    if not isinstance(chosen, ndarray):
        return chosen[1] if chosen[0] else other
    data = [x if c else y for (c, x), y in zip(chosen._data, asarray(other)._data)]
    return ndarray(data, chosen.shape, _kind(data))


def isnan(a):
    return _one(lambda x: x != x, a)
