# The Siamese net of the tutorial: two LeNet towers with shared variables on an image of three channels, of which the
# second and the third (green and blue) are the images of a pair, and a loss on the distance of their two features.
from model import Tower
from utils import model_property
import tensorflow as tf
import tensorflow.contrib.slim as slim
import utils as digits


class UserModel(Tower):

    def tower(self, net):
        net = slim.conv2d(net, 20, [5, 5], scope='conv1')
        net = slim.max_pool2d(net, [2, 2], scope='pool1')
        net = slim.conv2d(net, 50, [5, 5], scope='conv2')
        net = slim.max_pool2d(net, [2, 2], scope='pool2')
        net = slim.flatten(net)
        net = slim.fully_connected(net, 500, activation_fn=tf.nn.relu, scope='fc1')
        return slim.fully_connected(net, 2, scope='feat')

    @model_property
    def inference(self):
        height, width, channels = self.input_shape
        assert channels == 3, 'a pair is an image of three channels'
        pair = tf.reshape(self.x, shape=[-1, height, width, channels]) * 0.0125
        _, left, right = tf.split(pair, 3, axis=3)
        with slim.arg_scope([slim.conv2d, slim.fully_connected], activation_fn=None,
                            weights_initializer=tf.contrib.layers.xavier_initializer()):
            with slim.arg_scope([slim.conv2d], padding='VALID'):
                with tf.variable_scope('siamese') as scope:
                    left = self.tower(left)
                    scope.reuse_variables()
                    right = self.tower(right)
        return [left, right]

    @model_property
    def loss(self):
        left, right = self.inference
        same = tf.to_float(tf.reshape(self.y, shape=[-1]))
        return digits.constrastive_loss(left, right, same)
