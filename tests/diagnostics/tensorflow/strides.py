from model import Tower
from utils import model_property
import tensorflow as tf
import tensorflow.contrib.slim as slim
import utils as digits


class UserModel(Tower):

    @model_property
    def inference(self):
        w = tf.get_variable('w', [5, 5, 1, 20])
        net = tf.nn.conv2d(self.x, w, strides=[1, 2, 2], padding='VALID') # error[E0802]: ValueError: `strides` must be [1, height, width, 1], not [1, 2, 2]
        return slim.fully_connected(slim.flatten(net), self.nclasses, activation_fn=None)

    @model_property
    def loss(self):
        return digits.classification_loss(self.inference, self.y)
