# What DIGITS' model.py and utils.py give to definitions.


class GraphKeys(object):
    TEMPLATE = "model"
    QUEUE_RUNNERS = "queue_runner"
    MODEL = "model"
    LOSS = "loss"
    LOSSES = "losses"
    LOADER = "data"
    SUMMARIES_TRAIN = "summaries_train"
    SUMMARIES_VAL = "summaries_val"


def model_property(function):
    attribute = '_cache_' + function.__name__

    def cached(self):
        if not hasattr(self, attribute):
            setattr(self, attribute, function(self))
        return getattr(self, attribute)

    return property(cached)


class Tower(object):
    def __init__(self, x, y, input_shape, nclasses, is_training, is_inference):
        self.x = x
        self.y = y
        self.input_shape = input_shape
        self.nclasses = nclasses
        self.is_training = is_training
        self.is_inference = is_inference
        self.summaries = []
        self.train = None

    def gradientUpdate(self, grad):
        return grad
