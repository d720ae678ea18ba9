# tf.losses and slim.losses: each loss is the mean over the elements whose weight is not 0.

def _mean(values, weights, collected):
    if isinstance(weights, (int, float)):
        loss = tf.reduce_mean(values) * float(weights)
    else:
        weights = tf.to_float(weights)
        weighted = values * weights
        counted = tf.to_float(tf.not_equal(weights + tf.zeros_like(values), 0.0))
        loss = tf.reduce_sum(weighted) / tf.maximum(tf.reduce_sum(counted), 1.0)
    if collected:
        tf.add_to_collection(collected, loss)
    return loss


def softmax_cross_entropy(onehot_labels, logits, weights=1.0, label_smoothing=0, scope=None, loss_collection='losses'):
    labels = tf.to_float(onehot_labels)
    if label_smoothing:
        classes = int(logits.get_shape()[-1])
        labels = labels * (1.0 - label_smoothing) + label_smoothing / float(classes)
    values = tf.nn.softmax_cross_entropy_with_logits(logits=logits, labels=labels)
    return _mean(values, weights, loss_collection)


def sparse_softmax_cross_entropy(labels, logits, weights=1.0, scope=None, loss_collection='losses'):
    return _mean(tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits, labels=labels), weights, loss_collection)


def sigmoid_cross_entropy(multi_class_labels, logits, weights=1.0, label_smoothing=0, scope=None,
                          loss_collection='losses'):
    labels = tf.to_float(multi_class_labels)
    if label_smoothing:
        labels = labels * (1 - label_smoothing) + 0.5 * label_smoothing
    values = tf.nn.sigmoid_cross_entropy_with_logits(logits=logits, labels=labels)
    return _mean(values, weights, loss_collection)


def mean_squared_error(labels, predictions, weights=1.0, scope=None, loss_collection='losses'):
    return _mean(tf.squared_difference(predictions, tf.to_float(labels)), weights, loss_collection)


def absolute_difference(labels, predictions, weights=1.0, scope=None, loss_collection='losses'):
    return _mean(tf.abs(predictions - tf.to_float(labels)), weights, loss_collection)


def huber_loss(labels, predictions, weights=1.0, delta=1.0, scope=None, loss_collection='losses'):
    error = tf.abs(predictions - tf.to_float(labels))
    near = tf.minimum(error, delta)
    return _mean(0.5 * near * near + delta * (error - near), weights, loss_collection)


def hinge_loss(labels, logits, weights=1.0, scope=None, loss_collection='losses'):
    signs = 2.0 * tf.to_float(labels) - 1.0
    return _mean(tf.nn.relu(1.0 - signs * logits), weights, loss_collection)


def log_loss(labels, predictions, weights=1.0, epsilon=1e-7, scope=None, loss_collection='losses'):
    labels = tf.to_float(labels)
    values = -labels * tf.log(predictions + epsilon) - (1.0 - labels) * tf.log(1.0 - predictions + epsilon)
    return _mean(values, weights, loss_collection)


def add_loss(loss, loss_collection='losses'):
    if loss_collection:
        tf.add_to_collection(loss_collection, loss)


def get_losses(scope=None, loss_collection='losses'):
    return tf.get_collection(loss_collection, scope)


def get_regularization_losses(scope=None):
    return tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)


def get_regularization_loss(scope=None, name='total_regularization_loss'):
    losses = get_regularization_losses()
    return tf.add_n(losses) if losses else tf.constant(0.0)


def get_total_loss(add_regularization_losses=True, name='total_loss'):
    losses = get_losses()
    if add_regularization_losses:
        losses += get_regularization_losses()
    if not losses:
        raise ValueError('no loss was made before')
    return tf.add_n(losses)
