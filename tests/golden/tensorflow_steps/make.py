"""Writes more.json beside this file: training steps of definitions in which several losses change one variable, as DIGITS' driver
makes them with TensorFlow 2.12 in its 1.x mode: one optimizer, all gradients before the first step, steps in the order of the losses.

Needs `pip install 'tensorflow-cpu==2.12.*' tf-slim 'numpy<2'`.
"""

import json
import os
import types
import zlib

os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'
import numpy as np
import tensorflow
import tf_slim as slim

tf = tensorflow.compat.v1
tf.disable_v2_behavior()
HERE = os.path.dirname(os.path.abspath(__file__))
STEPS, SHAPE = 3, [2, 3, 2, 1]

TEXT = """import tensorflow as tf
import tensorflow.contrib.slim as slim
from model import Tower
from utils import model_property
import utils as digits


class UserModel(Tower):
    @model_property
    def inference(self):
        self.hidden = slim.fully_connected(slim.flatten(self.x), 3, activation_fn=tf.nn.tanh, scope="hidden")
        self.scores = slim.fully_connected(self.hidden, 3, activation_fn=None, scope="scores")
        return self.scores

    @model_property
    def loss(self):
        first = digits.classification_loss(self.scores, self.y)
        second = tf.reduce_mean(tf.square(self.hidden)) + 0.1 * tf.reduce_sum(tf.abs(self.scores))
        return [{"loss": first, "vars": tf.trainable_variables()}, {"loss": second, "vars": slim.get_variables("model/hidden")}]
"""

EXCHANGED = TEXT.replace('[{"loss": first', '[{"loss": second, "vars": slim.get_variables("model/hidden")}, {"loss": first').replace(
    ', {"loss": second, "vars": slim.get_variables("model/hidden")}]', ']')

PENALTY = """import tensorflow as tf
import tensorflow.contrib.slim as slim
from model import Tower
from utils import model_property
import utils as digits


class UserModel(Tower):
    def critic(self, x, reuse=None):
        with tf.variable_scope("critic", reuse=reuse):
            net = slim.conv2d(x, 2, [1, 2], activation_fn=tf.nn.elu, scope="conv")
            return slim.fully_connected(slim.flatten(net), 1, activation_fn=None, scope="score")

    @model_property
    def inference(self):
        self.fake = slim.fully_connected(slim.flatten(self.x), 6, activation_fn=tf.tanh, scope="fake")
        self.fake = tf.reshape(self.fake, [-1, 3, 2, 1])
        self.on_real, self.on_fake = self.critic(self.x), self.critic(self.fake, True)
        between = 0.3 * self.x + 0.7 * self.fake
        slopes = tf.gradients(self.critic(between, True), [between])[0]
        norms = tf.sqrt(tf.reduce_sum(tf.square(slopes), [1, 2, 3]))
        self.penalty = tf.reduce_mean(tf.square(norms - 1.0))
        return self.on_fake

    @model_property
    def loss(self):
        critic = tf.reduce_mean(self.on_fake) - tf.reduce_mean(self.on_real) + 10.0 * self.penalty
        return [{"loss": critic, "vars": slim.get_variables("model/critic")},
                {"loss": -tf.reduce_mean(self.on_fake), "vars": slim.get_variables("model/fake")}]
"""

RENORMALISED = TEXT.replace('activation_fn=tf.nn.tanh, scope="hidden")', """normalizer_fn=slim.batch_norm, scope="hidden",
            normalizer_params={"renorm": True, "renorm_decay": 0.7, "decay": 0.8, "scale": True, "is_training": self.is_training})""")

ASSIGNED = """import tensorflow as tf
import tensorflow.contrib.slim as slim
from model import Tower
from utils import model_property
import utils as digits


class UserModel(Tower):
    def normalised(self, x):
        moving = [tf.get_variable(name, [x.shape[-1]], trainable=False) for name in ("mean", "spread")]
        moments = tf.nn.moments(x, [0])
        ema = tf.train.ExponentialMovingAverage(0.5)
        averages = ema.apply(moments)
        updates = [tf.assign(old, 0.7 * old + 0.3 * new) for old, new in zip(moving, moments)]
        with tf.control_dependencies([averages] + updates):
            return (x - 0.5 * moments[0] - 0.5 * moving[0]) / (1.0 + tf.sqrt(moments[1] + tf.square(moving[1])))

    @model_property
    def inference(self):
        with tf.variable_scope("hidden"):
            hidden = self.normalised(slim.fully_connected(slim.flatten(self.x), 3, activation_fn=None))
        return slim.fully_connected(tf.tanh(hidden), 3, activation_fn=None, scope="scores")

    @model_property
    def loss(self):
        return [{"loss": digits.classification_loss(self.inference, self.y), "vars": tf.trainable_variables()}]

    def gradientUpdate(self, grad):
        return [(tf.clip_by_average_norm(g, 0.01) if "weights" in v.name else tf.sign(g) * 0.1, v) for g, v in grad]
"""

CONSTRAINED = """import tensorflow as tf
import tensorflow.contrib.slim as slim
from model import Tower
from utils import model_property
import utils as digits


class UserModel(Tower):
    @model_property
    def inference(self):
        C, K = tf.keras.constraints, tf.keras.layers
        net = K.Conv2D(2, [2, 1], kernel_constraint=C.UnitNorm(axis=[0, 1, 2]), bias_constraint="non_neg", name="conv")(self.x)
        net = tf.layers.dense(slim.flatten(net), 4, activation=tf.nn.tanh, kernel_constraint=C.max_norm(0.7), name="hidden")
        with tf.variable_scope("own", constraint=C.MinMaxNorm(0.2, 0.6, rate=0.5)):
            net = tf.matmul(net, tf.get_variable("w", [4, 4]))
        net = tf.layers.batch_normalization(net, training=True, gamma_constraint=C.NonNeg(), name="norm")
        return tf.matmul(net, tf.get_variable("scores", [4, 3], constraint=lambda w: tf.clip_by_norm(w, 0.5)))

    @model_property
    def loss(self):
        return [{"loss": digits.classification_loss(self.inference, self.y), "vars": tf.trainable_variables()}]
"""

SHARED_CONSTRAINED = TEXT.replace('slim.fully_connected(slim.flatten(self.x), 3, activation_fn=tf.nn.tanh, scope="hidden")', """tf.layers.dense(
            slim.flatten(self.x), 3, activation=tf.nn.tanh, kernel_constraint=tf.keras.constraints.MinMaxNorm(0.3, 0.5, rate=0.4),
            bias_constraint=tf.keras.constraints.NonNeg(), name="hidden")""")

CASES = [
    ('constrained', CONSTRAINED, {'optimizer': 'momentum', 'learning_rate': 0.3, 'momentum': 0.9},
     lambda: tf.train.MomentumOptimizer(0.3, 0.9)),
    ('shared_constrained', SHARED_CONSTRAINED, {'optimizer': 'sgd', 'learning_rate': 0.5},
     lambda: tf.train.GradientDescentOptimizer(0.5)),
    ('renormalised', RENORMALISED, {'optimizer': 'momentum', 'learning_rate': 0.1, 'momentum': 0.9},
     lambda: tf.train.MomentumOptimizer(0.1, 0.9)),
    ('assigned', ASSIGNED, {'optimizer': 'sgd', 'learning_rate': 0.5}, lambda: tf.train.GradientDescentOptimizer(0.5)),
    ('penalty_on_gradients', PENALTY, {'optimizer': 'adam', 'learning_rate': 0.01}, lambda: tf.train.AdamOptimizer(0.01)),
    ('shared_momentum', TEXT, {'optimizer': 'momentum', 'learning_rate': 0.1, 'momentum': 0.9},
     lambda: tf.train.MomentumOptimizer(0.1, 0.9)),
    ('shared_adam', EXCHANGED, {'optimizer': 'adam', 'learning_rate': 0.02}, lambda: tf.train.AdamOptimizer(0.02)),
    ('shared_rmsprop', EXCHANGED, {'optimizer': 'rmsprop', 'learning_rate': 0.01, 'momentum': 0.9},
     lambda: tf.train.RMSPropOptimizer(0.01, momentum=0.9)),
]


class Tower(object):
    def __init__(self, x, y):
        self.x, self.y, self.is_training, self.is_inference = x, y, True, False
        self.input_shape, self.nclasses = SHAPE[1:], 3


def model_property(function):
    name = '_' + function.__name__

    def get(self):
        if not hasattr(self, name):
            setattr(self, name, function(self))
        return getattr(self, name)
    return property(get)


def blob(value):
    value = np.asarray(value, np.float32)
    return {'shape': list(value.shape), 'data': [float('%.8g' % v) for v in value.reshape(-1)]}


def case(name, text, solver, optimizer):
    tf.reset_default_graph()
    loss = lambda scores, y: tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(logits=scores, labels=y))
    space = dict(tf=tf, slim=slim, Tower=Tower, model_property=model_property,
                 digits=types.SimpleNamespace(classification_loss=loss))
    exec(text[text.index('class UserModel'):], space)
    numbers = np.random.RandomState(3)
    xs = numbers.uniform(-1, 1, [STEPS] + SHAPE).astype(np.float32)
    ys = numbers.randint(0, 3, [STEPS, SHAPE[0]])
    x, y = tf.placeholder(tf.float32, SHAPE), tf.placeholder(tf.int64, SHAPE[:1])
    tower = space['UserModel'](x, y)
    with tf.variable_scope('model'):
        tower.inference
    all_losses = tower.loss
    variables = tf.global_variables()
    optimizer = optimizer()
    update = getattr(tower, 'gradientUpdate', lambda pairs: pairs)
    pairs = [update(optimizer.compute_gradients(one['loss'], one['vars'])) for one in all_losses]
    with tf.control_dependencies([g for of_loss in pairs for g, _ in of_loss if g is not None]):
        pairs = [[(None if g is None else tf.identity(g), v) for g, v in of_loss] for of_loss in pairs]
    before = [one['loss'] for one in tower.loss] + [g for of_loss in pairs for g, _ in of_loss if g is not None]
    for of_loss in pairs:
        with tf.control_dependencies(before):
            before = [optimizer.apply_gradients([(g, v) for g, v in of_loss if g is not None])]
    losses = []
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for v in variables:
            drawn = np.random.RandomState(zlib.crc32(v.op.name.encode()) & 0xffff)
            values = np.round(drawn.uniform(-0.8, 0.8, v.shape.as_list()), 2)
            v.load(np.abs(values) + 0.5 if v.op.name.endswith(('variance', 'stddev')) else values, session)
        first = dict((v.op.name, session.run(v)) for v in variables)
        for step in range(STEPS):
            feeds = {x: xs[step], y: ys[step]}
            found, _, _ = session.run([[one['loss'] for one in all_losses], before, tf.get_collection(tf.GraphKeys.UPDATE_OPS)], feeds)
            losses.append([float(l) for l in found])
        last = dict((v.op.name, session.run(v)) for v in variables)
    named = lambda values: dict((k, blob(v)) for k, v in sorted(values.items()))
    # Images of one channel, which lies before their rows and columns where cortado reads them.
    images = xs.reshape([STEPS, SHAPE[0], 1, 3, 2])
    return {'name': name, 'text': text, 'solver': solver, 'x': blob(images), 'y': blob(ys), 'first': named(first), 'losses': losses,
            'last': named(last)}


def main():
    with open(os.path.join(HERE, 'more.json'), 'w') as out:
        out.write('{"source": "TensorFlow %s (compat.v1) with tf-slim 1.1.0", "cases": [\n' % tensorflow.__version__)
        out.write(',\n'.join(json.dumps(case(*given)) for given in CASES))
        out.write('\n]}\n')


main()
