from model import Tower
from utils import model_property
import tensorflow as tf
import tensorflow.contrib.slim as slim
import utils as digits


class UserModel(Tower):

    @model_property
    def inference(self):
        words = tf.keras.layers.Embedding(256, 4, embeddings_constraint='unit_norm')(slim.flatten(self.x)) # error[E0811]: `model/embedding/embeddings` has a constraint, and rows of it are looked up
        return slim.fully_connected(slim.flatten(words), self.nclasses, activation_fn=None)

    @model_property
    def loss(self):
        return digits.classification_loss(self.inference, self.y)
