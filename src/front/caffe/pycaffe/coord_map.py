# Where a top lies over another one, and the Crop layer that cuts it so. A map from the coordinates of one top to those of
# another is the axis before those that it is about (None for all), and a scale and a shift for each axis.

from __future__ import division
from caffe import layers as L

_ELEMENTWISE = (
    'AbsVal', 'BatchNorm', 'Bias', 'BNLL', 'Dropout', 'ELU', 'Eltwise', 'Exp', 'LRN', 'Log', 'MVN', 'PReLU', 'Power', 'ReLU',
    'Scale', 'Sigmoid', 'Split', 'TanH', 'Threshold')


class UndefinedMapException(Exception):
    pass


class AxisMismatchException(Exception):
    pass


def _numbers(value):
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _each(function, *lists):
    length = max(len(numbers) for numbers in lists)
    wide = [numbers * length if len(numbers) == 1 else numbers for numbers in lists]
    return [function(*numbers) for numbers in zip(*wide)]


def _window(fn):
    own = fn.params.get('convolution_param', fn.params.get('pooling_param', fn.params))
    for name in ('pad_h', 'pad_w', 'kernel_h', 'kernel_w', 'stride_h', 'stride_w'):
        if name in own:
            raise AssertionError('cropping does not support ' + name)
    extent = _each(lambda size, gap: (size - 1) * gap + 1, _numbers(own['kernel_size']), _numbers(own.get('dilation', 1)))
    return own.get('axis', 1), _numbers(own.get('stride', 1)), extent, _numbers(own.get('pad', 0))


def coord_map(fn):
    kind = fn.type_name
    if kind in ('Convolution', 'Pooling', 'Im2col'):
        axis, stride, extent, pad = _window(fn)
        shift = _each(lambda p, k, s: (p - (k - 1) / 2) / s, pad, extent, stride)
        return axis, [1 / s for s in stride], shift
    if kind == 'Deconvolution':
        axis, stride, extent, pad = _window(fn)
        return axis, stride, _each(lambda k, p: (k - 1) / 2 - p, extent, pad)
    if kind == 'Crop':
        own = fn.params.get('crop_param', fn.params)
        return own.get('axis', 2) - 1, [1], [-n for n in _numbers(own.get('offset', 0))]
    if kind in _ELEMENTWISE:
        return None, [1], [0]
    raise UndefinedMapException


def compose(first, then):
    axis, scale, shift = first
    other, other_scale, other_shift = then
    if axis is not None and other is not None and axis != other:
        raise AxisMismatchException
    return (other if axis is None else axis, _each(lambda a, b: a * b, scale, other_scale),
            _each(lambda a, s, b: a * s + b, scale, other_shift, shift))


def inverse(of):
    axis, scale, shift = of
    return axis, [1 / a for a in scale], _each(lambda a, b: -b / a, scale, shift)


def _key(top):
    return id(top.fn), top.n


def _below(top):
    # The second bottom of a Crop layer gives sizes only.
    inputs = top.fn.inputs
    return inputs[:1] if top.fn.type_name == 'Crop' else inputs


def coord_map_from_to(top_from, top_to):
    maps = {_key(top_from): (None, [1], [0])}
    waiting = [top_from]
    while waiting:
        top = waiting.pop()
        try:
            for bottom in _below(top):
                maps[_key(bottom)] = compose(maps[_key(top)], coord_map(top.fn))
                waiting.append(bottom)
        except UndefinedMapException:
            pass
    own = {_key(top_to): (None, [1], [0])}
    waiting = [top_to]
    while waiting:
        top = waiting.pop()
        if _key(top) in maps:
            return compose(own[_key(top)], inverse(maps[_key(top)]))
        try:
            for bottom in _below(top):
                own[_key(bottom)] = compose(own[_key(top)], coord_map(top.fn))
                waiting.append(bottom)
        except UndefinedMapException:
            pass
    raise RuntimeError('Could not compute map between tops; are they connected by spatial layers?')


def crop(top_from, top_to):
    axis, scale, shift = coord_map_from_to(top_from, top_to)
    if any(a != 1 for a in scale):
        raise AssertionError('scale mismatch on crop (a = {})'.format(scale))
    if any(b > 0 for b in shift):
        raise AssertionError('cannot crop negative width (b = {})'.format(shift))
    if any(b != int(b) for b in shift):
        raise AssertionError('cannot crop noninteger width (b = {})'.format(shift))
    return L.Crop(top_from, top_to, crop_param=dict(axis=axis + 1, offset=[int(-b) for b in shift]))
