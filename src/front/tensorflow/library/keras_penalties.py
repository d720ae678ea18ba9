# tf.keras.regularizers: penalties of variables, without the half that those of TensorFlow have.


def l1(l=0.01):
    return tf.contrib.layers.l1_regularizer(float(l))


def l1_l2(l1=0.01, l2=0.01):
    def penalty(variable):
        return l1 * tf.reduce_sum(tf.abs(variable)) + l2 * tf.reduce_sum(tf.square(variable))
    return penalty
