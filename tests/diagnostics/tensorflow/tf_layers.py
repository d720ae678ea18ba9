from model import Tower
from utils import model_property
import tensorflow as tf
import tensorflow.contrib.slim as slim
import utils as digits


class UserModel(Tower):

    @model_property
    def inference(self):
        net = tf.layers.conv2d(self.x, 20, 5, activation=tf.nn.relu)
        net = tf.layers.flatten(net)
        return tf.layers.dense(net, self.nclasses)

    @model_property
    def loss(self):
        return digits.classification_loss(self.inference, self.y)
