from model import Tower
from utils import model_property
import tensorflow as tf
import tensorflow.contrib.slim as slim
import utils as digits


class UserModel(Tower):

    @model_property
    def inference(self):
        def layer(x):
            w = tf.get_variable('w', [784, 784]) # error[E0811]: tf.get_variable: variable `model/w` exists already
            return tf.matmul(x, w)
        return layer(layer(slim.flatten(self.x)))

    @model_property
    def loss(self):
        return digits.classification_loss(self.inference, self.y)
