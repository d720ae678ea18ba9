from model import Tower
from utils import model_property
import tensorflow as tf
import tensorflow.contrib.slim as slim
import utils as digits


class UserModel(Tower):

    @model_property
    def inference(self):
        net = slim.fully_connected(slim.flatten(self.x), self.nclasses, activation_fn=None)
        return net / tf.reduce_sum(net, axis=1, reduction_indices=[1], keep_dims=True) # error[E0811]: tf.reduce_sum: cannot specify both `axis` and `reduction_indices`

    @model_property
    def loss(self):
        return digits.classification_loss(self.inference, self.y)
