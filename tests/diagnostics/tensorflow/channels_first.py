from model import Tower
from utils import model_property
import tensorflow as tf
import tensorflow.contrib.slim as slim
import utils as digits


class UserModel(Tower):

    @model_property
    def inference(self):
        x = tf.reshape(self.x, [-1, self.input_shape[2], self.input_shape[0], self.input_shape[1]])
        net = slim.conv2d(x, 20, [5, 5], padding='VALID') # error[E0811]: slim.conv2d: a window of 5 does not fit into an image 1 high
        return slim.fully_connected(slim.flatten(net), self.nclasses, activation_fn=None)

    @model_property
    def loss(self):
        return digits.classification_loss(self.inference, self.y)
