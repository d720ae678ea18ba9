import tensorflow as tf
import tensorflow.contrib.slim as slim
from model import Tower
from utils import model_property
import utils as digits


class UserModel(Tower):

    @model_property
    def inference(self):
        return slim.fully_connected(slim.flatten(self.x), self.nclasses, activation_fn=None)

    @model_property
    def loss(self):
        scale = tf.get_variable('scale', [1], initializer=tf.ones_initializer()) # warning[W0813]: the variable `scale` is made in `loss`, which DIGITS 6 refuses
        return digits.classification_loss(self.inference * scale, self.y)
