# slim's net of Sermanet et al. 2014.

from tf_slim.nets import alexnet

trunc_normal = alexnet.trunc_normal


def overfeat_arg_scope(weight_decay=0.0005):
    with slim.arg_scope([slim.conv2d, slim.fully_connected], activation_fn=tf.nn.relu,
                        weights_regularizer=slim.l2_regularizer(weight_decay), biases_initializer=tf.zeros_initializer()):
        with slim.arg_scope([slim.conv2d], padding='SAME'):
            with slim.arg_scope([slim.max_pool2d], padding='VALID') as scope:
                return scope


def overfeat(inputs, num_classes=1000, is_training=True, dropout_keep_prob=0.5, spatial_squeeze=True, scope='overfeat'):
    with tf.variable_scope(scope, 'overfeat', [inputs]) as around:
        collection = around.name + '_end_points'
        with slim.arg_scope([slim.conv2d, slim.fully_connected, slim.max_pool2d], outputs_collections=collection):
            net = slim.conv2d(inputs, 64, [11, 11], 4, padding='VALID', scope='conv1')
            net = slim.max_pool2d(net, [2, 2], scope='pool1')
            net = slim.conv2d(net, 256, [5, 5], padding='VALID', scope='conv2')
            net = slim.max_pool2d(net, [2, 2], scope='pool2')
            for i, depth in enumerate((512, 1024, 1024)):
                net = slim.conv2d(net, depth, [3, 3], scope='conv%d' % (i + 3))
            net = slim.max_pool2d(net, [2, 2], scope='pool5')
            net = alexnet.head(net, num_classes, is_training, dropout_keep_prob, [6, 6], (3072, 4096))
            end_points = slim.utils.convert_collection_to_dict(collection)
            if spatial_squeeze:
                net = tf.squeeze(net, [1, 2], name='fc8/squeezed')
                end_points[around.name + '/fc8'] = net
            return net, end_points


overfeat.default_image_size = 231
