# Functions of tf, tf.nn and slim that are others put together.


def argmin(input, axis=None, name=None, dimension=None, output_type=None):
    if axis is None:
        axis = dimension or 0
    return tf.argmax(-input, axis)


def reduce_logsumexp(input_tensor, axis=None, keep_dims=False, name=None, keepdims=None):
    keep = keep_dims or bool(keepdims)
    largest = tf.stop_gradient(tf.reduce_max(input_tensor, axis, keep_dims=True))
    result = tf.log(tf.reduce_sum(tf.exp(input_tensor - largest), axis, keep_dims=True)) + largest
    if keep:
        return result
    return tf.reshape(result, tf.reduce_max(input_tensor, axis).get_shape())


def count_nonzero(input_tensor, axis=None, keep_dims=False, dtype=None, name=None, keepdims=None):
    there = tf.not_equal(input_tensor, tf.zeros_like(input_tensor))
    return tf.reduce_sum(tf.cast(there, dtype or tf.int64), axis, keep_dims=keep_dims or bool(keepdims))


def linspace(start, stop, num, name=None):
    step = (stop - start) / float(max(num - 1, 1))
    return tf.constant([start + step * i for i in range(num)], dtype=tf.float32)


def selu(features, name=None):
    # Klambauer et al. 2017.
    alpha, scale = 1.6732632423543772, 1.0507009873554805
    return scale * tf.where(features > 0, features, alpha * tf.nn.elu(features))


def swish(features):
    return features * tf.nn.sigmoid(features)


def separable_conv2d(input, depthwise_filter, pointwise_filter, strides, padding, rate=None, name=None):
    net = tf.nn.depthwise_conv2d(input, depthwise_filter, strides, padding, rate)
    return tf.nn.conv2d(net, pointwise_filter, [1, 1, 1, 1], 'VALID')


def weighted_cross_entropy_with_logits(targets, logits, pos_weight, name=None):
    weights = 1 + (pos_weight - 1) * targets
    return (1 - targets) * logits + weights * (tf.log1p(tf.exp(-tf.abs(logits))) + tf.nn.relu(-logits))


def l1_regularizer(scale, scope=None):
    return lambda weights: scale * tf.reduce_sum(tf.abs(weights))


def get_variables_by_name(given_name, scope=None):
    return slim.get_variables(scope, given_name)


@slim.add_arg_scope
def unit_norm(inputs, dim, epsilon=1e-7, scope=None):
    lengths = tf.sqrt(tf.reduce_sum(tf.square(inputs), dim, keep_dims=True) + epsilon)
    return inputs / lengths


def _normalized(inputs, axes, center, scale, epsilon, activation_fn, trainable):
    channels = [int(inputs.get_shape()[-1])]
    beta = gamma = None
    if center:
        beta = tf.get_variable('beta', channels, initializer=tf.zeros_initializer(), trainable=trainable)
    if scale:
        gamma = tf.get_variable('gamma', channels, initializer=tf.ones_initializer(), trainable=trainable)
    mean, variance = tf.nn.moments(inputs, axes, keep_dims=True)
    outputs = tf.nn.batch_normalization(inputs, mean, variance, beta, gamma, epsilon)
    return outputs if activation_fn is None else activation_fn(outputs)


@slim.add_arg_scope
def layer_norm(inputs, center=True, scale=True, activation_fn=None, reuse=None, variables_collections=None,
               outputs_collections=None, trainable=True, begin_norm_axis=1, begin_params_axis=-1, scope=None):
    if begin_params_axis not in (-1, len(inputs.get_shape()) - 1):
        raise ValueError('begin_params_axis is not known to cortado, but for the last axis')
    with tf.variable_scope(scope, 'LayerNorm', [inputs], reuse=reuse):
        axes = list(range(begin_norm_axis, len(inputs.get_shape())))
        return _normalized(inputs, axes, center, scale, 1e-12, activation_fn, trainable)


@slim.add_arg_scope
def instance_norm(inputs, center=True, scale=True, epsilon=1e-6, activation_fn=None, param_initializers=None, reuse=None,
                  variables_collections=None, outputs_collections=None, trainable=True, data_format='NHWC', scope=None):
    if data_format != 'NHWC' or param_initializers:
        raise ValueError('data_format and param_initializers of instance_norm are not known to cortado')
    with tf.variable_scope(scope, 'InstanceNorm', [inputs], reuse=reuse):
        axes = list(range(1, len(inputs.get_shape()) - 1))
        return _normalized(inputs, axes, center, scale, epsilon, activation_fn, trainable)
