from model import Tower
from utils import model_property
import tensorflow as tf
import tensorflow.contrib.slim as slim
import utils as digits


class UserModel(Tower):

    @model_property
    def inference(self):
        with tf.variable_scope('t') as scope:
            a = slim.fully_connected(slim.flatten(self.x), 10, scope='fc')
            scope.reuse_variables()
            b = slim.fully_connected(a, 10, scope='fc') # error[E0811]: slim.fully_connected: `model/t/fc/weights` is shared, but is (784, 10) there and (10, 10) here
        return b

    @model_property
    def loss(self):
        return digits.classification_loss(self.inference, self.y)
