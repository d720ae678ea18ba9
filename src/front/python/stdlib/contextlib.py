# The module contextlib.


class _Manager(object):

    def __init__(self, steps):
        self._steps = steps

    def __enter__(self):
        return next(self._steps)

    def __exit__(self, kind, value, trace):
        if kind is None:
            for _ in self._steps:
                raise RuntimeError("generator didn't stop")
            return False
        try:
            self._steps.throw(kind, value)
        except StopIteration:
            return True
        except BaseException as error:
            if error is not value:
                raise
            return False
        raise RuntimeError("generator didn't stop after throw()")


def contextmanager(function):
    def manager(*args, **kwargs):
        return _Manager(function(*args, **kwargs))
    manager.__name__ = function.__name__
    manager.__doc__ = function.__doc__
    return manager


class closing(object):

    def __init__(self, thing):
        self.thing = thing

    def __enter__(self):
        return self.thing

    def __exit__(self, kind, value, trace):
        self.thing.close()


class suppress(object):

    def __init__(self, *classes):
        self._classes = classes

    def __enter__(self):
        return None

    def __exit__(self, kind, value, trace):
        return kind is not None and issubclass(kind, self._classes)


class nullcontext(object):

    def __init__(self, enter_result=None):
        self.enter_result = enter_result

    def __enter__(self):
        return self.enter_result

    def __exit__(self, kind, value, trace):
        return None
