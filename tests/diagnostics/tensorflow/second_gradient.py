from model import Tower
from utils import model_property
import tensorflow as tf
import tensorflow.contrib.slim as slim
import utils as digits


class UserModel(Tower):

    @model_property
    def inference(self):
        return slim.fully_connected(slim.flatten(self.x), self.nclasses, activation_fn=None)

    @model_property
    def loss(self):
        loss = digits.classification_loss(self.inference, self.y) # error[E0813]: the gradient of digits.classification_loss has no gradient
        return loss + tf.reduce_sum(tf.square(tf.gradients(loss, self.x)[0]))
