from model import Tower
from utils import model_property
import tensorflow as tf
import tensorflow.contrib.slim as slim
import utils as digits

CLASSES = tf.one_hot([1, 2], 3)
ONE = tf.gather(tf.constant([1., 2.]), [1])
SUM = tf.reduce_sum(tf.constant([1., 2.]))
PRODUCT = tf.matmul(tf.ones([2, 3]), tf.ones([3, 2]))
BACK = tf.reverse(tf.constant([1., 2.]), [0])
TILES = tf.tile(tf.constant([1., 2.]), [3])
NOISE = tf.random_normal([2]) + tf.constant([1., 2.])
LARGE = tf.image.resize_bilinear(tf.ones([1, 2, 2, 1]), [4, 4])
WINDOWS = tf.nn.conv2d(tf.zeros([1, 8, 8, 1]), tf.Variable(tf.ones([3, 3, 1, 2])), [1, 1, 1, 1], 'SAME')


class UserModel(Tower):

    @model_property
    def inference(self):
        return slim.fully_connected(slim.flatten(self.x), self.nclasses, activation_fn=None) + SUM

    @model_property
    def loss(self):
        return digits.classification_loss(self.inference, self.y)
