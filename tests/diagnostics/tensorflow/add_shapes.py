from model import Tower
from utils import model_property
import tensorflow as tf
import tensorflow.contrib.slim as slim
import utils as digits


class UserModel(Tower):

    @model_property
    def inference(self):
        a = slim.conv2d(self.x, 20, [3, 3])
        b = slim.conv2d(self.x, 30, [3, 3])
        return slim.fully_connected(slim.flatten(a + b), self.nclasses, activation_fn=None) # error[E0811]: tf.add: shapes (1, 28, 28, 20) and (1, 28, 28, 30) do not go together

    @model_property
    def loss(self):
        return digits.classification_loss(self.inference, self.y)
