# Classes whose plain attributes become members.

class Enum(object):
    def __init_subclass__(cls, **kwargs):
        cls._members = []
        for name, value in list(vars(cls).items()):
            if name.startswith('_') or callable(value) or isinstance(value, (property, classmethod, staticmethod)):
                continue
            member = object.__new__(cls)
            member.name, member.value = name, value
            cls._members.append(member)
            setattr(cls, name, member)

    def __new__(cls, value):
        for member in cls._members:
            if value is member or value == member.value:
                return member
        raise ValueError('%r is not a valid %s' % (value, cls.__name__))

    def __repr__(self):
        return '<%s.%s: %r>' % (type(self).__name__, self.name, self.value)

    def __str__(self):
        return '%s.%s' % (type(self).__name__, self.name)


class IntEnum(Enum):
    def __eq__(self, other):
        return self.value == (other.value if isinstance(other, Enum) else other)

    def __ne__(self, other):
        return not self == other

    def __lt__(self, other):
        return self.value < (other.value if isinstance(other, Enum) else other)

    def __hash__(self):
        return hash(self.value)

    def __int__(self):
        return self.value

    __index__ = __int__


def unique(enumeration):
    return enumeration
