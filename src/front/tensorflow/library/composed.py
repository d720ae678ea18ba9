# Functions of tf, tf.nn and slim that are others put together.


def argmin(input, axis=None, name=None, dimension=None, output_type=None):
    if axis is None:
        axis = dimension or 0
    return tf.argmax(-input, axis)


def reduce_logsumexp(input_tensor, axis=None, keep_dims=False, name=None, keepdims=None):
    keep = keep_dims or bool(keepdims)
    largest = tf.stop_gradient(tf.reduce_max(input_tensor, axis, keep_dims=True))
    result = tf.log(tf.reduce_sum(tf.exp(input_tensor - largest), axis, keep_dims=True)) + largest
    if keep:
        return result
    return tf.reshape(result, tf.reduce_max(input_tensor, axis).get_shape())


def count_nonzero(input_tensor, axis=None, keep_dims=False, dtype=None, name=None, keepdims=None):
    there = tf.not_equal(input_tensor, tf.zeros_like(input_tensor))
    return tf.reduce_sum(tf.cast(there, dtype or tf.int64), axis, keep_dims=keep_dims or bool(keepdims))


def linspace(start, stop, num, name=None):
    step = (stop - start) / float(max(num - 1, 1))
    return tf.constant([start + step * i for i in range(num)], dtype=tf.float32)


def selu(features, name=None):
    # Klambauer et al. 2017.
    alpha, scale = 1.6732632423543772, 1.0507009873554805
    return scale * tf.where(features >= 0, features, alpha * tf.nn.elu(features))


def swish(features):
    return features * tf.nn.sigmoid(features)


def separable_conv2d(input, depthwise_filter, pointwise_filter, strides, padding, rate=None, name=None):
    net = tf.nn.depthwise_conv2d(input, depthwise_filter, strides, padding, rate)
    return tf.nn.conv2d(net, pointwise_filter, [1, 1, 1, 1], 'VALID')


def weighted_cross_entropy_with_logits(targets, logits, pos_weight, name=None):
    weights = 1 + (pos_weight - 1) * targets
    return (1 - targets) * logits + weights * (tf.log1p(tf.exp(-tf.abs(logits))) + tf.nn.relu(-logits))


def l1_regularizer(scale, scope=None):
    return lambda weights: scale * tf.reduce_sum(tf.abs(weights))


def l1_l2_regularizer(scale_l1=1.0, scale_l2=1.0, scope=None):
    return sum_regularizer([l1_regularizer(scale_l1), slim.l2_regularizer(scale_l2)])


def sum_regularizer(regularizer_list, scope=None):
    all = [regularizer for regularizer in regularizer_list if regularizer is not None]
    return (lambda weights: tf.add_n([regularizer(weights) for regularizer in all])) if all else None


def apply_regularization(regularizer, weights_list=None):
    weights = tf.get_collection(tf.GraphKeys.WEIGHTS) if weights_list is None else weights_list
    if not weights:
        raise ValueError('no weights to regularize')
    penalties = [regularizer(w) for w in weights]
    for penalty in penalties:
        tf.add_to_collection(tf.GraphKeys.REGULARIZATION_LOSSES, penalty)
    return tf.add_n(penalties)


def get_variables_by_name(given_name, scope=None):
    return slim.get_variables(scope, given_name)


@slim.add_arg_scope
def unit_norm(inputs, dim, epsilon=1e-7, scope=None):
    lengths = tf.sqrt(tf.reduce_sum(tf.square(inputs), dim, keep_dims=True) + epsilon)
    return inputs / lengths


def _normalized(inputs, axes, center, scale, epsilon, activation_fn, trainable):
    channels = [int(inputs.get_shape()[-1])]
    beta = gamma = None
    if center:
        beta = tf.get_variable('beta', channels, initializer=tf.zeros_initializer(), trainable=trainable)
    if scale:
        gamma = tf.get_variable('gamma', channels, initializer=tf.ones_initializer(), trainable=trainable)
    mean, variance = tf.nn.moments(inputs, axes, keep_dims=True)
    outputs = tf.nn.batch_normalization(inputs, mean, variance, beta, gamma, epsilon)
    return outputs if activation_fn is None else activation_fn(outputs)


@slim.add_arg_scope
def layer_norm(inputs, center=True, scale=True, activation_fn=None, reuse=None, variables_collections=None,
               outputs_collections=None, trainable=True, begin_norm_axis=1, begin_params_axis=-1, scope=None):
    if begin_params_axis not in (-1, len(inputs.get_shape()) - 1):
        raise ValueError('begin_params_axis is not known to cortado, but for the last axis')
    with tf.variable_scope(scope, 'LayerNorm', [inputs], reuse=reuse):
        axes = list(range(begin_norm_axis, len(inputs.get_shape())))
        return _normalized(inputs, axes, center, scale, 1e-12, activation_fn, trainable)


@slim.add_arg_scope
def instance_norm(inputs, center=True, scale=True, epsilon=1e-6, activation_fn=None, param_initializers=None, reuse=None,
                  variables_collections=None, outputs_collections=None, trainable=True, data_format='NHWC', scope=None):
    if data_format != 'NHWC' or param_initializers:
        raise ValueError('data_format and param_initializers of instance_norm are not known to cortado')
    with tf.variable_scope(scope, 'InstanceNorm', [inputs], reuse=reuse):
        axes = list(range(1, len(inputs.get_shape()) - 1))
        return _normalized(inputs, axes, center, scale, epsilon, activation_fn, trainable)


@slim.add_arg_scope
def spatial_softmax(features, temperature=None, name=None, variables_collections=None, trainable=True,
                    data_format='NHWC'):
    # Levine et al. 2016: the mean place of each channel, from -1 to 1.
    if data_format != 'NHWC':
        raise ValueError('`data_format` %s is not known, only NHWC' % data_format)
    n, high, wide, channels = [int(extent) for extent in features.get_shape()]
    with tf.variable_scope(name, 'spatial_softmax', [features]):
        if temperature is None:
            temperature = tf.get_variable('temperature', [], initializer=tf.ones_initializer(), trainable=trainable)
        planes = tf.reshape(tf.transpose(features, [0, 3, 1, 2]), [-1, high * wide])
        attention = tf.nn.softmax(planes / temperature)
        down = [-1.0 + 2.0 * i / max(high - 1, 1) for i in range(high) for _ in range(wide)]
        along = [-1.0 + 2.0 * j / max(wide - 1, 1) for _ in range(high) for j in range(wide)]
        places = [tf.reduce_sum(tf.constant(place) * attention, [1], keep_dims=True) for place in (down, along)]
        return tf.reshape(tf.concat(places, 1), [-1, channels * 2])


def maxout(inputs, num_units, axis=-1, scope=None):
    dims = [int(extent) for extent in inputs.get_shape()]
    if axis not in (-1, len(dims) - 1):
        raise ValueError('`axis` must be the last one, -1')
    if dims[-1] % num_units:
        raise ValueError('number of features(%d) is not a multiple of num_units(%d)' % (dims[-1], num_units))
    return tf.reduce_max(tf.reshape(inputs, dims[:-1] + [num_units, dims[-1] // num_units]), -1)


def round(x, name=None):
    # Halves go to the even neighbour.
    below = tf.floor(x)
    rest = x - below
    odd = tf.not_equal(below, 2.0 * tf.floor(below / 2.0))
    up = tf.logical_or(tf.greater(rest, 0.5), tf.logical_and(tf.equal(rest, 0.5), odd))
    return below + tf.to_float(up)


def erfc(x, name=None):
    return 1.0 - tf.erf(x)


def expm1(x, name=None):
    return tf.exp(x) - 1.0


def log_sigmoid(x, name=None):
    return -tf.nn.softplus(-x)


def is_nan(x, name=None):
    return tf.not_equal(x, x)


def is_inf(x, name=None):
    return tf.equal(tf.abs(x), float('inf'))


def is_finite(x, name=None):
    return tf.less(tf.abs(x), float('inf'))


def logical_xor(x, y, name=None):
    return tf.logical_and(tf.logical_or(x, y), tf.logical_not(tf.logical_and(x, y)))


def accumulate_n(inputs, shape=None, tensor_dtype=None, name=None):
    return tf.add_n(inputs)


def clip_by_norm(t, clip_norm, axes=None, name=None):
    squares = tf.reduce_sum(t * t, axes, keep_dims=True)
    there = squares > 0
    length = tf.where(there, tf.sqrt(tf.where(there, squares, tf.ones_like(squares))), squares)
    return t * clip_norm / tf.maximum(length, clip_norm)


def global_norm(t_list, name=None):
    return tf.sqrt(2.0 * tf.add_n([tf.nn.l2_loss(t) for t in t_list if t is not None]))


def clip_by_global_norm(t_list, clip_norm, use_norm=None, name=None):
    norm = global_norm(t_list) if use_norm is None else use_norm
    scale = clip_norm * tf.minimum(1.0 / norm, 1.0 / clip_norm)
    return [None if t is None else t * scale for t in t_list], norm


def _planar(values, name, default=1):
    if values is None:
        values = default
    values = list(values) if isinstance(values, (list, tuple)) else [values, values]
    if len(values) != 2:
        raise ValueError('`%s` must be one number for height and one for width, not %r' % (name, values))
    return [1] + values + [1]


def pool(input, window_shape, pooling_type, padding, dilation_rate=None, strides=None, name=None, data_format=None):
    if _planar(dilation_rate, 'dilation_rate') != [1, 1, 1, 1]:
        raise ValueError('`dilation_rate` of pooling is not known to cortado')
    ways = {'MAX': tf.nn.max_pool, 'AVG': tf.nn.avg_pool}
    if pooling_type not in ways:
        raise ValueError("`pooling_type` is 'MAX' or 'AVG', not %r" % (pooling_type,))
    return ways[pooling_type](input, _planar(window_shape, 'window_shape'), _planar(strides, 'strides'), padding)


def convolution(input, filter, padding, strides=None, dilation_rate=None, name=None, data_format=None):
    strides, rate = _planar(strides, 'strides'), _planar(dilation_rate, 'dilation_rate')
    if strides != [1, 1, 1, 1] and rate != [1, 1, 1, 1]:
        raise ValueError('strides > 1 not supported in conjunction with dilation_rate > 1')
    return tf.nn.conv2d(input, filter, strides, padding, dilations=rate)


def conv1d(value, filters, stride, padding, use_cudnn_on_gpu=None, data_format=None, name=None):
    if data_format not in (None, 'NHWC', 'NWC'):
        raise ValueError('`data_format` %s is not known, only NWC' % data_format)
    net = tf.nn.conv2d(tf.expand_dims(value, 1), tf.expand_dims(filters, 0), [1, 1, stride, 1], padding)
    return tf.squeeze(net, [1])


class make_template(object):
    """A function whose variables are made at its first call and shared by all others."""

    def __init__(self, name_, func_, create_scope_now_=False, unique_name_=None, custom_getter_=None, **kwargs):
        if custom_getter_ is not None:
            raise ValueError('`custom_getter_` is not known to cortado')
        self._name, self._unique, self._function, self._given, self._scope = name_, unique_name_, func_, kwargs, None
        if create_scope_now_:
            with tf.variable_scope(unique_name_, name_) as scope:
                self._scope = scope
        self._called = False

    def __call__(self, *args, **kwargs):
        given = dict(self._given)
        given.update(kwargs)
        if self._scope is None:
            with tf.variable_scope(self._unique, self._name) as scope:
                self._scope, self._called = scope, True
                return self._function(*args, **given)
        with tf.variable_scope(self._scope, reuse=True if self._called else None):
            self._called = True
            return self._function(*args, **given)


def _parts(elems):
    # The slices of tensors along their first axis, and how to put results together again.
    if isinstance(elems, (list, tuple)):
        return list(zip(*[tf.unstack(tf.convert_to_tensor(e)) for e in elems]))
    return tf.unstack(tf.convert_to_tensor(elems))


def _together(results):
    if isinstance(results[0], (list, tuple)):
        return type(results[0])([tf.stack(list(part)) for part in zip(*results)])
    return tf.stack(results)


def map_fn(fn, elems, dtype=None, parallel_iterations=None, back_prop=True, swap_memory=False, infer_shape=True,
           name=None):
    return _together([fn(part) for part in _parts(elems)])


def scan(fn, elems, initializer=None, parallel_iterations=10, back_prop=True, swap_memory=False, infer_shape=True,
         reverse=False, name=None):
    parts = _parts(elems)
    parts = parts[::-1] if reverse else parts
    results = []
    if initializer is None:
        results, parts = [parts[0]], parts[1:]
    held = results[0] if results else initializer
    for part in parts:
        held = fn(held, part)
        results.append(held)
    return _together(results[::-1] if reverse else results)


def foldl(fn, elems, initializer=None, parallel_iterations=10, back_prop=True, swap_memory=False, name=None):
    parts = _parts(elems)
    if initializer is None:
        initializer, parts = parts[0], parts[1:]
    for part in parts:
        initializer = fn(initializer, part)
    return initializer


def foldr(fn, elems, initializer=None, parallel_iterations=10, back_prop=True, swap_memory=False, name=None):
    parts = _parts(elems)[::-1]
    if initializer is None:
        initializer, parts = parts[0], parts[1:]
    for part in parts:
        initializer = fn(initializer, part)
    return initializer


def while_loop(cond, body, loop_vars, shape_invariants=None, parallel_iterations=10, back_prop=True, swap_memory=False,
               name=None, maximum_iterations=None):
    # Rounds are counted while the net is made, so that the condition must be known then.
    held, rounds = list(loop_vars), 0
    while (maximum_iterations is None or rounds < maximum_iterations) and cond(*held):
        made = body(*held)
        held = list(made) if isinstance(made, (list, tuple)) else [made]
        rounds += 1
    held = [tf.convert_to_tensor(value) for value in held]
    return held[0] if len(held) == 1 else type(loop_vars)(held)


def zero_fraction(value, name=None):
    return tf.reduce_mean(tf.to_float(tf.equal(value, tf.zeros_like(value))))


def div_no_nan(x, y, name=None):
    x, y = tf.convert_to_tensor(x), tf.convert_to_tensor(y)
    there = tf.to_float(tf.not_equal(y, tf.zeros_like(y)))
    return x * there / (y + (1.0 - there))


def reduce_variance(input_tensor, axis=None, keepdims=False, name=None):
    mean = tf.reduce_mean(input_tensor, axis, keep_dims=True)
    return tf.reduce_mean(tf.square(input_tensor - mean), axis, keep_dims=keepdims)


def reduce_std(input_tensor, axis=None, keepdims=False, name=None):
    return tf.sqrt(reduce_variance(input_tensor, axis, keepdims))


def weighted_moments(x, axes, frequency_weights, name=None, keep_dims=False):
    weights = frequency_weights + tf.zeros_like(x)
    total = tf.reduce_sum(weights, axes, keep_dims=True)
    mean = tf.reduce_sum(weights * x, axes, keep_dims=True) / total
    variance = tf.reduce_sum(weights * tf.square(x - mean), axes, keep_dims=True) / total
    return (mean, variance) if keep_dims else (tf.squeeze(mean, axes), tf.squeeze(variance, axes))
