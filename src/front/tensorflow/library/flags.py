# tf.app.flags: a definition has no command line, so that each flag has its default.


class _Flags(object):
    def __init__(self):
        self._values = {}

    def __getattr__(self, name):
        if name.startswith('_') or name not in self._values:
            raise AttributeError('there is no flag %s: the file that defines it is not imported here' % name)
        return self._values[name]

    def __contains__(self, name):
        return name in self._values

    def __call__(self, argv, known_only=False):
        return list(argv)

    def _parse_flags(self, args=None):
        pass

    mark_as_parsed = _parse_flags

    def flag_values_dict(self):
        return dict(self._values)


FLAGS = _Flags()


def _define(name, default, help=None, *args, **kwargs):
    FLAGS._values[name] = default


def DEFINE_enum(name, default, enum_values, help=None, **kwargs):
    FLAGS._values[name] = default


def DEFINE_list(name, default, help=None, **kwargs):
    FLAGS._values[name] = default.split(',') if isinstance(default, str) else default


DEFINE_string = DEFINE_integer = DEFINE_float = DEFINE_boolean = DEFINE_bool = DEFINE_multi_string = _define
DEFINE_multi_integer = DEFINE_multi_float = DEFINE_alias = _define


def mark_flag_as_required(name, **kwargs):
    pass


def mark_flags_as_required(names, **kwargs):
    pass


def mark_flags_as_mutual_exclusive(names, **kwargs):
    pass


def adopt_module_key_flags(module, **kwargs):
    pass
