# tf.keras.layers: layers as objects, which are called on tensors, after those of tf.layers. Names of variables are those of
# TensorFlow 1.15 without a session of Keras: the layer's own name, numbered over the whole graph, within the scopes around it.

import contextlib
from tensorflow.layers import _Made

_numbers, _scopes, _training = {}, {}, [None]
_GIVEN = ('input_shape', 'batch_input_shape', 'input_dim', 'batch_size', 'input_length', 'dynamic', 'autocast', 'weights')


def _snake(name):
    parts = []
    for i, c in enumerate(name):
        after = name[i + 1:i + 2]
        if i and c.isupper() and (name[i - 1].islower() or after.islower() or after.isdigit()):
            parts.append('_')
        parts.append(c.lower())
    return ''.join(parts)


def _numbered(name):
    number = _numbers.get(name, 0)
    _numbers[name] = number + 1
    return '%s_%d' % (name, number) if number else name


_ACTIVATIONS = {
    'linear': lambda x: x, 'relu': lambda x: tf.nn.relu(x), 'relu6': lambda x: tf.nn.relu6(x),
    'sigmoid': lambda x: tf.sigmoid(x), 'tanh': lambda x: tf.tanh(x), 'elu': lambda x: tf.nn.elu(x),
    'selu': lambda x: tf.nn.selu(x), 'softmax': lambda x: tf.nn.softmax(x), 'softplus': lambda x: tf.nn.softplus(x),
    'softsign': lambda x: tf.nn.softsign(x), 'exponential': lambda x: tf.exp(x), 'swish': lambda x: x * tf.sigmoid(x),
    'hard_sigmoid': lambda x: tf.clip_by_value(0.2 * x + 0.5, 0.0, 1.0),
}


def _activation(value):
    if value is None or value == 'linear':
        return None
    if isinstance(value, str):
        if value not in _ACTIVATIONS:
            raise ValueError('Unknown activation function: %s; there are %s' % (value, ', '.join(sorted(_ACTIVATIONS))))
        return _ACTIVATIONS[value]
    return value


def _initializer(value):
    if not isinstance(value, str):
        return value() if isinstance(value, type) else value
    known = tf.keras.initializers
    made = {
        'zeros': known.zeros, 'zero': known.zeros, 'ones': known.ones, 'one': known.ones,
        'uniform': known.RandomUniform, 'random_uniform': known.RandomUniform, 'normal': known.RandomNormal,
        'random_normal': known.RandomNormal, 'truncated_normal': known.TruncatedNormal,
        'glorot_uniform': known.glorot_uniform, 'glorot_normal': known.glorot_normal, 'he_normal': known.he_normal,
        'he_uniform': known.he_uniform, 'lecun_normal': known.lecun_normal, 'lecun_uniform': known.lecun_uniform,
        'orthogonal': known.orthogonal, 'identity': known.identity,
    }
    name = _snake(value)
    if name not in made:
        raise ValueError('Unknown initializer: %s; there are %s' % (value, ', '.join(sorted(made))))
    # Keras' own numbers where TensorFlow's are others.
    if name in ('uniform', 'random_uniform'):
        return known.RandomUniform(-0.05, 0.05)
    if name in ('normal', 'random_normal', 'truncated_normal'):
        return made[name](0.0, 0.05)
    return made[name]()


class _Node(object):
    """What a layer gives for an `Input` that is not there yet: the layer and what it is called on."""

    def __init__(self, layer, inputs, args=(), kwargs=None):
        self._layer, self._inputs, self._args, self._kwargs = layer, inputs, args, kwargs or {}

    def __getattr__(self, name):
        raise AttributeError('`%s` is not known of what is made of `Input(shape=...)`: begin with '
                             '`tf.keras.layers.Input(tensor=self.x)`, or call the layers on `self.x`' % name)


def _waits(inputs):
    if isinstance(inputs, (list, tuple)):
        return any([_waits(part) for part in inputs])
    return isinstance(inputs, _Node)


def _given(node, known):
    """What a node is, with tensors in the place of the inputs."""
    if isinstance(node, (list, tuple)):
        return [_given(part, known) for part in node]
    if not isinstance(node, _Node):
        return node
    if id(node) not in known:
        if node._layer is None:
            raise ValueError('an `Input` that the outputs need is not among the inputs of the model')
        known[id(node)] = node._layer(_given(node._inputs, known), *node._args, **node._kwargs)
    return known[id(node)]


def Input(shape=None, batch_size=None, name=None, dtype=None, sparse=False, tensor=None, batch_shape=None, **kwargs):
    return _Node(None, None) if tensor is None else tensor


class Layer(_Made):
    """A layer: `build` makes its variables at the first call, `call` computes."""

    built, _penalties, _within = False, (), False

    def __init__(self, trainable=True, name=None, dtype=None, **kwargs):
        self._sized = kwargs.get('input_shape', kwargs.get('batch_input_shape', kwargs.get('input_dim')))
        unknown = [key for key in kwargs if key not in _GIVEN]
        if unknown:
            raise TypeError('Keyword argument not understood: %s' % unknown[0])
        self.trainable, self.dtype = trainable, dtype or 'float32'
        self._name = name or _numbered(_snake(type(self).__name__))

    name = property(lambda self: self._name)

    def build(self, input_shape):
        self.built = True

    def call(self, inputs, **kwargs):
        return inputs

    def add_weight(self, name=None, shape=None, dtype=None, initializer=None, regularizer=None, trainable=None,
                   constraint=None, partitioner=None, use_resource=None, **kwargs):
        shape = () if shape is None else [int(n) for n in shape]
        if regularizer is None and initializer is None and kwargs.get('default_initializer'):
            initializer = kwargs['default_initializer']
        made = tf.get_variable(name or 'Variable', shape, initializer=_initializer(initializer),
                               trainable=self.trainable and trainable is not False)
        if regularizer is not None:
            self._penalties = tuple(self._penalties) + ((regularizer, made),)
        return made

    add_variable = add_weight

    def add_loss(self, losses, inputs=None):
        losses = losses if isinstance(losses, (list, tuple)) else [losses]
        self._penalties = tuple(self._penalties) + tuple([(lambda loss: loss, loss) for loss in losses])

    def add_update(self, updates, inputs=None):
        pass

    @property
    def losses(self):
        return [penalty(of) for penalty, of in self._penalties]

    def get_config(self):
        return {'name': self._name, 'trainable': self.trainable}

    def compute_output_shape(self, input_shape):
        return input_shape

    def _own(self, given):
        """Opens the layer's scope, which is another one for each layer but what is within a wrapper."""
        if self._within:
            self._scope = tf.get_variable_scope()
        elif self._scope is None:
            around = tf.get_variable_scope().name
            number, path = 0, (around + '/' if around else '') + self._name
            while path + ('_%d' % number if number else '') in _scopes:
                number += 1
            self._scope = self._name + ('_%d' % number if number else '')
            _scopes[path + ('_%d' % number if number else '')] = True
        return tf.variable_scope(self._scope, reuse=tf.AUTO_REUSE)

    def __call__(self, inputs, *args, **kwargs):
        if _waits(inputs):
            return _Node(self, inputs, args, kwargs)
        if isinstance(inputs, (int, float)):
            inputs = tf.constant(inputs)
        with self._own(inputs), _asked(kwargs.get('training')):
            def work():
                if not self.built:
                    several = isinstance(inputs, (list, tuple))
                    self.build([part.get_shape() for part in inputs] if several else inputs.get_shape())
                    self.built = True
                return self.call(inputs, *args, **kwargs)
            self.input = inputs
            self.output = self._noting(work)
            return self.output


class Lambda(Layer):
    def __init__(self, function, output_shape=None, mask=None, arguments=None, **kwargs):
        Layer.__init__(self, **kwargs)
        self._compute, self._arguments = function, arguments or {}

    def call(self, inputs):
        return self._compute(inputs, **self._arguments)


class _OfLayers(Layer):
    """A layer with the variables of a function of tf.layers."""

    _function, _order, _plain = None, (), {}

    def __init__(self, *args, **kwargs):
        given = dict(self._plain)
        for key, value in zip(self._order, args):
            given[key] = value
        for key in list(kwargs):
            if key not in ('name', 'trainable', 'dtype') + _GIVEN:
                given[key] = kwargs.pop(key)
        Layer.__init__(self, **kwargs)
        self._regular = []
        for key in list(given):
            if key.endswith('_regularizer'):
                self._regular.append((key, given.pop(key)))
            elif key.endswith('_initializer'):
                given[key] = _initializer(given[key])
            elif key == 'activation':
                given[key] = _activation(given[key])
            elif key in ('kernel_constraint', 'bias_constraint', 'depthwise_constraint', 'pointwise_constraint'):
                given.pop(key)
        if given.get('data_format', 0) is None:
            given.pop('data_format')
        self._arguments = given

    def __call__(self, inputs, training=None, **kwargs):
        if _waits(inputs):
            return _Node(self, inputs, (), dict(kwargs, training=training))
        again = self._scope is not None
        with self._own(inputs):
            pass
        given = dict(self._arguments, trainable=self.trainable, name=self._scope, reuse=tf.AUTO_REUSE)
        given = self._meant(given, training)
        self.input = inputs
        self.output = self._noting(lambda: self._function[0](inputs, **given))
        if not again:
            parts = {'kernel_regularizer': 'kernel', 'bias_regularizer': 'bias', 'beta_regularizer': 'beta',
                     'gamma_regularizer': 'gamma', 'depthwise_regularizer': 'depthwise_kernel',
                     'pointwise_regularizer': 'pointwise_kernel'}
            for key, penalty in self._regular:
                if penalty is not None and key in parts and self._named(parts[key]) is not None:
                    self._penalties = tuple(self._penalties) + ((penalty, self._named(parts[key])),)
        return self.output

    def _meant(self, given, training):
        return given

    kernel = property(lambda self: self._named('kernel', 'depthwise_kernel'))
    bias = property(lambda self: self._named('bias'))
    gamma = property(lambda self: self._named('gamma'))
    beta = property(lambda self: self._named('beta'))
    moving_mean = property(lambda self: self._named('moving_mean'))
    moving_variance = property(lambda self: self._named('moving_variance'))


def _of(name, function, order, plain=None):
    return type(name, (_OfLayers,), {'_function': [function], '_order': order, '_plain': plain or {}})


_CONVOLUTION = ('filters', 'kernel_size', 'strides', 'padding', 'data_format', 'dilation_rate', 'activation', 'use_bias',
                'kernel_initializer', 'bias_initializer', 'kernel_regularizer', 'bias_regularizer')
Dense = _of('Dense', tf.layers.dense, ('units', 'activation', 'use_bias', 'kernel_initializer', 'bias_initializer'))
Conv1D = _of('Conv1D', tf.layers.conv1d, _CONVOLUTION)
Conv2D = _of('Conv2D', tf.layers.conv2d, _CONVOLUTION)
Conv3D = _of('Conv3D', tf.layers.conv3d, _CONVOLUTION)
SeparableConv1D = _of('SeparableConv1D', tf.layers.separable_conv1d, _CONVOLUTION[:6] + ('depth_multiplier', 'activation'))
SeparableConv2D = _of('SeparableConv2D', tf.layers.separable_conv2d, _CONVOLUTION[:6] + ('depth_multiplier', 'activation'))


class _Transposed(_OfLayers):
    _order = _CONVOLUTION[:5]

    def _meant(self, given, training):
        for key in ('output_padding', 'dilation_rate'):
            value = given.pop(key, None)
            if value not in (None, 0, 1, (0, 0), (1, 1)):
                raise ValueError('`%s` is not known to cortado here' % key)
        return given


Conv2DTranspose = type('Conv2DTranspose', (_Transposed,), {'_function': [tf.layers.conv2d_transpose]})
Conv3DTranspose = type('Conv3DTranspose', (_Transposed,), {'_function': [tf.layers.conv3d_transpose]})
Convolution1D, Convolution2D, Convolution3D = Conv1D, Conv2D, Conv3D
SeparableConvolution2D, Convolution2DTranspose, Deconvolution2D = SeparableConv2D, Conv2DTranspose, Conv2DTranspose


class BatchNormalization(_OfLayers):
    """Without `training` it works as Keras does outside of its own training: by the moving moments."""

    _function = [tf.layers.batch_normalization]
    _order = ('axis', 'momentum', 'epsilon', 'center', 'scale')

    def _meant(self, given, training):
        return dict(given, training=_learning(training))


@contextlib.contextmanager
def _asked(training):
    """Layers that are called within the call of another one learn if that one does."""
    before = _training[0]
    _training[0] = before if training is None else training
    yield
    _training[0] = before


def _learning(training):
    training = _training[0] if training is None else training
    if training is None:
        training = tf.keras.backend.learning_phase()
        if not training:
            tf.train.layer_without_training()
    return bool(training)


class DepthwiseConv2D(Layer):
    def __init__(self, kernel_size, strides=(1, 1), padding='valid', depth_multiplier=1, data_format=None, activation=None,
                 use_bias=True, depthwise_initializer='glorot_uniform', bias_initializer='zeros',
                 depthwise_regularizer=None, bias_regularizer=None, activity_regularizer=None, depthwise_constraint=None,
                 bias_constraint=None, dilation_rate=(1, 1), **kwargs):
        Layer.__init__(self, **kwargs)
        self.kernel_size, self.strides, self.dilation_rate = _pair(kernel_size), _pair(strides), _pair(dilation_rate)
        self.padding, self.depth_multiplier, self.use_bias = padding.upper(), depth_multiplier, use_bias
        self.first, self.activation = _is_first(data_format), _activation(activation)
        self._made_by = depthwise_initializer, bias_initializer, depthwise_regularizer, bias_regularizer

    def build(self, input_shape):
        channels, by = int(input_shape[1 if self.first else -1]), self._made_by
        self.depthwise_kernel = self.add_weight('depthwise_kernel', self.kernel_size + [channels, self.depth_multiplier],
                                                initializer=by[0], regularizer=by[2])
        if self.use_bias:
            self.bias = self.add_weight('bias', [channels * self.depth_multiplier], initializer=by[1], regularizer=by[3])

    def call(self, inputs):
        def convolved(x):
            x = tf.nn.depthwise_conv2d(x, self.depthwise_kernel, [1] + self.strides + [1], self.padding,
                                       rate=self.dilation_rate)
            return tf.nn.bias_add(x, self.bias) if self.use_bias else x
        outputs = _last(convolved, inputs, self.first)
        return outputs if self.activation is None else self.activation(outputs)


DepthwiseConvolution2D = DepthwiseConv2D


def _pair(value):
    return list(value) if isinstance(value, (list, tuple)) else [value] * 2


def _is_first(data_format):
    return data_format in ('channels_first', 'NCHW')


def _last(function, inputs, first):
    """A function of images with their channels last on those with their channels first."""
    if not first:
        return function(inputs)
    rank = len(inputs.get_shape())
    there, back = [0] + list(range(2, rank)) + [1], [0, rank - 1] + list(range(1, rank - 1))
    return tf.transpose(function(tf.transpose(inputs, there)), back)


class _Pooling(Layer):
    _function = None

    def __init__(self, pool_size=2, strides=None, padding='valid', data_format=None, **kwargs):
        Layer.__init__(self, **kwargs)
        self.pool_size, self.strides = pool_size, pool_size if strides is None else strides
        self.padding, self.first = padding, _is_first(data_format)

    def call(self, inputs):
        return _last(lambda x: self._function[0](x, self.pool_size, self.strides, self.padding), inputs, self.first)


def _pooling(name, function):
    return type(name, (_Pooling,), {'_function': [function]})


MaxPool1D = MaxPooling1D = _pooling('MaxPooling1D', tf.layers.max_pooling1d)
MaxPool2D = MaxPooling2D = _pooling('MaxPooling2D', tf.layers.max_pooling2d)
MaxPool3D = MaxPooling3D = _pooling('MaxPooling3D', tf.layers.max_pooling3d)
AvgPool1D = AveragePooling1D = _pooling('AveragePooling1D', tf.layers.average_pooling1d)
AvgPool2D = AveragePooling2D = _pooling('AveragePooling2D', tf.layers.average_pooling2d)
AvgPool3D = AveragePooling3D = _pooling('AveragePooling3D', tf.layers.average_pooling3d)


class _Global(Layer):
    def __init__(self, data_format=None, keepdims=False, **kwargs):
        Layer.__init__(self, **kwargs)
        self.first, self.keepdims = _is_first(data_format), keepdims

    def call(self, inputs):
        rank = len(inputs.get_shape())
        axes = list(range(2, rank)) if self.first else list(range(1, rank - 1))
        return self._reduce(inputs, axes)


class GlobalAveragePooling2D(_Global):
    def _reduce(self, inputs, axes):
        return tf.reduce_mean(inputs, axes, keep_dims=self.keepdims)


class GlobalMaxPooling2D(_Global):
    def _reduce(self, inputs, axes):
        return tf.reduce_max(inputs, axes, keep_dims=self.keepdims)


GlobalAvgPool2D, GlobalMaxPool2D = GlobalAveragePooling2D, GlobalMaxPooling2D
GlobalAveragePooling1D = GlobalAvgPool1D = type('GlobalAveragePooling1D', (GlobalAveragePooling2D,), {})
GlobalAveragePooling3D = GlobalAvgPool3D = type('GlobalAveragePooling3D', (GlobalAveragePooling2D,), {})
GlobalMaxPooling1D = GlobalMaxPool1D = type('GlobalMaxPooling1D', (GlobalMaxPooling2D,), {})
GlobalMaxPooling3D = GlobalMaxPool3D = type('GlobalMaxPooling3D', (GlobalMaxPooling2D,), {})
