# tf.boolean_mask, and tf.where of a condition alone. How many rows a computed mask keeps is known only when the net runs: all rows go on, beside the mask, through
# functions of single elements and of single rows, until they are reduced to a tensor of a known shape.

import operator


def boolean_mask(tensor, mask, name='boolean_mask', axis=None):
    given = mask
    x, mask = tf.convert_to_tensor(tensor), tf.convert_to_tensor(mask)
    dims, extents = x.get_shape().as_list(), mask.get_shape().as_list()
    rank = len(dims)
    first = 0 if axis is None else int(axis)
    if not -rank <= first < rank:
        raise ValueError('there is no axis %d in a tensor of %d axes' % (first, rank))
    first %= rank
    if not extents or extents != dims[first:first + len(extents)]:
        raise ValueError('the mask is %r, and these axes of the tensor are %r' % (extents, dims[first:first + len(extents)]))
    count = 1
    for extent in extents:
        count *= extent
    rows, mask = tf.reshape(x, dims[:first] + [count] + dims[first + len(extents):]), tf.reshape(mask, [count])
    each = [tf.contrib.util.constant_value(there) for there in tf.unstack(mask)] if count <= MOST_KNOWN else [None]
    if None not in each:
        return tf.gather(rows, [i for i, there in enumerate(each) if there], axis=first)
    if first:
        raise ValueError('a computed mask along axis %d is not known to cortado, only along the first axes' % first)
    # What is not kept becomes a number at which few functions have no derivative, and gets no gradient.
    instead = tf.fill(rows.get_shape(), 0.5) if x.dtype == tf.float32 else tf.zeros_like(rows)
    return MaskedTensor(tf.where(mask, rows, instead), mask, given)


MOST_KNOWN = 4096


def places_where(condition):
    # The places at which a condition holds, one in each row: tf.where(condition).
    mask = tf.convert_to_tensor(condition)
    if mask.dtype != tf.bool:
        mask = tf.not_equal(mask, tf.zeros_like(mask))
    extents = mask.get_shape().as_list()
    if not extents:
        raise ValueError('the condition of tf.where must have axes')
    count = 1
    for extent in extents:
        count *= extent
    given = condition if getattr(condition, 'dtype', None) == tf.bool else mask
    mask = tf.reshape(mask, [count])
    each = [tf.contrib.util.constant_value(there) for there in tf.unstack(mask)] if count <= MOST_KNOWN else [None]
    if None not in each:
        chosen = [_place(i, extents) for i, there in enumerate(each) if there]
        return tf.constant(chosen, dtype=tf.int64, shape=[len(chosen), len(extents)])
    all = tf.constant([_place(i, extents) for i in range(count)], dtype=tf.int64, shape=[count, len(extents)])
    return Places(all, mask, given, extents)


def _place(number, extents):
    place = []
    for extent in reversed(extents):
        place.insert(0, number % extent)
        number //= extent
    return place


class _Shape(list):

    def as_list(self):
        return list(self)

    @property
    def ndims(self):
        return len(self)


class MaskedTensor(object):
    """Rows along the first axis, of which those count where the mask is true."""

    def __init__(self, rows, mask, given):
        self._rows, self._mask, self._given = rows, mask, given
        self.dtype = rows.dtype

    def _with(self, rows):
        return MaskedTensor(rows, self._mask, self._given)

    @property
    def shape(self):
        return _Shape([None] + self._rows.get_shape().as_list()[1:])

    def get_shape(self):
        return self.shape

    def __getitem__(self, key):
        first = key[0] if isinstance(key, tuple) else key
        if first is not Ellipsis and first != slice(None, None, None):
            raise ValueError('rows of what a computed mask keeps cannot be chosen by their numbers')
        return self._with(self._rows[key])

    def __neg__(self):
        return self._with(-self._rows)

    def __tf_called__(self, name, args, kwargs):
        # What a function of the library gives for arguments some of which are of this class.
        short = name.split('.')[-1]
        reduced = _REDUCED.get(name)
        if reduced is not None:
            return _reduce(reduced, *args, **kwargs)
        if name in ('tf.shape', 'tf.size'):
            count = tf.to_int32(tf.reduce_sum(tf.to_float(self._mask)))
            rest = self.shape[1:]
            if short == 'shape':
                return [count] + rest
            for extent in rest:
                count *= extent
            return count
        if name == 'digits.classification_loss':
            logits, labels = args
            return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits, labels=labels))
        if name == 'digits.mse_loss':
            return tf.reduce_mean(tf.square(args[0] - args[1]))
        by_row = short in _BY_ROW and len(self.shape) > 1
        if short == 'argmax':
            axis = kwargs.get('axis', kwargs.get('dimension', args[1] if len(args) > 1 else 0))
            by_row = axis % len(self.shape) != 0
        if short not in _BY_ELEMENT and not by_row:
            raise ValueError('%s of what a computed mask keeps is not known to cortado: its number of rows changes' % name)
        function = {'tf': tf, 'slim': slim, 'digits': digits}[name.split('.')[0]]
        for part in name.split('.')[1:]:
            function = getattr(function, part)
        return self._mapped(function, args, kwargs)

    def _mapped(self, function, args, kwargs):
        def bare(value):
            if isinstance(value, MaskedTensor):
                if value._given is not self._given:
                    raise ValueError('tensors that different masks keep parts of do not go together')
                return value._rows
            if hasattr(value, 'get_shape') and len(value.get_shape()) >= len(self.shape):
                if int(value.get_shape()[0]) != 1:
                    raise ValueError('a tensor of %r does not go with what a computed mask keeps' % (value.get_shape(),))
            return value
        args = [bare(value) for value in args]
        kwargs = dict([(key, bare(value)) for key, value in kwargs.items()])
        return self._with(function(*args, **kwargs))


def _operators():
    def forward(of):
        return lambda self, other: self._mapped(of, [self, other], {})

    def backward(of):
        return lambda self, other: self._mapped(of, [other, self], {})
    for name in ('add', 'sub', 'mul', 'truediv', 'floordiv', 'mod', 'pow'):
        setattr(MaskedTensor, '__%s__' % name, forward(getattr(operator, name)))
        setattr(MaskedTensor, '__r%s__' % name, backward(getattr(operator, name)))
    for name in ('lt', 'le', 'gt', 'ge'):
        setattr(MaskedTensor, '__%s__' % name, forward(getattr(operator, name)))
    MaskedTensor.__div__, MaskedTensor.__rdiv__ = MaskedTensor.__truediv__, MaskedTensor.__rtruediv__


_operators()


class Places(MaskedTensor):
    """The places where a mask is true, in rows, or without the last axis where there is one number for each."""

    def __init__(self, rows, mask, given, extents):
        MaskedTensor.__init__(self, rows, mask, given)
        self._extents = extents

    def __getitem__(self, key):
        if isinstance(key, tuple) and key == (slice(None, None, None), 0) and len(self._extents) == 1:
            return self._numbers()
        return MaskedTensor.__getitem__(self, key)

    def _numbers(self):
        return Places(tf.reshape(self._rows, [-1]), self._mask, self._given, self._extents)

    def __tf_called__(self, name, args, kwargs):
        short = name.split('.')[-1]
        if short in ('gather', 'gather_nd', 'embedding_lookup'):
            table = args[0] if args else kwargs['params']
            return self._gathered(tf.convert_to_tensor(table), short == 'gather_nd')
        if short in ('cast', 'to_int32', 'to_int64', 'identity', 'stop_gradient'):
            return self
        one = len(self._extents) == 1
        if short == 'squeeze' and one:
            return self._numbers()
        if short == 'reshape':
            shape = [int(extent) for extent in (args[1] if len(args) > 1 else kwargs['shape'])]
            if shape == [-1] and one:
                return self._numbers()
            if shape == [-1, len(self._extents)]:
                return Places(tf.reshape(self._rows, shape), self._mask, self._given, self._extents)
        try:
            return MaskedTensor.__tf_called__(self, name, args, kwargs)
        except ValueError:
            raise ValueError(
                '%s of the places that tf.where finds is not known to cortado, which only gathers with them: '
                'tf.where(condition, x, y) keeps the shape of x' % name)

    def _gathered(self, table, by_all_axes):
        # The table must begin with the axes of the condition.
        dims, rank = table.get_shape().as_list(), len(self._extents)
        listed = len(self._rows.get_shape()) == 1
        if by_all_axes == listed or dims[:rank] != self._extents or not by_all_axes and rank > 1:
            raise ValueError(
                'places in a condition of the shape %r do not choose from a tensor of the shape %r: tf.gather takes those '
                'of a list, tf.gather_nd those of all axes' % (self._extents, dims))
        if not by_all_axes and not listed:
            table = tf.expand_dims(table, 1)
        return boolean_mask(table, self._given)

_BY_ELEMENT = set((
    'abs acos add asin asinh atan atan2 cast ceil clip_by_value cos cosh digamma divide div elu equal erf exp floor '
    'greater greater_equal identity leaky_relu less less_equal lgamma log log1p logical_and logical_not logical_or '
    'maximum minimum multiply negative not_equal ones_like pow reciprocal relu relu6 rsqrt sigmoid '
    'sigmoid_cross_entropy_with_logits sign sin sinh softplus softsign sqrt square squared_difference stop_gradient '
    'subtract tan tanh to_float to_int32 truediv where zeros_like').split())

_BY_ROW = set((
    'log_softmax softmax softmax_cross_entropy_with_logits softmax_cross_entropy_with_logits_v2 '
    'sparse_softmax_cross_entropy_with_logits').split())
_BY_ELEMENT.add('sparse_softmax_cross_entropy_with_logits')


def _reduce(how, input_tensor, axis=None, keep_dims=False, name=None, reduction_indices=None, keepdims=None):
    function, outside = how
    masked, axis = input_tensor, reduction_indices if axis is None else axis
    rows, mask, keep = masked._rows, masked._mask, bool(keep_dims or keepdims)
    rank = len(rows.get_shape())
    axes = list(range(rank)) if axis is None else list(axis) if isinstance(axis, (list, tuple)) else [axis]
    axes = [int(a) % rank for a in axes]
    if 0 not in axes:
        return masked._with(function(rows, axes, keep_dims=keep))
    there = tf.where(mask, rows, tf.cast(tf.fill(rows.get_shape(), outside), rows.dtype))
    if function is not tf.reduce_mean:
        return function(there, axes, keep_dims=keep)
    count = tf.reduce_sum(tf.to_float(mask))
    for a in axes:
        count *= 1.0 if a == 0 else float(int(rows.get_shape()[a]))
    return tf.reduce_sum(there, axes, keep_dims=keep) / count


_REDUCED = {
    'tf.reduce_sum': (tf.reduce_sum, 0.0),
    'tf.reduce_mean': (tf.reduce_mean, 0.0),
    'tf.reduce_max': (tf.reduce_max, -float('inf')),
    'tf.reduce_min': (tf.reduce_min, float('inf')),
}
