# Dicts whose items are attributes as well.

class EasyDict(dict):
    def __init__(self, given=None, **kwargs):
        dict.__init__(self)
        self.update(given or {}, **kwargs)

    def __getattr__(self, name):
        if name in self:
            return self[name]
        raise AttributeError("'EasyDict' object has no attribute '%s'" % name)

    def __setattr__(self, name, value):
        self[name] = _eased(value)

    def update(self, given=None, **kwargs):
        for name, value in dict(given or {}, **kwargs).items():
            self[name] = _eased(value)


def _eased(value):
    if isinstance(value, dict) and not isinstance(value, EasyDict):
        return EasyDict(value)
    if isinstance(value, (list, tuple)):
        return type(value)([_eased(item) for item in value])
    return value
