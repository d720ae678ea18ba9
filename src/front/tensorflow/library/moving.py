# What variables that are not trained become while training: moving averages, and what is written into rows of them.


def _rows(ref, indices, updates):
    # What each element of the variable gets of the updates, and how often it is named.
    indices, updates = tf.convert_to_tensor(indices), tf.convert_to_tensor(updates)
    dims = ref.get_shape().as_list()
    ones = tf.one_hot(tf.reshape(indices, [-1]), dims[0])
    updates = tf.reshape(updates + tf.zeros(indices.get_shape().as_list() + dims[1:]), [ones.get_shape().as_list()[0], -1])
    sums = tf.matmul(ones, updates, transpose_a=True)
    return tf.reshape(sums, dims), tf.reshape(tf.reduce_sum(ones, 0), [dims[0]] + [1] * (len(dims) - 1))


def scatter_add(ref, indices, updates, use_locking=False, name=None):
    return tf.assign_add(ref, _rows(ref, indices, updates)[0])


def scatter_sub(ref, indices, updates, use_locking=False, name=None):
    return tf.assign_sub(ref, _rows(ref, indices, updates)[0])


def scatter_update(ref, indices, updates, use_locking=True, name=None):
    sums, counts = _rows(ref, indices, updates)
    # Where a row is named twice, one of its updates holds; which one, nobody promises.
    named = tf.logical_and(counts > 0, tf.fill(ref.get_shape().as_list(), True))
    return tf.assign(ref, tf.where(named, sums / tf.maximum(counts, 1.0), ref))


def assign_moving_average(variable, value, decay, zero_debias=True, name=None):
    if not zero_debias:
        return tf.assign(variable, variable * decay + value * (1.0 - decay))
    # Kingma and Ba 2015: as if the average had begun with what the first batches show.
    with tf.variable_scope(variable.op.name):
        biased = tf.get_variable('biased', variable.get_shape(), initializer=tf.zeros_initializer(), trainable=False)
        steps = tf.get_variable('local_step', [], initializer=tf.zeros_initializer(), trainable=False)
    biased = tf.assign(biased, biased * decay + value * (1.0 - decay))
    steps = tf.assign_add(steps, 1.0)
    return tf.assign(variable, biased / (1.0 - tf.pow(decay, steps)))


def weighted_moving_average(value, decay, weight, truediv=True, collections=None, name=None):
    raise ValueError('weighted_moving_average is not known to cortado: assign_moving_average weighs all batches alike')


class ExponentialMovingAverage(object):
    """Averages of variables and tensors in variables of their own."""

    def __init__(self, decay, num_updates=None, zero_debias=False, name='ExponentialMovingAverage'):
        self._decay, self._updates, self._debias, self.name, self._averages = decay, num_updates, zero_debias, name, {}

    def apply(self, var_list=None):
        all = tf.trainable_variables() if var_list is None else list(var_list)
        decay = self._decay
        if self._updates is not None:
            updates = tf.to_float(self._updates)
            decay = tf.minimum(decay, (1.0 + updates) / (10.0 + updates))
        done = []
        for value in all:
            if value.op.name in self._averages:
                raise ValueError('Moving average already computed for: %s' % value.name)
            first = tf.zeros_initializer()
            debias = self._debias and not isinstance(value, tf.Variable)
            with tf.variable_scope(None, value.op.name) as scope:
                average = tf.get_variable(self.name, value.get_shape(), initializer=first, trainable=False)
            self._averages[value.op.name] = average
            done.append(assign_moving_average(average, value, decay, zero_debias=debias))
        return done

    def average(self, var):
        return self._averages.get(var.op.name)

    def average_name(self, var):
        average = self.average(var)
        return average.op.name if average is not None else var.op.name + '/' + self.name

    def variables_to_restore(self, moving_avg_variables=None):
        return dict((self.average_name(v), v) for v in moving_avg_variables or tf.global_variables())


def renormalized(inputs, momentum=0.99, epsilon=1e-3, center=True, scale=True, initializers=None,
                 regularizers=None, training=False, trainable=True, clipping=None, renorm_momentum=None):
    """Batch renormalisation (Ioffe 2017), in the open scope."""
    clipping, initializers, regularizers = clipping or {}, initializers or {}, regularizers or {}
    if set(clipping) - set(['rmax', 'rmin', 'dmax']):
        raise ValueError('renorm_clipping has the keys rmax, rmin and dmax, not %r' % sorted(clipping))
    renorm_momentum = 0.99 if renorm_momentum is None else renorm_momentum
    axes, channels = list(range(len(inputs.get_shape()) - 1)), [int(inputs.get_shape()[-1])]

    def variable(name, first, learned=False):
        return tf.get_variable(name, channels, initializer=initializers.get(name, first), regularizer=regularizers.get(name),
                               trainable=learned and trainable)

    zeros, ones = tf.zeros_initializer(), tf.ones_initializer()
    gamma = variable('gamma', ones, True) if scale else None
    beta = variable('beta', zeros, True) if center else None
    moving_mean, moving_variance = variable('moving_mean', zeros), variable('moving_variance', ones)
    if not training:
        return tf.nn.batch_normalization(inputs, moving_mean, moving_variance, beta, gamma, epsilon)
    moving_stddev = variable('moving_stddev', ones)
    renorm_mean, renorm_stddev = variable('renorm_mean', zeros), variable('renorm_stddev', ones)
    mean, variance = tf.nn.moments(inputs, axes)
    stddev = tf.sqrt(variance + epsilon)
    bounded = tf.maximum(renorm_stddev, epsilon ** 0.5)
    r, d = stddev / bounded, (mean - renorm_mean) / bounded
    if clipping.get('rmin') is not None:
        r = tf.maximum(r, clipping['rmin'])
    if clipping.get('rmax') is not None:
        r = tf.minimum(r, clipping['rmax'])
    if clipping.get('dmax') is not None:
        d = tf.minimum(tf.maximum(d, -clipping['dmax']), clipping['dmax'])
    r, d = tf.stop_gradient(r), tf.stop_gradient(d)
    if gamma is not None:
        r, d = r * gamma, d * gamma
    offset = d if beta is None else d + beta
    if not trainable:
        # What is not trained leaves its moments as they are as well.
        return tf.nn.batch_normalization(inputs, mean, variance, offset, r, epsilon)
    updates = [assign_moving_average(renorm_mean, mean, renorm_momentum, zero_debias=False),
               assign_moving_average(renorm_stddev, stddev, renorm_momentum, zero_debias=False),
               assign_moving_average(moving_mean, mean, momentum, zero_debias=False)]
    kept = assign_moving_average(moving_stddev, stddev, momentum, zero_debias=False)
    updates += [kept, tf.assign(moving_variance, tf.nn.relu(kept * kept - epsilon))]
    with tf.control_dependencies(updates):
        return tf.nn.batch_normalization(inputs, mean, variance, offset, r, epsilon)
