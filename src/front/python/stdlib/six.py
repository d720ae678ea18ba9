# The package six, as far as definitions use it.

from six import moves

PY2, PY3 = True, False
string_types = (str,)
integer_types = (int,)
text_type = str
binary_type = str


def iteritems(d):
    return iter(d.items())


def iterkeys(d):
    return iter(d.keys())


def itervalues(d):
    return iter(d.values())


def with_metaclass(meta, *bases):
    return bases[0] if bases else object


def add_metaclass(meta):
    return lambda cls: cls
