from model import Tower
from utils import model_property
import tensorflow as tf
import tensorflow.contrib.slim as slim
import utils as digits


class UserModel(Tower):

    @model_property
    def inference(self):
        return slim.fully_connected(slim.flatten(self.x), self.nclasses / 3, activation_fn=None) # warning[W0805]: `10 / 3` is 3 in Python 2 and 3.3333333333333335 in Python 3

    @model_property
    def loss(self):
        return digits.classification_loss(self.inference, self.y)
