from model import Tower
from utils import model_property
import tensorflow as tf
import tensorflow.contrib.slim as slim
import utils as digits


class UserModel(Tower):

    @model_property
    def inference(self):
        if self.x.get_shape()[3] == 3:
            x = tf.image.rgb_to_grayscale(self.x)
        net = slim.conv2d(x, 20, [5, 5]) # error[E0802]: UnboundLocalError: cannot access local variable 'x' where it is not associated with a value
        return slim.fully_connected(slim.flatten(net), self.nclasses, activation_fn=None)

    @model_property
    def loss(self):
        return digits.classification_loss(self.inference, self.y)
