from model import Tower
from utils import model_property
import tensorflow as tf
import tensorflow.contrib.slim as slim
import utils as digits


class UserModel(Tower):

    @model_property
    def inference(self):
        w = tf.get_variable('w', [784, 10])
        return tf.matmul(self.x, w) # error[E0811]: tf.matmul: the matrix product of (1, 28, 28, 1) and (784, 10) does not exist

    @model_property
    def loss(self):
        return digits.classification_loss(self.inference, self.y)
