# The optimizers of tf.train, which a definition may make as training programs do: DIGITS has one of its own, so that what they
# add to the graph is never run.


class Optimizer(object):
    def __init__(self, *args, **kwargs):
        tf.train.optimizer_of_the_definition()

    def compute_gradients(self, loss, var_list=None, **kwargs):
        variables = tf.trainable_variables() if var_list is None else list(var_list)
        return list(zip(tf.gradients(loss, variables), variables))

    def apply_gradients(self, grads_and_vars, global_step=None, name=None):
        return tf.no_op()

    def minimize(self, loss, global_step=None, var_list=None, **kwargs):
        return tf.no_op()


AdadeltaOptimizer = AdagradDAOptimizer = AdagradOptimizer = AdamOptimizer = FtrlOptimizer = Optimizer
GradientDescentOptimizer = MomentumOptimizer = ProximalAdagradOptimizer = RMSPropOptimizer = Optimizer
ProximalGradientDescentOptimizer = Optimizer


def get_global_step(graph=None):
    return tf.constant(0, tf.int64)


get_or_create_global_step = create_global_step = get_global_step


def exponential_decay(learning_rate, global_step, decay_steps, decay_rate, staircase=False, name=None):
    power = tf.cast(global_step, tf.float32) / decay_steps
    return learning_rate * tf.pow(float(decay_rate), tf.floor(power) if staircase else power)
