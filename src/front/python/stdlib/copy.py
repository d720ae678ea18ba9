# The module copy.


def copy(value):
    if isinstance(value, (list, dict, set)) and type(value) in (list, dict, set):
        return value.copy()
    if hasattr(value, '__copy__'):
        return value.__copy__()
    return _object(value, lambda part: part)


def deepcopy(value, memo=None):
    if memo is None:
        memo = {}
    kind = type(value)
    if kind in (int, float, str, bool):
        return value
    known = memo.get(id(value))
    if known is not None:
        return known[0]
    if kind is list:
        made = []
        memo[id(value)] = (made, value)
        made.extend([deepcopy(item, memo) for item in value])
    elif kind is tuple:
        made = tuple([deepcopy(item, memo) for item in value])
    elif isinstance(value, dict) and not hasattr(value, '__dict__'):
        made = value.copy()
        memo[id(value)] = (made, value)
        for key in list(made):
            made[key] = deepcopy(made[key], memo)
    elif kind is set:
        made = value.copy()
    elif hasattr(value, '__deepcopy__'):
        made = value.__deepcopy__(memo)
    else:
        made = _object(value, lambda part: deepcopy(part, memo))
    memo[id(value)] = (made, value)
    return made


def _object(value, change):
    kind = type(value)
    if not hasattr(value, '__dict__') or callable(value) and hasattr(value, '__name__'):
        return value
    if isinstance(value, dict):
        made = kind.__new__(kind)
        for key in value:
            made[key] = change(value[key])
    elif isinstance(value, (list, tuple)):
        made = kind.__new__(kind, [change(item) for item in value])
    else:
        made = kind.__new__(kind)
    for name, part in value.__dict__.items():
        setattr(made, name, change(part))
    return made
