"""Writes more.json beside this file: small definitions and the numbers that TensorFlow 2.12 in its 1.x mode gives for them.

Needs `pip install 'tensorflow-cpu==2.12.*' tf-slim 'numpy<2'`. The bodies of `inference` and `loss` run in a class as DIGITS
makes it, on one batch; variables get values that follow from their names.
"""

import json
import os
import re
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
    ('renormalised', True, LARGE + """
net = slim.batch_norm(large, renorm=True, scale=True, decay=0.9, renorm_decay=0.8, scope='a')
net = slim.conv2d(net, 3, [2, 2], normalizer_fn=slim.batch_norm, scope='b', normalizer_params={
    'renorm': True, 'renorm_clipping': {'rmax': 1.1, 'rmin': 0.9, 'dmax': 0.2}, 'center': False})
rows = tf.layers.batch_normalization(slim.flatten(self.x), renorm=True, renorm_momentum=0.7, training=True)
return tf.concat([slim.flatten(net), rows], 1)""", WEIGHTED),
    ('renormalised_in_use', False, LARGE + """
return slim.batch_norm(large, renorm=True, scale=True, is_training=self.is_training)""", WEIGHTED),
    ('assigned_moments', True, LARGE + """
pop_mean = tf.Variable(tf.zeros([1]), trainable=False, name='pop_mean')
pop_var = tf.Variable(tf.ones([1]), trainable=False, name='pop_variance')
mean, var = tf.nn.moments(large, [0, 1, 2])
updates = [tf.assign(pop_mean, pop_mean * 0.9 + mean * 0.1), pop_var.assign_sub((pop_var - var) * 0.1)]
with tf.control_dependencies(updates):
    return tf.nn.batch_normalization(large, mean, var, None, None, 1e-3)""", WEIGHTED),
    ('averages_of_moments', True, LARGE + """
with tf.variable_scope('bn'):
    mean, var = tf.nn.moments(large, [0, 1, 2], name='moments')
    ema = tf.train.ExponentialMovingAverage(decay=0.6)
    done = ema.apply([mean, var])

    def while_training():
        with tf.control_dependencies([done]):
            return tf.identity(mean), tf.identity(var)

    mean, var = tf.cond(tf.constant(self.is_training), while_training, lambda: (ema.average(mean), ema.average(var)))
    return tf.nn.batch_normalization(large, mean, var, None, None, 1e-3)""", WEIGHTED),
    ('averages_by_hand', True, """
from tensorflow.python.training import moving_averages
mean = tf.get_variable('mean', [2, 2, 1], trainable=False)
other = tf.get_variable('other', [2, 2, 1], trainable=False)
tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, moving_averages.assign_moving_average(
    mean, tf.reduce_mean(self.x, 0), 0.9, zero_debias=False))
now = moving_averages.assign_moving_average(other, tf.reduce_mean(self.x, 0), 0.7)
with tf.control_dependencies([tf.group(now)]):
    return tf.identity(self.x) * 2.0""", SQUARES),
    ('centers_that_follow', True, """
self.features = slim.fully_connected(slim.flatten(self.x), 2, activation_fn=None)
return self.features""", """
centers = tf.get_variable('centers', [3, 2], trainable=False)
own = tf.gather(centers, self.y)
with tf.control_dependencies([tf.scatter_sub(centers, self.y, 0.5 * (own - self.features))]):
    return tf.reduce_mean(tf.square(self.features - own))"""),
    ('what_nobody_needs_is_not_assigned', True, """
kept = tf.get_variable('kept', [1], trainable=False)
count = tf.Variable(1.0, trainable=False, name='count')
tf.assign(kept, kept * 0.0)
return self.x * kept * tf.assign_add(count, 2.0)""", SQUARES),
    ('spectral_norm', True, LARGE + """
w = tf.get_variable('kernel', [3, 3, 1, 2])
rows = tf.reshape(w, [-1, 2])
u = tf.get_variable('u', [1, 2], trainable=False)
v_hat = tf.nn.l2_normalize(tf.matmul(u, tf.transpose(rows)))
u_hat = tf.nn.l2_normalize(tf.matmul(v_hat, rows))
u_hat, v_hat = tf.stop_gradient(u_hat), tf.stop_gradient(v_hat)
sigma = tf.matmul(tf.matmul(v_hat, rows), tf.transpose(u_hat))
with tf.control_dependencies([u.assign(u_hat)]):
    w = tf.reshape(rows / sigma, w.shape.as_list())
return tf.nn.conv2d(large, filter=w, strides=[1, 1, 1, 1], padding='SAME')""", WEIGHTED),
    ('group_norm', False, LARGE + """
net = slim.conv2d(large, 4, [2, 2], normalizer_fn=slim.group_norm, normalizer_params={'groups': 2}, scope='a')
net = slim.group_norm(net, groups=2, center=False, activation_fn=tf.tanh, epsilon=0.1, scope='b')
return slim.layer_norm(net, begin_norm_axis=1, begin_params_axis=1, scope='c')""", WEIGHTED),
    ('channels_before_pixels', True, LARGE + """
net = tf.transpose(tf.concat([large, tf.sin(large)], 3), [0, 3, 1, 2])
net = slim.instance_norm(net, data_format='NCHW')
net = slim.batch_norm(net + 0.3 * net * net, data_format='NCHW', scale=True, fused=False, updates_collections=None)
net = tf.nn.bias_add(net, tf.get_variable('b', [2]), data_format='NCHW')
return tf.transpose(tf.layers.max_pooling2d(net, 2, 1, data_format='channels_last'), [0, 2, 3, 1])""", WEIGHTED),
    ('penalties_of_scopes', False, """
with tf.variable_scope('a', regularizer=slim.l2_regularizer(0.5)):
    net = slim.fully_connected(slim.flatten(self.x), 3)
with tf.variable_scope('b', regularizer=lambda w: 0.1 * tf.reduce_sum(tf.abs(w))):
    net = net + tf.get_variable('w', [3])
    with tf.variable_scope('c', regularizer=tf.no_regularizer):
        net = net * tf.get_variable('w', [3])
    return net""", """
losses = tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)
assert len(losses) == 3
return tf.reduce_mean(self.inference) + tf.add_n(losses)"""),
    ('penalty_of_keras', False, """
return tf.layers.dense(slim.flatten(self.x), 3, kernel_regularizer=tf.keras.regularizers.l2(0.3))""", """
return tf.reduce_mean(self.inference) + tf.losses.get_regularization_loss()"""),
    ('embeddings_in_a_batch', False, """
rows = tf.reshape(self.x, [4, 2])
self.embeddings = slim.fully_connected(tf.concat([rows, tf.sin(rows * 2.0)], 0), 3, activation_fn=None)
return self.embeddings""", """
learning = slim.losses.metric_learning
labels = tf.constant([0, 1, 0, 2, 1, 2, 0, 1])
a, b = self.embeddings[:4], self.embeddings[4:]
loss = learning.contrastive_loss(tf.constant([0, 1, 1, 0]), a, b, margin=2.0)
loss += learning.triplet_semihard_loss(labels, tf.nn.l2_normalize(self.embeddings, 1), margin=0.5)
loss += learning.npairs_loss(labels[:4], a, b, reg_lambda=0.1)
return loss + learning.lifted_struct_loss(labels, self.embeddings, 1.5)"""),
    ('windows_of_other_kinds', False, LARGE + """
a = tf.nn.dilation2d(large, tf.get_variable('a', [2, 3, 1]), [1, 1, 1, 1], [1, 1, 1, 1], 'SAME')
b = tf.nn.erosion2d(large, tf.get_variable('b', [2, 2, 1]), [1, 2, 2, 1], [1, 1, 1, 1], 'VALID')
c = tf.nn.conv2d(large, tf.get_variable('c', [3, 3, 1, 2]), strides=2, padding=[[0, 0], [1, 0], [2, 1], [0, 0]])
d = tf.nn.max_pool2d(large, 3, 2, 'SAME')
lines = tf.reshape(large, [2, 4, 4])
e = tf.nn.conv1d_transpose(lines, tf.get_variable('e', [3, 2, 4]), [2, 8, 2], 2, 'SAME')
f = slim.conv2d_in_plane(tf.concat([large, -large], 3), [2, 2], stride=2, activation_fn=None)
return tf.concat([slim.flatten(t) for t in (a, b, c, d, e, f)], 1)""", WEIGHTED),
    ('colours', False, """
flat = tf.sigmoid(tf.reshape(self.x, [2, 4]))
image = tf.reshape(tf.concat([flat, flat * flat, 0.7 * flat[:, ::-1]], 1), [2, 2, 2, 3])
yuv = tf.image.rgb_to_yuv(image)
hsv = tf.image.hsv_to_rgb(tf.image.rgb_to_hsv(image) * 0.9)
return tf.concat([hsv, yuv, tf.image.yuv_to_rgb(yuv * 0.5), tf.image.rgb_to_yiq(image)], 3)""", WEIGHTED),
    ('likeness_of_images', False, """
image = tf.sigmoid(3.0 * tf.image.resize_nearest_neighbor(self.x, [12, 12]))
return image + 0.2 * slim.conv2d(image, 1, [2, 2], activation_fn=tf.sigmoid)""", """
return tf.reduce_mean(tf.image.ssim(self.inference, tf.sigmoid(tf.image.resize_bilinear(self.x * 2.0, [12, 12])), 1.0))"""),
    ('turned_and_resized', False, LARGE + """
parts = [tf.image.rot90(large, k) for k in range(4)]
parts += [tf.image.resize_bilinear(large, [6, 3], half_pixel_centers=True), tf.image.resize_image_with_pad(large, 6, 5)]
parts += [tf.image.extract_image_patches(large, [1, 2, 2, 1], [1, 2, 2, 1], [1, 1, 1, 1], 'VALID')]
return tf.concat([slim.flatten(part) for part in parts], 1)""", WEIGHTED),
    ('gradients_times_numbers', False, """
@tf.RegisterGradient('Turned')
def _turned(op, grad):
    return [tf.negative(grad) * 0.4]


@tf.custom_gradient
def sign(x):
    return tf.sign(x), lambda dy: 0.5 * dy


with tf.get_default_graph().gradient_override_map({'Identity': 'Turned'}):
    turned = tf.identity(self.x)
return turned * turned + sign(self.x) * 3.0 + slim.scale_gradient(self.x, 0.3)""", SQUARES),
    ('matrices_of_three_rows', False, """
flat = slim.flatten(self.x)
rows = tf.reshape(tf.concat([flat, flat * 0.5, flat[:, :1]], 1), [2, 3, 3]) + 3.0 * tf.eye(3)
both = tf.matmul(rows, rows, transpose_b=True)
parts = [tf.matrix_inverse(rows), tf.matrix_solve(rows, rows[:, :, :2]), tf.linalg.matvec(rows, rows[:, 0])]
parts += [tf.matrix_determinant(rows), tf.linalg.diag(rows[:, 1])]
return tf.concat([tf.reshape(part, [2, -1]) for part in parts + [tf.cholesky(both)]], 1)""", WEIGHTED),
    ('elements_put_in_places', False, """
rows = slim.flatten(self.x)
places = tf.constant([[0, 1], [1, 3]])
onehot = tf.sparse_to_dense(tf.stack([tf.range(2), tf.to_int32(self.y)], 1), [2, 4], 2.0, -1.0) if self.y is not None else 0.0
return (tf.tensor_scatter_update(rows, places, [5.0, 6.0]) + tf.tensor_scatter_add(rows, places, rows[0, :2]) * onehot
        + tf.where_v2(rows > 0.2, rows, 0.5) + tf.to_float(tf.truncatediv(tf.to_int32(rows * 10.0), 3)))""", SQUARES),
    ('layers_of_tf_as_objects', False, LARGE + """
class Scale(tf.layers.Layer):
    def build(self, input_shape):
        self.factor = self.add_variable('factor', shape=[int(input_shape[-1])], initializer=tf.ones_initializer())

    def call(self, inputs):
        return inputs * self.factor


conv, pool, scale = tf.layers.Conv2D(2, 3, padding='same', name='c'), tf.layers.MaxPooling2D(2, 2), Scale(name='s')
net = scale(pool(scale(conv(large))))
assert [v.op.name for v in conv.trainable_variables] == ['model/c/kernel', 'model/c/bias']
assert conv.kernel.shape.as_list() == [3, 3, 1, 2]
return tf.layers.Flatten()(tf.layers.Dropout(0.5)(net, training=False))""", WEIGHTED),
    ('names_of_scopes_and_tensors', False, """
with tf.variable_scope('outer') as outer:
    with tf.variable_scope('inner') as inner:
        a = tf.get_variable('v', [1])
    assert inner.original_name_scope == 'model/outer/inner/', inner.original_name_scope
with tf.variable_scope(outer, reuse=True) as again:
    assert again.original_name_scope == 'model/outer/'
with tf.name_scope('ns') as ns:
    assert ns == 'model/ns/', ns
    product = tf.multiply(self.x, a, name='product')
assert tf.get_default_graph().get_tensor_by_name('model/outer/inner/v:0') is not None
net = slim.conv2d(self.x, 1, [1, 1], scope='c')
product = product * tf.get_default_graph().get_tensor_by_name('model/c/Relu:0')[:, :, ::-1]
phase = tf.placeholder_with_default(True, shape=())
return tf.cond(phase, lambda: product, lambda: self.x)""", SQUARES),
    ('mean_without_bias_in_use', False, LARGE + """
return slim.batch_norm(large, decay=0.9, zero_debias_moving_mean=True, is_training=self.is_training)""", WEIGHTED),
    ('keras_convolutions', False, LARGE + """
K = tf.keras.layers
a = K.Conv2D(3, 3, activation='relu', kernel_initializer='he_normal')(large)
with tf.variable_scope('block'):
    a = K.Conv2D(2, [2, 2], strides=2, padding='same', use_bias=False, name='small')(a)
    a = K.PReLU(shared_axes=[1, 2])(a)
b = K.DepthwiseConv2D(2, depth_multiplier=2, activation='tanh')(large)
b = K.SeparableConv2D(3, 3, padding='same', activation=tf.sigmoid)(b)
c = K.Conv2DTranspose(2, 3, strides=(2, 2), padding='same')(a)
d = K.Conv1D(2, 3, padding='same', activation='elu')(K.Reshape((4, 4))(large))
return tf.concat([K.Flatten()(t) for t in (a, b, c, d)], 1)""", WEIGHTED),
    ('keras_shapes', False, LARGE + """
K = tf.keras.layers
two = K.Concatenate()([large, large * large])
parts = [
    K.MaxPooling2D()(two), K.AveragePooling2D(3, strides=1, padding='same')(two), K.GlobalAveragePooling2D()(two),
    K.GlobalMaxPooling2D()(two), K.ZeroPadding2D(((1, 0), (0, 2)))(two), K.Cropping2D(1)(two), K.UpSampling2D(2)(two),
    K.Permute((3, 1, 2))(two), K.RepeatVector(2)(K.Flatten()(large)), K.LeakyReLU()(two), K.ELU(0.7)(two),
    K.ReLU(1.5)(two), K.ReLU(negative_slope=0.1)(two), K.Softmax()(two), K.Activation('softplus')(two), K.Dropout(0.5)(two),
    K.Average()([large, two, 2 * two]), K.Maximum()([large, two]), K.Multiply()([two, two]), K.Subtract()([two, large]),
    K.Lambda(lambda t: t * 3)(large), K.Dot(1)([K.Flatten()(large), K.Flatten()(large * large)]),
    K.UpSampling1D(2)(K.Reshape((4, 4))(large)), K.TimeDistributed(K.Dense(2))(K.Reshape((4, 4))(large)), K.Add()([two, two]),
]
return tf.concat([tf.reshape(t, [2, -1])[:, ::3] for t in parts], 1)""", WEIGHTED),
    ('keras_normalisation', False, LARGE + """
K = tf.keras.layers
a = K.BatchNormalization(epsilon=0.01)(large)
b = K.BatchNormalization(scale=False)(tf.sin(large) * tf.constant([1.0, 2.0]), training=True)
shared = K.Dense(2, activation='selu')
return tf.concat([shared(tf.reshape(t, [8, -1])[:, :4]) for t in (a, b)], 1)""", WEIGHTED),
    ('keras_models', False, """
K = tf.keras.layers
class Pair(K.Layer):
    def __init__(self, units, **kwargs):
        super(Pair, self).__init__(**kwargs)
        self.units = units
    def build(self, input_shape):
        self.left = self.add_weight('left', shape=(int(input_shape[-1]), self.units), initializer='glorot_uniform')
        self.right = self.add_weight(name='right', shape=[self.units], initializer='zeros')
        super(Pair, self).build(input_shape)
    def call(self, inputs):
        return tf.matmul(inputs, self.left) + self.right
class Net(tf.keras.Model):
    def __init__(self):
        super(Net, self).__init__()
        self.first, self.norm, self.second = K.Dense(3, activation='relu'), K.BatchNormalization(), Pair(2)
    def call(self, inputs, training=None):
        return self.second(self.norm(self.first(inputs), training=training))
whole = tf.keras.Sequential([K.Conv2D(2, 2), K.Flatten(), K.Dense(3, name='last')])
early = tf.keras.Sequential()
early.add(K.Dense(4, input_shape=(3,)))
early.add(K.Activation('tanh'))
one, two = tf.keras.Input(shape=(4,)), tf.keras.layers.Input((3,))
middle = K.Dense(3, name='middle')(one)
joined = tf.keras.Model(inputs=[one, two], outputs=K.Dense(2)(K.Add()([middle, two])))
a = whole(self.x)
b = early(a)
return tf.concat([Net()(b), joined([b, a]), joined([b * b, a])], 1)""", WEIGHTED),
    ('keras_recurrent', False, LARGE + """
K = tf.keras.layers
steps = tf.reshape(large, [2, 4, 4])
net = K.LSTM(3, return_sequences=True)(steps)
net = K.Bidirectional(K.GRU(2, return_sequences=True))(net)
net = K.TimeDistributed(K.Dense(3, activation='tanh'))(net)
seen = tf.constant(np.array([[True, True, False, True], [False, True, False, False]]))
net = K.SimpleRNN(3, return_sequences=True, go_backwards=True)(net)
out, h, c = K.LSTM(2, recurrent_activation='sigmoid', use_bias=False, return_state=True)(net)
both = K.Bidirectional(K.LSTM(2), merge_mode='sum')(net, mask=seen)
late = K.GRU(2, reset_after=True)(net, mask=seen, initial_state=h)
return tf.concat([out, c, both, late, K.RNN(K.GRUCell(2, activation='relu'))(net)], 1)""", WEIGHTED),
    ('keras_masks', False, LARGE + """
K = tf.keras.layers
steps = tf.reshape(large, [2, 4, 4]) * tf.constant(np.array([[1, 0, 1, 1], [1, 1, 0, 0]], np.float32).reshape(2, 4, 1))
net = K.Dense(3, activation='tanh')(K.Masking()(steps))
net = K.LSTM(3, return_sequences=True)(K.LeakyReLU()(net))
mean = K.GlobalAveragePooling1D()(net)
ids = tf.constant([[1, 2, 0, 3], [0, 4, 1, 0]])
words = K.Embedding(5, 3, mask_zero=True)(ids)
both = K.Bidirectional(K.GRU(2, return_sequences=True))(words)
joined = K.Concatenate()([K.TimeDistributed(K.Dense(3))(both), net])
added = K.Add()([K.Activation('tanh')(both), K.Dense(4)(net)])
lost = K.SimpleRNN(2)(K.Lambda(lambda x: 2.0 * x)(both))
return tf.concat([mean, K.SimpleRNN(2)(joined), K.SimpleRNN(2, go_backwards=True)(added), lost], 1)""", WEIGHTED),
    ('keras_stacked_cells', False, LARGE + """
K = tf.keras.layers
steps = tf.reshape(large, [2, 4, 4])
seen = tf.constant(np.array([[True, True, False, True], [False, True, False, False]]))
out, first, second = K.RNN([K.LSTMCell(2), K.GRUCell(3)], return_state=True)(steps, mask=seen)
return tf.concat([out, first[1], second, K.RNN(K.StackedRNNCells([K.SimpleRNNCell(2), K.SimpleRNNCell(3)]))(steps)], 1)""", WEIGHTED),
    ('penalties_of_layers', False, LARGE + """
net = tf.layers.conv2d(large, 2, 2, kernel_regularizer=slim.l1_regularizer(0.1), activity_regularizer=slim.l2_regularizer(0.2))
net = tf.layers.batch_normalization(net, gamma_regularizer=slim.l2_regularizer(0.3), beta_regularizer=slim.l1_regularizer(0.2))
net = slim.batch_norm(net, scale=True, is_training=False, param_regularizers={'gamma': slim.l2_regularizer(0.4)})
K, R = tf.keras.layers, tf.keras.regularizers
model = tf.keras.Sequential([K.Dense(3, activity_regularizer=R.l2(0.5), bias_regularizer=R.l1(0.1)),
                             K.Dense(3, kernel_regularizer=R.l2(0.2))])
net = model(slim.flatten(net))
ends = K.Input(tensor=net)
outs = K.Dense(2, kernel_regularizer=R.l1(0.3))(ends)
other = tf.keras.Model(ends, outs)
self.penalties = list(model.losses) + list(other.losses)
return tf.layers.dense(net, 3, activity_regularizer=slim.l1_regularizer(0.3))""", """
return tf.reduce_sum(tf.square(self.inference)) + tf.losses.get_regularization_loss() + tf.add_n(self.penalties)"""),
    ('either_order_of_axes', False, LARGE + """
lines = tf.reshape(large, [2, 4, 4])
net = tf.layers.conv1d(lines, 4, 3, padding='same', data_format='channels_first')
net = tf.layers.max_pooling1d(net, 2, 1, data_format='channels_first')
net = tf.expand_dims(tf.nn.conv1d(net, tf.get_variable('w', [2, 4, 4]), 1, 'SAME', data_format='NCW'), 3)
net = tf.nn.pool(tf.tile(net, [1, 1, 1, 2]), [2, 2], 'AVG', 'VALID', data_format='NCHW')
return tf.nn.avg_pool(net, [1, 1, 2, 1], [1, 1, 1, 1], 'SAME', data_format='NCHW')""", WEIGHTED),
    ('rows_of_tables', False, """
a, b, c = [tf.get_variable(name, [rows, 3]) for name, rows in (('a', 3), ('b', 2), ('c', 2))]
ids = tf.constant([[6, 0, 3], [1, 5, 5]])
mod = tf.nn.embedding_lookup([a, b, c], ids)
div = tf.nn.embedding_lookup([a, b, c], ids, partition_strategy='div', max_norm=0.7)
known = tf.gather(self.x, tf.constant([[1, 0], [1, 1]]), axis=1)
return tf.concat([tf.reshape(tf.concat([mod, div], 1) * tf.reduce_sum(self.x), [-1]), tf.reshape(known[:, 1] * known[:, 0], [-1]),
                  tf.gather(tf.reshape(self.x, [2, 4]), 1)], 0)""", WEIGHTED),
    ('loops_without_gradients', False, """
flat = slim.flatten(self.x)
w = tf.get_variable('w', [4, 4])
mapped = tf.map_fn(lambda row: row * 2.0, flat, back_prop=False)
folded = tf.foldl(lambda a, row: a + row * row, flat, back_prop=False)
looped = tf.while_loop(lambda i, v: i < 2, lambda i, v: (i + 1, tf.matmul(v, w)), [tf.constant(0), flat], back_prop=False)[1]
return flat * mapped + looped + tf.tanh(tf.matmul(flat, w)) * folded""", WEIGHTED),
    ('keras_transposed', False, LARGE + """
K = tf.keras.layers
a = K.Conv2DTranspose(2, 3, strides=2, padding='same', output_padding=1)(large)
b = K.Conv2DTranspose(2, (3, 2), strides=(2, 3), output_padding=(0, 2), activation='tanh')(large)
c = K.Conv2DTranspose(1, 2, dilation_rate=2)(large)
d = K.Conv2DTranspose(1, 3, padding='same', dilation_rate=(2, 2), use_bias=False)(large)
e = K.Conv3DTranspose(1, 2, strides=2, padding='same', output_padding=1)(tf.stack([large, large * large], 1))
f = K.UpSampling2D((3, 2), interpolation='bilinear')(large)
return tf.concat([slim.flatten(t) for t in (a, b, c, d, e, f)], 1)""", WEIGHTED),
    ('keras_losses', False, "return tf.keras.layers.Dense(3)(tf.keras.layers.Flatten()(self.x))", """
L, K = tf.keras.losses, tf.keras.backend
net = self.inference
hot, soft = tf.one_hot(self.y, 3), K.softmax(net)
each = [L.mean_squared_error(hot, net), L.mean_absolute_error(hot, net), L.binary_crossentropy(hot, K.sigmoid(net)),
        L.categorical_crossentropy(hot, soft), L.sparse_categorical_crossentropy(self.y, soft),
        L.sparse_categorical_crossentropy(self.y, net, from_logits=True), K.mean(net, axis=-1), K.max(net, axis=1),
        K.sum(K.square(net), axis=-1), K.std(net, axis=1), K.batch_flatten(net)[:, 0]]
return tf.reduce_sum(tf.stack(each, 1) * tf.constant(np.linspace(0.2, 1, len(each)).astype(np.float32)))"""),
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
    if name.endswith(('variance', 'temperature', 'stddev')):
        return np.abs(values) + 0.5
    if name.endswith('local_step'):
        return np.float64(2.0)
    return values


def name_of(variable):
    # TensorFlow 1.15 has no scope for the cell of a layer of Keras, and numbers what has one name then.
    def plain(v):
        return re.sub(r'/((lstm|gru|simple_rnn|stacked_rnn)_cells?(_\d+)?/)+', '/', v.op.name)
    same = [v.op.name for v in tf.global_variables() if plain(v) == plain(variable)]
    number = same.index(variable.op.name)
    return '%s_%d' % (plain(variable), number) if number else plain(variable)


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
    first = dict((name_of(v), value_of(name_of(v), v.shape.as_list())) for v in variables)
    learned = tf.trainable_variables()
    wanted = {'out.0': output, 'loss': total, 'din.x': tf.gradients(total, x)[0]}
    for v, g in zip(learned, tf.gradients(total, learned)):
        if g is not None:
            wanted['dparam.' + name_of(v)] = tf.convert_to_tensor(g)
    with tf.Session() as session:
        for v in variables:
            v.load(first[name_of(v)], session)
        feeds = {x: np.reshape(X, [2, 2, 2, 1]), y: Y}
        wanted = dict((k, v) for k, v in wanted.items() if v is not None)
        got, _ = session.run([wanted, tf.get_collection(tf.GraphKeys.UPDATE_OPS) if training else []], feeds)
        if training:
            for v in variables:
                if v not in learned:
                    got['state.' + name_of(v)] = session.run(v)
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
