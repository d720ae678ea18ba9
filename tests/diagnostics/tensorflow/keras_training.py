from model import Tower
from utils import model_property
import tensorflow as tf
import utils as digits


class UserModel(Tower):

    @model_property
    def inference(self):
        layers = tf.keras.layers
        net = layers.Dense(8)(layers.Flatten()(self.x))
        net = layers.Dropout(0.5)(net) # warning[W0815]: a layer of Keras that trains in another way is called without `training`
        net = layers.BatchNormalization()(net, training=self.is_training)
        return tf.keras.Sequential([layers.Dropout(0.5), layers.Dense(self.nclasses)])(net, training=self.is_training)

    @model_property
    def loss(self):
        return digits.classification_loss(self.inference, self.y)
