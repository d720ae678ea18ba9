# Parts of the module collections.


def namedtuple(typename, field_names, rename=False, defaults=None, module=None, verbose=False):
    if isinstance(field_names, str):
        field_names = field_names.replace(',', ' ').split()
    fields = tuple(field_names)
    if len(set(fields)) < len(fields):
        raise ValueError('Encountered duplicate field name')
    for name in fields:
        if name.startswith('_'):
            raise ValueError('Field names cannot start with an underscore: %r' % name)
    rest = tuple(defaults) if defaults is not None else ()
    given = dict(zip(fields[len(fields) - len(rest):], rest))

    def __new__(cls, *args, **kwargs):
        if len(args) > len(fields):
            raise TypeError('%s.__new__() takes %d positional arguments but %d were given'
                            % (typename, len(fields) + 1, len(args) + 1))
        values = dict(given)
        values.update(zip(fields, args))
        for name in kwargs:
            if name not in fields:
                raise TypeError("%s.__new__() got an unexpected keyword argument '%s'" % (typename, name))
            if name in fields[:len(args)]:
                raise TypeError("%s.__new__() got multiple values for argument '%s'" % (typename, name))
        values.update(kwargs)
        missing = [repr(name) for name in fields if name not in values]
        if missing:
            raise TypeError('%s.__new__() missing %d required positional argument%s: %s'
                            % (typename, len(missing), 's' if len(missing) > 1 else '', ' and '.join(missing)))
        return tuple.__new__(cls, [values[name] for name in fields])

    def __repr__(self):
        return '%s(%s)' % (typename, ', '.join('%s=%r' % pair for pair in zip(fields, self)))

    def _replace(self, **kwargs):
        values = dict(zip(fields, self))
        for name in kwargs:
            if name not in values:
                raise ValueError('Got unexpected field names: %r' % [name])
        values.update(kwargs)
        return made(**values)

    def _asdict(self):
        return dict(zip(fields, self))

    def _make(iterable):
        return made(*iterable)

    def field(i):
        return property(lambda self: self[i])

    names = {
        '__new__': __new__, '__repr__': __repr__, '_replace': _replace, '_asdict': _asdict,
        '_make': staticmethod(_make), '_fields': fields, '_field_defaults': given,
    }
    for i, name in enumerate(fields):
        names[name] = field(i)
    made = type(typename, (tuple,), names)
    return made


class deque(object):

    def __init__(self, iterable=(), maxlen=None):
        self.maxlen = maxlen
        self._items = []
        self.extend(iterable)

    def append(self, item):
        self._items.append(item)
        if self.maxlen is not None and len(self._items) > self.maxlen:
            self._items.pop(0)

    def appendleft(self, item):
        self._items.insert(0, item)
        if self.maxlen is not None and len(self._items) > self.maxlen:
            self._items.pop()

    def extend(self, iterable):
        for item in iterable:
            self.append(item)

    def pop(self):
        if not self._items:
            raise IndexError('pop from an empty deque')
        return self._items.pop()

    def popleft(self):
        if not self._items:
            raise IndexError('pop from an empty deque')
        return self._items.pop(0)

    def clear(self):
        self._items = []

    def __len__(self):
        return len(self._items)

    def __iter__(self):
        return iter(self._items)

    def __getitem__(self, index):
        return self._items[index]

    def __repr__(self):
        bound = '' if self.maxlen is None else ', maxlen=%d' % self.maxlen
        return 'deque(%r%s)' % (self._items, bound)
