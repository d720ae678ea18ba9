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
        loss = digits.classification_loss(self.inference, self.y)
        self.train = tf.train.AdamOptimizer(0.001).minimize(loss) # warning[W0814]: the definition makes an optimizer, which DIGITS does not run
        return loss
