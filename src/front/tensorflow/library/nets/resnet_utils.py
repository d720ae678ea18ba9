# What slim's residual nets have in common (He et al. 2015 and 2016).

from collections import namedtuple

Block = namedtuple('Block', ['scope', 'unit_fn', 'args'])

# Blocks of the nets by their depth: how many units each has.
UNITS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3), 200: (3, 24, 36, 3)}


def subsample(inputs, factor, scope=None):
    return inputs if factor == 1 else slim.max_pool2d(inputs, [1, 1], stride=factor, scope=scope)


def conv2d_same(inputs, num_outputs, kernel_size, stride, rate=1, scope=None):
    # Whatever the stride, as much is padded on both sides, up to one.
    if stride == 1:
        return slim.conv2d(inputs, num_outputs, kernel_size, stride=1, rate=rate, padding='SAME', scope=scope)
    all = (kernel_size - 1) * rate
    before, after = all // 2, all - all // 2
    inputs = tf.pad(inputs, [[0, 0], [before, after], [before, after], [0, 0]])
    return slim.conv2d(inputs, num_outputs, kernel_size, stride=stride, rate=rate, padding='VALID', scope=scope)


@slim.add_arg_scope
def stack_blocks_dense(net, blocks, output_stride=None, outputs_collections=None):
    stride, rate = 1, 1
    for block in blocks:
        with tf.variable_scope(block.scope, 'block', [net]) as scope:
            for i, unit in enumerate(block.args):
                if output_stride is not None and stride > output_stride:
                    raise ValueError('The target output_stride cannot be reached.')
                with tf.variable_scope('unit_%d' % (i + 1), values=[net]):
                    if output_stride is not None and stride == output_stride:
                        # Further strides become holes between the elements of filters.
                        net = block.unit_fn(net, rate=rate, **dict(unit, stride=1))
                        rate *= unit.get('stride', 1)
                    else:
                        net = block.unit_fn(net, rate=1, **unit)
                        stride *= unit.get('stride', 1)
            net = slim.utils.collect_named_outputs(outputs_collections, scope.name, net)
    if output_stride is not None and stride != output_stride:
        raise ValueError('The target output_stride cannot be reached.')
    return net


def resnet_arg_scope(weight_decay=0.0001, batch_norm_decay=0.997, batch_norm_epsilon=1e-5, batch_norm_scale=True,
                     is_training=None):
    norm = {'decay': batch_norm_decay, 'epsilon': batch_norm_epsilon, 'scale': batch_norm_scale,
            'updates_collections': tf.GraphKeys.UPDATE_OPS}
    if is_training is not None:
        # The first versions said it here.
        norm['is_training'] = is_training
    with slim.arg_scope([slim.conv2d], weights_regularizer=slim.l2_regularizer(weight_decay),
                        weights_initializer=slim.variance_scaling_initializer(), activation_fn=tf.nn.relu,
                        normalizer_fn=slim.batch_norm, normalizer_params=norm):
        with slim.arg_scope([slim.batch_norm], **norm):
            with slim.arg_scope([slim.max_pool2d], padding='SAME') as scope:
                return scope


def block(scope, unit, base_depth, num_units, stride):
    one = {'depth': 4 * base_depth, 'depth_bottleneck': base_depth, 'stride': 1}
    return Block(scope, unit, [one] * (num_units - 1) + [dict(one, stride=stride)])


def blocks(unit, depth):
    strides = (2, 2, 2, 1)
    return [block('block%d' % (i + 1), unit, 64 * 2 ** i, units, strides[i]) for i, units in enumerate(UNITS[depth])]


def whole(version, unit, root, end, inputs, blocks, num_classes, is_training, global_pool, output_stride,
          include_root_block, spatial_squeeze, reuse, scope):
    # A net of one of the two versions, which begin and end differently.
    with tf.variable_scope(scope, version, [inputs], reuse=reuse) as around:
        collection = around.original_name_scope + '_end_points'
        with slim.arg_scope([slim.conv2d, unit, stack_blocks_dense], outputs_collections=collection):
            with slim.arg_scope([slim.batch_norm], is_training=True if is_training is None else is_training):
                net = inputs
                if include_root_block:
                    if output_stride is not None:
                        if output_stride % 4:
                            raise ValueError('The output_stride needs to be a multiple of 4.')
                        output_stride //= 4
                    net = slim.max_pool2d(root(net), [3, 3], stride=2, scope='pool1')
                net = end(stack_blocks_dense(net, blocks, output_stride))
                if global_pool:
                    net = tf.reduce_mean(net, [1, 2], name='pool5', keep_dims=True)
                if num_classes is not None:
                    net = slim.conv2d(net, num_classes, [1, 1], activation_fn=None, normalizer_fn=None, scope='logits')
                    if spatial_squeeze:
                        net = tf.squeeze(net, [1, 2], name='SpatialSqueeze')
                end_points = slim.utils.convert_collection_to_dict(collection)
                if num_classes is not None:
                    end_points['predictions'] = slim.softmax(net, scope='predictions')
                return net, end_points


def of_depth(whole_net, version, unit, depth):
    name = '%s_%d' % (version, depth)

    def net(inputs, num_classes=None, is_training=True, global_pool=True, output_stride=None, spatial_squeeze=False,
            reuse=None, scope=name):
        return whole_net(inputs, blocks(unit, depth), num_classes, is_training, global_pool, output_stride, True,
                         spatial_squeeze, reuse, scope)
    net.default_image_size, net.__name__ = 224, name
    return net
