# tf.layers: layers whose variables are called kernel and bias, written with tf.nn.


def _pair(value, name):
    if isinstance(value, (list, tuple)):
        if len(value) != 2:
            raise ValueError('`%s` must be one number or two, not %r' % (name, value))
        return list(value)
    return [value, value]


def _last(data_format):
    if data_format != 'channels_last':
        raise ValueError('`data_format` %s is not known, only channels_last' % (data_format,))


def _ended(outputs, activation, use_bias, units, initializer, regularizer, trainable):
    if use_bias:
        bias = tf.get_variable('bias', [units], initializer=initializer or tf.zeros_initializer(),
                               regularizer=regularizer, trainable=trainable)
        outputs = tf.nn.bias_add(outputs, bias)
    return outputs if activation is None else activation(outputs)


def conv2d(inputs, filters, kernel_size, strides=(1, 1), padding='valid', data_format='channels_last',
           dilation_rate=(1, 1), activation=None, use_bias=True, kernel_initializer=None, bias_initializer=None,
           kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None, kernel_constraint=None,
           bias_constraint=None, trainable=True, name=None, reuse=None):
    _last(data_format)
    with tf.variable_scope(name, 'conv2d', reuse=reuse):
        kernel = tf.get_variable('kernel', _pair(kernel_size, 'kernel_size') + [int(inputs.get_shape()[-1]), filters],
                                 initializer=kernel_initializer, regularizer=kernel_regularizer, trainable=trainable)
        outputs = tf.nn.conv2d(inputs, kernel, [1] + _pair(strides, 'strides') + [1], padding.upper(),
                               dilations=[1] + _pair(dilation_rate, 'dilation_rate') + [1])
        return _ended(outputs, activation, use_bias, filters, bias_initializer, bias_regularizer, trainable)


def conv2d_transpose(inputs, filters, kernel_size, strides=(1, 1), padding='valid', data_format='channels_last',
                     activation=None, use_bias=True, kernel_initializer=None, bias_initializer=None,
                     kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None,
                     kernel_constraint=None, bias_constraint=None, trainable=True, name=None, reuse=None):
    _last(data_format)
    with tf.variable_scope(name, 'conv2d_transpose', reuse=reuse):
        window, steps = _pair(kernel_size, 'kernel_size'), _pair(strides, 'strides')
        shape = inputs.get_shape().as_list()
        kernel = tf.get_variable('kernel', window + [filters, shape[-1]], initializer=kernel_initializer,
                                 regularizer=kernel_regularizer, trainable=trainable)
        extents = [n * s for n, s in zip(shape[1:3], steps)]
        if padding.upper() == 'VALID':
            extents = [n + (k - s if k > s else 0) for n, k, s in zip(extents, window, steps)]
        outputs = tf.nn.conv2d_transpose(inputs, kernel, [shape[0]] + extents + [filters], [1] + steps + [1],
                                         padding.upper())
        return _ended(outputs, activation, use_bias, filters, bias_initializer, bias_regularizer, trainable)


def dense(inputs, units, activation=None, use_bias=True, kernel_initializer=None, bias_initializer=None,
          kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None, kernel_constraint=None,
          bias_constraint=None, trainable=True, name=None, reuse=None):
    with tf.variable_scope(name, 'dense', reuse=reuse):
        shape = inputs.get_shape().as_list()
        kernel = tf.get_variable('kernel', [shape[-1], units], initializer=kernel_initializer,
                                 regularizer=kernel_regularizer, trainable=trainable)
        rows = inputs if len(shape) == 2 else tf.reshape(inputs, [-1, shape[-1]])
        outputs = tf.matmul(rows, kernel)
        outputs = _ended(outputs, activation, use_bias, units, bias_initializer, bias_regularizer, trainable)
        return outputs if len(shape) == 2 else tf.reshape(outputs, shape[:-1] + [units])


def max_pooling2d(inputs, pool_size, strides, padding='valid', data_format='channels_last', name=None):
    _last(data_format)
    return tf.nn.max_pool(inputs, [1] + _pair(pool_size, 'pool_size') + [1], [1] + _pair(strides, 'strides') + [1],
                          padding.upper(), name=name or 'max_pooling2d')


def average_pooling2d(inputs, pool_size, strides, padding='valid', data_format='channels_last', name=None):
    _last(data_format)
    return tf.nn.avg_pool(inputs, [1] + _pair(pool_size, 'pool_size') + [1], [1] + _pair(strides, 'strides') + [1],
                          padding.upper(), name=name or 'average_pooling2d')


def flatten(inputs, name=None):
    return tf.contrib.layers.flatten(inputs)


def dropout(inputs, rate=0.5, noise_shape=None, seed=None, training=False, name=None):
    if not training:
        return tf.identity(inputs)
    return tf.nn.dropout(inputs, 1 - rate, name=name or 'dropout')


def batch_normalization(inputs, axis=-1, momentum=0.99, epsilon=1e-3, center=True, scale=True, beta_initializer=None,
                        gamma_initializer=None, moving_mean_initializer=None, moving_variance_initializer=None,
                        beta_regularizer=None, gamma_regularizer=None, beta_constraint=None, gamma_constraint=None,
                        training=False, trainable=True, name=None, reuse=None, renorm=False, fused=None):
    if axis not in (-1, len(inputs.get_shape()) - 1):
        raise ValueError('`axis` must be the last one, -1, not %r' % (axis,))
    if renorm:
        raise ValueError('`renorm` is not known')
    around = tf.get_variable_scope().name
    with tf.variable_scope(name, 'batch_normalization', reuse=reuse) as scope:
        own = scope.name
    given = {'beta': beta_initializer, 'gamma': gamma_initializer, 'moving_mean': moving_mean_initializer,
             'moving_variance': moving_variance_initializer}
    return tf.contrib.layers.batch_norm(
        inputs, decay=momentum, center=center, scale=scale, epsilon=epsilon, is_training=training, trainable=trainable,
        param_initializers=dict((key, value) for key, value in given.items() if value is not None),
        reuse=reuse, scope=own[len(around) + 1:] if around else own)
