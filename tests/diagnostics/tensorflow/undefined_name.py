from model import Tower
from utils import model_property
import tensorflow as tf
import tensorflow.contrib.slim as slim
import utils as digits


class UserModel(Tower):

    @model_property
    def inference(self):
        net = slim.conv2d(self.x, 20, [5, 5])
        nett = slim.flatten(net)
        return slim.fully_connected(flat, num_classes, activation_fn=None) # error[E0802]: NameError: name 'flat' is not defined

    @model_property
    def loss(self):
        return digits.classification_loss(self.inference, self.y)
