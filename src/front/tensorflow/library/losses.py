# tf.losses and slim.losses: each loss is the mean over the elements whose weight is not 0, unless another is asked for.


class Reduction(object):
    NONE = 'none'
    SUM = 'weighted_sum'
    SUM_OVER_BATCH_SIZE = 'weighted_sum_over_batch_size'
    MEAN = 'weighted_mean'
    SUM_OVER_NONZERO_WEIGHTS = 'weighted_sum_by_nonzero_weights'
    SUM_BY_NONZERO_WEIGHTS = 'weighted_sum_by_nonzero_weights'


def compute_weighted_loss(losses, weights=1.0, scope=None, loss_collection='losses',
                          reduction=Reduction.SUM_BY_NONZERO_WEIGHTS):
    weights = tf.to_float(weights)
    own, other = len(losses.get_shape()), len(weights.get_shape())
    if other == own + 1 and int(weights.get_shape()[-1]) == 1:
        weights = tf.squeeze(weights, [-1])
    elif other == own - 1 and other > 0 and int(losses.get_shape()[-1]) == 1:
        weights = tf.expand_dims(weights, -1)
    rank = len(weights.get_shape())
    if rank and (rank != own or any(w not in (1, v) for w, v in zip(weights.get_shape(), losses.get_shape()))):
        raise ValueError('weights of the shape %s do not go with losses of %s' %
                         (weights.get_shape(), losses.get_shape()))
    values = losses * weights
    each = weights + tf.zeros_like(losses)

    def over(count):
        # Of nothing the mean is 0.
        return tf.where(tf.greater(count, 0.0), tf.reduce_sum(values) / tf.maximum(count, 1e-30), tf.zeros_like(count))

    if reduction == Reduction.NONE:
        loss = values
    elif reduction == Reduction.SUM:
        loss = tf.reduce_sum(values)
    elif reduction == Reduction.SUM_OVER_BATCH_SIZE or rank == 0 and reduction == Reduction.SUM_BY_NONZERO_WEIGHTS and \
            None not in losses.get_shape():
        loss = tf.reduce_mean(values)
    elif reduction == Reduction.MEAN:
        loss = over(tf.reduce_sum(each))
    elif reduction == Reduction.SUM_BY_NONZERO_WEIGHTS:
        loss = over(tf.reduce_sum(tf.to_float(tf.not_equal(each, 0.0))))
    else:
        raise ValueError('Invalid Reduction Key %s.' % (reduction,))
    if loss_collection:
        tf.add_to_collection(loss_collection, loss)
    return loss


def softmax_cross_entropy(onehot_labels, logits, weights=1.0, label_smoothing=0, scope=None, loss_collection='losses',
                          reduction=Reduction.SUM_BY_NONZERO_WEIGHTS):
    labels = tf.to_float(onehot_labels)
    if label_smoothing:
        classes = int(logits.get_shape()[-1])
        labels = labels * (1.0 - label_smoothing) + label_smoothing / float(classes)
    values = tf.nn.softmax_cross_entropy_with_logits(logits=logits, labels=labels)
    return compute_weighted_loss(values, weights, scope, loss_collection, reduction)


def sparse_softmax_cross_entropy(labels, logits, weights=1.0, scope=None, loss_collection='losses',
                                 reduction=Reduction.SUM_BY_NONZERO_WEIGHTS):
    values = tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits, labels=labels)
    return compute_weighted_loss(values, weights, scope, loss_collection, reduction)


def sigmoid_cross_entropy(multi_class_labels, logits, weights=1.0, label_smoothing=0, scope=None,
                          loss_collection='losses', reduction=Reduction.SUM_BY_NONZERO_WEIGHTS):
    labels = tf.to_float(multi_class_labels)
    if label_smoothing:
        labels = labels * (1 - label_smoothing) + 0.5 * label_smoothing
    values = tf.nn.sigmoid_cross_entropy_with_logits(logits=logits, labels=labels)
    return compute_weighted_loss(values, weights, scope, loss_collection, reduction)


def mean_squared_error(labels, predictions, weights=1.0, scope=None, loss_collection='losses',
                       reduction=Reduction.SUM_BY_NONZERO_WEIGHTS):
    values = tf.squared_difference(predictions, tf.to_float(labels))
    return compute_weighted_loss(values, weights, scope, loss_collection, reduction)


def absolute_difference(labels, predictions, weights=1.0, scope=None, loss_collection='losses',
                        reduction=Reduction.SUM_BY_NONZERO_WEIGHTS):
    return compute_weighted_loss(tf.abs(predictions - tf.to_float(labels)), weights, scope, loss_collection, reduction)


def huber_loss(labels, predictions, weights=1.0, delta=1.0, scope=None, loss_collection='losses',
               reduction=Reduction.SUM_BY_NONZERO_WEIGHTS):
    error = tf.abs(predictions - tf.to_float(labels))
    near = tf.minimum(error, delta)
    return compute_weighted_loss(0.5 * near * near + delta * (error - near), weights, scope, loss_collection, reduction)


def hinge_loss(labels, logits, weights=1.0, scope=None, loss_collection='losses',
               reduction=Reduction.SUM_BY_NONZERO_WEIGHTS):
    signs = 2.0 * tf.to_float(labels) - 1.0
    return compute_weighted_loss(tf.nn.relu(1.0 - signs * logits), weights, scope, loss_collection, reduction)


def log_loss(labels, predictions, weights=1.0, epsilon=1e-7, scope=None, loss_collection='losses',
             reduction=Reduction.SUM_BY_NONZERO_WEIGHTS):
    labels = tf.to_float(labels)
    values = -labels * tf.log(predictions + epsilon) - (1.0 - labels) * tf.log(1.0 - predictions + epsilon)
    return compute_weighted_loss(values, weights, scope, loss_collection, reduction)


def cosine_distance(labels, predictions, axis=None, weights=1.0, scope=None, loss_collection='losses',
                    reduction=Reduction.SUM_BY_NONZERO_WEIGHTS, dim=None):
    axis = dim if axis is None else axis
    if axis is None:
        raise ValueError('You must specify argument \'axis\'.')
    values = 1 - tf.reduce_sum(predictions * tf.to_float(labels), axis, keep_dims=True)
    return compute_weighted_loss(values, weights, scope, loss_collection, reduction)


def mean_pairwise_squared_error(labels, predictions, weights=1.0, scope=None, loss_collection='losses'):
    return _pairwise(labels, predictions, weights, loss_collection, False)


def _pairwise(labels, predictions, weights, loss_collection, with_itself):
    # The sum over the items of the mean squared difference between the errors of all pairs of elements of an item, of which
    # slim counts those of an element with itself as well.
    weights = tf.to_float(weights)
    rows = tf.contrib.layers.flatten(predictions - tf.to_float(labels))
    items, n = [int(extent) for extent in rows.get_shape()]
    squares, sums = tf.reduce_sum(tf.square(rows), 1), tf.reduce_sum(rows, 1)
    pairs = float(n) if with_itself else max(n - 1.0, 1e-30)
    values = 2.0 * (squares / pairs - tf.square(sums) / (n * pairs))
    if len(weights.get_shape()):
        weights = tf.reshape(weights, [-1])
        if int(weights.get_shape()[0]) not in (1, items):
            raise ValueError('weights of mean_pairwise_squared_error must be one for each of the %d items' % items)
    loss = tf.reduce_sum(values * weights)
    if loss_collection:
        tf.add_to_collection(loss_collection, loss)
    return loss


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
