# Convolutions and poolings of volumes, batch x depth x height x width x channels, by those of images.


def _five(values, name):
    values = [int(value) for value in values]
    if len(values) != 5 or values[0] != 1 or values[4] != 1:
        raise ValueError('`%s` must be [1, depth, height, width, 1], not %r' % (name, values))
    return values[1:4]


def _last(data_format):
    if data_format not in (None, 'NDHWC'):
        raise ValueError('`data_format` %s is not known, only NDHWC' % data_format)


def _around(extent, window, step, padding):
    # The windows along an axis, and the zeros before and behind it.
    if padding == 'VALID':
        if window > extent:
            raise ValueError('a window of %d does not fit into a volume %d deep' % (window, extent))
        return (extent - window) // step + 1, 0, 0
    if padding != 'SAME':
        raise ValueError("`padding` is 'SAME' or 'VALID', not %r" % (padding,))
    count = -(-extent // step)
    lack = max((count - 1) * step + window - extent, 0)
    return count, lack // 2, lack - lack // 2


def convolved(x, weights, strides, rates, padding):
    # A convolution of lines or of volumes.
    if len(strides) == 1:
        net = tf.nn.conv2d(tf.expand_dims(x, 1), tf.expand_dims(weights, 0), [1, 1, strides[0], 1], padding,
                           dilations=[1, 1, rates[0], 1])
        return tf.squeeze(net, [1])
    return conv3d(x, weights, [1] + strides + [1], padding, dilations=[1] + rates + [1])


def deconvolved(x, weights, strides, padding):
    # The adjoint of a convolution of volumes, as large as its windows give it.
    shape, kernel = x.get_shape().as_list(), weights.get_shape().as_list()
    extents = [n * s + (max(k - s, 0) if padding == 'VALID' else 0) for n, k, s in zip(shape[1:4], kernel, strides)]
    return conv3d_transpose(x, weights, [shape[0]] + extents + [kernel[3]], [1] + strides + [1], padding)


def conv3d(input, filter, strides, padding, data_format=None, dilations=None, name=None):
    _last(data_format)
    rate, rate_down, rate_along = [1, 1, 1] if dilations is None else _five(dilations, 'dilations')
    x, weights = tf.convert_to_tensor(input), tf.convert_to_tensor(filter)
    n, depth, high, wide, channels = x.get_shape().as_list()
    deep, kh, kw, inputs, outputs = weights.get_shape().as_list()
    step, down, along = _five(strides, 'strides')
    count, before, behind = _around(depth, (deep - 1) * rate + 1, step, padding)
    x = tf.pad(x, [[0, 0], [before, behind], [0, 0], [0, 0], [0, 0]])
    # The slices of a window lie behind each other along the channels of one image.
    slices = [x[:, tap:tap + (count - 1) * step + 1:step] for tap in range(0, deep * rate, rate)]
    images = tf.reshape(tf.concat(slices, 4), [n * count, high, wide, deep * channels])
    flat = tf.reshape(tf.transpose(weights, [1, 2, 0, 3, 4]), [kh, kw, deep * inputs, outputs])
    images = tf.nn.conv2d(images, flat, [1, down, along, 1], padding, dilations=[1, rate_down, rate_along, 1])
    return tf.reshape(images, [n, count] + images.get_shape().as_list()[1:])


def conv3d_transpose(value, filter, output_shape, strides, padding='SAME', data_format=None, name=None):
    _last(data_format)
    x, weights = tf.convert_to_tensor(value), tf.convert_to_tensor(filter)
    n, depth, high, wide, channels = x.get_shape().as_list()
    deep, kh, kw, outputs, inputs = weights.get_shape().as_list()
    step, down, along = _five(strides, 'strides')
    shape = [int(extent) for extent in (tf.unstack(output_shape) if hasattr(output_shape, 'get_shape') else output_shape)]
    count, before, behind = _around(shape[1], deep, step, padding)
    if count != depth:
        raise ValueError('`output_shape` %r does not fit a volume %d deep' % (shape, depth))
    slices = tf.reshape(x, [n * depth, high, wide, channels])
    flat = tf.reshape(tf.transpose(weights, [1, 2, 0, 3, 4]), [kh, kw, deep * outputs, inputs])
    images = tf.nn.conv2d_transpose(slices, flat, [n * depth] + shape[2:4] + [deep * outputs], [1, down, along, 1], padding)
    taps = tf.reshape(images, [n, depth] + shape[2:4] + [deep, outputs])
    whole = before + shape[1] + behind
    result = 0.0
    for tap in range(deep):
        # What this slice of every window gives, with zeros where it reaches nothing.
        part = tf.expand_dims(taps[:, :, :, :, tap], 2)
        part = tf.pad(part, [[0, 0], [0, 0], [0, step - 1], [0, 0], [0, 0], [0, 0]])
        part = tf.reshape(part, [n, depth * step] + shape[2:4] + [outputs])[:, :(depth - 1) * step + 1]
        rest = whole - tap - int(part.get_shape()[1])
        result += tf.pad(part, [[0, 0], [tap, rest], [0, 0], [0, 0], [0, 0]])
    return result[:, before:before + shape[1]]


def _pooled(pooled, input, ksize, strides, padding, data_format):
    _last(data_format)
    n, depth, high, wide, channels = input.get_shape().as_list()
    (deep, kh, kw), (step, down, along) = _five(ksize, 'ksize'), _five(strides, 'strides')
    x = pooled(tf.reshape(input, [n * depth, high, wide, channels]), [1, kh, kw, 1], [1, down, along, 1], padding)
    _, high, wide, _ = x.get_shape().as_list()
    x = pooled(tf.reshape(x, [n, depth, high * wide, channels]), [1, deep, 1, 1], [1, step, 1, 1], padding)
    return tf.reshape(x, [n, int(x.get_shape()[1]), high, wide, channels])


def max_pool3d(input, ksize, strides, padding, data_format=None, name=None):
    return _pooled(tf.nn.max_pool, input, ksize, strides, padding, data_format)


def _three(value):
    return [1] + (list(value) if isinstance(value, (list, tuple)) else [value] * 3) + [1]


@slim.add_arg_scope
def slim_max_pool3d(inputs, kernel_size, stride=2, padding='VALID', data_format='NDHWC', outputs_collections=None,
                    scope=None):
    outputs = max_pool3d(inputs, _three(kernel_size), _three(stride), padding, data_format)
    return slim.utils.collect_named_outputs(outputs_collections, scope or 'MaxPool3D', outputs)


@slim.add_arg_scope
def slim_avg_pool3d(inputs, kernel_size, stride=2, padding='VALID', data_format='NDHWC', outputs_collections=None,
                    scope=None):
    outputs = avg_pool3d(inputs, _three(kernel_size), _three(stride), padding, data_format)
    return slim.utils.collect_named_outputs(outputs_collections, scope or 'AvgPool3D', outputs)


def avg_pool3d(input, ksize, strides, padding, data_format=None, name=None):
    return _pooled(tf.nn.avg_pool, input, ksize, strides, padding, data_format)
