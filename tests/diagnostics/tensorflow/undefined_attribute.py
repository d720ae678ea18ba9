from model import Tower
from utils import model_property
import tensorflow as tf
import tensorflow.contrib.slim as slim
import utils as digits


class UserModel(Tower):

    @model_property
    def inference(self):
        net = slim.flatten(self.x)
        return slim.fully_connected(net, self.num_classes, activation_fn=None) # error[E0802]: AttributeError: 'UserModel' object has no attribute 'num_classes'

    @model_property
    def loss(self):
        return digits.classification_loss(self.inference, self.y)
