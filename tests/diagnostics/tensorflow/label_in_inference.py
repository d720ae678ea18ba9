from model import Tower
from utils import model_property
import tensorflow as tf
import tensorflow.contrib.slim as slim
import utils as digits


class UserModel(Tower):

    @model_property
    def inference(self):
        y = tf.one_hot(self.y, 10) # warning[W0810]: the net cannot be used on what it is trained on: TypeError: a tensor is needed here, not 'NoneType'
        net = slim.fully_connected(slim.flatten(self.x), self.nclasses, activation_fn=None)
        return net * y

    @model_property
    def loss(self):
        return digits.classification_loss(self.inference, self.y)
