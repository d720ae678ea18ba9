# Sums, means, products and extrema of rows that belong together by numbers beside them.


def _numbers(segment_ids, data):
    ids = tf.convert_to_tensor(segment_ids)
    shape = ids.get_shape().as_list()
    if len(shape) != 1 or shape[0] != int(data.get_shape()[0]):
        raise ValueError('segment_ids must have a number for each of the %d rows, and are %r' %
                         (int(data.get_shape()[0]), shape))
    return ids


def _known(ids, sorted_):
    # The numbers of rows, which are known now.
    numbers = [int(number) for number in tf.unstack(ids)]
    if sorted_ and any(a > b for a, b in zip(numbers, numbers[1:])):
        raise ValueError('segment ids are not increasing')
    return numbers


def _summed(data, ids, count):
    # Rows with a number below 0 or too large belong to nothing.
    ones = tf.one_hot(ids, count)
    dims = data.get_shape().as_list()
    rows = tf.reshape(tf.to_float(data), [dims[0], -1])
    return tf.cast(tf.reshape(tf.matmul(ones, rows, transpose_a=True), [count] + dims[1:]), data.dtype)


def _counts(ids, count, rank):
    return tf.reshape(tf.reduce_sum(tf.one_hot(ids, count), 0), [count] + [1] * (rank - 1))


def _mean(data, ids, count):
    return _summed(data, ids, count) / tf.maximum(_counts(ids, count, len(data.get_shape())), 1.0)


def _each(data, numbers, count, reduced, nothing):
    parts = []
    for segment in range(count):
        rows = [i for i, number in enumerate(numbers) if number == segment]
        if rows:
            parts.append(reduced(tf.gather(data, rows), 0))
        else:
            parts.append(tf.fill(data.get_shape().as_list()[1:], nothing))
    return tf.stack(parts)


def _sorted(data, segment_ids):
    data = tf.convert_to_tensor(data)
    ids = _numbers(segment_ids, data)
    numbers = _known(ids, True)
    return data, ids, numbers, (numbers[-1] + 1 if numbers else 0)


def segment_sum(data, segment_ids, name=None):
    data, ids, _, count = _sorted(data, segment_ids)
    return _summed(data, ids, count)


def segment_mean(data, segment_ids, name=None):
    data, ids, _, count = _sorted(data, segment_ids)
    return _mean(data, ids, count)


def segment_max(data, segment_ids, name=None):
    data, _, numbers, count = _sorted(data, segment_ids)
    return _each(data, numbers, count, tf.reduce_max, 0.0)


def segment_min(data, segment_ids, name=None):
    data, _, numbers, count = _sorted(data, segment_ids)
    return _each(data, numbers, count, tf.reduce_min, 0.0)


def segment_prod(data, segment_ids, name=None):
    data, _, numbers, count = _sorted(data, segment_ids)
    return _each(data, numbers, count, tf.reduce_prod, 1.0)


def sparse_segment_sum(data, indices, segment_ids, name=None, num_segments=None):
    rows = tf.gather(data, indices)
    return segment_sum(rows, segment_ids) if num_segments is None else unsorted_segment_sum(rows, segment_ids, num_segments)


def sparse_segment_mean(data, indices, segment_ids, name=None, num_segments=None):
    rows = tf.gather(data, indices)
    return segment_mean(rows, segment_ids) if num_segments is None else unsorted_segment_mean(rows, segment_ids, num_segments)


def unsorted_segment_sum(data, segment_ids, num_segments, name=None):
    data = tf.convert_to_tensor(data)
    return _summed(data, _numbers(segment_ids, data), int(num_segments))


def unsorted_segment_mean(data, segment_ids, num_segments, name=None):
    data = tf.convert_to_tensor(data)
    return _mean(data, _numbers(segment_ids, data), int(num_segments))


def _unsorted(data, segment_ids, num_segments, reduced, nothing):
    data = tf.convert_to_tensor(data)
    return _each(data, _known(_numbers(segment_ids, data), False), int(num_segments), reduced, nothing)


def unsorted_segment_max(data, segment_ids, num_segments, name=None):
    return _unsorted(data, segment_ids, num_segments, tf.reduce_max, -3.4028234663852886e38)


def unsorted_segment_min(data, segment_ids, num_segments, name=None):
    return _unsorted(data, segment_ids, num_segments, tf.reduce_min, 3.4028234663852886e38)


def unsorted_segment_prod(data, segment_ids, num_segments, name=None):
    return _unsorted(data, segment_ids, num_segments, tf.reduce_prod, 1.0)
