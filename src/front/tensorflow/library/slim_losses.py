# slim.losses: tf.losses with what is predicted first.

import tensorflow as tf
import tensorflow.contrib.losses.metric_learning as metric_learning

_losses = tf.losses
add_loss, get_losses = _losses.add_loss, _losses.get_losses
get_regularization_losses, get_total_loss = _losses.get_regularization_losses, _losses.get_total_loss


def softmax_cross_entropy(logits, onehot_labels, weights=1.0, label_smoothing=0, scope=None):
    return _losses.softmax_cross_entropy(onehot_labels, logits, weights, label_smoothing)


def sparse_softmax_cross_entropy(logits, labels, weights=1.0, scope=None):
    return _losses.sparse_softmax_cross_entropy(labels, logits, weights)


def sigmoid_cross_entropy(logits, multi_class_labels, weights=1.0, label_smoothing=0, scope=None):
    return _losses.sigmoid_cross_entropy(multi_class_labels, logits, weights, label_smoothing)


def mean_squared_error(predictions, labels=None, weights=1.0, scope=None):
    return _losses.mean_squared_error(labels, predictions, weights)


def absolute_difference(predictions, labels=None, weights=1.0, scope=None):
    return _losses.absolute_difference(labels, predictions, weights)


def hinge_loss(logits, labels=None, scope=None):
    # The only one that gives a loss for each element.
    return tf.nn.relu(1.0 - (2.0 * tf.to_float(labels) - 1.0) * logits)


def log_loss(predictions, labels=None, weights=1.0, epsilon=1e-7, scope=None):
    return _losses.log_loss(labels, predictions, weights, epsilon)


def cosine_distance(predictions, labels=None, axis=None, weights=1.0, scope=None, dim=None):
    return _losses.cosine_distance(labels, predictions, dim if axis is None else axis, weights)


def mean_pairwise_squared_error(predictions, labels=None, weights=1.0, scope=None):
    return _losses._pairwise(labels, predictions, weights, 'losses', True)


def compute_weighted_loss(losses, weights=1.0, scope=None):
    return _losses.compute_weighted_loss(losses, weights)
