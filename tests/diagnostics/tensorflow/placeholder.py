from model import Tower
from utils import model_property
import tensorflow as tf
import tensorflow.contrib.slim as slim
import utils as digits


class UserModel(Tower):

    @model_property
    def inference(self):
        x = tf.placeholder(tf.float32, [None, 28, 28, 1]) # error[E0810]: `tf.placeholder` is not known to cortado
        return slim.fully_connected(slim.flatten(x), self.nclasses, activation_fn=None)

    @model_property
    def loss(self):
        return digits.classification_loss(self.inference, self.y)
