from model import Tower
from utils import model_property
import tensorflow as tf
import tensorflow.contrib.slim as slim
import utils as digits


class UserModel(Tower):

    @model_property
    def inference(self):
        w = tf.get_variable('w', [783, 10])
        return tf.matmul(slim.flatten(self.x), w) # error[E0811]: tf.matmul: the matrix product of (1, 784) and (783, 10) does not exist

    @model_property
    def loss(self):
        return digits.classification_loss(self.inference, self.y)
