# A definition has no command line: what is described is what it has without one.

class Namespace(object):
    def __init__(self, **kwargs):
        for name in kwargs:
            setattr(self, name, kwargs[name])


class _Group(object):
    def __init__(self, defaults):
        self._defaults = defaults

    def add_argument(self, *names, **given):
        longest = [n for n in names if n.startswith('--')] or list(names)
        name = given.get('dest') or longest[0].lstrip('-').replace('-', '_')
        action = given.get('action')
        absent = {'store_true': False, 'store_false': True}.get(action)
        value = given.get('default', absent)
        if isinstance(value, str) and given.get('type') is not None and not isinstance(value, given['type']):
            value = given['type'](value)
        if name not in ('help', 'version') and name not in self._defaults:
            self._defaults[name] = value

    def add_argument_group(self, *args, **kwargs):
        return _Group(self._defaults)

    add_mutually_exclusive_group = add_argument_group

    def set_defaults(self, **kwargs):
        self._defaults.update(kwargs)


class ArgumentParser(_Group):
    def __init__(self, *args, **kwargs):
        self._defaults = {}

    def parse_args(self, args=None, namespace=None):
        if args:
            raise ValueError('a definition has no command line: write what it asks for as a default')
        return Namespace(**self._defaults)

    def parse_known_args(self, args=None, namespace=None):
        return self.parse_args(), []

    def print_help(self, file=None):
        pass


class Action(object):
    pass


class ArgumentTypeError(Exception):
    pass


class ArgumentDefaultsHelpFormatter(object):
    pass


RawTextHelpFormatter = RawDescriptionHelpFormatter = HelpFormatter = ArgumentDefaultsHelpFormatter
SUPPRESS = '==SUPPRESS=='
REMAINDER = '...'
