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
        small = tf.nn.l2_loss(self.inference)
        return [{'loss': loss, 'vars': tf.trainable_variables()}, {'loss': small, 'vars': tf.trainable_variables()}]

    def gradientUpdate(self, grads): # warning[W0812]: `gradientUpdate` is not called: several losses change `model/fully_connected/weights`
        return [(tf.clip_by_norm(g, 40.0), v) for g, v in grads]
