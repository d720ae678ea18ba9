# Choices and loops of tf. Where a condition or a number of rounds is known while the net is made, what is chosen is all that
# there is of it; else both sides are computed, and their results chosen from.


def _known(pred):
    # The value of a condition that is known now, else None.
    if hasattr(pred, 'get_shape'):
        return tf.contrib.util.constant_value(pred)
    return pred


def _choose(pred, first, second):
    if isinstance(first, dict):
        return dict([(key, _choose(pred, first[key], second[key])) for key in first])
    if isinstance(first, (list, tuple)):
        if not isinstance(second, (list, tuple)) or len(first) != len(second):
            raise ValueError('both branches must give as many results')
        parts = [_choose(pred, a, b) for a, b in zip(first, second)]
        return type(first)(*parts) if hasattr(first, '_fields') else type(first)(parts)
    if first is None and second is None:
        return None
    first, second = tf.convert_to_tensor(first), tf.convert_to_tensor(second)
    shape = first.get_shape().as_list()
    if shape != second.get_shape().as_list():
        raise ValueError('the branches give %r and %r: they must have one shape' % (shape, second.get_shape().as_list()))
    there = tf.logical_and(tf.reshape(pred, [1] * len(shape)), tf.fill(shape, True))
    return tf.where(there, first, second)


def cond(pred, true_fn=None, false_fn=None, strict=False, name=None, fn1=None, fn2=None):
    first, second = true_fn or fn1, false_fn or fn2
    known = _known(pred)
    if known is not None:
        return first() if known else second()
    if len(pred.get_shape()):
        raise ValueError('`pred` must be one truth value, not %r' % (pred.get_shape().as_list(),))
    return _choose(pred, first(), second())


def case(pred_fn_pairs, default=None, exclusive=False, strict=False, name='case'):
    pairs = list(pred_fn_pairs.items()) if isinstance(pred_fn_pairs, dict) else list(pred_fn_pairs)
    if not pairs:
        raise ValueError('pairs of a condition and a function are needed')
    if default is None:
        default, pairs = pairs[-1][1], pairs[:-1]
    result = default
    for pred, function in pairs[::-1]:
        result = (lambda pred, function, rest: lambda: cond(pred, function, rest))(pred, function, result)
    return result()


class TensorArray(object):
    """Tensors of one shape by their numbers; writing gives a new array."""

    def __init__(self, dtype=None, size=None, dynamic_size=None, clear_after_read=None, tensor_array_name=None,
                 handle=None, flow=None, infer_shape=True, element_shape=None, colocate_with_first_write_call=True,
                 name=None):
        self._grows, self._held = dynamic_size, [None] * int(size or 0)

    def _with(self, held):
        array = TensorArray(size=0, dynamic_size=self._grows)
        array._held = held
        return array

    def _place(self, index, most):
        place = int(index)
        if not 0 <= place < most:
            raise IndexError('%d is no place in an array of %d tensors' % (place, len(self._held)))
        return place

    def write(self, index, value, name=None):
        most = len(self._held)
        place = self._place(index, 1 << 20 if self._grows else most)
        held = self._held + [None] * (place + 1 - most)
        held[place] = tf.convert_to_tensor(value)
        return self._with(held)

    def read(self, index, name=None):
        place = self._place(index, len(self._held))
        if self._held[place] is None:
            raise ValueError('nothing was written to %d' % place)
        return self._held[place]

    def size(self, name=None):
        return tf.constant(len(self._held))

    def stack(self, name=None):
        return tf.stack([self.read(i) for i in range(len(self._held))])

    def concat(self, name=None):
        return tf.concat([self.read(i) for i in range(len(self._held))], 0)

    def gather(self, indices, name=None):
        return tf.stack([self.read(i) for i in indices])

    def unstack(self, value, name=None):
        return self._with(tf.unstack(tf.convert_to_tensor(value)))

    def identity(self):
        return self

    pack, unpack = stack, unstack


def _parts(elems):
    # The slices of tensors along their first axis, and how to put results together again.
    if isinstance(elems, (list, tuple)):
        return list(zip(*[tf.unstack(tf.convert_to_tensor(e)) for e in elems]))
    return tf.unstack(tf.convert_to_tensor(elems))


def _together(results):
    if isinstance(results[0], (list, tuple)):
        return type(results[0])([tf.stack(list(part)) for part in zip(*results)])
    return tf.stack(results)


def map_fn(fn, elems, dtype=None, parallel_iterations=None, back_prop=True, swap_memory=False, infer_shape=True,
           name=None):
    return _together([fn(part) for part in _parts(elems)])


def scan(fn, elems, initializer=None, parallel_iterations=10, back_prop=True, swap_memory=False, infer_shape=True,
         reverse=False, name=None):
    parts = _parts(elems)
    parts = parts[::-1] if reverse else parts
    results = []
    if initializer is None:
        results, parts = [parts[0]], parts[1:]
    held = results[0] if results else initializer
    for part in parts:
        held = fn(held, part)
        results.append(held)
    return _together(results[::-1] if reverse else results)


def foldl(fn, elems, initializer=None, parallel_iterations=10, back_prop=True, swap_memory=False, name=None):
    parts = _parts(elems)
    if initializer is None:
        initializer, parts = parts[0], parts[1:]
    for part in parts:
        initializer = fn(initializer, part)
    return initializer


def foldr(fn, elems, initializer=None, parallel_iterations=10, back_prop=True, swap_memory=False, name=None):
    parts = _parts(elems)[::-1]
    if initializer is None:
        initializer, parts = parts[0], parts[1:]
    for part in parts:
        initializer = fn(initializer, part)
    return initializer


def _held(value):
    # What a loop hands on: tensors, and lists of such.
    if isinstance(value, TensorArray):
        return value
    if isinstance(value, (list, tuple)):
        parts = [_held(part) for part in value]
        return type(value)(*parts) if hasattr(value, '_fields') else type(value)(parts)
    return tf.convert_to_tensor(value)


def while_loop(cond, body, loop_vars, shape_invariants=None, parallel_iterations=10, back_prop=True, swap_memory=False,
               name=None, maximum_iterations=None):
    # Rounds are counted while the net is made, so that the condition must be known then.
    held, rounds = [_held(value) for value in loop_vars], 0
    while (maximum_iterations is None or rounds < maximum_iterations) and cond(*held):
        made = body(*held)
        held = list(made) if isinstance(made, (list, tuple)) else [made]
        rounds += 1
    held = [_held(value) for value in held]
    return held[0] if len(held) == 1 else type(loop_vars)(held)
