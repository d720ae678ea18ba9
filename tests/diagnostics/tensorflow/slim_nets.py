from model import Tower
from utils import model_property
import tensorflow as tf
import tensorflow.contrib.slim as slim
import utils as digits


class UserModel(Tower):

    @model_property
    def inference(self):
        from tensorflow.contrib.slim.nets import mobilenet_v1 # error[E0802]: ImportError: cannot import name 'mobilenet_v1' from 'tensorflow.contrib.slim.nets'
        return slim.fully_connected(slim.flatten(self.x), self.nclasses, activation_fn=None)

    @model_property
    def loss(self):
        return digits.classification_loss(self.inference, self.y)
