from model import Tower
from utils import model_property
import tensorflow as tf
import tensorflow.contrib.slim as slim
import utils as digits


class UserModel(Tower):

    @model_property
    def inference(self):
        x = tf.while_loop(lambda t: tf.reduce_sum(t) < 10, lambda t: t + 1, [self.x]) # error[E0811]: a condition on a tensor, whose value is known only when the network runs
        return slim.fully_connected(slim.flatten(self.x), self.nclasses, activation_fn=None)

    @model_property
    def loss(self):
        return digits.classification_loss(self.inference, self.y)
