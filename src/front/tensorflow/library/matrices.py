# Matrices (tf.linalg), alone or as the last two axes of a tensor.


def _square(matrix, most):
    shape = matrix.get_shape().as_list()
    if len(shape) < 2 or shape[-1] != shape[-2]:
        raise ValueError('square matrices are needed, not %r' % (shape,))
    if shape[-1] > most:
        raise ValueError('cortado knows this for matrices of up to %d rows, not of %d' % (most, shape[-1]))
    return shape[-1]


def _parts(matrix, n):
    return [[matrix[..., i, j] for j in range(n)] for i in range(n)]


def _determinant(m):
    if len(m) == 1:
        return m[0][0]
    total = None
    for j in range(len(m)):
        part = m[0][j] * _determinant([row[:j] + row[j + 1:] for row in m[1:]])
        total = part if total is None else (total - part if j % 2 else total + part)
    return total


def _together(m):
    return tf.stack([tf.stack(row, -1) for row in m], -2)


def matrix_determinant(input, name=None):
    return _determinant(_parts(input, _square(input, 4)))


def matrix_inverse(input, adjoint=False, name=None):
    n = _square(input, 4)
    m = _parts(input, n)
    whole = _determinant(m)
    if n == 1:
        return 1.0 / input
    # Cramer's rule.
    inverse = []
    for i in range(n):
        row = []
        for j in range(n):
            minor = _determinant([r[:i] + r[i + 1:] for k, r in enumerate(m) if k != j])
            row.append((-minor if (i + j) % 2 else minor) / whole)
        inverse.append(row)
    result = _together(inverse)
    return adjoint_(result) if adjoint else result


def matrix_solve(matrix, rhs, adjoint=False, name=None):
    return tf.matmul(matrix_inverse(matrix, adjoint), rhs)


def cholesky(input, name=None):
    n = _square(input, 32)
    m = _parts(input, n)
    zero = tf.zeros_like(m[0][0])
    lower = [[zero] * n for _ in range(n)]
    for j in range(n):
        for i in range(j, n):
            # The upper half is of no account, and the gradient is shared by both halves.
            rest = 0.5 * (m[i][j] + m[j][i])
            for k in range(j):
                rest = rest - lower[i][k] * lower[j][k]
            lower[i][j] = tf.sqrt(rest) if i == j else rest / lower[j][j]
    return _together(lower)


def adjoint_(matrix, name=None):
    rank = len(matrix.get_shape())
    return tf.transpose(matrix, list(range(rank - 2)) + [rank - 1, rank - 2])


def matvec(a, b, transpose_a=False, adjoint_a=False, a_is_sparse=False, b_is_sparse=False, name=None):
    product = tf.matmul(a, tf.expand_dims(b, -1), transpose_a=bool(transpose_a or adjoint_a))
    return tf.squeeze(product, [len(product.get_shape()) - 1])


def diag(diagonal, name=None):
    return tf.matrix_diag(diagonal)


def diag_part(input, name=None):
    return tf.matrix_diag_part(input)


def set_diag(input, diagonal, name=None):
    return tf.matrix_set_diag(input, diagonal)


def band_part(input, num_lower, num_upper, name=None):
    return tf.matrix_band_part(input, num_lower, num_upper)


def global_norm(t_list, name=None):
    return tf.global_norm(t_list)


def l2_normalize(x, axis=None, epsilon=1e-12, name=None, dim=None):
    return tf.nn.l2_normalize(x, dim if axis is None else axis, epsilon)


def normalize(tensor, ord='euclidean', axis=None, name=None):
    length = tf.norm(tensor, ord=ord, axis=axis, keep_dims=True)
    return tensor / length, length


def det(input, name=None):
    return matrix_determinant(input)


def inv(input, adjoint=False, name=None):
    return matrix_inverse(input, adjoint)


def solve(matrix, rhs, adjoint=False, name=None):
    return matrix_solve(matrix, rhs, adjoint)


class LinearOperatorLowerTriangular(object):
    def __init__(self, tril, is_non_singular=None, is_self_adjoint=None, is_positive_definite=None, is_square=None, name=None):
        self._matrix = tf.matrix_band_part(tril, -1, 0)

    @property
    def shape(self):
        return self._matrix.get_shape()

    def to_dense(self, name=None):
        return self._matrix

    def matmul(self, x, adjoint=False, adjoint_arg=False, name=None):
        return tf.matmul(self._matrix, x, transpose_a=adjoint, transpose_b=adjoint_arg)

    def diag_part(self, name=None):
        return tf.matrix_diag_part(self._matrix)
