from model import Tower
from utils import model_property
import tensorflow as tf
import tensorflow.contrib.slim as slim
import utils as digits


class UserModel(Tower):

    @model_property
    def inference(self):
        net = slim.conv2d(self.x, 20, [5, 5], padding='VALID', scope='conv1')
        net = slim.max_pool2d(net, [2, 2], scope='pool1')
        net = tf.reshape(net, [-1, 13 * 13 * 20]) # error[E0811]: tf.reshape: (1, 12, 12, 20) has 2880 elements, which 3380 do not divide
        return slim.fully_connected(net, self.nclasses, activation_fn=None)

    @model_property
    def loss(self):
        return digits.classification_loss(self.inference, self.y)
