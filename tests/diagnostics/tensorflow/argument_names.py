from model import Tower
from utils import model_property
import tensorflow as tf
import tensorflow.contrib.slim as slim
import utils as digits


class UserModel(Tower):

    @model_property
    def inference(self):
        net = slim.conv2d(self.x, 20, [5, 5], pading='VALID', activation=None) # error[E0802]: TypeError: conv2d() got an unexpected keyword argument 'pading'
        return slim.fully_connected(slim.flatten(net), self.nclasses, activation_fn=None)

    @model_property
    def loss(self):
        return digits.classification_loss(self.inference, self.y)
