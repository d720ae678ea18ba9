# The recurrent layers of tf.keras.layers, step by step, with the names, gates and defaults of TensorFlow 1.15.

import copy
from tensorflow.keras.base_layers import Layer, _activation, _learning

_OF_RUN = ('return_sequences', 'return_state', 'go_backwards', 'stateful', 'unroll', 'time_major', 'name', 'trainable',
           'dtype', 'activity_regularizer', 'input_shape', 'batch_input_shape', 'input_dim', 'input_length', 'batch_size',
           'weights', 'zero_output_for_mask')


class _Cell(Layer):
    """A cell: `build` makes its variables in the scope of the layer that runs it, `call` computes one step."""

    _gates, _states = 1, 1
    _drops = None

    def __init__(self, units, activation='tanh', recurrent_activation='hard_sigmoid', use_bias=True,
                 kernel_initializer='glorot_uniform', recurrent_initializer='orthogonal', bias_initializer='zeros',
                 unit_forget_bias=True, kernel_regularizer=None, recurrent_regularizer=None, bias_regularizer=None,
                 kernel_constraint=None, recurrent_constraint=None, bias_constraint=None, dropout=0.0,
                 recurrent_dropout=0.0, implementation=1, reset_after=False, **kwargs):
        Layer.__init__(self, **kwargs)
        self.units, self.activation = units, _activation(activation) or tf.identity
        self.recurrent_activation = _activation(recurrent_activation) or tf.identity
        self.use_bias, self.unit_forget_bias, self.reset_after = use_bias, unit_forget_bias, reset_after
        self._by = kernel_initializer, recurrent_initializer, bias_initializer
        self._penalty = kernel_regularizer, recurrent_regularizer, bias_regularizer
        self._kept = kernel_constraint, recurrent_constraint, bias_constraint
        self.dropout, self.recurrent_dropout = dropout, recurrent_dropout
        self.state_size = [units] * self._states if self._states > 1 else units
        self.output_size = units

    def build(self, input_shape):
        columns = self._gates * self.units
        self.kernel = self.add_weight('kernel', [int(input_shape[-1]), columns], initializer=self._by[0],
                                      regularizer=self._penalty[0], constraint=self._kept[0])
        self.recurrent_kernel = self.add_weight('recurrent_kernel', [self.units, columns], initializer=self._by[1],
                                                regularizer=self._penalty[1], constraint=self._kept[1])
        if self.use_bias:
            shape, first = self._bias(columns)
            self.bias = self.add_weight('bias', shape, initializer=first, regularizer=self._penalty[2],
                                        constraint=self._kept[2])
        self.built = True

    def _bias(self, columns):
        return [columns], self._by[2]

    def _masked(self, values, key, rate, training):
        # For each gate a mask, which all steps share.
        if not rate or not _learning(training):
            return None
        if key not in self._drops:
            self._drops[key] = [tf.nn.dropout(tf.ones_like(values), 1 - rate) for _ in range(self._gates)]
        return [values * mask for mask in self._drops[key]]

    def _products(self, values, kernel, key, rate, training):
        masked = self._masked(values, key, rate, training)
        if masked is None:
            return tf.split(tf.matmul(values, kernel), self._gates, 1)
        return [tf.matmul(part, columns) for part, columns in zip(masked, tf.split(kernel, self._gates, 1))]

    def _of_inputs(self, inputs, training, bias=None):
        parts = self._products(inputs, self.kernel, 'inputs', self.dropout, training)
        return _with(parts, bias if bias is not None or not self.use_bias else self.bias)

    def _of_state(self, state, training):
        return self._products(state, self.recurrent_kernel, 'state', self.recurrent_dropout, training)


def _with(parts, bias):
    if bias is None:
        return parts
    return [tf.nn.bias_add(part, own) for part, own in zip(parts, tf.split(bias, len(parts), 0))]


class SimpleRNNCell(_Cell):
    def __init__(self, units, activation='tanh', use_bias=True, *args, **kwargs):
        _Cell.__init__(self, units, activation, None, use_bias, *args, **kwargs)

    def call(self, inputs, states, training=None):
        output = self.activation(self._of_inputs(inputs, training)[0] + self._of_state(states[0], training)[0])
        return output, [output]


class LSTMCell(_Cell):
    _gates, _states = 4, 2

    def _bias(self, columns):
        if self.unit_forget_bias and self._by[2] in ('zeros', 'Zeros'):
            return [columns], tf.constant_initializer([0.0] * self.units + [1.0] * self.units + [0.0] * 2 * self.units)
        if self.unit_forget_bias:
            raise ValueError('with `unit_forget_bias` only zeros are known to cortado as `bias_initializer`')
        return [columns], self._by[2]

    def call(self, inputs, states, training=None):
        h, c = states
        parts = zip(self._of_inputs(inputs, training, self._own_bias()), self._of_state(h, training))
        new, forget, candidate, out = [a + b for a, b in parts]
        gate = self.recurrent_activation
        c = gate(forget) * c + gate(new) * self.activation(candidate)
        h = gate(out) * self.activation(c)
        return h, [h, c]

    def _own_bias(self):
        return None


class GRUCell(_Cell):
    _gates = 3

    def _bias(self, columns):
        return [2, columns] if self.reset_after else [columns], self._by[2]

    def _biases(self):
        return tf.unstack(self.bias) if self.reset_after and self.use_bias else [None, None]

    def call(self, inputs, states, training=None):
        h, gate = states[0], self.recurrent_activation
        own, after = self._biases()
        update, reset, candidate = self._of_inputs(inputs, training, own)
        if self.reset_after:
            before = _with(self._of_state(h, training), after)
            update, reset = gate(update + before[0]), gate(reset + before[1])
            candidate = self.activation(candidate + reset * before[2])
        else:
            masked = self._masked(h, 'state', self.recurrent_dropout, training) or [h] * 3
            kernels = tf.split(self.recurrent_kernel, 3, 1)
            update, reset = [gate(part + tf.matmul(masked[i], kernels[i])) for i, part in enumerate((update, reset))]
            candidate = self.activation(candidate + tf.matmul(reset * masked[2], kernels[2]))
        h = update * h + (1 - update) * candidate
        return h, [h]


class _CuDNNLSTMCell(LSTMCell):
    def _bias(self, columns):
        shape, first = [2 * columns], [0.0] * (2 * columns)
        first[5 * self.units:6 * self.units] = [1.0] * self.units
        return shape, tf.constant_initializer(first) if self.unit_forget_bias else self._by[2]

    def _own_bias(self):
        return tf.add_n(tf.split(self.bias, 2, 0))


class _CuDNNGRUCell(GRUCell):
    def _bias(self, columns):
        return [2 * columns], self._by[2]

    def _biases(self):
        return tf.split(self.bias, 2, 0)


class StackedRNNCells(Layer):
    """Cells each of which gets what the one before gives, as one cell."""

    def __init__(self, cells, reverse_state_order=False, **kwargs):
        if reverse_state_order:
            raise ValueError('`reverse_state_order` is not known to cortado: states are in the order of the cells')
        Layer.__init__(self, **kwargs)
        self.cells = list(cells)
        self.state_size = tuple([cell.state_size for cell in self.cells])
        self.output_size = getattr(self.cells[-1], 'output_size', None)

    units = property(lambda self: self.cells[-1].units)

    @property
    def losses(self):
        return [loss for cell in self.cells for loss in getattr(cell, 'losses', [])]

    def build(self, input_shape):
        shape = input_shape.as_list()
        for cell in self.cells:
            if not getattr(cell, 'built', True):
                cell.build(tf.TensorShape(shape))
                cell.built = True
            size = cell.state_size
            shape = shape[:1] + [getattr(cell, 'output_size', size[0] if isinstance(size, (list, tuple)) else size)]
        self.built = True

    def call(self, inputs, states, training=None):
        after = []
        for cell, own in zip(self.cells, states):
            one = not isinstance(own, (list, tuple))
            given = {'training': training} if tf.takes_argument(cell.call, 'training') else {}
            inputs, new = cell.call(inputs, [own] if one else own, **given)
            after.append(new[0] if one else new)
        return inputs, after

    def _begin(self):
        for cell in self.cells:
            cell._drops = {}


def _zeros(size, batch):
    if isinstance(size, (list, tuple)):
        return [_zeros(part, batch) for part in size]
    return tf.zeros([batch, int(size)])


def _chosen(there, new, old):
    """New states where a step counts, else the old ones."""
    if isinstance(new, (list, tuple)):
        return [_chosen(there, a, b) for a, b in zip(new, old)]
    return tf.where(there, new, old)


class RNN(Layer):
    """Runs a cell over the steps of [batch, time, ...]."""

    supports_masking = True

    def __init__(self, cell, return_sequences=False, return_state=False, go_backwards=False, stateful=False,
                 unroll=False, activity_regularizer=None, time_major=False, zero_output_for_mask=False, **kwargs):
        # Between batches states begin anew: what keeps them is run by Keras' own training only. A loop that is unrolled gives the
        # same.
        del stateful, unroll
        cell = StackedRNNCells(cell) if isinstance(cell, (list, tuple)) else cell
        Layer.__init__(self, activity_regularizer=activity_regularizer, **kwargs)
        if self._first_values:
            cell._first_values, self._first_values = self._first_values, None
        if not self.trainable:
            cell.trainable = False
        self.cell, self.return_sequences, self.return_state = cell, return_sequences, return_state
        self.go_backwards, self._time = go_backwards, 0 if time_major else 1
        self.zero_output_for_mask = zero_output_for_mask

    units = property(lambda self: self.cell.units)

    @property
    def losses(self):
        return [penalty(of) for penalty, of in self._penalties] + list(getattr(self.cell, 'losses', []))

    def compute_mask(self, inputs, mask=None):
        mask = mask[0] if isinstance(mask, (list, tuple)) else mask
        return mask if self.return_sequences else None

    def call(self, inputs, mask=None, training=None, initial_state=None):
        if isinstance(inputs, (list, tuple)):
            inputs, initial_state = inputs[0], list(inputs[1:])
        mask = mask[0] if isinstance(mask, (list, tuple)) else mask
        steps = tf.unstack(inputs, axis=self._time)
        seen = [None] * len(steps) if mask is None else tf.unstack(mask, axis=self._time)
        if self.go_backwards:
            steps, seen = steps[::-1], seen[::-1]
        if not getattr(self.cell, 'built', True):
            self.cell.build(steps[0].get_shape())
            self.cell.built = True
        self.cell._drops = {}
        if isinstance(self.cell, StackedRNNCells):
            self.cell._begin()
        if initial_state is None:
            sizes = self.cell.state_size
            initial_state = _zeros(sizes if isinstance(sizes, (list, tuple)) else [sizes], int(steps[0].get_shape()[0]))
        states = list(initial_state) if isinstance(initial_state, (list, tuple)) else [initial_state]
        given = {'training': training} if tf.takes_argument(self.cell.call, 'training') else {}
        outputs = []
        for step, there in zip(steps, seen):
            output, new = self.cell.call(step, states, **given)
            if there is not None:
                before = outputs[-1] if outputs and not self.zero_output_for_mask else tf.zeros_like(output)
                output = tf.where(there, output, before)
                new = _chosen(there, new, states)
            states = list(new)
            outputs.append(output)
        result = tf.stack(outputs, self._time) if self.return_sequences else outputs[-1]
        return [result] + states if self.return_state else result


def _running(name, cell, plain=None):
    def init(self, units, *args, **kwargs):
        run = dict((key, kwargs.pop(key)) for key in _OF_RUN if key in kwargs)
        given = dict(plain or {})
        given.update(kwargs)
        RNN.__init__(self, cell(units, *args, **given), **run)
    return type(name, (RNN,), {'__init__': init})


SimpleRNN, LSTM, GRU = _running('SimpleRNN', SimpleRNNCell), _running('LSTM', LSTMCell), _running('GRU', GRUCell)
CuDNNLSTM = _running('CuDNNLSTM', _CuDNNLSTMCell, {'recurrent_activation': 'sigmoid'})
CuDNNGRU = _running('CuDNNGRU', _CuDNNGRUCell, {'recurrent_activation': 'sigmoid', 'reset_after': True})


class Bidirectional(Layer):
    """A recurrent layer over the steps forwards, and another one of its kind backwards."""

    supports_masking = True

    def __init__(self, layer, merge_mode='concat', weights=None, backward_layer=None, **kwargs):
        if merge_mode not in ('sum', 'mul', 'ave', 'concat', None):
            raise ValueError("Invalid merge mode. Merge mode should be one of {'sum', 'mul', 'ave', 'concat', None}")
        Layer.__init__(self, **kwargs)
        self.forward_layer, self.merge_mode = layer, merge_mode
        self.backward_layer = backward_layer or copy.deepcopy(layer)
        if backward_layer is None:
            self.backward_layer.go_backwards = not layer.go_backwards
        if weights is not None:
            half = len(weights) // 2
            layer.cell._first_values = list(weights[:half])
            self.backward_layer.cell._first_values = list(weights[half:])
        for one in (self.forward_layer, self.backward_layer):
            one.zero_output_for_mask = one.return_sequences
        self.forward_layer._name = 'forward_' + self.forward_layer._name
        self.backward_layer._name = 'backward_' + self.backward_layer._name

    @property
    def losses(self):
        return self.forward_layer.losses + self.backward_layer.losses

    def compute_mask(self, inputs, mask=None):
        mask = mask[0] if isinstance(mask, (list, tuple)) else mask
        if not self.forward_layer.return_sequences:
            return None
        return [mask, mask] if self.merge_mode is None else mask

    def call(self, inputs, mask=None, training=None, initial_state=None):
        if isinstance(inputs, (list, tuple)):
            inputs, initial_state = inputs[0], list(inputs[1:])
        half = len(initial_state) // 2 if initial_state else 0
        there = self.forward_layer(inputs, mask, training, initial_state[:half] if half else None)
        back = self.backward_layer(inputs, mask, training, initial_state[half:] if half else None)
        states = []
        if self.forward_layer.return_state:
            states, there, back = there[1:] + back[1:], there[0], back[0]
        if self.forward_layer.return_sequences:
            back = tf.reverse(back, [self.forward_layer._time])
        merged = self._merged(there, back)
        if not states:
            return merged
        return (merged if isinstance(merged, list) else [merged]) + states

    def _merged(self, a, b):
        if self.merge_mode is None:
            return [a, b]
        if self.merge_mode == 'concat':
            return tf.concat([a, b], -1)
        if self.merge_mode == 'mul':
            return a * b
        return a + b if self.merge_mode == 'sum' else (a + b) / 2.0
