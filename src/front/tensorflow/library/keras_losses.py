# tf.keras.losses: a number for each record, the mean over the last axis; with capitals, the mean of all.


def mean_squared_error(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_pred - tf.cast(y_true, tf.float32)), -1)


def mean_absolute_error(y_true, y_pred):
    return tf.reduce_mean(tf.abs(y_pred - tf.cast(y_true, tf.float32)), -1)


def binary_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0):
    y_true = _smooth(tf.cast(y_true, tf.float32), label_smoothing, 2)
    return tf.reduce_mean(tf.keras.backend.binary_crossentropy(y_true, y_pred, from_logits), -1)


def categorical_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0):
    y_true = _smooth(tf.cast(y_true, tf.float32), label_smoothing, int(y_pred.get_shape()[-1]))
    return tf.keras.backend.categorical_crossentropy(y_true, y_pred, from_logits)


def sparse_categorical_crossentropy(y_true, y_pred, from_logits=False, axis=-1):
    return tf.keras.backend.sparse_categorical_crossentropy(y_true, y_pred, from_logits, axis)


def hinge(y_true, y_pred):
    return tf.reduce_mean(tf.nn.relu(1.0 - tf.cast(y_true, tf.float32) * y_pred), -1)


def kullback_leibler_divergence(y_true, y_pred):
    y_true, y_pred = tf.clip_by_value(y_true, 1e-7, 1.0), tf.clip_by_value(y_pred, 1e-7, 1.0)
    return tf.reduce_sum(y_true * tf.log(y_true / y_pred), -1)


def _smooth(y_true, smoothing, classes):
    return y_true if not smoothing else y_true * (1.0 - smoothing) + smoothing / float(classes)


class _Loss(object):
    def __init__(self, *args, **kwargs):
        self._reduction = kwargs.pop('reduction', 'sum_over_batch_size')
        kwargs.pop('name', None)
        self._args, self._kwargs = args, kwargs

    def __call__(self, y_true, y_pred, sample_weight=None):
        each = self._function[0](y_true, y_pred, *self._args, **self._kwargs)
        if sample_weight is not None:
            each = each * sample_weight
        if self._reduction == 'none':
            return each
        return tf.reduce_sum(each) if self._reduction == 'sum' else tf.reduce_mean(each)


def _loss(name, function):
    return type(name, (_Loss,), {'_function': [function]})


MeanSquaredError, MeanAbsoluteError = _loss('MeanSquaredError', mean_squared_error), _loss('MeanAbsoluteError', mean_absolute_error)
BinaryCrossentropy = _loss('BinaryCrossentropy', binary_crossentropy)
CategoricalCrossentropy = _loss('CategoricalCrossentropy', categorical_crossentropy)
SparseCategoricalCrossentropy = _loss('SparseCategoricalCrossentropy', sparse_categorical_crossentropy)
mse = MSE = mean_squared_error
mae = MAE = mean_absolute_error
kld = KLD = kullback_leibler_divergence
