# The module functools.

_MISSING = object()


def reduce(function, iterable, initial=_MISSING):
    items = iter(iterable)
    value = next(items, _MISSING) if initial is _MISSING else initial
    if value is _MISSING:
        raise TypeError('reduce() of empty iterable with no initial value')
    for item in items:
        value = function(value, item)
    return value


class partial(object):

    def __init__(self, func, *args, **keywords):
        if not callable(func):
            raise TypeError('the first argument must be callable')
        self.func = func
        self.args = args
        self.keywords = keywords

    def __call__(self, *args, **keywords):
        merged = dict(self.keywords)
        merged.update(keywords)
        return self.func(*(self.args + args), **merged)


def update_wrapper(wrapper, wrapped, assigned=None, updated=None):
    for name in ('__module__', '__name__', '__qualname__', '__doc__'):
        if hasattr(wrapped, name):
            setattr(wrapper, name, getattr(wrapped, name))
    wrapper.__wrapped__ = wrapped
    return wrapper


def wraps(wrapped, assigned=None, updated=None):
    return lambda wrapper: update_wrapper(wrapper, wrapped)


def lru_cache(maxsize=128, typed=False):
    def cached(function):
        known = {}

        def call(*args, **kwargs):
            key = (args, tuple(sorted(kwargs.items())))
            if key not in known:
                known[key] = function(*args, **kwargs)
            return known[key]
        return update_wrapper(call, function)
    if callable(maxsize):
        return cached(maxsize)
    return cached


cache = lru_cache(None)


def cmp_to_key(compare):
    class Key(object):
        def __init__(self, value):
            self.value = value

        def __lt__(self, other):
            return compare(self.value, other.value) < 0

        def __gt__(self, other):
            return compare(self.value, other.value) > 0

        def __eq__(self, other):
            return compare(self.value, other.value) == 0
    return Key


def total_ordering(cls):
    if '__lt__' in dir(cls):
        cls.__gt__ = lambda self, other: not (self < other or self == other)
        cls.__le__ = lambda self, other: self < other or self == other
        cls.__ge__ = lambda self, other: not self < other
    elif '__gt__' in dir(cls):
        cls.__lt__ = lambda self, other: not (self > other or self == other)
        cls.__ge__ = lambda self, other: self > other or self == other
        cls.__le__ = lambda self, other: not self > other
    else:
        raise ValueError('must define at least one ordering operation: < > <= >=')
    return cls
