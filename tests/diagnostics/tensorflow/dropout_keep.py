from model import Tower
from utils import model_property
import tensorflow as tf
import tensorflow.contrib.slim as slim
import utils as digits


class UserModel(Tower):

    @model_property
    def inference(self):
        net = slim.dropout(slim.flatten(self.x), 50, is_training=self.is_training) # error[E0811]: slim.dropout: `keep_prob` must be above 0 and at most 1, not 50
        return slim.fully_connected(net, self.nclasses, activation_fn=None)

    @model_property
    def loss(self):
        return digits.classification_loss(self.inference, self.y)
