# What functions written for tf.estimator have in common with a definition: the names of the stages, the numbers of a run, and
# a figure of one batch.

from collections import namedtuple


class ModeKeys(object):
    TRAIN, EVAL, PREDICT, INFER = 'train', 'eval', 'infer', 'infer'


class EstimatorSpec(object):
    def __init__(self, mode, predictions=None, loss=None, train_op=None, eval_metric_ops=None, export_outputs=None,
                 training_chief_hooks=None, training_hooks=None, scaffold=None, evaluation_hooks=None,
                 prediction_hooks=None):
        self.mode, self.predictions, self.loss, self.train_op = mode, predictions, loss, train_op
        self.eval_metric_ops, self.export_outputs = eval_metric_ops, export_outputs


class HParams(object):
    def __init__(self, **kwargs):
        for name in kwargs:
            setattr(self, name, kwargs[name])

    def add_hparam(self, name, value):
        setattr(self, name, value)

    set_hparam = add_hparam

    def values(self):
        return dict(self.__dict__)

    def get(self, name, default=None):
        return getattr(self, name, default)

    def __contains__(self, name):
        return hasattr(self, name)

    def override_from_dict(self, values):
        for name in values:
            setattr(self, name, values[name])
        return self


class FixedLenFeature(object):
    """How records of a data set are read, which DIGITS does itself."""

    def __init__(self, *args, **kwargs):
        pass


FixedLenSequenceFeature = SparseFeature = VarLenFeature = FixedLenFeature


def _figure(value):
    return value, tf.identity(value)


def accuracy(labels, predictions, weights=None, metrics_collections=None, updates_collections=None, name=None):
    predictions = tf.reshape(tf.cast(predictions, tf.int64), [-1])
    right = tf.cast(tf.equal(predictions, tf.reshape(tf.cast(labels, tf.int64), [-1])), tf.float32)
    return _figure(_mean(right, None if weights is None else tf.reshape(weights, [-1])))


def _mean(values, weights):
    if weights is None:
        return tf.reduce_mean(values)
    weights = tf.cast(weights, tf.float32) * tf.ones_like(values)
    return tf.reduce_sum(values * weights) / tf.reduce_sum(weights)


def mean(values, weights=None, metrics_collections=None, updates_collections=None, name=None):
    return _figure(_mean(tf.cast(values, tf.float32), weights))


def mean_squared_error(labels, predictions, weights=None, metrics_collections=None, updates_collections=None, name=None):
    return _figure(_mean(tf.square(predictions - tf.cast(labels, tf.float32)), weights))


def mean_absolute_error(labels, predictions, weights=None, metrics_collections=None, updates_collections=None, name=None):
    return _figure(_mean(tf.abs(predictions - tf.cast(labels, tf.float32)), weights))


def root_mean_squared_error(labels, predictions, weights=None, metrics_collections=None, updates_collections=None, name=None):
    return _figure(tf.sqrt(_mean(tf.square(predictions - tf.cast(labels, tf.float32)), weights)))
