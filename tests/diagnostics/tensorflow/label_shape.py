from model import Tower
from utils import model_property
import tensorflow as tf
import tensorflow.contrib.slim as slim
import utils as digits


class UserModel(Tower):

    @model_property
    def inference(self):
        return slim.fully_connected(slim.flatten(self.x), self.nclasses, activation_fn=None)

    @model_property
    def loss(self):
        return digits.mse_loss(self.inference, tf.reshape(self.y, [-1, 2])) # error[E0811]: tf.reshape: (1) has 1 elements, which 2 do not divide
