from model import Tower
from utils import model_property
import tensorflow as tf
import tensorflow.contrib.slim as slim
import utils as digits


class UserModel(Tower):

    @model_property
    def inference(self):
        return slim.fully_connected(slim.flatten(self.x), self.nclasses / 3, activation_fn=None) # error[E0802]: TypeError: a whole number is needed here, not 'float'

    @model_property
    def loss(self):
        return digits.classification_loss(self.inference, self.y)
