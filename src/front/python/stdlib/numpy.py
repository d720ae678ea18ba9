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


float_ = double = float64
single, half = float32, float16
int_, intp = int64, int64
int8 = int16 = uint16 = uint32 = uint64 = int32
# Python's own types, which old numpy has by its own name.
float, int, bool, object, str = float, int, bool, object, str


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

    def sum(self, axis=None, dtype=None, keepdims=False):
        return sum(self, axis, dtype, keepdims=keepdims)

    def prod(self, axis=None, dtype=None, keepdims=False):
        return prod(self, axis, keepdims=keepdims)

    def mean(self, axis=None, dtype=None, keepdims=False):
        return mean(self, axis, keepdims=keepdims)

    def var(self, axis=None, ddof=0, keepdims=False):
        return var(self, axis, ddof, keepdims)

    def std(self, axis=None, ddof=0, keepdims=False):
        return std(self, axis, ddof, keepdims)

    def max(self, axis=None, keepdims=False):
        return max(self, axis, keepdims)

    def min(self, axis=None, keepdims=False):
        return min(self, axis, keepdims)

    def argmax(self, axis=None):
        return argmax(self, axis)

    def argmin(self, axis=None):
        return argmin(self, axis)

    def argsort(self, axis=-1):
        return argsort(self, axis)

    def cumsum(self, axis=None):
        return cumsum(self, axis)

    def any(self, axis=None):
        return any(self, axis)

    def all(self, axis=None):
        return all(self, axis)

    def round(self, decimals=0):
        return round(self, decimals)

    def clip(self, low, high):
        return clip(self, low, high)

    def dot(self, other):
        return dot(self, other)

    def repeat(self, repeats, axis=None):
        return repeat(self, repeats, axis)

    def squeeze(self, axis=None):
        return squeeze(self, axis)

    def swapaxes(self, first, second):
        return swapaxes(self, first, second)

    def transpose(self, *axes):
        return transpose(self, axes[0] if len(axes) == 1 else axes or None)

    def _places(self, key):
        key = key if isinstance(key, tuple) else (key,)
        if len(key) == 1 and isinstance(key[0], ndarray) and _cast(key[0].dtype) is bool:
            mask = key[0]
            step = _size(self.shape[len(mask.shape):])
            places = [i * step + k for i, there in enumerate(mask._data) if there for k in range(step)]
            return (len(places) // (step or 1),) + self.shape[len(mask.shape):], places
        if Ellipsis in [k for k in key if not isinstance(k, (slice, ndarray))]:
            at = [k is Ellipsis for k in key].index(True)
            named = len([k for k in key if k is not None and k is not Ellipsis])
            key = key[:at] + (slice(None),) * (len(self.shape) - named) + key[at + 1:]
        if len([k for k in key if k is not None]) > len(self.shape):
            raise IndexError('too many indices for array')
        lists = [asarray(k) for k in key if isinstance(k, (list, ndarray))]
        if len(lists) > 1:
            return self._paired(key, lists)
        shape, places, axis = [], [0], 0
        for k in key + (slice(None),) * (len(self.shape) - len([k for k in key if k is not None])):
            if k is None:
                shape.append(1)
                continue
            n, step = self.shape[axis], _size(self.shape[axis + 1:])
            axis += 1
            if isinstance(k, (list, ndarray)):
                k = asarray(k)
                chosen = [int(i) % n for i in k._data] if _cast(k.dtype) is not bool else \
                    [i for i, there in enumerate(k._data) if there]
                shape += list(k.shape) if _cast(k.dtype) is not bool else [len(chosen)]
            elif isinstance(k, slice):
                chosen = list(range(*k.indices(n)))
                shape.append(len(chosen))
            else:
                k = int(k)
                if not -n <= k < n:
                    raise IndexError('index %d is out of bounds for axis %d with size %d' % (k, axis, n))
                chosen = [k % n]
            places = [place + k * step for place in places for k in chosen]
        return tuple(shape), places

    def _paired(self, key, lists):
        # Places by lists that go together: `a[rows, columns]`.
        if len(key) != len(self.shape) or [k for k in key if k is None or isinstance(k, slice)]:
            raise IndexError('lists of places are known for all axes together, or for one of them')
        places, step = 0, self.size
        for n, k in zip(self.shape, key):
            step //= n
            places = places + (asarray(k) % n) * step
        places = asarray(places)
        return places.shape, [int(place) for place in places._data]

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
        elif len(values) != len(places):
            values = broadcast_to(value, shape)._data
        values = [_cast(self.dtype)(v) for v in values]
        if len(values) != len(places):
            raise ValueError('could not broadcast %d values into shape %r' % (len(values), shape))
        for place, value in zip(places, values):
            self._data[place] = value

    def __contains__(self, value):
        return value in self._data

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

    def __rfloordiv__(self, other):
        return _each(lambda a, b: a // b, other, self)

    def __mod__(self, other):
        return _each(lambda a, b: a % b, self, other)

    def __rmod__(self, other):
        return _each(lambda a, b: a % b, other, self)

    def __matmul__(self, other):
        return dot(self, other)

    def __and__(self, other):
        return _each(lambda a, b: a & b, self, other)

    def __or__(self, other):
        return _each(lambda a, b: a | b, self, other)

    def __xor__(self, other):
        return _each(lambda a, b: a ^ b, self, other)

    def __invert__(self):
        return _one(lambda a: not a if isinstance(a, bool) else ~a, self)

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
    found = bool_ if data else float64
    for x in data:
        if isinstance(x, float):
            return float64
        if not isinstance(x, bool):
            found = int64
    return found


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


def linspace(start, stop, num=50, endpoint=True, dtype=None):
    steps = (num - 1 if endpoint else num) or 1
    data = [start + (stop - start) * float(i) / steps for i in range(num)]
    made = ndarray(data, (num,), float64)
    return made if dtype is None else made.astype(dtype)


def logspace(start, stop, num=50, base=10.0):
    return power(base, linspace(start, stop, num))


def full_like(a, fill_value, dtype=None):
    a = asarray(a)
    return full(a.shape, fill_value, dtype or a.dtype)


empty, empty_like, asanyarray, ascontiguousarray = zeros, zeros_like, asarray, asarray


def _reduce(function, a, axis, keepdims=False):
    a = asarray(a)
    if isinstance(axis, (list, tuple)):
        # The axes go to the end, and are one there.
        axes = [one % len(a.shape) for one in axis]
        kept = [one for one in range(len(a.shape)) if one not in axes]
        moved = transpose(a, kept + axes).reshape(tuple(a.shape[one] for one in kept) + (-1,))
        made = _reduce(function, moved, len(kept))
        return asarray(made).reshape(tuple(1 if i in axes else n for i, n in enumerate(a.shape))) if keepdims else made
    if axis is None:
        made = function(a._data)
        return full((1,) * len(a.shape), made, _kind([made])) if keepdims else made
    axis %= len(a.shape)
    if keepdims:
        made = _reduce(function, a, axis)
        return asarray(made).reshape(a.shape[:axis] + (1,) + a.shape[axis + 1:])
    outer, n, inner = _size(a.shape[:axis]), a.shape[axis], _size(a.shape[axis + 1:])
    data = [function([a._data[(o * n + k) * inner + i] for k in range(n)]) for o in range(outer) for i in range(inner)]
    shape = a.shape[:axis] + a.shape[axis + 1:]
    return ndarray(data, shape, _kind(data)) if shape else data[0]


_sum, _max, _min, _abs, _round, _any, _all = sum, max, min, abs, round, any, all


def sum(a, axis=None, dtype=None, keepdims=False):
    made = _reduce(_sum, a, axis, keepdims)
    return made if dtype is None else asarray(made).astype(dtype) if isinstance(made, ndarray) else _cast(dtype)(made)


def _product(values):
    result = 1
    for value in values:
        result *= value
    return result


def prod(a, axis=None, dtype=None, keepdims=False):
    return _reduce(_product, a, axis, keepdims)


product = prod


def mean(a, axis=None, dtype=None, keepdims=False):
    return _reduce(lambda values: _sum(values) / float(len(values)), a, axis, keepdims)


average = mean


def median(a, axis=None):
    def one(values):
        values, n = sorted(values), len(values)
        return (values[(n - 1) // 2] + values[n // 2]) / 2.0
    return _reduce(one, a, axis)


def max(a, axis=None, keepdims=False):
    return _reduce(_max, a, axis, keepdims)


def min(a, axis=None, keepdims=False):
    return _reduce(_min, a, axis, keepdims)


amax, amin = max, min


def ptp(a, axis=None):
    return max(a, axis) - min(a, axis)


def argmax(a, axis=None):
    return _reduce(lambda values: values.index(_max(values)), a, axis)


def argmin(a, axis=None):
    return _reduce(lambda values: values.index(_min(values)), a, axis)


def _along(function, a, axis):
    # A function that gives as many numbers as it takes.
    a = asarray(a)
    axis %= len(a.shape)
    order = [i for i in range(len(a.shape)) if i != axis] + [axis]
    moved = transpose(a, order)
    n = a.shape[axis]
    data = [x for i in range(0, len(moved._data), n or 1) for x in function(moved._data[i:i + n])]
    made = ndarray(data, moved.shape, _kind(data))
    return transpose(made, [order.index(i) for i in range(len(order))])


def _running(step):
    def of(values):
        data = []
        for x in values:
            data.append(step(data[-1], x) if data else x)
        return data
    return of


def cumsum(a, axis=None):
    return _along(_running(lambda total, x: total + x), asarray(a).flatten() if axis is None else a, axis or 0)


def cumprod(a, axis=None):
    return _along(_running(lambda total, x: total * x), asarray(a).flatten() if axis is None else a, axis or 0)


def argsort(a, axis=-1):
    return _along(lambda values: sorted(range(len(values)), key=lambda i: values[i]), a, axis)


def sort(a, axis=-1):
    return _along(sorted, a, axis)


def unique(a):
    return array(sorted(set(asarray(a)._data)))


def diff(a):
    a = asarray(a)
    return a[..., 1:] - a[..., :-1]


def var(a, axis=None, ddof=0, keepdims=False):
    def one(values):
        center = _sum(values) / float(len(values))
        return _sum([(x - center) ** 2 for x in values]) / float(len(values) - ddof)
    return _reduce(one, a, axis, keepdims)


def std(a, axis=None, ddof=0, keepdims=False):
    return sqrt(var(a, axis, ddof, keepdims))


def _float(function):
    return lambda a: _one(lambda x: float(function(x)), a)


sqrt, exp, log, log2, log10 = _float(math.sqrt), _float(math.exp), _float(math.log), _float(math.log2), _float(math.log10)
sin, cos, tan, tanh = _float(math.sin), _float(math.cos), _float(math.tan), _float(math.tanh)
sinh, cosh, arctan = _float(math.sinh), _float(math.cosh), _float(math.atan)
arcsin, arccos, log1p, expm1 = _float(math.asin), _float(math.acos), _float(math.log1p), _float(math.expm1)
deg2rad, rad2deg = _float(math.radians), _float(math.degrees)
radians, degrees = deg2rad, rad2deg
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


def floor_divide(a, b):
    return _each(lambda x, y: x // y, a, b)


def arctan2(a, b):
    return _each(math.atan2, a, b)


def hypot(a, b):
    return _each(math.hypot, a, b)


def negative(a):
    return _one(lambda x: -x, a)


true_divide = divide


def maximum(a, b):
    return _each(lambda x, y: x if x > y else y, a, b)


def minimum(a, b):
    return _each(lambda x, y: x if x < y else y, a, b)


def mod(a, b):
    return _each(lambda x, y: x % y, a, b)


def clip(a, low, high):
    return minimum(maximum(a, low), high)


def any(a, axis=None):
    return _reduce(_any, a, axis)


def all(a, axis=None):
    return _reduce(_all, a, axis)


def array_equal(a, b):
    a, b = asarray(a), asarray(b)
    return a.shape == b.shape and a._data == b._data


def isclose(a, b, rtol=1e-05, atol=1e-08):
    return _each(lambda x, y: _abs(x - y) <= atol + rtol * _abs(y), a, b)


def allclose(a, b, rtol=1e-05, atol=1e-08):
    return _all(asarray(isclose(a, b, rtol, atol))._data)


def logical_and(a, b):
    return _each(lambda x, y: bool(x) and bool(y), a, b)


def logical_or(a, b):
    return _each(lambda x, y: bool(x) or bool(y), a, b)


def logical_not(a):
    return _one(lambda x: not x, a)


def equal(a, b):
    return _each(lambda x, y: x == y, a, b)


def greater(a, b):
    return _each(lambda x, y: x > y, a, b)


def less(a, b):
    return _each(lambda x, y: x < y, a, b)


def _moved(a, axis, where):
    a = asarray(a)
    return a[tuple([where if i == axis % len(a.shape) else slice(None) for i in range(len(a.shape))])]


def flip(a, axis=None):
    a = asarray(a)
    for one in range(len(a.shape)) if axis is None else axis if isinstance(axis, (list, tuple)) else [axis]:
        a = _moved(a, one, slice(None, None, -1))
    return a


def fliplr(a):
    return flip(a, 1)


def flipud(a):
    return flip(a, 0)


def rot90(a, k=1):
    a = asarray(a)
    for _ in range(k % 4):
        a = flip(swapaxes(a, 0, 1), 0)
    return a


def roll(a, shift, axis=None):
    a = asarray(a)
    if axis is None:
        return roll(a.flatten(), shift, 0).reshape(a.shape)
    shift %= a.shape[axis]
    return concatenate([_moved(a, axis, slice(a.shape[axis] - shift, None)),
                        _moved(a, axis, slice(0, a.shape[axis] - shift))], axis)


def take(a, indices, axis=None):
    a = asarray(a)
    return a.flatten()[asarray(indices)] if axis is None else _moved(a, axis, asarray(indices))


def pad(a, pad_width, mode='constant', constant_values=0):
    a = asarray(a)
    if mode != 'constant':
        raise ValueError('only the mode constant of numpy.pad is known to cortado')
    widths = pad_width
    if not isinstance(widths, (list, tuple)):
        widths = [(widths, widths)] * len(a.shape)
    elif not isinstance(widths[0], (list, tuple)):
        widths = [tuple(widths)] * len(a.shape)
    for axis, (before, after) in enumerate(widths):
        shape = list(a.shape)
        parts = []
        for count in (before, after):
            shape[axis] = count
            parts.append(full(tuple(shape), constant_values, a.dtype))
        a = concatenate([parts[0], a, parts[1]], axis)
    return a


def swapaxes(a, first, second):
    axes = list(range(len(asarray(a).shape)))
    axes[first], axes[second] = axes[second], axes[first]
    return transpose(a, axes)


def moveaxis(a, source, destination):
    n = len(asarray(a).shape)
    axes = [i for i in range(n) if i != source % n]
    axes.insert(destination % n, source % n)
    return transpose(a, axes)


def rollaxis(a, axis, start=0):
    n = len(asarray(a).shape)
    axes = [i for i in range(n) if i != axis % n]
    axes.insert(start - 1 if start > axis % n else start, axis % n)
    return transpose(a, axes)


def broadcast_to(a, shape):
    return asarray(a) + zeros(shape, asarray(a).dtype)


def atleast_1d(a):
    a = asarray(a)
    return a if a.shape else a.reshape((1,))


def atleast_2d(a):
    a = asarray(a)
    return a.reshape((1,) * (2 - len(a.shape)) + a.shape) if len(a.shape) < 2 else a


def split(a, parts, axis=0):
    a = asarray(a)
    n = a.shape[axis]
    if isinstance(parts, int):
        if n % parts:
            raise ValueError('array split does not result in an equal division')
        parts = [n // parts * i for i in range(1, parts)]
    ends = [0] + list(parts) + [n]
    return [_moved(a, axis, slice(i, j)) for i, j in zip(ends, ends[1:])]


array_split = split


def diag(a, k=0):
    a = asarray(a)
    if len(a.shape) == 1:
        n = a.shape[0] + _abs(k)
        made = zeros((n, n), a.dtype)
        for i, x in enumerate(a._data):
            made[i - (k if k < 0 else 0), i + (k if k > 0 else 0)] = x
        return made
    rows, columns = a.shape
    return array([a[i, i + k] for i in range(rows) if 0 <= i + k < columns])


def trace(a):
    return _sum(diag(a)._data)


def tril(a, k=0):
    a = asarray(a)
    n, m = a.shape
    return ndarray([x if i % m <= i // m + k else 0 * x for i, x in enumerate(a._data)], a.shape, a.dtype)


def triu(a, k=0):
    a = asarray(a)
    n, m = a.shape
    return ndarray([x if i % m >= i // m + k else 0 * x for i, x in enumerate(a._data)], a.shape, a.dtype)


def indices(dimensions):
    dims = _dims(dimensions)
    grids = []
    for axis, n in enumerate(dims):
        own = [1] * len(dims)
        own[axis] = n
        grids.append(arange(n).reshape(tuple(own)) + zeros(dims, int64))
    return stack(grids)


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
    if not isinstance(a, (list, tuple, ndarray)) or not isinstance(b, (list, tuple, ndarray)):
        return _each(lambda x, y: x * y, a, b)
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


def vstack(arrays):
    return concatenate([atleast_2d(a) for a in arrays], 0)


def hstack(arrays):
    arrays = [atleast_1d(a) for a in arrays]
    return concatenate(arrays, 0 if len(arrays[0].shape) == 1 else 1)


def dstack(arrays):
    return concatenate([a if len(a.shape) > 2 else atleast_2d(a)[:, :, None] for a in map(asarray, arrays)], 2)


def column_stack(arrays):
    return concatenate([a[:, None] if len(a.shape) == 1 else a for a in map(asarray, arrays)], 1)


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


def nonzero(a):
    a = asarray(a)
    found = [i for i, x in enumerate(a._data) if x]
    places, step = [], len(a._data)
    for n in a.shape:
        step //= n
        places.append(array([i // step % n for i in found], int64))
    return tuple(places)


def argwhere(a):
    return stack(nonzero(a), 1)


def where(condition, a=None, b=None):
    if a is None and b is None:
        return nonzero(condition)
    chosen = _each(lambda c, x: (bool(c), x), condition, a)
    other = _each(lambda c, y: y, condition, b)
    if not isinstance(chosen, ndarray):
        return chosen[1] if chosen[0] else other
    data = [x if c else y for (c, x), y in zip(chosen._data, asarray(other)._data)]
    return ndarray(data, chosen.shape, _kind(data))


def isnan(a):
    return _one(lambda x: x != x, a)


def isinf(a):
    return _one(lambda x: _abs(x) == inf, a)


def isfinite(a):
    return _one(lambda x: x == x and _abs(x) != inf, a)


import numpy.random as random
import numpy.linalg as linalg
