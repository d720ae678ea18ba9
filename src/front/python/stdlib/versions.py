# Versions that are compared number by number.

import functools
import re


@functools.total_ordering
class LooseVersion(object):
    def __init__(self, vstring='0'):
        self.vstring = vstring
        parts = re.split('([0-9]+|[a-z]+|\\.)', vstring)
        self.version = [int(part) if part.isdigit() else part for part in parts if part and part != '.']

    def _parts(self):
        # Words such as `rc` come before all numbers.
        return [(0, 0, part) if isinstance(part, str) else (1, part, '') for part in self.version]

    def __eq__(self, other):
        return self._parts() == _version(other)._parts()

    def __lt__(self, other):
        return self._parts() < _version(other)._parts()

    def __str__(self):
        return self.vstring


def _version(value):
    return value if isinstance(value, LooseVersion) else LooseVersion(value)


StrictVersion = Version = parse = LooseVersion
