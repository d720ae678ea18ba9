# slim's residual nets, version 1 (He et al. 2015).

from tf_slim.nets import resnet_utils

resnet_arg_scope = resnet_utils.resnet_arg_scope


@slim.add_arg_scope
def bottleneck(inputs, depth, depth_bottleneck, stride, rate=1, outputs_collections=None, scope=None):
    with tf.variable_scope(scope, 'bottleneck_v1', [inputs]) as around:
        if depth == int(inputs.get_shape()[-1]):
            shortcut = resnet_utils.subsample(inputs, stride, 'shortcut')
        else:
            shortcut = slim.conv2d(inputs, depth, [1, 1], stride=stride, activation_fn=None, scope='shortcut')
        net = slim.conv2d(inputs, depth_bottleneck, [1, 1], stride=1, scope='conv1')
        net = resnet_utils.conv2d_same(net, depth_bottleneck, 3, stride, rate=rate, scope='conv2')
        net = slim.conv2d(net, depth, [1, 1], stride=1, activation_fn=None, scope='conv3')
        return slim.utils.collect_named_outputs(outputs_collections, around.name, tf.nn.relu(shortcut + net))


def _root(net):
    return resnet_utils.conv2d_same(net, 64, 7, stride=2, scope='conv1')


def _end(net):
    return net


def resnet_v1(inputs, blocks, num_classes=None, is_training=True, global_pool=True, output_stride=None, include_root_block=True,
              spatial_squeeze=False, reuse=None, scope=None):
    return resnet_utils.whole('resnet_v1', bottleneck, _root, _end, inputs, blocks, num_classes, is_training, global_pool,
                              output_stride, include_root_block, spatial_squeeze, reuse, scope)


def resnet_v1_block(scope, base_depth, num_units, stride):
    return resnet_utils.block(scope, bottleneck, base_depth, num_units, stride)


resnet_v1.default_image_size = 224
resnet_v1_50, resnet_v1_101, resnet_v1_152, resnet_v1_200 = [
    resnet_utils.of_depth(resnet_v1, 'resnet_v1', bottleneck, depth) for depth in (50, 101, 152, 200)]
