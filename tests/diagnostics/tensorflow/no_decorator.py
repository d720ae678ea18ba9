from model import Tower
from utils import model_property
import tensorflow as tf
import tensorflow.contrib.slim as slim
import utils as digits


class UserModel(Tower):

    def inference(self): # error[E0812]: `inference` is a method, and DIGITS asks for a property
        return slim.fully_connected(slim.flatten(self.x), self.nclasses, activation_fn=None)

    def loss(self):
        return digits.classification_loss(self.inference(), self.y)
