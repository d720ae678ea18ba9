# The module operator.

add = lambda a, b: a + b
sub = lambda a, b: a - b
mul = lambda a, b: a * b
truediv = lambda a, b: a / b
div = truediv
floordiv = lambda a, b: a // b
mod = lambda a, b: a % b
pow = lambda a, b: a ** b
neg = lambda a: -a
and_ = lambda a, b: a & b
or_ = lambda a, b: a | b
xor = lambda a, b: a ^ b
eq = lambda a, b: a == b
ne = lambda a, b: a != b
lt = lambda a, b: a < b
le = lambda a, b: a <= b
gt = lambda a, b: a > b
ge = lambda a, b: a >= b
not_ = lambda a: not a
is_ = lambda a, b: a is b
contains = lambda a, b: b in a
getitem = lambda a, b: a[b]


def itemgetter(*keys):
    if len(keys) == 1:
        return lambda value: value[keys[0]]
    return lambda value: tuple(value[key] for key in keys)


def attrgetter(*names):
    def get(value, name):
        for part in name.split('.'):
            value = getattr(value, part)
        return value
    if len(names) == 1:
        return lambda value: get(value, names[0])
    return lambda value: tuple(get(value, name) for name in names)


def methodcaller(name, *args, **kwargs):
    return lambda value: getattr(value, name)(*args, **kwargs)
