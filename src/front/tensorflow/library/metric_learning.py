# Losses of embeddings in a batch with labels (tf.contrib.losses.metric_learning).


def _distances(feature, squared=False):
    # || feature[i] - feature[j] || for all pairs of rows, 0 on the diagonal.
    sums = tf.reduce_sum(tf.square(feature), 1, keep_dims=True)
    squares = tf.maximum(sums + tf.transpose(sums) - 2.0 * tf.matmul(feature, feature, transpose_b=True), 0.0)
    alike = tf.to_float(tf.less_equal(squares, 0.0))
    result = squares if squared else tf.sqrt(squares + alike * 1e-16)
    return result * (1.0 - alike) * (1.0 - tf.eye(int(feature.get_shape()[0])))


pairwise_distance = _distances


def _alike(labels):
    labels = tf.convert_to_tensor(labels)
    if len(labels.get_shape()) != 1:
        raise ValueError('labels must be one for each row, and are %r' % (labels.get_shape().as_list(),))
    column = tf.reshape(labels, [-1, 1])
    return tf.to_float(tf.equal(column, tf.transpose(column)))


def _largest(data, mask):
    least = tf.reduce_min(data, 1, keep_dims=True)
    return tf.reduce_max((data - least) * mask, 1, keep_dims=True) + least


def _smallest(data, mask):
    most = tf.reduce_max(data, 1, keep_dims=True)
    return tf.reduce_min((data - most) * mask, 1, keep_dims=True) + most


def contrastive_loss(labels, embeddings_anchor, embeddings_positive, margin=1.0):
    # Hadsell, Chopra and LeCun 2006; a label of 1 is for rows that belong together.
    squares = tf.reduce_sum(tf.squared_difference(embeddings_anchor, embeddings_positive), 1)
    distances, labels = tf.sqrt(squares), tf.to_float(tf.convert_to_tensor(labels))
    apart = tf.square(tf.maximum(margin - distances, 0.0))
    return tf.reduce_mean(labels * tf.square(distances) + (1.0 - labels) * apart)


def triplet_semihard_loss(labels, embeddings, margin=1.0):
    # Schroff, Kalenichenko and Philbin 2015.
    alike = _alike(labels)
    n, others, distances = int(alike.get_shape()[0]), 1.0 - alike, _distances(embeddings, True)
    tiled = tf.tile(distances, [n, 1])
    farther = tf.to_float(tf.greater(tiled, tf.reshape(tf.transpose(distances), [-1, 1])))
    mask = tf.tile(others, [n, 1]) * farther
    there = tf.transpose(tf.reshape(tf.reduce_sum(mask, 1) > 0.0, [n, n]))
    outside = tf.transpose(tf.reshape(_smallest(tiled, mask), [n, n]))
    inside = tf.tile(_largest(distances, others), [1, n])
    loss = margin + distances - tf.where(there, outside, inside)
    positive = alike - tf.eye(n)
    return tf.reduce_sum(tf.maximum(loss * positive, 0.0)) / tf.reduce_sum(positive)


def npairs_loss(labels, embeddings_anchor, embeddings_positive, reg_lambda=0.002, print_losses=False):
    # Sohn 2016.
    sizes = [tf.reduce_mean(tf.reduce_sum(tf.square(e), 1)) for e in (embeddings_anchor, embeddings_positive)]
    similarity = tf.matmul(embeddings_anchor, embeddings_positive, transpose_b=True)
    alike = _alike(labels)
    shares = alike / tf.reduce_sum(alike, 1, keep_dims=True)
    entropy = tf.nn.softmax_cross_entropy_with_logits(logits=similarity, labels=shares)
    return 0.25 * reg_lambda * (sizes[0] + sizes[1]) + tf.reduce_mean(entropy)


def lifted_struct_loss(labels, embeddings, margin=1.0):
    # Song et al. 2016.
    alike = _alike(labels)
    n, others, distances = int(alike.get_shape()[0]), 1.0 - alike, _distances(embeddings)
    closeness = margin - distances
    most = _largest(closeness, others)
    most = tf.maximum(most, tf.transpose(most))
    powers = tf.exp(tf.tile(closeness, [n, 1]) - tf.reshape(tf.transpose(most), [-1, 1])) * tf.tile(others, [n, 1])
    left = tf.reshape(tf.reduce_sum(powers, 1), [n, n])
    loss = most + tf.log(left + tf.transpose(left)) + distances
    positive = alike - tf.eye(n)
    return 0.25 * tf.reduce_sum(tf.square(tf.maximum(loss * positive, 0.0))) / (tf.reduce_sum(positive) / 2.0)
