from model import Tower
from utils import model_property
import tensorflow as tf
import tensorflow.contrib.slim as slim
import utils as digits


class UserModel(Tower):

    @model_property
    def inference(self):
        net = tf.nn.dropout(slim.flatten(self.x)) # error[E0811]: tf.nn.dropout: how much is dropped is not said
        return slim.fully_connected(net, self.nclasses, activation_fn=None)

    @model_property
    def loss(self):
        return digits.classification_loss(self.inference, self.y)
