# tf.keras.constraints: what a variable becomes after each step of the solver.


class Constraint(object):
    def __call__(self, w):
        return w


def _lengths(w, axis):
    return tf.sqrt(tf.reduce_sum(tf.square(w), axis, keep_dims=True))


class MaxNorm(Constraint):
    def __init__(self, max_value=2, axis=0):
        self.max_value, self.axis = float(max_value), axis

    def __call__(self, w):
        lengths = _lengths(w, self.axis)
        return w * (tf.minimum(lengths, self.max_value) / (1e-7 + lengths))


class NonNeg(Constraint):
    def __call__(self, w):
        return w * tf.cast(w >= 0.0, tf.float32)


class UnitNorm(Constraint):
    def __init__(self, axis=0):
        self.axis = axis

    def __call__(self, w):
        return w / (1e-7 + _lengths(w, self.axis))


class MinMaxNorm(Constraint):
    def __init__(self, min_value=0.0, max_value=1.0, rate=1.0, axis=0):
        self.min_value, self.max_value, self.rate, self.axis = float(min_value), float(max_value), rate, axis

    def __call__(self, w):
        lengths = _lengths(w, self.axis)
        wanted = self.rate * tf.clip_by_value(lengths, self.min_value, self.max_value) + (1.0 - self.rate) * lengths
        return w * (wanted / (1e-7 + lengths))


class RadialConstraint(Constraint):
    def __call__(self, w):
        # Rings around the middle, each with one element of the diagonal, as tf.keras fills them.
        rows, columns, inputs, outputs = w.get_shape().as_list()
        if rows != columns:
            raise ValueError('a window of %d x %d has no rings: it must be square' % (rows, columns))
        first, even = rows // 2, 1 - rows % 2

        def place(i):
            ring = max(i - first, first - even - i)
            return first + ring - 1 + even if ring else first - 1
        places = [max(place(i), place(j)) for i in range(rows) for j in range(columns)]
        flat = tf.gather(tf.reshape(w, [rows * columns, inputs * outputs]), [n * (columns + 1) for n in places])
        return tf.reshape(flat, [rows, columns, inputs, outputs])


max_norm = maxnorm = MaxNorm
radial_constraint = RadialConstraint
non_neg = nonneg = NonNeg
unit_norm = unitnorm = UnitNorm
min_max_norm = MinMaxNorm
_NAMES = {'max_norm': MaxNorm, 'MaxNorm': MaxNorm, 'maxnorm': MaxNorm, 'non_neg': NonNeg, 'NonNeg': NonNeg, 'nonneg': NonNeg,
          'unit_norm': UnitNorm, 'UnitNorm': UnitNorm, 'unitnorm': UnitNorm, 'min_max_norm': MinMaxNorm,
          'MinMaxNorm': MinMaxNorm, 'radial_constraint': RadialConstraint, 'RadialConstraint': RadialConstraint}


def get(identifier):
    if identifier is None or callable(identifier) and not isinstance(identifier, type):
        return identifier
    if isinstance(identifier, type):
        return identifier()
    if identifier not in _NAMES:
        raise ValueError('Unknown constraint: %s; there are %s' % (identifier, ', '.join(sorted(_NAMES))))
    return _NAMES[identifier]()
