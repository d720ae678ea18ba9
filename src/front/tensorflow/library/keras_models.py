# tf.keras.Model and tf.keras.Sequential, as far as they are nets: what trains them is DIGITS.

from tensorflow.keras.base_layers import Input, Layer, _asked, _given, _givers, _Node, _waits


class Model(Layer):
    """A net of layers between inputs and outputs, or a class of the definition's own with `call`."""

    _ends = None

    def __init__(self, inputs=None, outputs=None, name=None, **kwargs):
        Layer.__init__(self, name=name, trainable=kwargs.get('trainable', True))
        if inputs is None and outputs is None:
            inputs, outputs = kwargs.get('input'), kwargs.get('output')
        if outputs is not None:
            self._ends = inputs, outputs

    inputs = property(lambda self: _listed(self._ends[0]))
    outputs = property(lambda self: _listed(self._ends[1]))

    def __call__(self, inputs, *args, **kwargs):
        if self._ends is None or _waits(inputs):
            return Layer.__call__(self, inputs, *args, **kwargs)
        ends, outputs = self._ends
        named, given = _listed(ends), _listed(inputs)
        if not _waits(ends):
            if all([a is b for a, b in zip(named, given)]):
                return outputs
            raise ValueError('this model was made of tensors of its own; make it of `tf.keras.layers.Input(shape=...)` '
                             'to call it on others')
        if len(named) != len(given):
            raise ValueError('the model has %d inputs, not %d' % (len(named), len(given)))
        with _asked(kwargs.get('training', args[0] if args else None)):
            return self._noting(lambda: _given(outputs, dict((id(node), tensor) for node, tensor in zip(named, given))))

    @property
    def losses(self):
        found = [penalty(of) for penalty, of in self._penalties]
        for layer in self._inner():
            found += layer.losses
        return found

    def _inner(self):
        """The layers of the model, each once."""
        if self._ends is None:
            held = [value for value in vars(self).values()]
        else:
            held = _behind(_listed(self._ends[1]), [id(end) for end in _listed(self._ends[0])], {})
        found = []
        for value in held:
            for layer in value if isinstance(value, (list, tuple)) else [value]:
                if isinstance(layer, Layer) and not any([layer is other for other in found]):
                    found.append(layer)
        return found

    def _trains(self, *args, **kwargs):
        raise NotImplementedError('DIGITS trains the net that `inference` and `loss` of `UserModel` make: return '
                                  '`model(self.x)` from `inference`, and write the loss in `loss`')

    compile = fit = fit_generator = evaluate = predict = train_on_batch = _trains

    def summary(self, *args, **kwargs):
        pass


class Sequential(Model):
    def __init__(self, layers=None, name=None):
        Model.__init__(self, name=name)
        self.layers, self._starts = [], False
        for layer in layers or []:
            self.add(layer)

    def add(self, layer):
        if not callable(layer):
            raise TypeError('The added layer must be an instance of class Layer, not %r' % (layer,))
        if not self.layers and getattr(layer, '_sized', None) is not None:
            self._starts = True
        if type(layer).__name__ != 'InputLayer':
            self.layers.append(layer)

    def pop(self):
        self.layers.pop()

    def call(self, inputs, training=None):
        for layer in self.layers:
            takes = isinstance(layer, Sequential) or type(layer).__name__ in _TRAINING or (
                isinstance(layer, Layer) and tf.takes_argument(layer.call, 'training'))
            inputs = layer(inputs, training=training) if takes else layer(inputs)
        return inputs

    def __call__(self, inputs, *args, **kwargs):
        # With the shape of its input its layers are made before it is called, outside of its scope.
        if self._starts and not _waits(inputs):
            return self._noting(lambda: self.call(inputs, *args, **kwargs))
        return Layer.__call__(self, inputs, *args, **kwargs)


_TRAINING = ('BatchNormalization',)


def _behind(ends, inputs, seen):
    """The layers between inputs and tensors, or what stands for tensors that are not there yet."""
    found = []
    for end in ends:
        if id(end) in inputs or id(end) in seen:
            continue
        seen[id(end)] = end
        layer, before = None, None
        if isinstance(end, _Node):
            layer, before = end._layer, end._inputs
        elif id(end) in _givers:
            layer, before, _ = _givers[id(end)]
        if layer is not None:
            found += _behind(_listed(before), inputs, seen) + [layer]
    return found


def _listed(value):
    return list(value) if isinstance(value, (list, tuple)) else [value]
