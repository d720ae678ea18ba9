from model import Tower
from utils import model_property
import tensorflow as tf
import tensorflow.contrib.slim as slim
import utils as digits


class UserModel(Tower):

    @model_property
    def inference(self):
        assert self.input_shape[0] == 224, 'Input shape should be 224 pixels' # error[E0801]: AssertionError: Input shape should be 224 pixels
        return slim.fully_connected(slim.flatten(self.x), self.nclasses, activation_fn=None)

    @model_property
    def loss(self):
        return digits.classification_loss(self.inference, self.y)
