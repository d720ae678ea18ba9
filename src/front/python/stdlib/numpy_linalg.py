# numpy.linalg as far as first values of variables need it.

import math
import numpy as np


def norm(x, ord=None, axis=None, keepdims=False):
    if ord in (None, 2, 'fro'):
        return np.sqrt(np.sum(np.square(x), axis, keepdims=keepdims))
    if ord == 1:
        return np.sum(np.abs(x), axis, keepdims=keepdims)
    if ord == np.inf:
        return np.max(np.abs(x), axis, keepdims=keepdims)
    raise ValueError('norms of this order are not known to cortado')


def _solved(a, b):
    # Gauss and Jordan, by the largest element of each column.
    rows = [list(map(float, left)) + list(map(float, right)) for left, right in zip(a, b)]
    n, whole = len(rows), 1.0
    for i in range(n):
        best = max(range(i, n), key=lambda k: abs(rows[k][i]))
        if rows[best][i] == 0:
            raise LinAlgError('Singular matrix')
        if best != i:
            rows[i], rows[best], whole = rows[best], rows[i], -whole
        whole *= rows[i][i]
        rows[i] = [x / rows[i][i] for x in rows[i]]
        for k in range(n):
            if k != i and rows[k][i] != 0:
                rows[k] = [x - rows[k][i] * y for x, y in zip(rows[k], rows[i])]
    return [row[n:] for row in rows], whole


class LinAlgError(ValueError):
    pass


def inv(a):
    n = len(a)
    return np.array(_solved(np.array(a).tolist(), np.eye(n).tolist())[0])


def det(a):
    try:
        return _solved(np.array(a).tolist(), [[] for _ in range(len(a))])[1]
    except LinAlgError:
        return 0.0


def solve(a, b):
    b = np.array(b)
    columns = b.reshape(-1, 1) if len(b.shape) == 1 else b
    return np.array(_solved(np.array(a).tolist(), columns.tolist())[0]).reshape(b.shape)
