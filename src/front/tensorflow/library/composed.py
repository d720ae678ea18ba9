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


def separable_conv2d(input, depthwise_filter, pointwise_filter, strides, padding, rate=None, name=None, data_format='NHWC',
                     dilations=None):
    net = tf.nn.depthwise_conv2d(input, depthwise_filter, strides, padding, rate if dilations is None else dilations,
                                 data_format=data_format)
    return tf.nn.conv2d(net, pointwise_filter, [1, 1, 1, 1], 'VALID', data_format=data_format)


_RANGES = {'uint8': (0, 255), 'int8': (-128, 127), 'uint16': (0, 65535), 'int16': (-32768, 32767)}


def saturate_cast(value, dtype, name=None):
    value = tf.convert_to_tensor(value)
    least, most = _RANGES.get(getattr(dtype, 'name', dtype), (None, None))
    if least is not None:
        least, most = [float(limit) if value.dtype.is_floating else limit for limit in (least, most)]
        value = tf.minimum(tf.maximum(value, least), most)
    return tf.cast(value, dtype)


def rows_of_tables(tables, ids, partition_strategy):
    """The rows of several tables that share numbers: each number lies in the next table, or the first ones in the first."""
    sizes = [int(table.get_shape()[0]) for table in tables]
    whole, n = tf.concat([tf.convert_to_tensor(table) for table in tables], 0), len(tables)
    if partition_strategy not in ('mod', 'div'):
        raise ValueError('Unrecognized partition strategy: %s' % partition_strategy)
    if sizes != [sum(sizes) // n + (1 if k < sum(sizes) % n else 0) for k in range(n)]:
        raise ValueError('the tables have %s rows, which is no even partition' % (sizes,))
    if partition_strategy == 'mod':
        places = [sum(sizes[:row % n]) + row // n for row in range(sum(sizes))]
        whole = tf.gather(whole, tf.constant(places))
    return tf.gather(whole, ids)


def weighted_cross_entropy_with_logits(labels=None, logits=None, pos_weight=None, name=None, targets=None):
    if labels is not None and targets is not None:
        raise ValueError("Cannot specify both 'labels' and 'targets'")
    targets = labels if targets is None else targets
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


def _normalized(inputs, axes, center, scale, epsilon, activation_fn, trainable, shape=None, initializers=None, lying=None,
                collections=None):
    # `shape` is that of the variables, which `lying` brings into another one.
    shape = shape or [int(inputs.get_shape()[-1])]
    beta = gamma = None
    given = initializers or {}
    if center:
        beta = slim.model_variable('beta', shape, initializer=given.get('beta', tf.zeros_initializer()), trainable=trainable,
                                   collections=slim.utils.get_variable_collections(collections, 'beta'))
    if scale:
        gamma = slim.model_variable('gamma', shape, initializer=given.get('gamma', tf.ones_initializer()), trainable=trainable,
                                    collections=slim.utils.get_variable_collections(collections, 'gamma'))
    if lying:
        beta, gamma = [None if value is None else tf.reshape(value, lying) for value in (beta, gamma)]
    mean, variance = tf.nn.moments(inputs, axes, keep_dims=True)
    outputs = tf.nn.batch_normalization(inputs, mean, variance, beta, gamma, epsilon)
    return outputs if activation_fn is None else activation_fn(outputs)


@slim.add_arg_scope
def layer_norm(inputs, center=True, scale=True, activation_fn=None, reuse=None, variables_collections=None,
               outputs_collections=None, trainable=True, begin_norm_axis=1, begin_params_axis=-1, scope=None):
    dims = inputs.get_shape().as_list()
    rank = len(dims)
    if not (-rank <= begin_norm_axis < rank and -rank <= begin_params_axis < rank):
        raise ValueError('begin_params_axis (%d) and begin_norm_axis (%d) must be < rank(inputs) (%d)' %
                         (begin_params_axis, begin_norm_axis, rank))
    with tf.variable_scope(scope, 'LayerNorm', [inputs], reuse=reuse) as around:
        axes = list(range(begin_norm_axis % rank, rank))
        shape = dims[begin_params_axis % rank:]
        outputs = _normalized(inputs, axes, center, scale, 1e-12, activation_fn, trainable, shape,
                              collections=variables_collections)
        return slim.utils.collect_named_outputs(outputs_collections, around.name, outputs)


@slim.add_arg_scope
def instance_norm(inputs, center=True, scale=True, epsilon=1e-6, activation_fn=None, param_initializers=None, reuse=None,
                  variables_collections=None, outputs_collections=None, trainable=True, data_format='NHWC', scope=None):
    rank = len(inputs.get_shape())
    if data_format not in ('NHWC', 'NCHW'):
        raise ValueError('data_format has to be either NCHW or NHWC.')
    place = rank - 1 if data_format == 'NHWC' else 1
    with tf.variable_scope(scope, 'InstanceNorm', [inputs], reuse=reuse) as around:
        axes = [axis for axis in range(1, rank) if axis != place]
        channels = int(inputs.get_shape()[place])
        lying = [channels if axis == place else 1 for axis in range(rank)]
        outputs = _normalized(inputs, axes, center, scale, epsilon, activation_fn, trainable, [channels], param_initializers,
                              lying, variables_collections)
        return slim.utils.collect_named_outputs(outputs_collections, around.name, outputs)


@slim.add_arg_scope
def group_norm(inputs, groups=32, channels_axis=-1, reduction_axes=(-3, -2), center=True, scale=True, epsilon=1e-6,
               activation_fn=None, param_initializers=None, reuse=None, variables_collections=None,
               outputs_collections=None, trainable=True, scope=None, mean_close_to_zero=False):
    # Wu and He 2018.
    dims = inputs.get_shape().as_list()
    place = channels_axis % len(dims)
    channels = dims[place]
    if groups > channels:
        raise ValueError('Invalid groups %d for %d channels.' % (groups, channels))
    if channels % groups:
        raise ValueError('%d channels is not commensurate with %d groups.' % (channels, groups))
    apart = dims[:place] + [groups, channels // groups] + dims[place + 1:]
    axes = [place + 1]
    for axis in [axis % len(dims) for axis in reduction_axes]:
        if axis == place:
            raise ValueError('reduction_axis must be mutually exclusive with channels_axis')
        axes.append(axis + 1 if axis > place else axis)
    lying = [1] * place + [groups, channels // groups] + [1] * (len(dims) - place - 1)
    with tf.variable_scope(scope, 'GroupNorm', [inputs], reuse=reuse) as around:
        outputs = _normalized(tf.reshape(inputs, apart), sorted(axes), center, scale, epsilon, None, trainable, [channels],
                              param_initializers, lying, variables_collections)
        outputs = tf.reshape(outputs, dims)
        outputs = outputs if activation_fn is None else activation_fn(outputs)
        return slim.utils.collect_named_outputs(outputs_collections, around.name, outputs)


@slim.add_arg_scope
def spatial_softmax(features, temperature=None, name=None, variables_collections=None, trainable=True,
                    data_format='NHWC'):
    # Levine et al. 2016: the mean place of each channel, from -1 to 1.
    if data_format != 'NHWC':
        raise ValueError('`data_format` %s is not known, only NHWC' % data_format)
    n, high, wide, channels = [int(extent) for extent in features.get_shape()]
    with tf.variable_scope(name, 'spatial_softmax', [features]):
        first = tf.constant_initializer(1.0 if temperature is None else temperature)
        temperature = slim.model_variable('temperature', [], initializer=first, trainable=trainable,
                                          collections=variables_collections)
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


def _channels_last(function, images):
    """A function of images on those whose channels come before their pixels."""
    rank = len(images.get_shape())
    outputs = function(tf.transpose(images, [0] + list(range(2, rank)) + [1]))
    return tf.transpose(outputs, [0, rank - 1] + list(range(1, rank - 1)))


def pool(input, window_shape, pooling_type, padding, dilation_rate=None, strides=None, name=None, data_format=None):
    if data_format is not None and data_format.startswith('NC'):
        return _channels_last(lambda x: pool(x, window_shape, pooling_type, padding, dilation_rate, strides), input)
    ways = {'MAX': tf.nn.max_pool, 'AVG': tf.nn.avg_pool}
    if pooling_type not in ways:
        raise ValueError("`pooling_type` is 'MAX' or 'AVG', not %r" % (pooling_type,))
    if len(input.get_shape()) == 3:
        flat = [[1] + list(v) if isinstance(v, (list, tuple)) else v and [1, v]
                for v in (window_shape, dilation_rate, strides)]
        return tf.squeeze(pool(tf.expand_dims(input, 1), flat[0], pooling_type, padding, flat[1], flat[2]), [1])
    window, rate = _planar(window_shape, 'window_shape'), _planar(dilation_rate, 'dilation_rate')
    if rate == [1, 1, 1, 1]:
        return ways[pooling_type](input, window, _planar(strides, 'strides'), padding)
    if padding != 'VALID' or _planar(strides, 'strides') != [1, 1, 1, 1]:
        raise ValueError("with a `dilation_rate` strides must be 1 and the padding 'VALID'")
    # Each pixel of a block is an image of its own, in which windows are dense.
    blocks = rate[1:3]
    extents = [int(extent) for extent in input.get_shape()[1:3]]
    lacks = [-extent % block for extent, block in zip(extents, blocks)]
    apart = tf.space_to_batch_nd(input, blocks, [[0, lack] for lack in lacks])
    pooled = tf.batch_to_space_nd(ways[pooling_type](apart, window, [1, 1, 1, 1], 'VALID'), blocks, [[0, 0], [0, 0]])
    high, wide = [extent - (k - 1) * block for extent, k, block in zip(extents, window[1:3], blocks)]
    return pooled[:, :high, :wide]


def convolution(input, filter, padding, strides=None, dilation_rate=None, name=None, data_format=None):
    if data_format is not None and data_format.startswith('NC'):
        return _channels_last(lambda x: convolution(x, filter, padding, strides, dilation_rate), input)
    strides, rate = _planar(strides, 'strides'), _planar(dilation_rate, 'dilation_rate')
    if strides != [1, 1, 1, 1] and rate != [1, 1, 1, 1]:
        raise ValueError('strides > 1 not supported in conjunction with dilation_rate > 1')
    return tf.nn.conv2d(input, filter, strides, padding, dilations=rate)


def conv1d(value, filters, stride, padding, use_cudnn_on_gpu=None, data_format=None, name=None):
    if data_format is not None and data_format.startswith('NC'):
        return _channels_last(lambda x: conv1d(x, filters, stride, padding), value)
    net = tf.nn.conv2d(tf.expand_dims(value, 1), tf.expand_dims(filters, 0), [1, 1, stride, 1], padding)
    return tf.squeeze(net, [1])


class make_template(object):
    """A function whose variables are made at its first call and shared by all others."""

    def __init__(self, name_, func_, create_scope_now_=False, unique_name_=None, custom_getter_=None, **kwargs):
        self._name, self._unique, self._function, self._given, self._scope = name_, unique_name_, func_, kwargs, None
        self._getter = custom_getter_
        if create_scope_now_:
            with tf.variable_scope(unique_name_, name_, custom_getter=custom_getter_) as scope:
                self._scope = scope
        self._called = False

    def __call__(self, *args, **kwargs):
        given = dict(self._given)
        given.update(kwargs)
        if self._scope is None:
            with tf.variable_scope(self._unique, self._name, custom_getter=self._getter) as scope:
                self._scope, self._called = scope, True
                return self._function(*args, **given)
        with tf.variable_scope(self._scope, reuse=True if self._called else None):
            self._called = True
            return self._function(*args, **given)


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


def acosh(x, name=None):
    return tf.log(x + tf.sqrt(x - 1.0) * tf.sqrt(x + 1.0))


def atanh(x, name=None):
    return 0.5 * (tf.log1p(x) - tf.log1p(-x))


def rint(x, name=None):
    return round(x)


def truncatemod(x, y, name=None):
    # The remainder with the sign of x.
    x = tf.convert_to_tensor(x)
    quotient = x / y
    whole = tf.where(quotient < 0, tf.ceil(quotient), tf.floor(quotient))
    return x - whole * y


def divide_no_nan(x, y, name=None):
    return div_no_nan(x, y)


def reciprocal_no_nan(x, name=None):
    return div_no_nan(tf.ones_like(x), x)


def multiply_no_nan(x, y, name=None):
    # Where y is 0, x may be anything.
    x, y = tf.convert_to_tensor(x), tf.convert_to_tensor(y)
    there = tf.not_equal(y, tf.zeros_like(y))
    return tf.where(there, x, tf.zeros_like(x)) * y


def xlogy(x, y, name=None):
    there = tf.not_equal(x, tf.zeros_like(x))
    return x * tf.log(tf.where(there, y + tf.zeros_like(x), tf.ones_like(x + y)))


def log_poisson_loss(targets, log_input, compute_full_loss=False, name=None):
    loss = tf.exp(log_input) - log_input * targets
    if not compute_full_loss:
        return loss
    # Stirling's approximation of the logarithm of the factorial, which is not made of 0 and 1.
    large = tf.logical_or(tf.less(targets, 0.0), tf.greater(targets, 1.0))
    there = tf.where(large, targets, tf.ones_like(targets))
    stirling = there * tf.log(there) - there + 0.5 * tf.log(6.283185307179586 * there)
    return loss + tf.where(large, stirling, tf.zeros_like(stirling))


def fused_batch_norm(x, scale, offset, mean=None, variance=None, epsilon=0.001, data_format='NHWC', is_training=True,
                     name=None, exponential_avg_factor=1.0):
    if data_format != 'NHWC' or exponential_avg_factor != 1.0:
        raise ValueError('only NHWC images and moments of the batch itself are known to cortado')
    if not is_training:
        if mean is None or variance is None:
            raise ValueError('`mean` and `variance` are needed where `is_training` is False')
        return tf.nn.batch_normalization(x, mean, variance, offset, scale, epsilon), mean, variance
    n = 1
    for extent in x.get_shape().as_list()[:-1]:
        n *= extent
    mean, variance = tf.nn.moments(x, [0, 1, 2])
    y = tf.nn.batch_normalization(x, mean, variance, offset, scale, epsilon)
    # The moments that are given back have no gradient, and the variance is that of what the batch is drawn from.
    return y, tf.stop_gradient(mean), tf.stop_gradient(variance) * (n / max(n - 1.0, 1.0))


def batch_norm_with_global_normalization(t, m, v, beta, gamma, variance_epsilon, scale_after_normalization, name=None):
    return tf.nn.batch_normalization(t, m, v, beta, gamma if scale_after_normalization else None, variance_epsilon)


def sufficient_statistics(x, axes, shift=None, keep_dims=False, name=None):
    count = 1
    for axis in axes:
        count *= int(x.get_shape()[axis])
    from_here = x if shift is None else x - shift
    return (tf.constant(float(count)), tf.reduce_sum(from_here, axes, keep_dims=keep_dims),
            tf.reduce_sum(tf.square(from_here), axes, keep_dims=keep_dims), shift)


def normalize_moments(counts, mean_ss, variance_ss, shift, name=None):
    shifted = mean_ss / counts
    mean = shifted if shift is None else shifted + shift
    return mean, variance_ss / counts - tf.square(shifted)


def conv2d_backprop_input(input_sizes, filter, out_backprop, strides=None, padding=None, use_cudnn_on_gpu=True,
                          data_format='NHWC', dilations=None, name=None):
    if dilations is not None and list(dilations) != [1, 1, 1, 1]:
        raise ValueError('`dilations` of conv2d_backprop_input are not known to cortado')
    return tf.nn.conv2d_transpose(out_backprop, filter, input_sizes, strides, padding, data_format)


def embed_sequence(ids, vocab_size=None, embed_dim=None, unique=False, initializer=None, regularizer=None,
                   trainable=True, scope=None, reuse=None):
    with tf.variable_scope(scope, 'EmbedSequence', [ids], reuse=reuse):
        shape = [vocab_size, embed_dim]
        table = tf.get_variable('embeddings', None if reuse and None in shape else shape, initializer=initializer,
                                regularizer=regularizer, trainable=trainable)
        return tf.nn.embedding_lookup(table, ids)


def clip_by_average_norm(t, clip_norm, name=None):
    count = 1.0
    for extent in t.get_shape().as_list():
        count *= extent
    mean = tf.sqrt(tf.reduce_sum(tf.square(t))) / count
    return t * clip_norm / tf.maximum(mean, clip_norm)


def truncatediv(x, y, name=None):
    # Towards 0.
    x, y = tf.convert_to_tensor(x), tf.convert_to_tensor(y)
    quotient = tf.to_float(x) / tf.to_float(y)
    whole = tf.where(quotient < 0, tf.ceil(quotient), tf.floor(quotient))
    return tf.cast(whole, x.dtype)


def polyval(coeffs, x, name=None):
    if not coeffs:
        return tf.zeros_like(x)
    result = coeffs[0] + tf.zeros_like(x)
    for coefficient in coeffs[1:]:
        result = result * x + coefficient
    return result


def xdivy(x, y, name=None):
    there = tf.not_equal(x, tf.zeros_like(x))
    return x / tf.where(there, y + tf.zeros_like(x), tf.ones_like(x + y))


def xlog1py(x, y, name=None):
    there = tf.not_equal(x, tf.zeros_like(x))
    return x * tf.log1p(tf.where(there, y + tf.zeros_like(x), tf.zeros_like(x + y)))


def reduce_euclidean_norm(input_tensor, axis=None, keepdims=False, name=None):
    return tf.sqrt(tf.reduce_sum(tf.square(input_tensor), axis, keep_dims=keepdims))


def reduce_all(input_tensor, axis=None, keepdims=False, name=None):
    return tf.reduce_all(input_tensor, axis, keepdims)


def reduce_any(input_tensor, axis=None, keepdims=False, name=None):
    return tf.reduce_any(input_tensor, axis, keepdims)


def silu(features, beta=1.0):
    return features * tf.nn.sigmoid(beta * features)


def where_v2(condition, x=None, y=None, name=None):
    # All three are repeated to one shape.
    if x is None and y is None:
        return tf.where(condition)
    condition, x, y = tf.convert_to_tensor(condition), tf.convert_to_tensor(x), tf.convert_to_tensor(y)
    zeros = tf.zeros_like(x) + tf.zeros_like(y) + tf.cast(tf.zeros_like(condition), x.dtype)
    there = tf.logical_and(condition, tf.equal(zeros, zeros))
    return tf.where(there, x + zeros, y + zeros)


def poincare_normalize(x, axis=1, epsilon=1e-5, name=None):
    lengths = tf.rsqrt(tf.reduce_sum(tf.square(x), axis, keep_dims=True))
    return x * tf.minimum((1.0 - epsilon) * lengths, 1.0)


def ensure_shape(x, shape, name=None):
    x.set_shape(shape)
    return tf.identity(x)


def bincount(arr, weights=None, minlength=None, maxlength=None, dtype=tf.int32, name=None):
    numbers = tf.reshape(tf.convert_to_tensor(arr), [-1])
    if maxlength is None:
        raise ValueError('bincount needs `maxlength`: the shape of its result must be known before the net runs')
    if minlength not in (None, maxlength):
        raise ValueError('bincount is known to cortado where `minlength` is `maxlength`')
    ones = tf.one_hot(numbers, int(maxlength))
    if weights is not None:
        return tf.reduce_sum(ones * tf.reshape(weights, [-1, 1]), 0)
    return tf.cast(tf.reduce_sum(ones, 0), dtype)


def searchsorted(sorted_sequence, values, side='left', out_type=tf.int32, name=None):
    if side not in ('left', 'right'):
        raise ValueError("side must be either 'right' or 'left'.  Saw: %s." % side)
    below = tf.less if side == 'left' else tf.less_equal
    sorted_sequence, values = tf.convert_to_tensor(sorted_sequence), tf.convert_to_tensor(values)
    before = below(tf.expand_dims(sorted_sequence, -2), tf.expand_dims(values, -1))
    return tf.cast(tf.reduce_sum(tf.to_float(before), -1), out_type)


def unravel_index(indices, dims, name=None):
    indices, parts = tf.convert_to_tensor(indices), []
    for extent in [int(extent) for extent in dims][::-1]:
        parts.append(tf.mod(indices, extent))
        indices = tf.floordiv(indices, extent)
    return tf.stack(parts[::-1])


def filter_variables(var_list, include_patterns=None, exclude_patterns=None, reg_search=True):
    def named(patterns, v):
        return any(pattern in v.op.name if reg_search else v.op.name.startswith(pattern) for pattern in patterns)
    chosen = [v for v in var_list if include_patterns is None or named(include_patterns, v)]
    return [v for v in chosen if exclude_patterns is None or not named(exclude_patterns, v)]


def get_variables_by_suffix(suffix, scope=None):
    return slim.get_variables(scope, suffix)


def get_unique_variable(var_op_name):
    found = [v for v in tf.global_variables() if v.op.name == var_op_name]
    if not found:
        raise ValueError('Variable %s was not found' % var_op_name)
    return found[0]


def get_variables_to_restore(include=None, exclude=None):
    all = tf.global_variables()
    if include is not None:
        all = [v for v in all if any(v.op.name.startswith(scope) for scope in include)]
    return [v for v in all if not any(v.op.name.startswith(scope) for scope in exclude or [])]


def summarize(*args, **kwargs):
    # What is only shown.
    return None


def name_of(layer, otherwise):
    if not hasattr(layer, '__name__'):
        layer = getattr(layer, 'func', None)
    name = getattr(layer, '__name__', otherwise).split('.')[-1]
    whole = {'conv2d': 'convolution2d', 'conv2d_transpose': 'convolution2d_transpose',
             'separable_conv2d': 'separable_convolution2d'}
    return whole.get(name, name)


def repeat(inputs, repetitions, layer, *args, **kwargs):
    scope = kwargs.pop('scope', None)
    with tf.variable_scope(scope, 'Repeat', [inputs]):
        scope = scope or name_of(layer, 'repeat')
        outputs = inputs
        for i in range(repetitions):
            kwargs['scope'] = scope + '_' + str(i + 1)
            outputs = layer(outputs, *args, **kwargs)
        return outputs


def stack(inputs, layer, stack_args, **kwargs):
    scope = kwargs.pop('scope', None)
    if not isinstance(stack_args, (list, tuple)):
        raise ValueError('stack_args need to be a list or tuple')
    with tf.variable_scope(scope, 'Stack', [inputs]):
        scope = scope or name_of(layer, 'stack')
        outputs = inputs
        for i in range(len(stack_args)):
            kwargs['scope'] = scope + '_' + str(i + 1)
            layer_args = stack_args[i]
            if not isinstance(layer_args, (list, tuple)):
                layer_args = [layer_args]
            outputs = layer(outputs, *layer_args, **kwargs)
        return outputs


def linear(inputs, num_outputs, **kwargs):
    kwargs.setdefault('activation_fn', None)
    return slim.fully_connected(inputs, num_outputs, **kwargs)


def relu(inputs, num_outputs, **kwargs):
    kwargs.setdefault('activation_fn', tf.nn.relu)
    return slim.fully_connected(inputs, num_outputs, **kwargs)


def relu6(inputs, num_outputs, **kwargs):
    kwargs.setdefault('activation_fn', tf.nn.relu6)
    return slim.fully_connected(inputs, num_outputs, **kwargs)
