from model import Tower
from utils import model_property
import tensorflow as tf
import tensorflow.contrib.slim as slim
import utils as digits


class UserModel(Tower):

    @model_property
    def inference(self):
        a = slim.conv2d(self.x, 20, [5, 5], padding='VALID')
        b = slim.conv2d(self.x, 20, [3, 3], padding='VALID')
        net = tf.concat([a, b], 3) # error[E0811]: tf.concat: (1, 24, 24, 20) and (1, 26, 26, 20) cannot be joined along axis 3
        return slim.fully_connected(slim.flatten(net), self.nclasses, activation_fn=None)

    @model_property
    def loss(self):
        return digits.classification_loss(self.inference, self.y)
