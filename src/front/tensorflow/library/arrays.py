# Functions of tf that move elements, count along axes or multiply, as compositions of simpler ones.

import numpy as np
from collections import namedtuple

TopKV2 = namedtuple('TopKV2', ['values', 'indices'])


def _dims(x):
    return [int(extent) for extent in x.get_shape()]


def _place(x, axis):
    rank = len(x.get_shape())
    if not -rank <= axis < rank:
        raise ValueError('there is no axis %d in a tensor of %d axes' % (axis, rank))
    return axis % rank


def _part(x, axis, first, count):
    dims = _dims(x)
    begin, size = [0] * len(dims), dims
    begin[axis], size[axis] = first, count
    return tf.slice(x, begin, size)


def _product(extents):
    result = 1
    for extent in extents:
        result *= extent
    return result


def _flat(values):
    if isinstance(values, (list, tuple)):
        return _each(values)
    if hasattr(values, 'get_shape'):
        return tf.unstack(tf.reshape(values, [-1]))
    return np.array(values).reshape(-1).tolist()


def _each(values):
    found = []
    for value in values:
        if isinstance(value, (list, tuple)):
            found += _each(value)
        else:
            found.append(value)
    return found


def reduce_prod(input_tensor, axis=None, keep_dims=False, name=None, reduction_indices=None, keepdims=None):
    x = tf.convert_to_tensor(input_tensor)
    axis = reduction_indices if axis is None else axis
    axes = range(len(x.get_shape())) if axis is None else axis if isinstance(axis, (list, tuple)) else [axis]
    axes = [_place(x, a) for a in axes]
    for a in axes:
        # Halves are multiplied until one slice is left.
        n = _dims(x)[a]
        while n > 1:
            half = n // 2
            y = _part(x, a, 0, half) * _part(x, a, half, half)
            x = tf.concat([y, _part(x, a, 2 * half, 1)], a) if n % 2 else y
            n = half + n % 2
    return x if keep_dims or keepdims or not axes else tf.squeeze(x, axes)


def _scan(x, axis, exclusive, reverse, function, unit):
    # Hillis and Steele 1986: after each round an element has taken in twice as many before it.
    x = tf.convert_to_tensor(x)
    a = _place(x, axis)
    n = _dims(x)[a]
    if reverse:
        x = tf.reverse(x, [a])
    if exclusive:
        x = tf.concat([unit(_part(x, a, 0, 1)), _part(x, a, 0, n - 1)], a) if n > 1 else unit(x)
    step = 1
    while step < n:
        x = tf.concat([_part(x, a, 0, step), function(_part(x, a, step, n - step), _part(x, a, 0, n - step))], a)
        step *= 2
    return tf.reverse(x, [a]) if reverse else x


def cumsum(x, axis=0, exclusive=False, reverse=False, name=None):
    return _scan(x, axis, exclusive, reverse, tf.add, tf.zeros_like)


def cumprod(x, axis=0, exclusive=False, reverse=False, name=None):
    return _scan(x, axis, exclusive, reverse, tf.multiply, tf.ones_like)


def top_k(input, k=1, sorted=True, name=None):
    n, k = _dims(input)[-1], int(k)
    if not 0 < k <= n:
        raise ValueError('input must have at least k columns: it has %d, and k is %d' % (n, k))
    if k > 200:
        raise ValueError('k above 200 is not known to cortado')
    rest, values, indices = tf.stop_gradient(input), [], []
    for _ in range(k):
        best = tf.argmax(rest, -1)
        there = tf.one_hot(best, n)
        values.append(tf.reduce_sum(input * there, -1))
        indices.append(best)
        rest = tf.where(there > 0.5, tf.fill(tf.shape(rest), -float('inf')), rest)
    return TopKV2(tf.stack(values, -1), tf.stack(indices, -1))


def in_top_k(predictions, targets, k, name=None):
    # Whoever is as good as the last one is in.
    there = tf.one_hot(targets, _dims(predictions)[1])
    own = tf.reduce_sum(predictions * there, 1, keep_dims=True)
    better = tf.reduce_sum(tf.to_float(tf.greater(predictions, own)), 1)
    return tf.less(better, float(k))


def _rows(x, indices):
    # x with the axes that the last axis of indices names as one, and their places in it.
    dims, m = _dims(x), _dims(indices)[-1]
    if m > len(dims):
        raise ValueError('indices name %d axes of a tensor of %d' % (m, len(dims)))
    places = 0
    for j in range(m):
        places = places * dims[j] + indices[..., j]
    return places, [_product(dims[:m])] + dims[m:]


def gather_nd(params, indices, name=None, batch_dims=0):
    if batch_dims:
        return tf.gathered_at(params, indices, batch_dims)
    gathered = getattr(indices, '_gathered', None)
    if gathered is not None:
        return gathered(tf.convert_to_tensor(params), True)
    x, indices = tf.convert_to_tensor(params), tf.convert_to_tensor(indices)
    places, dims = _rows(x, indices)
    return tf.gather(tf.reshape(x, dims), places)


def scatter_nd(indices, updates, shape, name=None):
    indices, shape = tf.convert_to_tensor(indices), [int(extent) for extent in shape]
    places, dims = _rows(tf.zeros(shape), indices)
    updates = tf.reshape(updates, [-1, _product(dims[1:])])
    return tf.reshape(tf.scattered_rows(updates, tf.reshape(places, [-1]), dims[0]), shape)


def _multiplied(a, of_a, b, of_b, kept):
    # The product of two tensors whose axes have names, summed over the names that are not kept.
    for name in [name for name in of_a if name not in of_b and name not in kept]:
        a = tf.reduce_sum(a, of_a.index(name))
        of_a = [other for other in of_a if other != name]
    for name in [name for name in of_b if name not in of_a and name not in kept]:
        b = tf.reduce_sum(b, of_b.index(name))
        of_b = [other for other in of_b if other != name]
    extents = dict(zip(of_b, _dims(b)))
    for name, extent in zip(of_a, _dims(a)):
        if extents.get(name, extent) != extent:
            raise ValueError('axes of %d and %d elements have one name' % (extent, extents[name]))
        extents[name] = extent
    both = [name for name in of_a if name in of_b and name in kept]
    summed = [name for name in of_a if name in of_b and name not in kept]
    left = [name for name in of_a if name not in of_b]
    right = [name for name in of_b if name not in of_a]

    def lying(x, names, order, groups):
        perm = [names.index(name) for name in order]
        x = x if perm == list(range(len(perm))) else tf.transpose(x, perm)
        return tf.reshape(x, [_product([extents[name] for name in group]) for group in groups])

    batch = [both] if both else []
    a = lying(a, of_a, both + left + summed, batch + [left, summed])
    b = lying(b, of_b, both + summed + right, batch + [summed, right])
    names = both + left + right
    return tf.reshape(tf.matmul(a, b), [extents[name] for name in names]), names


def einsum(equation, *inputs, **kwargs):
    equation = equation.replace(' ', '')
    if '.' in equation:
        raise ValueError('`...` in an equation is not known to cortado')
    head, arrow, end = equation.partition('->')
    terms = head.split(',')
    if len(terms) != len(inputs):
        raise ValueError('%d terms in %r for %d tensors' % (len(terms), equation, len(inputs)))
    letters = ''.join(terms)
    if not arrow:
        end = ''.join(sorted(letter for letter in set(letters) if letters.count(letter) == 1))
    for term, x in zip(terms, inputs):
        if len(set(term)) != len(term):
            raise ValueError('a letter stands twice in %r' % term)
        if len(term) != len(x.get_shape()):
            raise ValueError('%r for a tensor of %d axes' % (term, len(x.get_shape())))
    for letter in end:
        if letter not in letters or end.count(letter) > 1:
            raise ValueError('%r in the output of %r' % (letter, equation))
    result, names = inputs[0], list(terms[0])
    for i in range(1, len(terms)):
        kept = list(end + ''.join(terms[i + 1:]))
        result, names = _multiplied(result, names, inputs[i], list(terms[i]), kept)
    gone = [i for i, name in enumerate(names) if name not in end]
    if gone:
        result = tf.reduce_sum(result, gone)
        names = [name for name in names if name in end]
    perm = [names.index(letter) for letter in end]
    return result if perm == list(range(len(perm))) else tf.transpose(result, perm)


def tensordot(a, b, axes, name=None):
    a, b = tf.convert_to_tensor(a), tf.convert_to_tensor(b)
    if isinstance(axes, int):
        rank = len(a.get_shape())
        of_a, of_b = list(range(rank - axes, rank)), list(range(axes))
    else:
        of_a, of_b = [list(part) if isinstance(part, (list, tuple)) else [part] for part in axes]
    if len(of_a) != len(of_b):
        raise ValueError('%d axes of a and %d of b' % (len(of_a), len(of_b)))
    names_a = ['a%d' % i for i in range(len(a.get_shape()))]
    names_b = ['b%d' % i for i in range(len(b.get_shape()))]
    for i, j in zip(of_a, of_b):
        names_b[_place(b, j)] = names_a[_place(a, i)]
    kept = [name for name in names_a + names_b if name not in names_a or name not in names_b]
    return _multiplied(a, names_a, b, names_b, kept)[0]


def depth_to_space(input, block_size, name=None, data_format='NHWC'):
    if data_format != 'NHWC':
        raise ValueError('`data_format` %s is not known, only NHWC' % data_format)
    n, h, w, c = _dims(input)
    b = block_size
    if c % (b * b):
        raise ValueError('%d channels are no squares of %d pixels' % (c, b * b))
    x = tf.reshape(input, [n, h, w, b, b, c // (b * b)])
    return tf.reshape(tf.transpose(x, [0, 1, 3, 2, 4, 5]), [n, h * b, w * b, c // (b * b)])


def space_to_depth(input, block_size, name=None, data_format='NHWC'):
    if data_format != 'NHWC':
        raise ValueError('`data_format` %s is not known, only NHWC' % data_format)
    n, h, w, c = _dims(input)
    b = block_size
    if h % b or w % b:
        raise ValueError('an image of %d x %d has no whole squares of %d x %d' % (h, w, b, b))
    x = tf.reshape(input, [n, h // b, b, w // b, b, c])
    return tf.reshape(tf.transpose(x, [0, 1, 3, 2, 4, 5]), [n, h // b, w // b, b * b * c])


def _pairs(values):
    flat = [int(value) for value in _flat(values)]
    return [flat[i:i + 2] for i in range(0, len(flat), 2)]


def space_to_batch_nd(input, block_shape, paddings, name=None):
    blocks = [int(b) for b in _flat(block_shape)]
    m, rank = len(blocks), len(input.get_shape())
    x = tf.pad(input, [[0, 0]] + _pairs(paddings) + [[0, 0]] * (rank - 1 - m))
    dims = _dims(x)
    split = [dims[0]]
    for extent, block in zip(dims[1:], blocks):
        if extent % block:
            raise ValueError('%d elements with their padding are no blocks of %d' % (extent, block))
        split += [extent // block, block]
    x = tf.reshape(x, split + dims[1 + m:])
    inside = [2 + 2 * i for i in range(m)]
    outside = [1 + 2 * i for i in range(m)]
    x = tf.transpose(x, inside + [0] + outside + list(range(1 + 2 * m, rank + m)))
    return tf.reshape(x, [dims[0] * _product(blocks)] + [e // b for e, b in zip(dims[1:], blocks)] + dims[1 + m:])


def batch_to_space_nd(input, block_shape, crops, name=None):
    blocks = [int(b) for b in _flat(block_shape)]
    m, dims = len(blocks), _dims(input)
    n = dims[0] // _product(blocks)
    x = tf.reshape(input, blocks + [n] + dims[1:])
    perm = [m]
    for i in range(m):
        perm += [m + 1 + i, i]
    x = tf.transpose(x, perm + list(range(2 * m + 1, m + len(dims))))
    x = tf.reshape(x, [n] + [e * b for e, b in zip(dims[1:], blocks)] + dims[1 + m:])
    for i, (before, after) in enumerate(_pairs(crops)):
        x = _part(x, i + 1, before, _dims(x)[i + 1] - before - after)
    return x


def space_to_batch(input, paddings, block_size, name=None):
    return space_to_batch_nd(input, [block_size, block_size], paddings)


def batch_to_space(input, crops, block_size, name=None):
    return batch_to_space_nd(input, [block_size, block_size], crops)


def meshgrid(*args, **kwargs):
    indexing = kwargs.get('indexing', 'xy')
    if indexing not in ('xy', 'ij'):
        raise ValueError('`indexing` must be xy or ij, not %r' % (indexing,))
    axes = [tf.reshape(a, [-1]) for a in args]
    order = list(range(len(axes)))
    if indexing == 'xy' and len(axes) > 1:
        order[0], order[1] = 1, 0
    extents = [0] * len(axes)
    for place, a in zip(order, axes):
        extents[place] = _dims(a)[0]
    grids = []
    for place, a in zip(order, axes):
        shape = [1] * len(axes)
        shape[place] = extents[place]
        grids.append(tf.reshape(a, shape) * tf.ones(extents, dtype=a.dtype))
    return grids


def eye(num_rows, num_columns=None, batch_shape=None, dtype=None, name=None):
    rows, columns = int(num_rows), int(num_rows if num_columns is None else num_columns)
    one = tf.constant([[1.0 if i == j else 0.0 for j in range(columns)] for i in range(rows)], dtype=dtype)
    if batch_shape is None:
        return one
    batch = [int(extent) for extent in batch_shape]
    return tf.tile(tf.reshape(one, [1] * len(batch) + [rows, columns]), batch + [1, 1])


def diag(diagonal, name=None):
    x = tf.convert_to_tensor(diagonal)
    if len(x.get_shape()) != 1:
        raise ValueError('a vector is needed')
    return eye(_dims(x)[0], dtype=x.dtype) * tf.expand_dims(x, 0)


def _of_matrices(x):
    dims = _dims(x)
    if len(dims) < 2:
        raise ValueError('matrices are needed, not %r' % (dims,))
    return dims[-2], dims[-1]


def diag_part(input, name=None):
    rows, columns = _of_matrices(input)
    if rows != columns:
        raise ValueError('a square matrix is needed, not %d x %d' % (rows, columns))
    return tf.reduce_sum(input * eye(rows), -1)


def trace(x, name=None):
    rows, columns = _of_matrices(x)
    return tf.reduce_sum(x * eye(rows, columns), [-2, -1])


def matrix_band_part(input, num_lower, num_upper, name=None):
    rows, columns = _of_matrices(input)
    lower, upper = int(num_lower), int(num_upper)
    kept = [[1.0 if (lower < 0 or i - j <= lower) and (upper < 0 or j - i <= upper) else 0.0 for j in range(columns)]
            for i in range(rows)]
    return input * tf.constant(kept)


def invert_permutation(x, name=None):
    places = [int(place) for place in _flat(x)]
    inverse = [0] * len(places)
    for i, place in enumerate(places):
        inverse[place] = i
    return tf.constant(inverse)


def broadcast_to(input, shape, name=None):
    extents = shape if isinstance(shape, (list, tuple)) else tf.unstack(tf.convert_to_tensor(shape))
    x = tf.convert_to_tensor(input)
    return x + tf.zeros([int(extent) for extent in extents], dtype=x.dtype)


def roll(input, shift, axis, name=None):
    shifts, axes = [v if isinstance(v, (list, tuple)) else [v] for v in (shift, axis)]
    x = tf.convert_to_tensor(input)
    for shift, axis in zip(shifts, axes):
        a = _place(x, axis)
        n = _dims(x)[a]
        shift %= n
        if shift:
            x = tf.concat([_part(x, a, n - shift, shift), _part(x, a, 0, n - shift)], a)
    return x


def sequence_mask(lengths, maxlen=None, dtype=None, name=None):
    if maxlen is None:
        raise ValueError('`maxlen` must be given: the longest sequence is known only when the net runs')
    mask = tf.less(tf.range(maxlen), tf.expand_dims(tf.to_int32(lengths), -1))
    return mask if dtype is None or dtype == tf.bool else tf.cast(mask, dtype)


def extract_image_patches(images, ksizes=None, strides=None, rates=None, padding=None, name=None, sizes=None):
    # A convolution whose filters have one 1 each.
    high, wide = (sizes or ksizes)[1:3]
    channels = _dims(images)[3]
    depth = high * wide * channels
    kernel = tf.reshape(eye(depth), [high, wide, channels, depth])
    return tf.nn.conv2d(images, kernel, strides, padding, dilations=rates)


def confusion_matrix(labels, predictions, num_classes=None, dtype=None, name=None, weights=None):
    if num_classes is None:
        raise ValueError('`num_classes` must be given: the largest class is known only when the net runs')
    rows = tf.one_hot(labels, num_classes)
    if weights is not None:
        rows = rows * tf.expand_dims(tf.to_float(weights), 1)
    return tf.cast(tf.matmul(rows, tf.one_hot(predictions, num_classes), transpose_a=True), dtype or tf.int32)


def sort(values, axis=-1, direction='ASCENDING', name=None):
    return _ordered(values, axis, direction)[0]


def argsort(values, axis=-1, direction='ASCENDING', stable=False, name=None):
    return _ordered(values, axis, direction)[1]


def _ordered(values, axis, direction):
    if direction not in ('ASCENDING', 'DESCENDING'):
        raise ValueError("`direction` is 'ASCENDING' or 'DESCENDING', not %r" % (direction,))
    x = tf.convert_to_tensor(values)
    last = len(x.get_shape()) - 1
    place = _place(x, axis)
    perm = list(range(last + 1))
    perm[place], perm[last] = last, place
    lying = x if place == last else tf.transpose(x, perm)
    sign = 1 if direction == 'DESCENDING' else -1
    best = top_k(lying if sign == 1 else -lying, _dims(lying)[-1])
    found = (best.values if sign == 1 else -best.values), best.indices
    return found if place == last else tuple([tf.transpose(part, perm) for part in found])


def repeat(input, repeats, axis=None, name=None):
    x = tf.convert_to_tensor(input)
    if axis is None:
        x, axis = tf.reshape(x, [-1]), 0
    a = _place(x, axis)
    counts = [int(count) for count in _flat(repeats if isinstance(repeats, (list, tuple)) else [repeats])]
    counts = counts * _dims(x)[a] if len(counts) == 1 else counts
    if len(counts) != _dims(x)[a]:
        raise ValueError('%d numbers of repeats for %d elements' % (len(counts), _dims(x)[a]))
    return tf.gather(x, [i for i, count in enumerate(counts) for _ in range(count)], axis=a)


def batch_gather(params, indices, name=None):
    x, indices = tf.convert_to_tensor(params), tf.convert_to_tensor(indices)
    batch = len(indices.get_shape()) - 1
    dims, count = _dims(x), _dims(indices)[-1]
    if _dims(indices)[:-1] != dims[:batch]:
        raise ValueError('indices of %r for a tensor of %r' % (_dims(indices), dims))
    rows = tf.reshape(tf.one_hot(indices, dims[batch]), [_product(dims[:batch]), count, dims[batch]])
    found = tf.matmul(rows, tf.reshape(tf.to_float(x), [_product(dims[:batch]), dims[batch], _product(dims[batch + 1:])]))
    return tf.cast(tf.reshape(found, dims[:batch] + [count] + dims[batch + 1:]), x.dtype)


def reverse_sequence(input, seq_lengths, seq_axis=None, batch_axis=None, name=None, seq_dim=None, batch_dim=None):
    x = tf.convert_to_tensor(input)
    time = _place(x, seq_dim if seq_axis is None else seq_axis)
    batch = _place(x, (batch_dim or 0) if batch_axis is None else batch_axis)
    dims = _dims(x)
    perm = [batch, time] + [a for a in range(len(dims)) if a not in (batch, time)]
    n, steps = dims[batch], dims[time]
    lengths = tf.reshape(tf.to_int32(tf.convert_to_tensor(seq_lengths)), [n, 1])
    order = tf.reshape(tf.range(steps), [1, steps]) + tf.zeros([n, steps], tf.int32)
    # Each step takes what lies as far from the end of its sequence.
    order = tf.where(tf.less(order, lengths + tf.zeros_like(order)), lengths - 1 - order, order)
    lying = tf.transpose(x, perm)
    turned = tf.matmul(tf.one_hot(order, steps), tf.reshape(tf.to_float(lying), [n, steps, -1]))
    back = [perm.index(a) for a in range(len(dims))]
    return tf.cast(tf.transpose(tf.reshape(turned, [dims[a] for a in perm]), back), x.dtype)


def matrix_transpose(a, name=None, conjugate=False):
    rank = len(a.get_shape())
    _of_matrices(a)
    return tf.transpose(a, list(range(rank - 2)) + [rank - 1, rank - 2])


transpose = matrix_transpose


def matrix_diag(diagonal, name=None):
    x = tf.convert_to_tensor(diagonal)
    return tf.expand_dims(x, -1) * eye(_dims(x)[-1])


def matrix_diag_part(input, name=None):
    rows, columns = _of_matrices(input)
    least = min(rows, columns)
    there = tf.reduce_sum(input * eye(rows, columns), -1)
    return _part(there, len(_dims(there)) - 1, 0, least)


def matrix_set_diag(input, diagonal, name=None):
    rows, columns = _of_matrices(input)
    if rows != columns:
        raise ValueError('a square matrix is needed, not %d x %d' % (rows, columns))
    return input * (1.0 - eye(rows)) + matrix_diag(diagonal)


def cross(a, b, name=None):
    a, b = tf.convert_to_tensor(a), tf.convert_to_tensor(b)
    if _dims(a) != _dims(b) or _dims(a)[-1] != 3:
        raise ValueError('vectors of 3 elements are needed, not %r and %r' % (_dims(a), _dims(b)))
    turned = [tf.gather(x, places, axis=-1) for x in (a, b) for places in ([1, 2, 0], [2, 0, 1])]
    return turned[0] * turned[3] - turned[1] * turned[2]


def dynamic_partition(data, partitions, num_partitions, name=None):
    x = tf.convert_to_tensor(data)
    numbers = [int(number) for number in _flat(partitions)]
    dims = _dims(x)
    rank = len(tf.convert_to_tensor(partitions).get_shape())
    rows = tf.reshape(x, [_product(dims[:rank])] + dims[rank:])
    if len(numbers) != _dims(rows)[0]:
        raise ValueError('%d numbers of partitions for %d rows' % (len(numbers), _dims(rows)[0]))
    return [tf.gather(rows, [i for i, number in enumerate(numbers) if number == part]) for part in range(num_partitions)]


def dynamic_stitch(indices, data, name=None):
    places, rows = [], []
    for some, values in zip(indices, data):
        numbers = [int(place) for place in _flat(some if isinstance(some, (list, tuple)) else [some])]
        values = tf.convert_to_tensor(values)
        rank = len(tf.convert_to_tensor(some).get_shape())
        places += numbers
        rows.append(tf.reshape(values, [len(numbers)] + _dims(values)[rank:]))
    # Of several rows for one place the last one counts.
    last = dict([(place, i) for i, place in enumerate(places)])
    missing = [place for place in range(max(places) + 1) if place not in last]
    if missing:
        raise ValueError('nothing is given for the place %d' % missing[0])
    return tf.gather(tf.concat(rows, 0), [last[place] for place in range(len(last))])


def _scattered(tensor, indices, updates):
    # What each element gets, and how often it is named.
    shape = _dims(tensor)
    ones = tf.ones_like(tf.convert_to_tensor(updates))
    return scatter_nd(indices, updates, shape), scatter_nd(indices, ones, shape)


def tensor_scatter_add(tensor, indices, updates, name=None):
    tensor = tf.convert_to_tensor(tensor)
    return tensor + scatter_nd(indices, updates, _dims(tensor))


def tensor_scatter_sub(tensor, indices, updates, name=None):
    tensor = tf.convert_to_tensor(tensor)
    return tensor - scatter_nd(indices, updates, _dims(tensor))


def tensor_scatter_update(tensor, indices, updates, name=None):
    tensor = tf.convert_to_tensor(tensor)
    sums, counts = _scattered(tensor, indices, tf.to_float(updates))
    return tf.where(counts > 0, tf.cast(sums, tensor.dtype), tensor)


tensor_scatter_nd_add, tensor_scatter_nd_sub = tensor_scatter_add, tensor_scatter_sub
tensor_scatter_nd_update = tensor_scatter_update


def sparse_to_dense(sparse_indices, output_shape, sparse_values, default_value=0, validate_indices=True, name=None):
    indices = tf.convert_to_tensor(sparse_indices)
    rank = len(indices.get_shape())
    if rank < 2:
        indices = tf.reshape(indices, [-1, 1])
    shape = [int(extent) for extent in (output_shape if isinstance(output_shape, (list, tuple)) else _flat(output_shape))]
    count = _dims(indices)[0]
    values = tf.convert_to_tensor(sparse_values)
    kind = values.dtype
    values = tf.to_float(values) + tf.zeros([count])
    there = scatter_nd(indices, tf.ones([count]), shape)
    dense = scatter_nd(indices, values, shape) + (1.0 - there) * float(default_value)
    return tf.cast(dense, kind)
