# tf.keras.layers without variables, but for PReLU and Embedding: shapes, activations, what joins and what drops.

from tensorflow.keras.base_layers import *
from tensorflow.keras.recurrent_layers import *
from tensorflow.keras.base_layers import _activation, _initializer, _is_first, _last, _learning, _pair


class Flatten(Layer):
    def call(self, inputs):
        return tf.layers.flatten(inputs)


class Reshape(Layer):
    def __init__(self, target_shape, **kwargs):
        Layer.__init__(self, **kwargs)
        self.target_shape = list(target_shape)

    def call(self, inputs):
        return tf.reshape(inputs, [tf.shape(inputs)[0]] + self.target_shape)


class Permute(Layer):
    def __init__(self, dims, **kwargs):
        Layer.__init__(self, **kwargs)
        self.dims = list(dims)

    def call(self, inputs):
        return tf.transpose(inputs, [0] + self.dims)


class RepeatVector(Layer):
    def __init__(self, n, **kwargs):
        Layer.__init__(self, **kwargs)
        self.n = n

    def call(self, inputs):
        return tf.tile(tf.expand_dims(inputs, 1), [1, self.n, 1])


class InputLayer(Layer):
    def __init__(self, input_shape=None, batch_size=None, dtype=None, input_tensor=None, sparse=False, name=None, **kwargs):
        if sparse or input_tensor is not None:
            raise ValueError('`sparse` and `input_tensor` of an InputLayer are not known to cortado')
        Layer.__init__(self, name=name, input_shape=input_shape or True)


class Activation(Layer):
    def __init__(self, activation, **kwargs):
        Layer.__init__(self, **kwargs)
        self.activation = _activation(activation)

    supports_masking = True

    def call(self, inputs):
        return tf.identity(inputs) if self.activation is None else self.activation(inputs)


class ReLU(Layer):
    supports_masking = True

    def __init__(self, max_value=None, negative_slope=0, threshold=0, **kwargs):
        Layer.__init__(self, **kwargs)
        self.max_value, self.negative_slope, self.threshold = max_value, negative_slope, threshold

    def call(self, x):
        if self.threshold or (self.negative_slope and self.max_value is not None):
            above = tf.cast(x >= self.threshold, tf.float32)
            below = self.negative_slope * (x - self.threshold)
            top = x if self.max_value is None else tf.minimum(x, float(self.max_value))
            return above * top + (1 - above) * below
        if self.negative_slope:
            return tf.nn.leaky_relu(x, self.negative_slope)
        return tf.nn.relu(x) if self.max_value is None else tf.clip_by_value(x, 0.0, float(self.max_value))


class LeakyReLU(Layer):
    supports_masking = True

    def __init__(self, alpha=0.3, **kwargs):
        Layer.__init__(self, **kwargs)
        self.alpha = alpha

    def call(self, inputs):
        return tf.nn.leaky_relu(inputs, self.alpha)


class ELU(Layer):
    supports_masking = True

    def __init__(self, alpha=1.0, **kwargs):
        Layer.__init__(self, **kwargs)
        self.alpha = alpha

    def call(self, x):
        return tf.nn.elu(x) if self.alpha == 1 else tf.nn.relu(x) - self.alpha * (1 - tf.exp(-tf.nn.relu(-x)))


class Softmax(Layer):
    supports_masking = True

    def __init__(self, axis=-1, **kwargs):
        Layer.__init__(self, **kwargs)
        self.axis = axis

    def call(self, inputs):
        return tf.nn.softmax(inputs, self.axis)


class PReLU(Layer):
    supports_masking = True

    def __init__(self, alpha_initializer='zeros', alpha_regularizer=None, alpha_constraint=None, shared_axes=None, **kwargs):
        Layer.__init__(self, **kwargs)
        self.by, self.penalty, self.kept = alpha_initializer, alpha_regularizer, alpha_constraint
        self.shared = [] if shared_axes is None else shared_axes if isinstance(shared_axes, (list, tuple)) else [shared_axes]

    def build(self, input_shape):
        shape = [1 if axis + 1 in self.shared else n for axis, n in enumerate(input_shape.as_list()[1:])]
        self.alpha = self.add_weight('alpha', shape, initializer=self.by, regularizer=self.penalty, constraint=self.kept)

    def call(self, inputs):
        return tf.nn.relu(inputs) - self.alpha * tf.nn.relu(-inputs)


class Embedding(Layer):
    def __init__(self, input_dim, output_dim, embeddings_initializer='uniform', embeddings_regularizer=None,
                 activity_regularizer=None, embeddings_constraint=None, mask_zero=False, input_length=None, **kwargs):
        Layer.__init__(self, activity_regularizer=activity_regularizer, **kwargs)
        self.shape, self.by, self.penalty = [input_dim, output_dim], embeddings_initializer, embeddings_regularizer
        self.kept, self.mask_zero = embeddings_constraint, mask_zero

    def build(self, input_shape):
        self.embeddings = self.add_weight('embeddings', self.shape, initializer=self.by, regularizer=self.penalty,
                                          constraint=self.kept)

    def compute_mask(self, inputs, mask=None):
        return tf.not_equal(tf.cast(inputs, tf.int32), 0) if self.mask_zero else None

    def call(self, inputs):
        return tf.nn.embedding_lookup(self.embeddings, tf.cast(inputs, tf.int32))


class Dropout(Layer):
    supports_masking = True

    def __init__(self, rate, noise_shape=None, seed=None, **kwargs):
        Layer.__init__(self, **kwargs)
        self.rate, self.noise_shape = rate, noise_shape

    def _shape(self, inputs):
        return self.noise_shape

    def call(self, inputs, training=None):
        if not _learning(training) or not self.rate:
            return tf.identity(inputs)
        return tf.nn.dropout(inputs, 1 - self.rate, self._shape(inputs))


class SpatialDropout2D(Dropout):
    def __init__(self, rate, data_format=None, **kwargs):
        Dropout.__init__(self, rate, **kwargs)
        self.first = _is_first(data_format)

    def _shape(self, inputs):
        n = inputs.get_shape().as_list()
        return n[:2] + [1] * (len(n) - 2) if self.first else n[:1] + [1] * (len(n) - 2) + n[-1:]


SpatialDropout1D = type('SpatialDropout1D', (SpatialDropout2D,), {})


class GaussianNoise(Layer):
    supports_masking = True

    def __init__(self, stddev, **kwargs):
        Layer.__init__(self, **kwargs)
        self.stddev = stddev

    def call(self, inputs, training=None):
        return inputs + tf.random_normal(tf.shape(inputs), 0.0, self.stddev) if _learning(training) else inputs


class Masking(Layer):
    """Steps whose features all have one value do not count."""

    def __init__(self, mask_value=0.0, **kwargs):
        Layer.__init__(self, **kwargs)
        self.mask_value = mask_value

    def compute_mask(self, inputs, mask=None):
        return tf.reduce_any(tf.not_equal(inputs, float(self.mask_value)), -1)

    def call(self, inputs):
        return inputs * tf.cast(tf.expand_dims(self.compute_mask(inputs), -1), tf.float32)


class _Merge(Layer):
    def compute_mask(self, inputs, mask=None):
        joined = None
        for one in mask or []:
            joined = joined if one is None else one if joined is None else tf.logical_and(joined, one)
        return joined

    def call(self, inputs):
        if not isinstance(inputs, (list, tuple)) or len(inputs) < 2:
            raise ValueError('A merge layer should be called on a list of at least 2 inputs')
        joined = inputs[0]
        for other in inputs[1:]:
            joined = self._join(joined, other)
        return joined


class Add(_Merge):
    def _join(self, a, b):
        return a + b


class Subtract(_Merge):
    def _join(self, a, b):
        return a - b


class Multiply(_Merge):
    def _join(self, a, b):
        return a * b


class Maximum(_Merge):
    def _join(self, a, b):
        return tf.maximum(a, b)


class Minimum(_Merge):
    def _join(self, a, b):
        return tf.minimum(a, b)


class Average(Add):
    def call(self, inputs):
        return Add.call(self, inputs) / len(inputs)


class Concatenate(Layer):
    def __init__(self, axis=-1, **kwargs):
        Layer.__init__(self, **kwargs)
        self.axis = axis

    def call(self, inputs):
        return tf.concat(inputs, self.axis)

    def compute_mask(self, inputs, mask=None):
        if mask is None:
            return None
        each = []
        for x, own in zip(inputs, mask):
            if own is None:
                own = tf.fill(x.get_shape().as_list(), True)
            elif len(own.get_shape()) < len(x.get_shape()):
                own = tf.expand_dims(own, -1)
            each.append(own)
        return tf.reduce_all(tf.concat(each, self.axis), -1)


class Dot(Layer):
    def __init__(self, axes, normalize=False, **kwargs):
        Layer.__init__(self, **kwargs)
        self.axes, self.normalize = axes if isinstance(axes, (list, tuple)) else [axes] * 2, normalize

    def call(self, inputs):
        a, b = inputs
        if self.normalize:
            a, b = tf.nn.l2_normalize(a, self.axes[0]), tf.nn.l2_normalize(b, self.axes[1])
        ranks = [len(t.get_shape()) for t in (a, b)]
        axes = [axis % rank for axis, rank in zip(self.axes, ranks)]
        if ranks == [2, 2]:
            return tf.reduce_sum(a * b, 1, keep_dims=True)
        if ranks != [3, 3]:
            raise ValueError('Dot is known for inputs of two or three axes')
        return tf.matmul(a, b, transpose_a=axes[0] == 1, transpose_b=axes[1] == 2)


def _merging(layer):
    def merge(inputs, **kwargs):
        return layer(**kwargs)(inputs)
    return merge


add, subtract, multiply = _merging(Add), _merging(Subtract), _merging(Multiply)
maximum, minimum, average = _merging(Maximum), _merging(Minimum), _merging(Average)


def concatenate(inputs, axis=-1, **kwargs):
    return Concatenate(axis, **kwargs)(inputs)


def dot(inputs, axes, normalize=False, **kwargs):
    return Dot(axes, normalize, **kwargs)(inputs)


def _sides(value, axes):
    if not isinstance(value, (list, tuple)):
        return [[value, value]] * axes
    if axes == 1 and not isinstance(value[0], (list, tuple)):
        return [list(value)]
    return [list(side) if isinstance(side, (list, tuple)) else [side, side] for side in value]


class ZeroPadding2D(Layer):
    _axes = 2

    def __init__(self, padding=1, data_format=None, **kwargs):
        Layer.__init__(self, **kwargs)
        self.padding, self.first = _sides(padding, self._axes), _is_first(data_format)

    def call(self, inputs):
        return _last(lambda x: tf.pad(x, [[0, 0]] + self.padding + [[0, 0]]), inputs, self.first)


ZeroPadding1D = type('ZeroPadding1D', (ZeroPadding2D,), {'_axes': 1})
ZeroPadding3D = type('ZeroPadding3D', (ZeroPadding2D,), {'_axes': 3})


class Cropping2D(Layer):
    _axes = 2

    def __init__(self, cropping=0, data_format=None, **kwargs):
        Layer.__init__(self, **kwargs)
        self.cropping, self.first = _sides(cropping, self._axes), _is_first(data_format)

    def call(self, inputs):
        def cropped(x):
            n = x.get_shape().as_list()
            begin = [0] + [side[0] for side in self.cropping] + [0]
            size = [n[0]] + [n[i + 1] - side[0] - side[1] for i, side in enumerate(self.cropping)] + [n[-1]]
            return tf.slice(x, begin, size)
        return _last(cropped, inputs, self.first)


Cropping1D = type('Cropping1D', (Cropping2D,), {'_axes': 1})


class UpSampling2D(Layer):
    def __init__(self, size=(2, 2), data_format=None, interpolation='nearest', **kwargs):
        Layer.__init__(self, **kwargs)
        self.size, self.first, self.interpolation = _pair(size), _is_first(data_format), interpolation

    def call(self, inputs):
        if self.interpolation not in ('nearest', 'bilinear'):
            raise ValueError('`interpolation` %r is not one of nearest and bilinear' % (self.interpolation,))

        def larger(x):
            n = x.get_shape().as_list()
            size = [n[1] * self.size[0], n[2] * self.size[1]]
            if self.interpolation == 'nearest':
                return tf.image.resize_nearest_neighbor(x, size)
            # Since TensorFlow 1.14 by the middles of pixels.
            return tf.image.resize_bilinear(x, size, half_pixel_centers=True)
        return _last(larger, inputs, self.first)


class UpSampling1D(Layer):
    def __init__(self, size=2, **kwargs):
        Layer.__init__(self, **kwargs)
        self.size = size

    def call(self, inputs):
        n = inputs.get_shape().as_list()
        wide = tf.tile(tf.expand_dims(inputs, 2), [1, 1, self.size, 1])
        return tf.reshape(wide, [n[0], n[1] * self.size, n[2]])


class TimeDistributed(Layer):
    def __init__(self, layer, **kwargs):
        Layer.__init__(self, **kwargs)
        self.layer = layer
        layer._within = True

    def call(self, inputs, mask=None, **kwargs):
        n = inputs.get_shape().as_list()
        if mask is not None and tf.takes_argument(self.layer.call, 'mask'):
            m = mask.get_shape().as_list()
            kwargs['mask'] = tf.reshape(mask, [m[0] * m[1]] + m[2:])
        outputs = self.layer(tf.reshape(inputs, [n[0] * n[1]] + n[2:]), **kwargs)
        return tf.reshape(outputs, n[:2] + outputs.get_shape().as_list()[1:])

    def compute_mask(self, inputs, mask=None):
        if mask is None:
            return None
        if not self.layer.supports_masking:
            raise TypeError('Layer %s does not support masking, but was passed an input_mask' % self.layer.name)
        axes = list(range(2, len(mask.get_shape())))
        return tf.reduce_any(mask, axes) if axes else mask

    @property
    def losses(self):
        return self.layer.losses
