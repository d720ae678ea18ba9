# tf.keras.layers: layers as objects, which are called on tensors, after those of tf.layers. Names of variables are those of
# TensorFlow 1.15 without a session of Keras: the layer's own name, numbered over the whole graph, within the scopes around it.

import contextlib
from tensorflow.layers import _Made

_numbers, _scopes, _named, _training = {}, {}, {}, [None]
_GIVEN = ('input_shape', 'batch_input_shape', 'input_dim', 'batch_size', 'input_length', 'dynamic', 'autocast', 'weights',
          'activity_regularizer')


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
        'orthogonal': known.orthogonal, 'identity': known.identity, 'variance_scaling': known.VarianceScaling,
        'constant': known.Constant,
    }
    name = _snake(value)
    if name not in made:
        raise ValueError('Unknown initializer: %s; there are %s' % (value, ', '.join(sorted(made))))
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


# Masks of tensors by their identities, which steps count, and the layers that gave tensors, with what these were called on.
_masks, _givers = {}, {}


def _mask_of(inputs):
    if isinstance(inputs, (list, tuple)):
        masks = [_mask_of(part) for part in inputs]
        return masks if any([mask is not None for mask in masks]) else None
    return _masks[id(inputs)][1] if id(inputs) in _masks else None


def _hand_on(outputs, mask):
    """Gives outputs their masks, which layers behind get."""
    if isinstance(outputs, (list, tuple)):
        masks = mask if isinstance(mask, (list, tuple)) else [mask] + [None] * len(outputs)
        for part, own in zip(outputs, masks):
            _hand_on(part, own)
    elif mask is not None:
        _masks[id(outputs)] = outputs, mask


def _given_weights(layer, kwargs):
    weights = kwargs.get('weights')
    layer._first_values = None if weights is None else list(weights)


def Input(shape=None, batch_size=None, name=None, dtype=None, sparse=False, tensor=None, batch_shape=None, **kwargs):
    if sparse:
        raise ValueError('`sparse` inputs are not known to cortado: all tensors are dense')
    return _Node(None, None) if tensor is None else tensor


class Layer(_Made):
    """A layer: `build` makes its variables at the first call, `call` computes."""

    built, _penalties, _within, supports_masking = False, (), False, False
    activity_regularizer, _first_values = None, None

    def __init__(self, trainable=True, name=None, dtype=None, **kwargs):
        self._sized = kwargs.get('input_shape', kwargs.get('batch_input_shape', kwargs.get('input_dim')))
        unknown = [key for key in kwargs if key not in _GIVEN]
        if unknown:
            raise TypeError('Keyword argument not understood: %s' % unknown[0])
        _given_weights(self, kwargs)
        if kwargs.get('activity_regularizer') is not None:
            self.activity_regularizer = kwargs['activity_regularizer']
        self.trainable, self.dtype = trainable, dtype or 'float32'
        self._name = name or _numbered(_snake(type(self).__name__))

    name = property(lambda self: self._name)

    def build(self, input_shape):
        self.built = True

    def call(self, inputs, **kwargs):
        return inputs

    def compute_mask(self, inputs, mask=None):
        return mask if self.supports_masking else None

    def add_weight(self, name=None, shape=None, dtype=None, initializer=None, regularizer=None, trainable=None,
                   constraint=None, partitioner=None, use_resource=None, **kwargs):
        shape = () if shape is None else [int(n) for n in shape]
        if regularizer is None and initializer is None and kwargs.get('default_initializer'):
            initializer = kwargs['default_initializer']
        if self._first_values:
            initializer, self._first_values = tf.constant_initializer(self._first_values[0]), self._first_values[1:]
        name = name or 'Variable'
        # A second variable of a layer by the same name is another one.
        whole = tf.get_variable_scope().name + '/' + name
        number = _named.get(whole, 0)
        _named[whole] = number + 1
        made = tf.get_variable('%s_%d' % (name, number) if number else name, shape, dtype or self.dtype,
                               initializer=_initializer(initializer), trainable=self.trainable and trainable is not False,
                               constraint=tf.keras.constraints.get(constraint))
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
            known = _mask_of(inputs)
            if known is not None and not args and kwargs.get('mask') is None and tf.takes_argument(self.call, 'mask'):
                kwargs = dict(kwargs, mask=known)
            self.input = inputs
            self.output = self._noting(work)
            self._active(self.output)
            if _mask_of(self.output) is None:
                told = kwargs.get('mask', args[0] if args and tf.takes_argument(self.call, 'mask') else None)
                _hand_on(self.output, self.compute_mask(inputs, known if told is None else told))
            return self.output

    def _active(self, outputs):
        """Notes whose the outputs are, and their penalty for each record."""
        for part in outputs if isinstance(outputs, (list, tuple)) else [outputs]:
            _givers[id(part)] = self, self.input, part
        penalty = self.activity_regularizer
        if penalty is not None:
            for part in outputs if isinstance(outputs, (list, tuple)) else [outputs]:
                self.add_loss(penalty(part) / float(int(part.get_shape()[0])))


class Lambda(Layer):
    def __init__(self, function, output_shape=None, mask=None, arguments=None, **kwargs):
        Layer.__init__(self, **kwargs)
        self._compute, self._arguments, self.mask = function, arguments or {}, mask

    def call(self, inputs, mask=None):
        given = dict(self._arguments, mask=mask) if tf.takes_argument(self._compute, 'mask') else self._arguments
        return self._compute(inputs, **given)

    def compute_mask(self, inputs, mask=None):
        return self.mask(inputs, mask) if callable(self.mask) else self.mask


class _OfLayers(Layer):
    """A layer with the variables of a function of tf.layers."""

    _function, _order, _plain, _variables = None, (), {}, ('kernel_initializer', 'bias_initializer')

    def __init__(self, *args, **kwargs):
        given = dict(self._plain)
        if len(self._order) < len(args):
            raise TypeError('%s takes at most %d arguments without their names, not %d' %
                            (type(self).__name__, len(self._order), len(args)))
        for key, value in zip(self._order, args):
            given[key] = value
        if 'activity_regularizer' in given:
            kwargs['activity_regularizer'] = given.pop('activity_regularizer')
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
            elif key.endswith('_constraint'):
                given[key] = tf.keras.constraints.get(given[key])
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
        if self._first_values:
            keys = [key for key in self._variables if given.get(_USED.get(key), True)]
            given.update((key, tf.constant_initializer(values)) for key, values in zip(keys, self._first_values))
        self.input = inputs
        self.output = self._noting(lambda: self._function[0](inputs, **given))
        self._active(self.output)
        _hand_on(self.output, self.compute_mask(inputs, _mask_of(inputs)))
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


# Arguments that say whether there is a variable, by the initialiser of that.
_USED = {'gamma_initializer': 'scale', 'beta_initializer': 'center', 'bias_initializer': 'use_bias'}
_SEPARATE = ('depthwise_initializer', 'pointwise_initializer', 'bias_initializer')


def _of(name, function, order, **given):
    return type(name, (_OfLayers,), dict(given, _function=[function], _order=order))


_PLAIN = ('activation', 'use_bias', 'kernel_initializer', 'bias_initializer', 'kernel_regularizer', 'bias_regularizer',
          'activity_regularizer', 'kernel_constraint', 'bias_constraint')
_CONVOLUTION = ('filters', 'kernel_size', 'strides', 'padding', 'data_format', 'dilation_rate') + _PLAIN
Dense = _of('Dense', tf.layers.dense, ('units',) + _PLAIN, supports_masking=True)
Conv1D = _of('Conv1D', tf.layers.conv1d, _CONVOLUTION)
Conv2D = _of('Conv2D', tf.layers.conv2d, _CONVOLUTION)
Conv3D = _of('Conv3D', tf.layers.conv3d, _CONVOLUTION)
_SEPARABLE = _CONVOLUTION[:6] + ('depth_multiplier', 'activation', 'use_bias') + _SEPARATE + (
    'depthwise_regularizer', 'pointwise_regularizer', 'bias_regularizer', 'activity_regularizer', 'depthwise_constraint',
    'pointwise_constraint', 'bias_constraint')
SeparableConv1D = _of('SeparableConv1D', tf.layers.separable_conv1d, _SEPARABLE, _variables=_SEPARATE)
SeparableConv2D = _of('SeparableConv2D', tf.layers.separable_conv2d, _SEPARABLE, _variables=_SEPARATE)


class _Transposed(_OfLayers):
    _order = _CONVOLUTION[:4] + ('output_padding', 'data_format', 'dilation_rate') + _PLAIN


Conv2DTranspose = type('Conv2DTranspose', (_Transposed,), {'_function': [tf.layers._longer_images]})
Conv3DTranspose = type('Conv3DTranspose', (_Transposed,), {'_function': [tf.layers._longer_volumes]})
Convolution1D, Convolution2D, Convolution3D = Conv1D, Conv2D, Conv3D
SeparableConvolution2D, Convolution2DTranspose, Deconvolution2D = SeparableConv2D, Conv2DTranspose, Conv2DTranspose


class BatchNormalization(_OfLayers):
    """Without `training` it works as Keras does outside of its own training: by the moving moments."""

    _function = [tf.layers.batch_normalization]
    _variables = 'gamma_initializer', 'beta_initializer', 'moving_mean_initializer', 'moving_variance_initializer'
    _order = ('axis', 'momentum', 'epsilon', 'center', 'scale', 'beta_initializer') + _variables[:1] + _variables[2:] + (
        'beta_regularizer', 'gamma_regularizer', 'beta_constraint', 'gamma_constraint', 'renorm', 'renorm_clipping',
        'renorm_momentum', 'fused')
    supports_masking = True

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
        Layer.__init__(self, activity_regularizer=activity_regularizer, **kwargs)
        self.kernel_size, self.strides, self.dilation_rate = _pair(kernel_size), _pair(strides), _pair(dilation_rate)
        self.padding, self.depth_multiplier, self.use_bias = padding.upper(), depth_multiplier, use_bias
        self.first, self.activation = _is_first(data_format), _activation(activation)
        self._made_by = depthwise_initializer, bias_initializer, depthwise_regularizer, bias_regularizer
        self._kept = depthwise_constraint, bias_constraint

    def build(self, input_shape):
        channels, by = int(input_shape[1 if self.first else -1]), self._made_by
        self.depthwise_kernel = self.add_weight('depthwise_kernel', self.kernel_size + [channels, self.depth_multiplier],
                                                initializer=by[0], regularizer=by[2], constraint=self._kept[0])
        if self.use_bias:
            self.bias = self.add_weight('bias', [channels * self.depth_multiplier], initializer=by[1], regularizer=by[3],
                                        constraint=self._kept[1])

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
class GlobalAveragePooling1D(GlobalAveragePooling2D):
    def call(self, inputs, mask=None):
        if mask is None:
            return GlobalAveragePooling2D.call(self, inputs)
        steps = 2 if self.first else 1
        there = tf.expand_dims(tf.cast(mask, tf.float32), 3 - steps)
        return tf.reduce_sum(inputs * there, steps, keep_dims=self.keepdims) / tf.reduce_sum(there, steps, keep_dims=self.keepdims)


GlobalAvgPool1D = GlobalAveragePooling1D
GlobalAveragePooling3D = GlobalAvgPool3D = type('GlobalAveragePooling3D', (GlobalAveragePooling2D,), {})
GlobalMaxPooling1D = GlobalMaxPool1D = type('GlobalMaxPooling1D', (GlobalMaxPooling2D,), {})
GlobalMaxPooling3D = GlobalMaxPool3D = type('GlobalMaxPooling3D', (GlobalMaxPooling2D,), {})
