# tf.nn.rnn_cell and what runs its cells over sequences, step by step (Hochreiter and Schmidhuber 1997; Cho et al. 2014).

from collections import namedtuple

LSTMStateTuple = namedtuple('LSTMStateTuple', ['c', 'h'])


class RNNCell(object):
    """A cell makes its variables at its first step and keeps them."""

    _name = 'rnn_cell'

    def __call__(self, inputs, state, scope=None):
        return self.call(inputs, state)

    def _weights(self, name, inputs, outputs, bias):
        if not hasattr(self, '_made'):
            self._made = {}
        made = self._made
        if name not in made:
            with tf.variable_scope(self._name, reuse=self._reuse):
                prefix = name + '/' if name else ''
                made[name] = (tf.get_variable(prefix + 'kernel', [inputs, outputs]),
                              tf.get_variable(prefix + 'bias', [outputs], initializer=tf.constant_initializer(bias)))
        return made[name]

    def _linear(self, name, parts, outputs, bias=0.0):
        joined = tf.concat(parts, 1)
        kernel, bias = self._weights(name, int(joined.get_shape()[1]), outputs, bias)
        return tf.nn.bias_add(tf.matmul(joined, kernel), bias)

    def zero_state(self, batch_size, dtype=None):
        def zeros(size):
            if isinstance(size, LSTMStateTuple):
                return LSTMStateTuple(zeros(size.c), zeros(size.h))
            if isinstance(size, tuple):
                return tuple([zeros(part) for part in size])
            return tf.zeros([batch_size, size])
        return zeros(self.state_size)


class BasicRNNCell(RNNCell):
    _name = 'basic_rnn_cell'

    def __init__(self, num_units, activation=None, reuse=None):
        self._units, self._activation, self._reuse = num_units, activation or tf.tanh, reuse
        self.state_size = self.output_size = num_units

    def call(self, inputs, state):
        output = self._activation(self._linear('', [inputs, state], self._units))
        return output, output


class GRUCell(RNNCell):
    _name = 'gru_cell'

    def __init__(self, num_units, activation=None, reuse=None):
        self._units, self._activation, self._reuse = num_units, activation or tf.tanh, reuse
        self.state_size = self.output_size = num_units

    def call(self, inputs, state):
        gates = tf.sigmoid(self._linear('gates', [inputs, state], 2 * self._units, 1.0))
        reset, update = tf.split(gates, 2, 1)
        new = self._activation(self._linear('candidate', [inputs, reset * state], self._units))
        output = update * state + (1.0 - update) * new
        return output, output


class BasicLSTMCell(RNNCell):
    _name = 'basic_lstm_cell'

    def __init__(self, num_units, forget_bias=1.0, state_is_tuple=True, activation=None, reuse=None, input_size=None):
        if not state_is_tuple:
            raise ValueError('`state_is_tuple` must be True')
        self._units, self._forget_bias = num_units, forget_bias
        self._activation, self._reuse = activation or tf.tanh, reuse
        self.state_size, self.output_size = LSTMStateTuple(num_units, num_units), num_units

    def call(self, inputs, state):
        c, h = state
        gates = self._linear('', [inputs, h], 4 * self._units)
        new, candidate, forget, out = tf.split(gates, 4, 1)
        c = c * tf.sigmoid(forget + self._forget_bias) + tf.sigmoid(new) * self._activation(candidate)
        h = self._activation(c) * tf.sigmoid(out)
        return h, LSTMStateTuple(c, h)


class LSTMCell(BasicLSTMCell):
    _name = 'lstm_cell'

    def __init__(self, num_units, use_peepholes=False, cell_clip=None, initializer=None, num_proj=None,
                 forget_bias=1.0, state_is_tuple=True, activation=None, reuse=None):
        if use_peepholes or cell_clip is not None or initializer is not None or num_proj is not None:
            raise ValueError('an LSTMCell with peepholes, clipping, projection or an initializer is not known')
        BasicLSTMCell.__init__(self, num_units, forget_bias, state_is_tuple, activation, reuse)


class MultiRNNCell(RNNCell):

    def __init__(self, cells, state_is_tuple=True):
        if not state_is_tuple:
            raise ValueError('`state_is_tuple` must be True')
        self._cells = list(cells)
        self.state_size = tuple([cell.state_size for cell in self._cells])
        self.output_size = self._cells[-1].output_size

    def call(self, inputs, state):
        states = []
        with tf.variable_scope('multi_rnn_cell'):
            for i, cell in enumerate(self._cells):
                with tf.variable_scope('cell_%d' % i):
                    inputs, new = cell(inputs, state[i])
                states.append(new)
        return inputs, tuple(states)


class DropoutWrapper(RNNCell):

    def __init__(self, cell, input_keep_prob=1.0, output_keep_prob=1.0, state_keep_prob=1.0, seed=None):
        self._cell, self._input, self._output = cell, input_keep_prob, output_keep_prob
        if state_keep_prob != 1.0:
            raise ValueError('`state_keep_prob` is not known')
        self.state_size, self.output_size = cell.state_size, cell.output_size

    def call(self, inputs, state):
        if self._input != 1.0:
            inputs = tf.nn.dropout(inputs, self._input)
        outputs, state = self._cell(inputs, state)
        if self._output != 1.0:
            outputs = tf.nn.dropout(outputs, self._output)
        return outputs, state


def static_rnn(cell, inputs, initial_state=None, dtype=None, sequence_length=None, scope=None):
    if sequence_length is not None:
        raise ValueError('`sequence_length` is not known: all sequences of a batch have one length')
    if not isinstance(inputs, (list, tuple)) or not inputs:
        raise TypeError('`inputs` must be a list of tensors, one for each step: tf.unstack(x, axis=1)')
    with tf.variable_scope(scope or 'rnn'):
        state = initial_state
        if state is None:
            state = cell.zero_state(int(inputs[0].get_shape()[0]), dtype)
        outputs = []
        for step in inputs:
            output, state = cell(step, state)
            outputs.append(output)
        return outputs, state


def dynamic_rnn(cell, inputs, sequence_length=None, initial_state=None, dtype=None, parallel_iterations=None,
                swap_memory=False, time_major=False, scope=None):
    axis = 0 if time_major else 1
    outputs, state = static_rnn(cell, tf.unstack(inputs, axis=axis), initial_state, dtype, sequence_length, scope)
    return tf.stack(outputs, axis=axis), state


rnn = static_rnn
