# The module itertools.


def count(start=0, step=1):
    value = start
    while True:
        yield value
        value += step


def cycle(iterable):
    saved = []
    for item in iterable:
        yield item
        saved.append(item)
    while saved:
        for item in saved:
            yield item


def repeat(item, times=None):
    if times is None:
        while True:
            yield item
    for _ in range(times):
        yield item


def _chain(iterables):
    for iterable in iterables:
        for item in iterable:
            yield item


class chain(object):

    def __init__(self, *iterables):
        self._items = _chain(iterables)

    def __iter__(self):
        return self._items

    def __next__(self):
        return next(self._items)

    @staticmethod
    def from_iterable(iterables):
        return _chain(iterables)


def islice(iterable, *bounds):
    bounds = slice(*bounds)
    start, step = bounds.start or 0, bounds.step or 1
    stop = bounds.stop
    if start < 0 or step < 1 or stop is not None and stop < 0:
        raise ValueError('Indices for islice() must be None or an integer: 0 <= x <= sys.maxsize.')
    if stop is not None and stop <= start:
        return
    wanted = start
    for i, item in enumerate(iterable):
        if i == wanted:
            yield item
            wanted += step
        if stop is not None and i + 1 >= stop:
            return


def takewhile(predicate, iterable):
    for item in iterable:
        if not predicate(item):
            return
        yield item


def dropwhile(predicate, iterable):
    dropping = True
    for item in iterable:
        if dropping and predicate(item):
            continue
        dropping = False
        yield item


def filterfalse(predicate, iterable):
    for item in iterable:
        if not (item if predicate is None else predicate(item)):
            yield item


def starmap(function, iterable):
    for args in iterable:
        yield function(*args)


def accumulate(iterable, func=None, initial=None):
    total = initial
    started = initial is not None
    if started:
        yield total
    for item in iterable:
        if not started:
            total = item
            started = True
        else:
            total = total + item if func is None else func(total, item)
        yield total


def product(*iterables, repeat=1):
    results = [()]
    for pool in [tuple(iterable) for iterable in iterables] * repeat:
        results = [result + (item,) for result in results for item in pool]
    for result in results:
        yield result


def _places(pool, r, ordered, repeats, chosen):
    if len(chosen) == r:
        yield tuple(pool[i] for i in chosen)
        return
    for i in range(len(pool)):
        if not repeats and i in chosen:
            continue
        if not ordered and chosen and (i < chosen[-1] or not repeats and i == chosen[-1]):
            continue
        for found in _places(pool, r, ordered, repeats, chosen + [i]):
            yield found


def permutations(iterable, r=None):
    pool = tuple(iterable)
    return _places(pool, len(pool) if r is None else r, True, False, [])


def combinations(iterable, r):
    return _places(tuple(iterable), r, False, False, [])


def combinations_with_replacement(iterable, r):
    return _places(tuple(iterable), r, False, True, [])


def compress(data, selectors):
    for item, chosen in zip(data, selectors):
        if chosen:
            yield item


def zip_longest(*iterables, fillvalue=None):
    iterators = [iter(iterable) for iterable in iterables]
    end = object()
    while True:
        items = [next(iterator, end) for iterator in iterators]
        if all(item is end for item in items):
            return
        yield tuple(fillvalue if item is end else item for item in items)


def groupby(iterable, key=None):
    group = None
    for item in iterable:
        by = item if key is None else key(item)
        if group is None or by != group[0]:
            if group is not None:
                yield group[0], iter(group[1])
            group = (by, [])
        group[1].append(item)
    if group is not None:
        yield group[0], iter(group[1])


def tee(iterable, n=2):
    items = list(iterable)
    return tuple(iter(items) for _ in range(n))


def pairwise(iterable):
    before = None
    for i, item in enumerate(iterable):
        if i:
            yield before, item
        before = item


izip, imap, ifilter, izip_longest, ifilterfalse = zip, map, filter, zip_longest, filterfalse
