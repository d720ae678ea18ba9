# Windows that slide over images in ways that are others put together.


def max_pool2d(input, ksize, strides, padding, data_format='NHWC', name=None):
    return tf.nn.max_pool(input, ksize, strides, padding, data_format, name)


def avg_pool2d(input, ksize, strides, padding, data_format='NHWC', name=None):
    return tf.nn.avg_pool(input, ksize, strides, padding, data_format, name)


def _one(value):
    # The number for the one axis of a line.
    if isinstance(value, (list, tuple)):
        return value[0] if len(value) == 1 else value[1]
    return value


def _along(pooled, input, ksize, strides, padding, data_format):
    if data_format == 'NCW':
        outputs = _along(pooled, tf.transpose(input, [0, 2, 1]), ksize, strides, padding, 'NWC')
        return tf.transpose(outputs, [0, 2, 1])
    if data_format not in (None, 'NWC'):
        raise ValueError('`data_format` %s is not known, only NWC and NCW' % (data_format,))
    return tf.squeeze(pooled(tf.expand_dims(input, 1), [1, 1, _one(ksize), 1], [1, 1, _one(strides), 1], padding), [1])


def max_pool1d(input, ksize, strides, padding, data_format='NWC', name=None):
    return _along(tf.nn.max_pool, input, ksize, strides, padding, data_format)


def avg_pool1d(input, ksize, strides, padding, data_format='NWC', name=None):
    return _along(tf.nn.avg_pool, input, ksize, strides, padding, data_format)


def conv1d_transpose(input, filters, output_shape, strides, padding='SAME', data_format='NWC', dilations=None, name=None):
    if data_format not in (None, 'NWC') or dilations not in (None, 1):
        raise ValueError('conv1d_transpose is known with `data_format` NWC and without dilations alone')
    n, wide, channels = [int(extent) for extent in output_shape]
    result = tf.nn.conv2d_transpose(tf.expand_dims(input, 1), tf.expand_dims(filters, 0), [n, 1, wide, channels],
                                    [1, 1, _one(strides), 1], padding)
    return tf.squeeze(result, [1])


def atrous_conv2d_transpose(value, filters, output_shape, rate, padding, name=None):
    # The filter with holes between its elements.
    high, wide, outputs, inputs = [int(extent) for extent in filters.get_shape()]
    holes = tf.reshape(filters, [high, 1, wide, 1, outputs, inputs])
    holes = tf.pad(holes, [[0, 0], [0, rate - 1], [0, 0], [0, rate - 1], [0, 0], [0, 0]])
    holes = tf.reshape(holes, [high * rate, wide * rate, outputs, inputs])
    holes = holes[:(high - 1) * rate + 1, :(wide - 1) * rate + 1]
    return tf.nn.conv2d_transpose(value, holes, output_shape, [1, 1, 1, 1], padding)


def _shifted(value, filters, strides, rates, padding, fill):
    # The images as each place of the window sees them, with what the filter has there.
    high, wide, channels = [int(extent) for extent in filters.get_shape()]
    n, rows, columns, _ = [int(extent) for extent in value.get_shape()]
    pads, sizes = [], []
    for extent, k, stride, rate in zip((rows, columns), (high, wide), strides[1:3], rates[1:3]):
        reach = (k - 1) * rate + 1
        size = -(-extent // stride) if padding == 'SAME' else (extent - reach) // stride + 1
        lack = max((size - 1) * stride + reach - extent, 0) if padding == 'SAME' else 0
        pads.append([lack // 2, lack - lack // 2])
        sizes.append(size)
    around = tf.pad(value, [[0, 0]] + pads + [[0, 0]], constant_values=fill)
    for i in range(high):
        for j in range(wide):
            top, left = i * rates[1], j * rates[2]
            bottom, right = top + (sizes[0] - 1) * strides[1] + 1, left + (sizes[1] - 1) * strides[2] + 1
            yield around[:, top:bottom:strides[1], left:right:strides[2], :], filters[i, j]


def dilation2d(input, filter=None, strides=None, rates=None, padding=None, name=None, filters=None, dilations=None):
    filter, rates = filters if filter is None else filter, dilations if rates is None else rates
    result = None
    for part, height in _shifted(input, filter, strides, rates, padding, -1e30):
        part = part + height
        # Of equal ones the first counts.
        result = part if result is None else tf.where(part > result, part, result)
    return result


def erosion2d(value, kernel, strides, rates, padding, name=None):
    return -dilation2d(-value, tf.reverse(kernel, [0, 1]), strides, rates, padding)


@slim.add_arg_scope
def pool(inputs, kernel_size, pooling_type, padding='VALID', data_format=None, dilation_rate=1, stride=1,
         outputs_collections=None, scope=None):
    result = tf.nn.pool(inputs, kernel_size, pooling_type, padding, dilation_rate, stride, data_format=data_format)
    return slim.utils.collect_named_outputs(outputs_collections, scope or 'pool', result)


@slim.add_arg_scope
def conv2d_in_plane(inputs, kernel_size, stride=1, padding='SAME', activation_fn=tf.nn.relu, normalizer_fn=None,
                    normalizer_params=None, weights_initializer=None, weights_regularizer=None,
                    biases_initializer=tf.zeros_initializer(), biases_regularizer=None, reuse=None,
                    variables_collections=None, outputs_collections=None, trainable=True, scope=None):
    # One filter for all channels.
    window, step = [list(v) if isinstance(v, (list, tuple)) else [v, v] for v in (kernel_size, stride)]
    with tf.variable_scope(scope, 'ConvInPlane', [inputs], reuse=reuse) as around:
        channels = int(inputs.get_shape()[-1])
        weights = slim.model_variable('weights', window + [1, 1], initializer=weights_initializer,
                                      regularizer=weights_regularizer, trainable=trainable,
                                      collections=slim.utils.get_variable_collections(variables_collections, 'weights'))
        outputs = tf.nn.depthwise_conv2d(inputs, tf.tile(weights, [1, 1, channels, 1]), [1] + step + [1], padding)
        if normalizer_fn is not None:
            outputs = normalizer_fn(outputs, **(normalizer_params or {}))
        elif biases_initializer is not None:
            biases = slim.model_variable('biases', [channels], initializer=biases_initializer, regularizer=biases_regularizer,
                                         trainable=trainable,
                                         collections=slim.utils.get_variable_collections(variables_collections, 'biases'))
            outputs = tf.nn.bias_add(outputs, biases)
        outputs = outputs if activation_fn is None else activation_fn(outputs)
        return slim.utils.collect_named_outputs(outputs_collections, around.name, outputs)


convolution2d_in_plane = conv2d_in_plane


def images_to_sequence(inputs, data_format='NHWC', outputs_collections=None, scope=None):
    # Columns are steps, rows of images sequences.
    if data_format not in ('NHWC', 'NCHW'):
        raise ValueError('data_format has to be either NCHW or NHWC.')
    inputs = tf.transpose(inputs, [0, 2, 3, 1]) if data_format == 'NCHW' else inputs
    n, high, wide, channels = [int(extent) for extent in inputs.get_shape()]
    outputs = tf.reshape(tf.transpose(inputs, [2, 0, 1, 3]), [wide, n * high, channels])
    return slim.utils.collect_named_outputs(outputs_collections, scope or 'ImagesToSequence', outputs)


def sequence_to_images(inputs, height, output_data_format='channels_last', outputs_collections=None, scope=None):
    wide, n, channels = [int(extent) for extent in inputs.get_shape()]
    images = tf.transpose(tf.reshape(inputs, [wide, n // height, height, channels]), [1, 2, 0, 3])
    images = images if output_data_format == 'channels_last' else tf.transpose(images, [0, 3, 1, 2])
    return slim.utils.collect_named_outputs(outputs_collections, scope or 'SequenceToImages', images)
