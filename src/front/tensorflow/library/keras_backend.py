# tf.keras.backend: TensorFlow's functions by the names that Keras has for them.

_phase = [0]


def learning_phase():
    return _phase[0]


def set_learning_phase(value):
    _phase[0] = value


def epsilon():
    return 1e-7


def floatx():
    return 'float32'


def image_data_format():
    return 'channels_last'


def image_dim_ordering():
    return 'tf'


def int_shape(x):
    return tuple(x.get_shape().as_list())


def ndim(x):
    return len(x.get_shape())


def _reduction(name):
    def reduce(x, axis=None, keepdims=False):
        return getattr(tf, name)(tf.cast(x, tf.float32) if name == 'reduce_mean' else x, axis, keep_dims=keepdims)
    return reduce


mean, sum, max, min, prod = [_reduction('reduce_' + name) for name in ('mean', 'sum', 'max', 'min', 'prod')]


def var(x, axis=None, keepdims=False):
    return mean(tf.square(x - mean(x, axis, True)), axis, keepdims)


def std(x, axis=None, keepdims=False):
    return tf.sqrt(var(x, axis, keepdims))


def dot(x, y):
    if len(x.get_shape()) > 2:
        return tf.tensordot(x, y, 1)
    return tf.matmul(x, y)


def batch_flatten(x):
    return tf.reshape(x, [-1, x.get_shape()[1:].num_elements()])


def flatten(x):
    return tf.reshape(x, [-1])


def expand_dims(x, axis=-1):
    return tf.expand_dims(x, axis)


def squeeze(x, axis):
    return tf.squeeze(x, [axis])


def concatenate(tensors, axis=-1):
    return tf.concat(tensors, axis)


def permute_dimensions(x, pattern):
    return tf.transpose(x, pattern)


def clip(x, min_value, max_value):
    return tf.clip_by_value(x, min_value, max_value)


def l2_normalize(x, axis=None):
    return tf.nn.l2_normalize(x, axis)


def relu(x, alpha=0.0, max_value=None, threshold=0):
    return tf.keras.layers.ReLU(max_value, alpha, threshold).call(x)


def hard_sigmoid(x):
    return tf.clip_by_value(0.2 * x + 0.5, 0.0, 1.0)


def elu(x, alpha=1.0):
    return tf.keras.layers.ELU(alpha).call(x)


def sqrt(x):
    return tf.sqrt(tf.maximum(x, 0.0))


def binary_crossentropy(target, output, from_logits=False):
    if from_logits:
        return tf.nn.sigmoid_cross_entropy_with_logits(labels=target, logits=output)
    output = tf.clip_by_value(output, 1e-7, 1 - 1e-7)
    return -(target * tf.log(output + 1e-7) + (1 - target) * tf.log(1 - output + 1e-7))


def categorical_crossentropy(target, output, from_logits=False, axis=-1):
    if from_logits:
        return tf.nn.softmax_cross_entropy_with_logits(labels=target, logits=output)
    output = output / tf.reduce_sum(output, axis, keep_dims=True)
    return -tf.reduce_sum(target * tf.log(tf.clip_by_value(output, 1e-7, 1 - 1e-7)), axis)


def sparse_categorical_crossentropy(target, output, from_logits=False, axis=-1):
    if axis not in (-1, len(output.get_shape()) - 1):
        raise ValueError('`axis` must be the last one, not %r' % (axis,))
    if not from_logits:
        output = tf.log(tf.clip_by_value(output, 1e-7, 1 - 1e-7))
    target = tf.reshape(tf.cast(target, tf.int64), output.get_shape().as_list()[:-1])
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=target, logits=output)


def random_normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
    return tf.random_normal(shape, mean, stddev)


def random_uniform(shape, minval=0.0, maxval=1.0, dtype=None, seed=None):
    return tf.random_uniform(shape, minval, maxval)


def in_train_phase(x, alt, training=None):
    chosen = x if (learning_phase() if training is None else training) else alt
    return chosen() if callable(chosen) else chosen


def constant(value, dtype=None, shape=None, name=None):
    return tf.constant(value, dtype or tf.float32, shape)


def conv2d(x, kernel, strides=(1, 1), padding='valid', data_format=None, dilation_rate=(1, 1)):
    way = 'NCHW' if data_format == 'channels_first' else 'NHWC'
    return tf.nn.conv2d(x, kernel, list(strides), padding.upper(), data_format=way, dilations=list(dilation_rate))


def batch_dot(x, y, axes=None):
    axes = axes if isinstance(axes, (list, tuple)) or axes is None else [axes, axes]
    if axes is None:
        axes = [len(x.get_shape()) - 1, len(y.get_shape()) - 2]
    return tf.keras.layers.Dot(axes).call([x, y])


abs, argmax, cast, cos, equal, exp, eye = tf.abs, tf.argmax, tf.cast, tf.cos, tf.equal, tf.exp, tf.eye
gather, greater, identity, less, log, maximum = tf.gather, tf.greater, tf.identity, tf.less, tf.log, tf.maximum
minimum, not_equal, one_hot, ones_like, pow = tf.minimum, tf.not_equal, tf.one_hot, tf.ones_like, tf.pow
reshape, reverse, round, shape, sigmoid, sign = tf.reshape, tf.reverse, tf.round, tf.shape, tf.sigmoid, tf.sign
sin, softmax, softplus, softsign, square = tf.sin, tf.nn.softmax, tf.nn.softplus, tf.nn.softsign, tf.square
stack, stop_gradient, switch, tanh, tile = tf.stack, tf.stop_gradient, tf.cond, tf.tanh, tf.tile
transpose, zeros_like, variable, map_fn, ones, zeros = tf.transpose, tf.zeros_like, tf.Variable, tf.map_fn, tf.ones, tf.zeros
