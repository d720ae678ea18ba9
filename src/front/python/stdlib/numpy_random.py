# numpy.random: the Mersenne Twister of Matsumoto and Nishimura 1998, and numpy's draws from it before version 1.17.

import math
import numpy as np


class RandomState(object):

    def __init__(self, seed=None):
        self.seed(seed)

    def seed(self, seed=None):
        # Without a seed numbers are the same every time: a definition sees no clock.
        value = (5489 if seed is None else int(seed)) & 0xffffffff
        self._words = [value]
        for i in range(1, 624):
            value = (1812433253 * (value ^ (value >> 30)) + i) & 0xffffffff
            self._words.append(value)
        self._at, self._kept = 624, None

    def _word(self):
        words = self._words
        if self._at >= 624:
            for i in range(624):
                y = (words[i] & 0x80000000) | (words[(i + 1) % 624] & 0x7fffffff)
                words[i] = words[(i + 397) % 624] ^ (y >> 1) ^ (0x9908b0df if y & 1 else 0)
            self._at = 0
        y = words[self._at]
        self._at += 1
        y ^= y >> 11
        y ^= (y << 7) & 0x9d2c5680
        y ^= (y << 15) & 0xefc60000
        return y ^ (y >> 18)

    def _double(self):
        a, b = self._word() >> 5, self._word() >> 6
        return (a * 67108864.0 + b) / 9007199254740992.0

    def _gauss(self):
        if self._kept is not None:
            kept, self._kept = self._kept, None
            return kept
        while True:
            x, y = 2.0 * self._double() - 1.0, 2.0 * self._double() - 1.0
            r = x * x + y * y
            if 0.0 < r < 1.0:
                break
        f = math.sqrt(-2.0 * math.log(r) / r)
        self._kept = f * x
        return f * y

    def _below(self, most):
        # From 0 to most, both of them.
        if most == 0:
            return 0
        mask = most
        for shift in (1, 2, 4, 8, 16):
            mask |= mask >> shift
        while True:
            value = self._word() & mask
            if value <= most:
                return value

    def _filled(self, draw, size):
        if size is None:
            return draw()
        shape = tuple(size) if isinstance(size, (list, tuple)) else (int(size),)
        count = 1
        for n in shape:
            count *= n
        return np.array([draw() for _ in range(count)]).reshape(shape)

    def random_sample(self, size=None):
        return self._filled(self._double, size)

    random = ranf = sample = random_sample

    def rand(self, *shape):
        return self.random_sample(shape or None)

    def uniform(self, low=0.0, high=1.0, size=None):
        return self._filled(lambda: low + (high - low) * self._double(), size)

    def standard_normal(self, size=None):
        return self._filled(self._gauss, size)

    def randn(self, *shape):
        return self.standard_normal(shape or None)

    def normal(self, loc=0.0, scale=1.0, size=None):
        return self._filled(lambda: loc + scale * self._gauss(), size)

    def randint(self, low, high=None, size=None, dtype=None):
        low, high = (0, low) if high is None else (low, high)
        if low >= high:
            raise ValueError('low >= high')
        return self._filled(lambda: low + self._below(high - low - 1), size)

    def shuffle(self, x):
        for i in range(len(x) - 1, 0, -1):
            j = self._below(i)
            x[i], x[j] = x[j], x[i]

    def permutation(self, x):
        numbers = list(range(x)) if isinstance(x, int) else list(x)
        self.shuffle(numbers)
        return np.array(numbers)

    def choice(self, a, size=None, replace=True, p=None):
        if p is not None:
            raise ValueError('`p` of numpy.random.choice is not known to cortado')
        all = list(range(a)) if isinstance(a, int) else list(a)
        if not replace:
            chosen = self.permutation(len(all))
            return np.array([all[i] for i in chosen[:size if size is not None else 1]])
        return self._filled(lambda: all[self._below(len(all) - 1)], size)


_state = RandomState()
seed, rand, randn, randint, uniform, normal = (_state.seed, _state.rand, _state.randn, _state.randint, _state.uniform,
                                               _state.normal)
random, random_sample, ranf, sample = _state.random, _state.random_sample, _state.ranf, _state.sample
standard_normal, shuffle, permutation, choice = (_state.standard_normal, _state.shuffle, _state.permutation,
                                                 _state.choice)
