# slim's nets of Simonyan and Zisserman 2014.


def vgg_arg_scope(weight_decay=0.0005):
    with slim.arg_scope([slim.conv2d, slim.fully_connected], activation_fn=tf.nn.relu,
                        weights_regularizer=slim.l2_regularizer(weight_decay), biases_initializer=tf.zeros_initializer()):
        with slim.arg_scope([slim.conv2d], padding='SAME') as scope:
            return scope


def _vgg(name, repeats):
    def net(inputs, num_classes=1000, is_training=True, dropout_keep_prob=0.5, spatial_squeeze=True, scope=name,
            fc_conv_padding='VALID', global_pool=False):
        with tf.variable_scope(scope, name, [inputs]) as around:
            collection = around.original_name_scope + '_end_points'
            with slim.arg_scope([slim.conv2d, slim.fully_connected, slim.max_pool2d], outputs_collections=collection):
                net = inputs
                for i, (times, depth) in enumerate(zip(repeats, (64, 128, 256, 512, 512))):
                    net = slim.repeat(net, times, slim.conv2d, depth, [3, 3], scope='conv%d' % (i + 1))
                    net = slim.max_pool2d(net, [2, 2], scope='pool%d' % (i + 1))
                net = slim.conv2d(net, 4096, [7, 7], padding=fc_conv_padding, scope='fc6')
                net = slim.dropout(net, dropout_keep_prob, is_training=is_training, scope='dropout6')
                net = slim.conv2d(net, 4096, [1, 1], scope='fc7')
                end_points = slim.utils.convert_collection_to_dict(collection)
                if global_pool:
                    net = tf.reduce_mean(net, [1, 2], keep_dims=True, name='global_pool')
                    end_points['global_pool'] = net
                if num_classes:
                    net = slim.dropout(net, dropout_keep_prob, is_training=is_training, scope='dropout7')
                    net = slim.conv2d(net, num_classes, [1, 1], activation_fn=None, normalizer_fn=None, scope='fc8')
                    if spatial_squeeze:
                        net = tf.squeeze(net, [1, 2], name='fc8/squeezed')
                    end_points[around.name + '/fc8'] = net
                return net, end_points
    net.default_image_size, net.__name__ = 224, name
    return net


vgg_a = _vgg('vgg_a', (1, 1, 2, 2, 2))
vgg_d = vgg_16 = _vgg('vgg_16', (2, 2, 3, 3, 3))
vgg_e = vgg_19 = _vgg('vgg_19', (2, 2, 4, 4, 4))
