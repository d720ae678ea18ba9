"""Writes more.json beside this file: small definitions and the numbers that TensorFlow 2.12 in its 1.x mode gives for them.

Needs `pip install 'tensorflow-cpu==2.12.*' tf-slim 'numpy<2'`. The bodies of `inference` and `loss` run in a class as DIGITS
makes it, on one batch; variables get values that follow from their names.
"""

import json
import os
import sys
import types
import zlib

os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'
import numpy as np
import tensorflow
import tf_slim as slim

tf = tensorflow.compat.v1
tf.disable_v2_behavior()
HERE = os.path.dirname(os.path.abspath(__file__))
X = [0.5, -1.0, 2.0, 0.25, -0.75, 1.5, -2.0, 1.0]
Y = [0, 2]

LARGE = """large = tf.tile(self.x, [1, 2, 2, 1]) + tf.constant(0.07 * np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1))
"""
SQUARES = "return tf.reduce_sum(tf.square(self.inference))"
WEIGHTED = """flat = tf.reshape(self.inference, [-1])
return tf.reduce_sum(flat * flat * tf.constant(np.linspace(-1, 1, int(flat.get_shape()[0])).astype(np.float32)))"""

# Name, whether it is trained, inference, loss.
CASES = [
    ('penalty_on_gradients', True, """
def critic(x, reuse=None):
    with tf.variable_scope('critic', reuse=reuse):
        net = slim.conv2d(x, 3, [2, 2], activation_fn=tf.nn.leaky_relu, scope='conv')
        net = slim.fully_connected(slim.flatten(net), 4, activation_fn=tf.nn.elu, scope='hidden')
        return slim.fully_connected(net, 1, activation_fn=None, scope='score')
self.critic = critic
return critic(self.x)""", """
between = 0.5 * self.x + 0.3
with tf.variable_scope('model'):
    slopes = tf.gradients(self.critic(between, True), [between])[0]
norms = tf.sqrt(tf.reduce_sum(tf.square(slopes), [1, 2, 3]))
return tf.reduce_mean(self.inference) + 10.0 * tf.reduce_mean(tf.square(norms - 1.0))"""),
    ('second_gradients_of_pools', False, LARGE + """
net = slim.conv2d(large, 4, [3, 3], activation_fn=tf.tanh)
net = slim.max_pool2d(net, [2, 2])
net = slim.avg_pool2d(tf.square(net), [2, 2], stride=1, padding='SAME')
return tf.gradients(tf.reduce_sum(net * net), self.x)[0]""", WEIGHTED),
    ('second_gradients_of_normalisations', True, LARGE + """
net = slim.conv2d(large, 5, [3, 3], activation_fn=tf.tanh, normalizer_fn=slim.batch_norm,
                  normalizer_params={'scale': True, 'updates_collections': None})
return tf.gradients(tf.reduce_sum(net * net * net), self.x)[0]""", WEIGHTED),
    ('second_gradients_of_moving_moments', False, LARGE + """
net = slim.conv2d(large, 5, [3, 3], activation_fn=tf.tanh, normalizer_fn=slim.batch_norm,
                  normalizer_params={'scale': True, 'is_training': False})
return tf.gradients(tf.reduce_sum(net * net * net), self.x)[0]""", WEIGHTED),
    ('second_gradients_of_softmax', False, """
net = slim.fully_connected(slim.flatten(self.x), 3, activation_fn=None)
a = tf.gradients(tf.reduce_sum(tf.square(tf.nn.softmax(net))), self.x)[0]
b = tf.gradients(tf.reduce_sum(tf.square(tf.nn.log_softmax(net))), self.x)[0]
return a + 0.5 * b""", WEIGHTED),
    ('gradients_of_variables', False, "return slim.fully_connected(slim.flatten(self.x), 3, activation_fn=tf.sigmoid)", """
first = tf.reduce_sum(tf.square(self.inference))
return first + 0.1 * tf.add_n([tf.reduce_sum(tf.square(g)) for g in tf.gradients(first, tf.trainable_variables())])"""),
    ('weighted_gradients', False, """
a, b = tf.square(self.x), tf.sin(self.x) * 2.0
unused = tf.constant([1.0])
grads = tf.gradients([a, b], [self.x, unused, a], grad_ys=[tf.exp(self.x), a])
assert grads[1] is None
return grads[0] + grads[2]""", SQUARES),
    ('saliency', False, """
scores = slim.fully_connected(slim.flatten(slim.conv2d(self.x, 4, [2, 2])), 3, activation_fn=None)
self.scores = scores
return tf.abs(tf.gradients(tf.reduce_max(scores, axis=1), self.x)[0])""", "return digits.classification_loss(self.scores, self.y)"),
    ('adversarial_examples', True, """
def net(x, reuse=None):
    with tf.variable_scope('net', reuse=reuse):
        return slim.fully_connected(slim.flatten(x), 3, activation_fn=None, scope='scores')
self.net = net
return net(self.x)""", """
clean = digits.classification_loss(self.inference, self.y)
worse = tf.stop_gradient(self.x + 0.1 * tf.sign(tf.gradients(clean, self.x)[0]))
with tf.variable_scope('model'):
    return 0.5 * clean + 0.5 * digits.classification_loss(self.net(worse, True), self.y)"""),
    ('places_of_a_condition', False, "return slim.fully_connected(slim.flatten(self.x), 3, activation_fn=None)", """
rows = tf.reshape(self.x, [4, 2])
chosen = tf.where(rows > 0.1)
some = tf.gather_nd(rows, chosen)
strong = tf.where(self.inference[:, 0] > -10.0)
lines = tf.gather(self.inference, tf.reshape(strong, [-1]))
also = tf.gather(self.inference, tf.squeeze(tf.where(tf.reduce_sum(rows, 1)[:2] > -100.0), 1))
count = tf.cast(tf.shape(chosen)[0], tf.float32)
return tf.reduce_sum(tf.square(some)) + tf.reduce_mean(lines * lines) + 0.1 * count + tf.reduce_sum(also)"""),
    ('known_places', False, """
places = tf.where(tf.constant([[True, False], [False, True]]))
return tf.gather_nd(tf.reshape(self.x, [2, 2, 2]), places)""", SQUARES),
    ('convolutions_of_lines', False, """
lines = tf.reshape(self.x, [2, 4, 1]) * tf.constant([1.0, -0.5])
a = slim.conv1d(lines, 3, 3, scope='a')
b = slim.convolution(lines, 2, [2], stride=2, padding='VALID', activation_fn=None, scope='b')
c = slim.conv1d(lines, 2, 2, rate=2, activation_fn=tf.tanh, biases_initializer=None, scope='c')
return tf.concat([tf.reshape(t, [2, -1]) for t in (a, b, c)], 1)""", WEIGHTED),
    ('convolutions_of_volumes', True, LARGE + """
volume = tf.stack([large, large * large, tf.sin(large)], 1)
a = slim.conv3d(volume, 2, [3, 2, 3], scope='a')
b = slim.convolution(volume, 2, 3, stride=2, padding='VALID', activation_fn=None, scope='b',
                     normalizer_fn=slim.batch_norm, normalizer_params={'updates_collections': None})
c = slim.conv3d(volume, 2, [2, 2, 2], rate=2, activation_fn=tf.tanh, scope='c')
d = slim.max_pool3d(volume, [2, 2, 2], stride=[1, 2, 2])
e = slim.avg_pool3d(volume, 3, stride=[1, 2, 2], padding='SAME')
f = slim.conv3d_transpose(d, 1, [3, 3, 2], stride=[1, 2, 2], activation_fn=None, scope='f')
g = slim.conv3d_transpose(d, 1, 2, stride=1, padding='VALID', activation_fn=None, scope='g')
return tf.concat([tf.reshape(tf.reduce_mean(t * tf.abs(t), [2, 3]), [2, -1]) for t in (a, b, c, d, e, f, g)], 1)""", WEIGHTED),
    ('separable_with_strides_and_holes', False, LARGE + """
a = slim.separable_conv2d(large, 3, [3, 3], depth_multiplier=2, stride=2, scope='a')
b = slim.separable_conv2d(large, None, [2, 2], depth_multiplier=3, padding='VALID', activation_fn=None, scope='b')
c = slim.separable_conv2d(large, 2, 3, rate=2, depth_multiplier=1, scope='c', activation_fn=tf.tanh,
                          pointwise_initializer=tf.zeros_initializer())
d = slim.separable_convolution2d(large, 2, [1, 3], depth_multiplier=1, scope='d', normalizer_fn=slim.layer_norm)
return tf.concat([tf.reshape(tf.reduce_mean(t * tf.abs(t), 3), [2, -1]) for t in (a, b, c, d)], 1)""", WEIGHTED),
    ('pooled_and_put_back', False, LARGE + """
net = slim.conv2d(large, 3, [2, 2], activation_fn=tf.tanh)
pooled, where = tf.nn.max_pool_with_argmax(net, [1, 2, 2, 1], [1, 2, 2, 1], 'SAME')
shape = pooled.get_shape().as_list()
flat = int(np.prod(shape))
image = tf.range(shape[0], dtype=where.dtype)
image = tf.ones_like(where) * tf.reshape(image, [shape[0], 1, 1, 1])
places = tf.concat([tf.reshape(image, [flat, 1]), tf.reshape(where, [flat, 1])], 1)
back = tf.scatter_nd(places, tf.reshape(pooled * pooled, [flat]), [shape[0], shape[1] * 2 * shape[2] * 2 * shape[3]])
return tf.reshape(back, [shape[0], shape[1] * 2, shape[2] * 2, shape[3]])""", WEIGHTED),
    ('put_back_by_rows_and_columns', False, LARGE + """
net = slim.conv2d(large, 2, [2, 2], activation_fn=tf.tanh)
pooled, where = tf.nn.max_pool_with_argmax(net, ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding='VALID')
n, h, w, c = pooled.get_shape().as_list()
down, along = where // (2 * w * c), where % (2 * w * c) // c
t = tf.stack([down, along])
ones = tf.to_int64(tf.ones([n, 1, 1, c]))
channel = tf.tile(tf.reshape(tf.to_int64(tf.range(c)), [1, 1, 1, c]), [n, h, w, 1])
image = tf.tile(tf.reshape(tf.to_int64(tf.range(n)), [n, 1, 1, 1]), [1, h, w, c])
places = tf.stack([image, t[0], t[1], channel], 4)
return tf.scatter_nd(tf.reshape(places, [-1, 4]), tf.reshape(pooled, [-1]), [n, 2 * h, 2 * w, c])""", WEIGHTED),
    ('expected_places_by_temperature', False, LARGE + """
net = slim.conv2d(large, 3, [3, 3], activation_fn=None)
return tf.concat([slim.spatial_softmax(net), slim.spatial_softmax(net, temperature=0.5, name='sharp')], 1)""", WEIGHTED),
    ('mean_without_bias', True, LARGE + """
net = slim.batch_norm(large * tf.constant([1.0, -2.0]), decay=0.9, zero_debias_moving_mean=True, updates_collections=None)
rows = slim.batch_norm(slim.flatten(self.x), decay=0.99, scale=True, zero_debias_moving_mean=True, updates_collections=None,
                       scope='rows')
return tf.concat([slim.flatten(net), rows], 1)""", WEIGHTED),
    ('mean_without_bias_unfused', True, LARGE + """
return slim.batch_norm(large, decay=0.95, zero_debias_moving_mean=True, updates_collections=None, fused=False)""", WEIGHTED),
    ('mean_without_bias_in_use', False, LARGE + """
return slim.batch_norm(large, decay=0.9, zero_debias_moving_mean=True, is_training=self.is_training)""", WEIGHTED),
]


class Tower(object):
    def __init__(self, x, y, training):
        self.x, self.y, self.is_training, self.is_inference = x, y, training, False
        self.input_shape, self.nclasses = [2, 2, 1], 3


def model_property(function):
    name = '_' + function.__name__

    def get(self):
        if not hasattr(self, name):
            setattr(self, name, function(self))
        return getattr(self, name)
    return property(get)


def classification_loss(pred, y):
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(logits=pred, labels=y))


def value_of(name, shape):
    numbers = np.random.RandomState(zlib.crc32(name.encode()) & 0xffff)
    values = np.round(numbers.uniform(-0.8, 0.8, shape), 2)
    if name.endswith('variance') or name.endswith('temperature'):
        return np.abs(values) + 0.5
    if name.endswith('local_step'):
        return np.float64(2.0)
    return values


def blob(value):
    value = np.asarray(value, np.float32)
    shape = list(value.shape) or [1]
    return {'shape': shape, 'data': [float('%.6g' % v) for v in value.reshape(-1)]}


def case(name, training, inference, loss):
    inference, loss = inference.strip('\n'), loss.strip('\n')
    tf.reset_default_graph()
    body = 'class UserModel(Tower):\n'
    for method, lines in (('inference', inference), ('loss', loss)):
        body += '    @model_property\n    def %s(self):\n' % method
        body += ''.join('        %s\n' % line for line in lines.splitlines())
    digits = types.SimpleNamespace(classification_loss=classification_loss)
    space = dict(tf=tf, slim=slim, np=np, digits=digits, Tower=Tower, model_property=model_property)
    exec(body, space)
    x = tf.placeholder(tf.float32, [2, 2, 2, 1])
    y = tf.placeholder(tf.int64, [2])
    tower = space['UserModel'](x, y, training)
    with tf.variable_scope('model'):
        output = tower.inference
    total = tower.loss
    variables = tf.global_variables()
    first = dict((v.op.name, value_of(v.op.name, v.shape.as_list())) for v in variables)
    learned = tf.trainable_variables()
    wanted = {'out.0': output, 'loss': total, 'din.x': tf.gradients(total, x)[0]}
    for v, g in zip(learned, tf.gradients(total, learned)):
        if g is not None:
            wanted['dparam.' + v.op.name] = tf.convert_to_tensor(g)
    with tf.Session() as session:
        for v in variables:
            v.load(first[v.op.name], session)
        feeds = {x: np.reshape(X, [2, 2, 2, 1]), y: Y}
        wanted = dict((k, v) for k, v in wanted.items() if v is not None)
        got = session.run(wanted, feeds)
        if training:
            for v in variables:
                if v not in learned:
                    got['state.' + v.op.name] = session.run(v)
    return {
        'name': name, 'inference': 'import numpy as np\n' + inference, 'loss': 'import numpy as np\n' + loss, 'train': training,
        'params': dict((k, blob(v)) for k, v in sorted(first.items())),
        'want': dict((k, blob(v)) for k, v in sorted(got.items())),
    }


def main():
    chosen = sys.argv[1:]
    cases = [case(*given) for given in CASES if not chosen or given[0] in chosen]
    source = 'TensorFlow %s (compat.v1) with tf-slim 1.1.0' % tensorflow.__version__
    with open(os.path.join(HERE, 'more.json'), 'w') as out:
        out.write('{"source": %s, "x": %s, "y": %s, "cases": [\n' % (json.dumps(source), json.dumps(X), json.dumps(Y)))
        out.write(',\n'.join(json.dumps(one, separators=(',', ':')) for one in cases))
        out.write('\n]}\n')


main()
