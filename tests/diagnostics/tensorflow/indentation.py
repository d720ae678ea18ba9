from model import Tower
from utils import model_property
import tensorflow as tf
import tensorflow.contrib.slim as slim
import utils as digits


class UserModel(Tower):

    @model_property
    def inference(self):
        net = slim.flatten(self.x)
       net = slim.fully_connected(net, 10)
        return net

    @model_property
    def loss(self):
        return digits.classification_loss(self.inference, self.y)
# line 13: error[E0101]: unindent does not match any outer indentation level
