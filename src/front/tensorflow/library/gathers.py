# Elements by their places, in each part of a batch or along another axis than the first.

def _dims(x):
    return [int(extent) for extent in x.get_shape()]


def _product(extents):
    product = 1
    for extent in extents:
        product *= extent
    return product


def gathered_along(params, indices, axis=None, batch_dims=0):
    x, indices = tf.convert_to_tensor(params), tf.convert_to_tensor(indices)
    dims, places = _dims(x), _dims(indices)
    batch = batch_dims + len(places) if batch_dims < 0 else batch_dims
    axis = batch if axis is None else axis + len(dims) if axis < 0 else axis
    if not 0 <= batch <= len(places) or not batch <= axis < len(dims):
        raise ValueError('batch_dims = %d must be at most axis = %d and the %d axes of the indices' %
                         (batch, axis, len(places)))
    if dims[:batch] != places[:batch]:
        raise ValueError('indices of %r for a tensor of %r: their first %d axes differ' % (places, dims, batch))
    # The axis comes behind those of the batch, and all of them are one.
    perm = list(range(batch)) + [axis] + [a for a in range(batch, len(dims)) if a != axis]
    parts, rest = _product(dims[:batch]), dims[batch:axis] + dims[axis + 1:]
    rows = tf.reshape(tf.transpose(x, perm), [parts * dims[axis], _product(rest)])
    first = tf.cast(tf.reshape(tf.range(parts) * dims[axis], [parts, 1]), indices.dtype)
    flat = tf.reshape(indices, [parts, _product(places[batch:])]) + first
    found = tf.reshape(tf.gather(rows, tf.reshape(flat, [-1])), places + rest)
    # The axes of the indices stand where the axis was.
    before, own = axis - batch, len(places) - batch
    back = list(range(batch)) + list(range(batch + own, batch + own + before)) + list(range(batch, batch + own))
    return tf.transpose(found, back + list(range(len(back), len(places) + len(rest))))


def gathered_at(params, indices, batch_dims):
    x, indices = tf.convert_to_tensor(params), tf.convert_to_tensor(indices)
    dims, places = _dims(x), _dims(indices)
    if not 0 < batch_dims < len(places) or dims[:batch_dims] != places[:batch_dims]:
        raise ValueError('indices of %r for a tensor of %r with batch_dims = %d' % (places, dims, batch_dims))
    columns = []
    for axis in range(batch_dims):
        shape = [1] * len(places)
        shape[axis] = dims[axis]
        column = tf.cast(tf.reshape(tf.range(dims[axis]), shape), indices.dtype)
        columns.append(column + tf.zeros_like(indices[..., :1]))
    return tf.gather_nd(x, tf.concat(columns + [indices], -1))
