# tf.layers: layers whose variables are called kernel and bias, written with tf.nn.

import functools


def _each(value, axes, name):
    """A number for each of two or three axes."""
    if hasattr(value, 'as_list'):
        value = value.as_list()
    if isinstance(value, (list, tuple)):
        if len(value) != axes:
            raise ValueError('`%s` must be one number or %s, not %r' % (name, {2: 'two', 3: 'three'}[axes], value))
        return list(value)
    return [value] * axes


def _within(value, axes, name):
    """The same between the 1 of the batch and the 1 of the channels."""
    return [1] + _each(value, axes, name) + [1]


def _last(data_format):
    if data_format != 'channels_last':
        raise ValueError('`data_format` %s is not known here, only channels_last' % (data_format,))


def _either(layer):
    """A layer of images that takes them with their channels before the pixels as well."""

    @functools.wraps(layer)
    def of(inputs, *args, **kwargs):
        if kwargs.get('data_format', 'channels_last') not in ('channels_first', 'NCHW'):
            return layer(inputs, *args, **kwargs)
        given = dict(kwargs)
        given['data_format'] = 'channels_last'
        rank = len(inputs.get_shape())
        there, back = [0] + list(range(2, rank)) + [1], [0, rank - 1] + list(range(1, rank - 1))
        return tf.transpose(layer(tf.transpose(inputs, there), *args, **given), back)
    return of


def _one_of(strides, dilation_rate):
    each = [max(n) if isinstance(n, (list, tuple)) else n for n in (strides, dilation_rate)]
    if min(each) > 1:
        raise ValueError('`strides > 1` not supported in conjunction with `dilation_rate > 1`')


def _ended(outputs, activation, use_bias, units, initializer, regularizer, constraint, trainable):
    if use_bias:
        bias = tf.get_variable('bias', [units], initializer=initializer or tf.zeros_initializer(),
                               regularizer=regularizer, constraint=constraint, trainable=trainable)
        outputs = tf.nn.bias_add(outputs, bias)
    return outputs if activation is None else activation(outputs)


def _active(outputs, regularizer):
    """The outputs, whose penalty for each record joins those of the weights."""
    if regularizer is not None:
        penalty = regularizer(outputs)
        if penalty is not None:
            tf.add_to_collection(tf.GraphKeys.REGULARIZATION_LOSSES, penalty / float(int(outputs.get_shape()[0])))
    return outputs


def _convolution(axes, scope, convolve, inputs, filters, kernel_size, strides, padding, data_format, dilation_rate,
                 activation, use_bias, kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
                 activity_regularizer, kernel_constraint, bias_constraint, trainable, name, reuse):
    _last(data_format)
    _one_of(strides, dilation_rate)
    with tf.variable_scope(name, scope, reuse=reuse):
        shape = _each(kernel_size, axes, 'kernel_size') + [int(inputs.get_shape()[-1]), filters]
        kernel = tf.get_variable('kernel', shape, initializer=kernel_initializer, regularizer=kernel_regularizer,
                                 constraint=kernel_constraint, trainable=trainable)
        outputs = convolve(inputs, kernel, _within(strides, axes, 'strides'), padding.upper(),
                           dilations=_within(dilation_rate, axes, 'dilation_rate'))
        outputs = _ended(outputs, activation, use_bias, filters, bias_initializer, bias_regularizer, bias_constraint, trainable)
        return _active(outputs, activity_regularizer)


def _convolution_transpose(axes, scope, convolve, inputs, filters, kernel_size, strides=1, padding='valid',
                           data_format='channels_last', activation=None, use_bias=True, kernel_initializer=None,
                           bias_initializer=None, kernel_regularizer=None, bias_regularizer=None,
                           activity_regularizer=None, kernel_constraint=None, bias_constraint=None, trainable=True,
                           name=None, reuse=None, output_padding=None, dilation_rate=1):
    _last(data_format)
    with tf.variable_scope(name, scope, reuse=reuse):
        window, steps = _each(kernel_size, axes, 'kernel_size'), _each(strides, axes, 'strides')
        shape = inputs.get_shape().as_list()
        kernel = tf.get_variable('kernel', window + [filters, shape[-1]], initializer=kernel_initializer,
                                 regularizer=kernel_regularizer, constraint=kernel_constraint, trainable=trainable)
        rates, more = _each(dilation_rate, axes, 'dilation_rate'), _each(output_padding, axes, 'output_padding')
        padded, window = padding.upper() == 'SAME', [k + (k - 1) * (rate - 1) for k, rate in zip(window, rates)]
        extents = [n * s for n, s in zip(shape[1:axes + 1], steps)]
        if output_padding is not None:
            if any(s <= m for s, m in zip(steps, more)):
                raise ValueError('Stride %r must be greater than output padding %r' % (tuple(steps), tuple(more)))
            extents = [n - s + k - (k // 2 * 2 if padded else 0) + m for n, k, s, m in zip(extents, window, steps, more)]
        elif not padded:
            extents = [n + (k - s if k > s else 0) for n, k, s in zip(extents, window, steps)]
        if any(rate != 1 for rate in rates):
            if axes != 2 or rates[0] != rates[1] or any(s != 1 for s in steps):
                raise ValueError('a `dilation_rate` is one number for images, and goes with strides of 1 only')
            convolve = lambda x, w, shape, steps, padding: tf.nn.atrous_conv2d_transpose(x, w, shape, rates[0], padding)
        outputs = convolve(inputs, kernel, [shape[0]] + extents + [filters], [1] + steps + [1], padding.upper())
        outputs = _ended(outputs, activation, use_bias, filters, bias_initializer, bias_regularizer, bias_constraint, trainable)
        return _active(outputs, activity_regularizer)


# What tf.keras.layers has: with `output_padding` and `dilation_rate`.
@_either
def _longer_images(inputs, **given):
    return _convolution_transpose(2, 'conv2d_transpose', tf.nn.conv2d_transpose, inputs, **given)


@_either
def _longer_volumes(inputs, **given):
    return _convolution_transpose(3, 'conv3d_transpose', tf.nn.conv3d_transpose, inputs, **given)


@_either
def conv2d(inputs, filters, kernel_size, strides=(1, 1), padding='valid', data_format='channels_last',
           dilation_rate=(1, 1), activation=None, use_bias=True, kernel_initializer=None, bias_initializer=None,
           kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None, kernel_constraint=None,
           bias_constraint=None, trainable=True, name=None, reuse=None):
    return _convolution(2, 'conv2d', tf.nn.conv2d, inputs, filters, kernel_size, strides, padding, data_format,
                        dilation_rate, activation, use_bias, kernel_initializer, bias_initializer, kernel_regularizer,
                        bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint, trainable, name, reuse)


@_either
def conv2d_transpose(inputs, filters, kernel_size, strides=(1, 1), padding='valid', data_format='channels_last',
                     activation=None, use_bias=True, kernel_initializer=None, bias_initializer=None,
                     kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None,
                     kernel_constraint=None, bias_constraint=None, trainable=True, name=None, reuse=None):
    return _convolution_transpose(2, 'conv2d_transpose', tf.nn.conv2d_transpose, inputs, filters, kernel_size, strides,
                                  padding, data_format, activation, use_bias, kernel_initializer, bias_initializer,
                                  kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint,
                                  bias_constraint, trainable, name, reuse)


def dense(inputs, units, activation=None, use_bias=True, kernel_initializer=None, bias_initializer=None,
          kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None, kernel_constraint=None,
          bias_constraint=None, trainable=True, name=None, reuse=None):
    with tf.variable_scope(name, 'dense', reuse=reuse):
        shape = inputs.get_shape().as_list()
        kernel = tf.get_variable('kernel', [shape[-1], units], initializer=kernel_initializer,
                                 regularizer=kernel_regularizer, constraint=kernel_constraint, trainable=trainable)
        rows = inputs if len(shape) == 2 else tf.reshape(inputs, [-1, shape[-1]])
        outputs = tf.matmul(rows, kernel)
        outputs = _ended(outputs, activation, use_bias, units, bias_initializer, bias_regularizer, bias_constraint, trainable)
        outputs = outputs if len(shape) == 2 else tf.reshape(outputs, shape[:-1] + [units])
        return _active(outputs, activity_regularizer)


@_either
def separable_conv2d(inputs, filters, kernel_size, strides=(1, 1), padding='valid', data_format='channels_last',
                     dilation_rate=(1, 1), depth_multiplier=1, activation=None, use_bias=True,
                     depthwise_initializer=None, pointwise_initializer=None, bias_initializer=None,
                     depthwise_regularizer=None, pointwise_regularizer=None, bias_regularizer=None,
                     activity_regularizer=None, depthwise_constraint=None, pointwise_constraint=None,
                     bias_constraint=None, trainable=True, name=None, reuse=None):
    _last(data_format)
    with tf.variable_scope(name, 'separable_conv2d', reuse=reuse):
        channels = int(inputs.get_shape()[-1])
        shape = _each(kernel_size, 2, 'kernel_size') + [channels, depth_multiplier]
        depthwise = tf.get_variable('depthwise_kernel', shape, initializer=depthwise_initializer,
                                    regularizer=depthwise_regularizer, constraint=depthwise_constraint,
                                    trainable=trainable)
        pointwise = tf.get_variable('pointwise_kernel', [1, 1, channels * depth_multiplier, filters],
                                    initializer=pointwise_initializer, regularizer=pointwise_regularizer,
                                    constraint=pointwise_constraint, trainable=trainable)
        outputs = tf.nn.separable_conv2d(inputs, depthwise, pointwise, _within(strides, 2, 'strides'),
                                         padding.upper(), _each(dilation_rate, 2, 'dilation_rate'))
        outputs = _ended(outputs, activation, use_bias, filters, bias_initializer, bias_regularizer, bias_constraint, trainable)
        return _active(outputs, activity_regularizer)


@_either
def conv1d(inputs, filters, kernel_size, strides=1, padding='valid', data_format='channels_last', dilation_rate=1,
           activation=None, use_bias=True, kernel_initializer=None, bias_initializer=None, kernel_regularizer=None,
           bias_regularizer=None, activity_regularizer=None, kernel_constraint=None, bias_constraint=None,
           trainable=True, name=None, reuse=None):
    _last(data_format)
    window, step, rate = [n[0] if isinstance(n, (list, tuple)) else n for n in (kernel_size, strides, dilation_rate)]
    _one_of(step, rate)
    if padding.lower() == 'causal':
        # A step sees itself and those before it.
        inputs, padding = tf.pad(inputs, [[0, 0], [(window - 1) * rate, 0], [0, 0]]), 'valid'
    with tf.variable_scope(name, 'conv1d', reuse=reuse):
        kernel = tf.get_variable('kernel', [window, int(inputs.get_shape()[-1]), filters],
                                 initializer=kernel_initializer, regularizer=kernel_regularizer,
                                 constraint=kernel_constraint, trainable=trainable)
        outputs = tf.nn.conv2d(tf.expand_dims(inputs, 1), tf.expand_dims(kernel, 0), [1, 1, step, 1], padding.upper(),
                               dilations=[1, 1, rate, 1])
        outputs = tf.squeeze(outputs, [1])
        outputs = _ended(outputs, activation, use_bias, filters, bias_initializer, bias_regularizer, bias_constraint, trainable)
        return _active(outputs, activity_regularizer)


@_either
def separable_conv1d(inputs, filters, kernel_size, strides=1, padding='valid', data_format='channels_last',
                     dilation_rate=1, depth_multiplier=1, activation=None, use_bias=True, depthwise_initializer=None,
                     pointwise_initializer=None, bias_initializer=None, depthwise_regularizer=None,
                     pointwise_regularizer=None, bias_regularizer=None, activity_regularizer=None,
                     depthwise_constraint=None, pointwise_constraint=None, bias_constraint=None, trainable=True,
                     name=None, reuse=None):
    _last(data_format)
    window, step, rate = [n[0] if isinstance(n, (list, tuple)) else n for n in (kernel_size, strides, dilation_rate)]
    with tf.variable_scope(name, 'separable_conv1d', reuse=reuse):
        channels = int(inputs.get_shape()[-1])
        depthwise = tf.get_variable('depthwise_kernel', [window, channels, depth_multiplier],
                                    initializer=depthwise_initializer, regularizer=depthwise_regularizer,
                                    constraint=depthwise_constraint, trainable=trainable)
        pointwise = tf.get_variable('pointwise_kernel', [1, channels * depth_multiplier, filters],
                                    initializer=pointwise_initializer, regularizer=pointwise_regularizer,
                                    constraint=pointwise_constraint, trainable=trainable)
        # Strides are equal, of which only one moves along images that are one high.
        outputs = tf.nn.separable_conv2d(tf.expand_dims(inputs, 1), tf.expand_dims(depthwise, 0),
                                         tf.expand_dims(pointwise, 0), [1, step, step, 1], padding.upper(), [1, rate])
        outputs = tf.squeeze(outputs, [1])
        outputs = _ended(outputs, activation, use_bias, filters, bias_initializer, bias_regularizer, bias_constraint, trainable)
        return _active(outputs, activity_regularizer)


@_either
def conv3d(inputs, filters, kernel_size, strides=(1, 1, 1), padding='valid', data_format='channels_last',
           dilation_rate=(1, 1, 1), activation=None, use_bias=True, kernel_initializer=None, bias_initializer=None,
           kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None, kernel_constraint=None,
           bias_constraint=None, trainable=True, name=None, reuse=None):
    return _convolution(3, 'conv3d', tf.nn.conv3d, inputs, filters, kernel_size, strides, padding, data_format,
                        dilation_rate, activation, use_bias, kernel_initializer, bias_initializer, kernel_regularizer,
                        bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint, trainable, name, reuse)


@_either
def conv3d_transpose(inputs, filters, kernel_size, strides=(1, 1, 1), padding='valid', data_format='channels_last',
                     activation=None, use_bias=True, kernel_initializer=None, bias_initializer=None,
                     kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None,
                     kernel_constraint=None, bias_constraint=None, trainable=True, name=None, reuse=None):
    return _convolution_transpose(3, 'conv3d_transpose', tf.nn.conv3d_transpose, inputs, filters, kernel_size, strides,
                                  padding, data_format, activation, use_bias, kernel_initializer, bias_initializer,
                                  kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint,
                                  bias_constraint, trainable, name, reuse)


@_either
def max_pooling3d(inputs, pool_size, strides, padding='valid', data_format='channels_last', name=None):
    _last(data_format)
    return tf.nn.max_pool3d(inputs, _within(pool_size, 3, 'pool_size'), _within(strides, 3, 'strides'), padding.upper())


@_either
def average_pooling3d(inputs, pool_size, strides, padding='valid', data_format='channels_last', name=None):
    _last(data_format)
    return tf.nn.avg_pool3d(inputs, _within(pool_size, 3, 'pool_size'), _within(strides, 3, 'strides'), padding.upper())


def _along(pooled, inputs, pool_size, strides, padding, data_format):
    _last(data_format)
    window, step = [n[0] if isinstance(n, (list, tuple)) else n for n in (pool_size, strides)]
    return tf.squeeze(pooled(tf.expand_dims(inputs, 1), [1, 1, window, 1], [1, 1, step, 1], padding.upper()), [1])


@_either
def max_pooling1d(inputs, pool_size, strides, padding='valid', data_format='channels_last', name=None):
    return _along(tf.nn.max_pool, inputs, pool_size, strides, padding, data_format)


@_either
def average_pooling1d(inputs, pool_size, strides, padding='valid', data_format='channels_last', name=None):
    return _along(tf.nn.avg_pool, inputs, pool_size, strides, padding, data_format)


@_either
def max_pooling2d(inputs, pool_size, strides, padding='valid', data_format='channels_last', name=None):
    _last(data_format)
    return tf.nn.max_pool(inputs, _within(pool_size, 2, 'pool_size'), _within(strides, 2, 'strides'),
                          padding.upper(), name=name or 'max_pooling2d')


@_either
def average_pooling2d(inputs, pool_size, strides, padding='valid', data_format='channels_last', name=None):
    _last(data_format)
    return tf.nn.avg_pool(inputs, _within(pool_size, 2, 'pool_size'), _within(strides, 2, 'strides'),
                          padding.upper(), name=name or 'average_pooling2d')


def flatten(inputs, name=None):
    return tf.contrib.layers.flatten(inputs)


def dropout(inputs, rate=0.5, noise_shape=None, seed=None, training=False, name=None):
    if not training:
        return tf.identity(inputs)
    return tf.nn.dropout(inputs, 1 - rate, noise_shape, seed, name=name or 'dropout')


def batch_normalization(inputs, axis=-1, momentum=0.99, epsilon=1e-3, center=True, scale=True, beta_initializer=None,
                        gamma_initializer=None, moving_mean_initializer=None, moving_variance_initializer=None,
                        beta_regularizer=None, gamma_regularizer=None, beta_constraint=None, gamma_constraint=None,
                        training=False, trainable=True, name=None, reuse=None, renorm=False, renorm_clipping=None,
                        renorm_momentum=0.99, fused=None, virtual_batch_size=None, adjustment=None):
    if virtual_batch_size is not None or adjustment is not None:
        raise ValueError('`virtual_batch_size` and `adjustment` are not known to cortado')
    if renorm and fused:
        raise ValueError('Passing both `fused=True` and `renorm=True` is not supported')
    rank = len(inputs.get_shape())
    place = (axis[0] if isinstance(axis, (list, tuple)) else axis) % rank
    if place != rank - 1:
        # The axis goes to the end and comes back.
        there = [a for a in range(rank) if a != place] + [place]
        outputs = batch_normalization(
            tf.transpose(inputs, there), -1, momentum, epsilon, center, scale, beta_initializer, gamma_initializer,
            moving_mean_initializer, moving_variance_initializer, beta_regularizer, gamma_regularizer, beta_constraint,
            gamma_constraint, training, trainable, name, reuse, renorm, renorm_clipping, renorm_momentum,
            not renorm and rank == 4 and place == 1 if fused is None else fused)
        return tf.transpose(outputs, [there.index(a) for a in range(rank)])
    around = tf.get_variable_scope().name
    with tf.variable_scope(name, 'batch_normalization', reuse=reuse) as scope:
        own = scope.name
    given = {'beta': beta_initializer, 'gamma': gamma_initializer, 'moving_mean': moving_mean_initializer,
             'moving_variance': moving_variance_initializer}
    penalties = {'beta': beta_regularizer, 'gamma': gamma_regularizer}
    outputs = tf.contrib.layers.batch_norm(
        inputs, decay=momentum, center=center, scale=scale, epsilon=epsilon, is_training=training, trainable=trainable,
        fused=len(inputs.get_shape()) == 4 if fused is None else fused,
        param_initializers=dict((key, value) for key, value in given.items() if value is not None),
        param_regularizers=dict((key, value) for key, value in penalties.items() if value is not None),
        renorm=renorm, renorm_clipping=renorm_clipping, renorm_decay=renorm_momentum if renorm else None,
        reuse=reuse, scope=own[len(around) + 1:] if around else own)
    for part, constraint in (('beta', beta_constraint), ('gamma', gamma_constraint)):
        for variable in tf.trainable_variables():
            if constraint is not None and variable.op.name == own + '/' + part:
                tf.constrained(variable, constraint)
    return outputs


class _Made(object):
    """What layers as objects say of their variables, which are made at the first call and shared by all others."""

    _all, _scope = (), None

    def _noting(self, work):
        before = len(tf.global_variables())
        outputs = work()
        self._all = tuple(self._all) + tuple(tf.global_variables()[before:])
        return outputs

    def _named(self, *names):
        found = [v for v in self._all if v.op.name.split('/')[-1] in names]
        return found[0] if found else None

    @property
    def variables(self):
        return self.trainable_variables + self.non_trainable_variables

    @property
    def trainable_variables(self):
        trained = [v.op.name for v in tf.trainable_variables()]
        return [v for v in self._all if v.op.name in trained]

    @property
    def non_trainable_variables(self):
        trained = [v.op.name for v in tf.trainable_variables()]
        return [v for v in self._all if v.op.name not in trained]

    weights = variables
    trainable_weights = trainable_variables
    non_trainable_weights = non_trainable_variables

    @property
    def updates(self):
        # Moving moments follow by themselves.
        return []

    @property
    def losses(self):
        return [loss for loss in tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)
                if self._scope and loss.op.name.startswith(self._scope)]

    @property
    def name(self):
        return self._scope or self._name

    @property
    def scope_name(self):
        return self.name

    def count_params(self):
        return sum([v.get_shape().num_elements() for v in self._all])

    def apply(self, inputs, *args, **kwargs):
        return self.__call__(inputs, *args, **kwargs)


class _Layer(_Made):
    """A function of tf.layers as an object; its variables are made at the first call."""

    _function, _default = None, None

    def build(self, input_shape):
        pass

    def __init__(self, *args, **kwargs):
        self._name, self._args, self._kwargs = kwargs.pop('name', None), args, kwargs

    def __call__(self, inputs, **kwargs):
        given = dict(self._kwargs)
        given.update(kwargs)
        if self._default in ('dropout', 'flatten') or 'pooling' in self._default:
            return self._function[0](inputs, *self._args, name=self._name, **given)
        if self._scope is None:
            around = tf.get_variable_scope().name
            with tf.variable_scope(self._name, self._default) as scope:
                own = scope.name
            self._scope = own[len(around) + 1:] if around else own
        else:
            given['reuse'] = True
        return self._noting(lambda: self._function[0](inputs, *self._args, name=self._scope, **given))

    kernel = property(lambda self: self._named('kernel', 'depthwise_kernel'))
    bias = property(lambda self: self._named('bias'))
    gamma = property(lambda self: self._named('gamma'))
    beta = property(lambda self: self._named('beta'))
    moving_mean = property(lambda self: self._named('moving_mean'))
    moving_variance = property(lambda self: self._named('moving_variance'))


def _as_class(function, name):
    return type(name, (_Layer,), {'_function': [function], '_default': function.__name__})


class Layer(_Made):
    """A layer of the definition's own: `build` makes its variables, `call` computes."""

    built = False

    def __init__(self, trainable=True, name=None, dtype=None, **kwargs):
        self.trainable, self._name, self.dtype = trainable, name, dtype or tf.float32

    def build(self, input_shape):
        self.built = True

    def call(self, inputs, **kwargs):
        return inputs

    def add_variable(self, name, shape, dtype=None, initializer=None, regularizer=None, trainable=True, constraint=None,
                     partitioner=None):
        return tf.get_variable(name, shape, dtype or self.dtype, initializer, regularizer, trainable and self.trainable,
                               constraint=constraint)

    add_weight = add_variable

    def __call__(self, inputs, *args, **kwargs):
        default = ''.join([('_' if c.isupper() and i else '') + c.lower() for i, c in enumerate(type(self).__name__)])
        with tf.variable_scope(self._scope or self._name, default, reuse=True if self._scope else None) as scope:
            if self._scope is None:
                self._scope = scope.name.split('/')[-1]

            def work():
                if not self.built:
                    self.build(inputs.get_shape())
                    self.built = True
                return self.call(inputs, *args, **kwargs)
            return self._noting(work)


Dense, Conv1D, Conv2D = _as_class(dense, 'Dense'), _as_class(conv1d, 'Conv1D'), _as_class(conv2d, 'Conv2D')
Conv3D, Conv2DTranspose = _as_class(conv3d, 'Conv3D'), _as_class(conv2d_transpose, 'Conv2DTranspose')
Conv3DTranspose = _as_class(conv3d_transpose, 'Conv3DTranspose')
SeparableConv1D = _as_class(separable_conv1d, 'SeparableConv1D')
SeparableConv2D = _as_class(separable_conv2d, 'SeparableConv2D')
BatchNormalization = _as_class(batch_normalization, 'BatchNormalization')
Dropout, Flatten = _as_class(dropout, 'Dropout'), _as_class(flatten, 'Flatten')
MaxPooling1D, MaxPooling2D = _as_class(max_pooling1d, 'MaxPooling1D'), _as_class(max_pooling2d, 'MaxPooling2D')
MaxPooling3D = _as_class(max_pooling3d, 'MaxPooling3D')
AveragePooling1D = _as_class(average_pooling1d, 'AveragePooling1D')
AveragePooling2D = _as_class(average_pooling2d, 'AveragePooling2D')
AveragePooling3D = _as_class(average_pooling3d, 'AveragePooling3D')
