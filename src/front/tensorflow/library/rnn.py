# tf.nn.rnn_cell, what runs its cells over sequences, step by step (Hochreiter and Schmidhuber 1997; Cho et al. 2014), and
# the losses of sequences.

import copy
from collections import namedtuple

LSTMStateTuple = namedtuple('LSTMStateTuple', ['c', 'h'])


def _mapped(function, *values):
    # A function of the tensors in states of one structure.
    first = values[0]
    if isinstance(first, (list, tuple)):
        parts = [_mapped(function, *parts) for parts in zip(*values)]
        return type(first)(*parts) if hasattr(first, '_fields') else type(first)(parts)
    return function(*values)


class RNNCell(object):
    """A cell makes its variables at its first step and keeps them."""

    _name = None

    def __init__(self, trainable=True, name=None, dtype=None, **kwargs):
        self._given_name = name

    def __call__(self, inputs, state, scope=None):
        if self._name:
            return self.call(inputs, state)
        # A cell of the definition's own, which opens a scope by the name of its class.
        name = getattr(self, '_given_name', None) or ''.join(
            [('_' if c.isupper() and i else '') + c.lower() for i, c in enumerate(type(self).__name__)])
        with tf.variable_scope(scope or name, reuse=True if getattr(self, '_called', False) else None):
            self._called = True
            return self.call(inputs, state)

    def _scope_name(self):
        return getattr(self, '_given_name', None) or self._name

    def _variable(self, name, shape, initializer=None):
        if not hasattr(self, '_made'):
            self._made = {}
        made = self._made
        if name not in made:
            with tf.variable_scope(self._scope_name(), reuse=self._reuse):
                made[name] = tf.get_variable(name, shape, initializer=initializer)
        return made[name]

    def _linear(self, name, parts, outputs, bias=0.0, initializer=None, bias_initializer=None):
        joined = tf.concat(parts, 1)
        prefix = name + '/' if name else ''
        kernel = self._variable(prefix + 'kernel', [int(joined.get_shape()[1]), outputs], initializer)
        bias = self._variable(prefix + 'bias', [outputs], bias_initializer or tf.constant_initializer(bias))
        return tf.nn.bias_add(tf.matmul(joined, kernel), bias)

    def zero_state(self, batch_size, dtype=None):
        return _mapped(lambda size: tf.zeros([batch_size, size]), self.state_size)


class BasicRNNCell(RNNCell):
    _name = 'basic_rnn_cell'

    def __init__(self, num_units, activation=None, reuse=None, name=None, dtype=None):
        self._units, self._activation, self._reuse = num_units, activation or tf.tanh, reuse
        self._given_name = name
        self.state_size = self.output_size = num_units

    def call(self, inputs, state):
        output = self._activation(self._linear('', [inputs, state], self._units))
        return output, output


class GRUCell(RNNCell):
    _name = 'gru_cell'

    def __init__(self, num_units, activation=None, reuse=None, kernel_initializer=None, bias_initializer=None,
                 name=None, dtype=None):
        self._units, self._activation, self._reuse = num_units, activation or tf.tanh, reuse
        self._given_name, self._kernel, self._bias = name, kernel_initializer, bias_initializer
        self.state_size = self.output_size = num_units

    def call(self, inputs, state):
        gates = tf.sigmoid(self._linear('gates', [inputs, state], 2 * self._units, 1.0, self._kernel, self._bias))
        reset, update = tf.split(gates, 2, 1)
        new = self._linear('candidate', [inputs, reset * state], self._units, 0.0, self._kernel, self._bias)
        output = update * state + (1.0 - update) * self._activation(new)
        return output, output


class BasicLSTMCell(RNNCell):
    _name = 'basic_lstm_cell'

    def __init__(self, num_units, forget_bias=1.0, state_is_tuple=True, activation=None, reuse=None, name=None,
                 dtype=None, input_size=None):
        self._units, self._forget_bias, self._tuple = num_units, forget_bias, state_is_tuple
        self._activation, self._reuse, self._given_name = activation or tf.tanh, reuse, name
        self.state_size = LSTMStateTuple(num_units, num_units) if state_is_tuple else 2 * num_units
        self.output_size = num_units

    def call(self, inputs, state):
        c, h = state if self._tuple else tf.split(state, 2, 1)
        gates = self._linear('', [inputs, h], 4 * self._units)
        new, candidate, forget, out = tf.split(gates, 4, 1)
        c = c * tf.sigmoid(forget + self._forget_bias) + tf.sigmoid(new) * self._activation(candidate)
        h = self._activation(c) * tf.sigmoid(out)
        return h, (LSTMStateTuple(c, h) if self._tuple else tf.concat([c, h], 1))


class LSTMCell(RNNCell):
    _name = 'lstm_cell'

    def __init__(self, num_units, use_peepholes=False, cell_clip=None, initializer=None, num_proj=None, proj_clip=None,
                 num_unit_shards=None, num_proj_shards=None, forget_bias=1.0, state_is_tuple=True, activation=None,
                 reuse=None, name=None, dtype=None):
        self._units, self._peepholes, self._clip, self._kernel = num_units, use_peepholes, cell_clip, initializer
        self._proj, self._proj_clip, self._forget_bias, self._tuple = num_proj, proj_clip, forget_bias, state_is_tuple
        self._activation, self._reuse, self._given_name = activation or tf.tanh, reuse, name
        self.output_size = num_proj or num_units
        self.state_size = LSTMStateTuple(num_units, self.output_size)
        if not state_is_tuple:
            self.state_size = num_units + self.output_size

    def call(self, inputs, state):
        units = self._units
        c, h = state if self._tuple else tf.split(state, [units, self.output_size], 1)
        gates = self._linear('', [inputs, h], 4 * units, initializer=self._kernel)
        new, candidate, forget, out = tf.split(gates, 4, 1)
        if self._peepholes:
            seen = [self._variable('w_%s_diag' % gate, [units], self._kernel) for gate in 'fio']
            forget, new = forget + seen[0] * c, new + seen[1] * c
        c = tf.sigmoid(forget + self._forget_bias) * c + tf.sigmoid(new) * self._activation(candidate)
        if self._clip is not None:
            c = tf.clip_by_value(c, -self._clip, self._clip)
        if self._peepholes:
            out = out + seen[2] * c
        h = tf.sigmoid(out) * self._activation(c)
        if self._proj is not None:
            h = tf.matmul(h, self._variable('projection/kernel', [units, self._proj], self._kernel))
            if self._proj_clip is not None:
                h = tf.clip_by_value(h, -self._proj_clip, self._proj_clip)
        return h, (LSTMStateTuple(c, h) if self._tuple else tf.concat([c, h], 1))


class MultiRNNCell(RNNCell):
    _name = 'multi_rnn_cell'

    def __init__(self, cells, state_is_tuple=True):
        if not state_is_tuple:
            raise ValueError('`state_is_tuple` must be True')
        # Before TensorFlow 1.1 one object could stand for several layers, each with variables of its own.
        self._cells = []
        for cell in cells:
            same = [other for other in self._cells if other is cell]
            self._cells.append(copy.deepcopy(cell) if same else cell)
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


class _Wrapper(RNNCell):
    _name = 'wrapper'

    def _wrap(self, cell):
        self._cell, self.state_size, self.output_size = cell, cell.state_size, cell.output_size

    def zero_state(self, batch_size, dtype=None):
        return self._cell.zero_state(batch_size, dtype)


class DropoutWrapper(_Wrapper):

    def __init__(self, cell, input_keep_prob=1.0, output_keep_prob=1.0, state_keep_prob=1.0, variational_recurrent=False,
                 input_size=None, dtype=None, seed=None, dropout_state_filter_visitor=None):
        if variational_recurrent or dropout_state_filter_visitor is not None:
            raise ValueError('`variational_recurrent` and filters of what is dropped are not known to cortado')
        self._wrap(cell)
        self._input, self._output, self._state = input_keep_prob, output_keep_prob, state_keep_prob

    def _dropped(self, state):
        if isinstance(state, LSTMStateTuple):
            # What a cell remembers is never dropped.
            return LSTMStateTuple(state.c, self._dropped(state.h))
        if isinstance(state, (list, tuple)):
            return tuple([self._dropped(part) for part in state])
        return tf.nn.dropout(state, self._state)

    def call(self, inputs, state):
        if self._input != 1.0:
            inputs = tf.nn.dropout(inputs, self._input)
        outputs, state = self._cell(inputs, state)
        if self._state != 1.0:
            state = self._dropped(state)
        if self._output != 1.0:
            outputs = tf.nn.dropout(outputs, self._output)
        return outputs, state


class ResidualWrapper(_Wrapper):

    def __init__(self, cell, residual_fn=None):
        self._wrap(cell)
        self._residual = residual_fn or (lambda inputs, outputs: inputs + outputs)

    def call(self, inputs, state):
        outputs, state = self._cell(inputs, state)
        return self._residual(inputs, outputs), state


class DeviceWrapper(_Wrapper):

    def __init__(self, cell, device):
        self._wrap(cell)

    def call(self, inputs, state):
        return self._cell(inputs, state)


def _lengths(sequence_length, batch):
    if sequence_length is None:
        return None
    lengths = tf.to_int32(tf.convert_to_tensor(sequence_length))
    if lengths.get_shape().as_list() != [batch]:
        raise ValueError('`sequence_length` must have a number for each of the %d sequences, and is %r' %
                         (batch, lengths.get_shape().as_list()))
    return lengths


def _run(cell, inputs, initial_state, dtype, sequence_length, scope):
    if not isinstance(inputs, (list, tuple)) or not inputs:
        raise TypeError('`inputs` must be a list of tensors, one for each step: tf.unstack(x, axis=1)')
    with tf.variable_scope(scope or 'rnn') as around:
        batch = int(inputs[0].get_shape()[0])
        state = cell.zero_state(batch, dtype) if initial_state is None else initial_state
        lengths = _lengths(sequence_length, batch)
        outputs = []
        for time, step in enumerate(inputs):
            # All steps are one to whoever counts scopes and variables.
            with tf.variable_scope(around, reuse=True if time else None):
                output, new = cell(step, state)
            if lengths is not None:
                goes = tf.less(time, lengths)
                output = _mapped(lambda part: tf.where(goes, part, tf.zeros_like(part)), output)
                new = _mapped(lambda part, old: tf.where(goes, part, old), new, state)
            state = new
            outputs.append(output)
        return outputs, state


def static_rnn(cell, inputs, initial_state=None, dtype=None, sequence_length=None, scope=None):
    return _run(cell, inputs, initial_state, dtype, sequence_length, scope)


def dynamic_rnn(cell, inputs, sequence_length=None, initial_state=None, dtype=None, parallel_iterations=None,
                swap_memory=False, time_major=False, scope=None):
    axis = 0 if time_major else 1
    outputs, state = _run(cell, tf.unstack(inputs, axis=axis), initial_state, dtype, sequence_length, scope)
    return _mapped(lambda *parts: tf.stack(list(parts), axis=axis), *outputs), state


def _reversed(inputs, sequence_length, time, batch):
    if sequence_length is None:
        return tf.reverse(inputs, [time])
    return tf.reverse_sequence(inputs, sequence_length, seq_axis=time, batch_axis=batch)


def bidirectional_dynamic_rnn(cell_fw, cell_bw, inputs, sequence_length=None, initial_state_fw=None,
                              initial_state_bw=None, dtype=None, parallel_iterations=None, swap_memory=False,
                              time_major=False, scope=None):
    time, batch = (0, 1) if time_major else (1, 0)
    with tf.variable_scope(scope or 'bidirectional_rnn'):
        with tf.variable_scope('fw') as way:
            there, end = dynamic_rnn(cell_fw, inputs, sequence_length, initial_state_fw, dtype, time_major=time_major,
                                     scope=way)
        with tf.variable_scope('bw') as way:
            turned = _reversed(inputs, sequence_length, time, batch)
            back, begin = dynamic_rnn(cell_bw, turned, sequence_length, initial_state_bw, dtype, time_major=time_major,
                                      scope=way)
        back = _mapped(lambda part: _reversed(part, sequence_length, time, batch), back)
    return (there, back), (end, begin)


def static_bidirectional_rnn(cell_fw, cell_bw, inputs, initial_state_fw=None, initial_state_bw=None, dtype=None,
                             sequence_length=None, scope=None):
    with tf.variable_scope(scope or 'bidirectional_rnn'):
        with tf.variable_scope('fw') as way:
            there, end = static_rnn(cell_fw, inputs, initial_state_fw, dtype, sequence_length, way)
        with tf.variable_scope('bw') as way:
            turned = tf.unstack(_reversed(tf.stack(inputs), sequence_length, 0, 1))
            back, begin = static_rnn(cell_bw, turned, initial_state_bw, dtype, sequence_length, way)
        back = tf.unstack(_reversed(tf.stack(back), sequence_length, 0, 1))
    return [tf.concat([a, b], 1) for a, b in zip(there, back)], end, begin


rnn = static_rnn
bidirectional_rnn = static_bidirectional_rnn


def sequence_loss(logits, targets, weights, average_across_timesteps=True, average_across_batch=True,
                  softmax_loss_function=None, name=None):
    n, steps, classes = logits.get_shape().as_list()
    given = {'labels': tf.reshape(targets, [-1]), 'logits': tf.reshape(logits, [-1, classes])}
    losses = (softmax_loss_function or tf.nn.sparse_softmax_cross_entropy_with_logits)(**given)
    losses = tf.reshape(losses, [n, steps]) * weights
    averaged = [axis for axis, asked in ((0, average_across_batch), (1, average_across_timesteps)) if asked]
    if not averaged:
        return losses
    return tf.reduce_sum(losses, averaged) / (tf.reduce_sum(weights, averaged) + 1e-12)


def sequence_loss_by_example(logits, targets, weights, average_across_timesteps=True, softmax_loss_function=None,
                             name=None):
    loss = softmax_loss_function or tf.nn.sparse_softmax_cross_entropy_with_logits
    total = tf.add_n([loss(labels=tf.reshape(target, [-1]), logits=logit) * weight
                      for logit, target, weight in zip(logits, targets, weights)])
    return total / (tf.add_n(weights) + 1e-12) if average_across_timesteps else total


def sequence_loss_of_lists(logits, targets, weights, average_across_timesteps=True, average_across_batch=True,
                           softmax_loss_function=None, name=None):
    losses = sequence_loss_by_example(logits, targets, weights, average_across_timesteps, softmax_loss_function)
    return tf.reduce_mean(losses) if average_across_batch else tf.reduce_sum(losses)
