# slim.utils, as far as nets written with slim call it.

from collections import OrderedDict


def collect_named_outputs(collections, alias, outputs):
    if collections:
        tf.add_to_collection(collections, outputs)
    return outputs


def get_variable_collections(variables_collections, name):
    if isinstance(variables_collections, dict):
        return variables_collections.get(name)
    return variables_collections


def append_tensor_alias(tensor, alias):
    return tensor


def get_tensor_aliases(tensor):
    if hasattr(tensor, 'aliases'):
        return tensor.aliases
    return [tensor.op.name]


def convert_collection_to_dict(collection, clear_collection=False):
    outputs = tf.get_collection(collection)
    if clear_collection:
        del tf.get_collection_ref(collection)[:]
    return OrderedDict([(alias, t) for t in outputs for alias in get_tensor_aliases(t)])


def constant_value(value_or_tensor_or_var, dtype=None):
    return value_or_tensor_or_var


def smart_cond(pred, fn1, fn2, name=None):
    return fn1() if pred else fn2()


def first_dimension(shape, min_rank=1):
    return int(shape[0])


def last_dimension(shape, min_rank=1):
    return int(shape[-1])


def two_element_tuple(int_or_tuple):
    if isinstance(int_or_tuple, (list, tuple)):
        if len(int_or_tuple) != 2:
            raise ValueError('must be a list with 2 elements: %s' % (int_or_tuple,))
        return int(int_or_tuple[0]), int(int_or_tuple[1])
    return int(int_or_tuple), int(int_or_tuple)


def n_positive_integers(n, value):
    if isinstance(value, (list, tuple)):
        if len(value) != n:
            raise ValueError('%r must be of length 1 or %d' % (value, n))
        return tuple([int(v) for v in value])
    return (int(value),) * n
