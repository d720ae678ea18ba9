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
        return _alone(first() if known else second(), strict)
    if len(pred.get_shape()):
        raise ValueError('`pred` must be one truth value, not %r' % (pred.get_shape().as_list(),))
    return _choose(pred, _alone(first(), strict), _alone(second(), strict))


def _alone(result, strict):
    # A list of one result is that result, but where it is asked for as it is.
    one = isinstance(result, (list, tuple)) and len(result) == 1 and not hasattr(result, '_fields')
    return result[0] if one and not strict else result


def case(pred_fn_pairs, default=None, exclusive=False, strict=False, name='case'):
    pairs = list(pred_fn_pairs.items()) if isinstance(pred_fn_pairs, dict) else list(pred_fn_pairs)
    if not pairs:
        raise ValueError('pairs of a condition and a function are needed')
    if default is None:
        default, pairs = pairs[-1][1], pairs[:-1]
    result = default
    for pred, function in pairs[::-1]:
        result = (lambda pred, function, rest: lambda: cond(pred, function, rest, strict))(pred, function, result)
    return _alone(result(), strict)


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


def _ends(result, back_prop):
    # What a loop gives that nothing is learned through.
    if back_prop or isinstance(result, TensorArray):
        return result
    if isinstance(result, (list, tuple)):
        parts = [_ends(part, False) for part in result]
        return type(result)(*parts) if hasattr(result, '_fields') else type(result)(parts)
    return tf.stop_gradient(result)


def map_fn(fn, elems, dtype=None, parallel_iterations=None, back_prop=True, swap_memory=False, infer_shape=True,
           name=None):
    return _ends(_together([fn(part) for part in _parts(elems)]), back_prop)


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
    return _ends(_together(results[::-1] if reverse else results), back_prop)


def foldl(fn, elems, initializer=None, parallel_iterations=10, back_prop=True, swap_memory=False, name=None):
    parts = _parts(elems)
    if initializer is None:
        initializer, parts = parts[0], parts[1:]
    for part in parts:
        initializer = fn(initializer, part)
    return _ends(initializer, back_prop)


def foldr(fn, elems, initializer=None, parallel_iterations=10, back_prop=True, swap_memory=False, name=None):
    parts = _parts(elems)[::-1]
    if initializer is None:
        initializer, parts = parts[0], parts[1:]
    for part in parts:
        initializer = fn(initializer, part)
    return _ends(initializer, back_prop)


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
    held = [_ends(_held(value), back_prop) for value in held]
    return held[0] if len(held) == 1 else type(loop_vars)(held)


def group(*inputs, **kwargs):
    # What is to be done; see `tf.control_dependencies`.
    return list(inputs)


def tuple_(tensors, name=None, control_inputs=None):
    with tf.control_dependencies(list(control_inputs or [])):
        return [None if t is None else tf.identity(t) for t in tensors]


def identity_n(input, name=None):
    return [tf.identity(t) for t in input]


def shape_n(input, out_type=None, name=None):
    return [tf.shape(t) for t in input]


def switch_case(branch_index, branch_fns, default=None, name='switch_case'):
    pairs = list(branch_fns.items()) if isinstance(branch_fns, dict) else list(enumerate(branch_fns))
    default = default or pairs[-1][1]
    return case([(tf.equal(branch_index, number), function) for number, function in pairs], default)


def is_tensor(x):
    return isinstance(x, (tf.Tensor, tf.Variable))


def nothing(*args, **kwargs):
    return None


# What gradients of the definition's own are called by, and those that identities have in the open graph.
_registered, _overridden = {}, []


class RegisterGradient(object):
    def __init__(self, op_type):
        self._name = op_type

    def __call__(self, function):
        _registered[self._name] = function
        return function


class _Override(object):
    def __init__(self, names):
        self._names = names

    def __enter__(self):
        _overridden.append(self._names)
        self._before, tf.identity = tf.identity, _overridden_identity

    def __exit__(self, *what):
        _overridden.pop()
        tf.identity = self._before


class _DefaultGraph(object):
    """The graph that is being made."""

    def gradient_override_map(self, op_type_map):
        others = [name for name in op_type_map if name != 'Identity']
        if others:
            raise ValueError('the gradient of %s cannot be replaced here, only that of tf.identity' % others[0])
        missing = [name for name in op_type_map.values() if name not in _registered]
        if missing:
            raise LookupError('gradient registry has no entry for: %s' % missing[0])
        return _Override(op_type_map)

    def get_collection(self, name, scope=None):
        return tf.get_collection(name, scope)

    def add_to_collection(self, name, value):
        tf.add_to_collection(name, value)

    def get_tensor_by_name(self, name):
        return tf.named_tensor(name)

    def get_operation_by_name(self, name):
        return tf.named_tensor(name).op

    def get_name_scope(self):
        with tf.name_scope('scope') as scope:
            return scope[:-1].rpartition('/')[0]

    def name_scope(self, name):
        return tf.name_scope(name)

    def device(self, device):
        return tf.device(device)

    def control_dependencies(self, control_inputs):
        return tf.control_dependencies(control_inputs)

    def as_default(self):
        return tf.device(None)


_graph = _DefaultGraph()


def get_default_graph():
    return _graph


def _factor(function):
    # By what a function of gradients multiplies them, if that is all it does.
    found = []
    for number in (1.0, 2.0, -3.0, 0.5):
        made = function(tf.constant(number))
        made = made[0] if isinstance(made, (list, tuple)) else made
        known = tf.contrib.util.constant_value(tf.convert_to_tensor(made))
        if known is None:
            return None
        found.append(known / number)
    return found[0] if all(abs(f - found[0]) <= 1e-6 * abs(found[0]) for f in found) else None


def _with_gradient(value, factor):
    held = tf.stop_gradient(value)
    return held + factor * (value - held)


_NO_FACTOR = ('a gradient of the definition\'s own must be the gradient that arrives times a number, as `-grad * 0.5` is; '
              'others are not known to cortado')


def _overridden_identity(input, name=None):
    gradient = _registered[_overridden[-1]['Identity']]
    factor = _factor(lambda grad: gradient(input.op, grad))
    if factor is None:
        raise ValueError(_NO_FACTOR)
    return _with_gradient(input, factor)


class custom_gradient(object):
    def __init__(self, f):
        self._function = f

    def __call__(self, *args, **kwargs):
        made, gradient = self._function(*args, **kwargs)
        tensors = [a for a in args if is_tensor(a)]
        factor = _factor(gradient) if len(tensors) == 1 and is_tensor(made) else None
        if factor is None or made.get_shape().as_list() != tensors[0].get_shape().as_list():
            raise ValueError(_NO_FACTOR)
        held = tf.stop_gradient(tensors[0])
        return tf.stop_gradient(made) + factor * (tensors[0] - held)


def scale_gradient(inputs, gradient_multiplier):
    return _with_gradient(inputs, gradient_multiplier)
