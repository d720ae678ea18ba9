from model import Tower
from utils import model_property
import tensorflow as tf
import tensorflow.contrib.slim as slim
import utils as digits


class UserModel(Tower):

    @model_property
    def inference(self):
        net = self.x
        for i in range(6):
            net = slim.conv2d(net, 20, [3, 3], padding='VALID') # error[E0811]: slim.conv2d: a window of 3 does not fit into an image 1 high
            net = slim.max_pool2d(net, [2, 2])
        return slim.fully_connected(slim.flatten(net), self.nclasses, activation_fn=None)

    @model_property
    def loss(self):
        return digits.classification_loss(self.inference, self.y)
