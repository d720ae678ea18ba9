# slim's inception nets: version 1 (Szegedy et al. 2014), 2 (Ioffe and Szegedy 2015) and 3 (Szegedy et al. 2015).
#
# A block is its branches, and a branch its layers: `64:1x1` is a convolution of 64 filters, `avg:3x3` and `max:3x3` are poolings;
# `/2` is a stride, `v` a padding of VALID, `~` an initialiser of this deviation, and `=` another name than the place gives.
# `384:1x3|3x1` are two convolutions side by side.

V1 = [
    ('Mixed_3b', '64:1x1', '96:1x1 128:3x3', '16:1x1 32:3x3', 'max:3x3 32:1x1'),
    ('Mixed_3c', '128:1x1', '128:1x1 192:3x3', '32:1x1 96:3x3', 'max:3x3 64:1x1'),
    ('MaxPool_4a_3x3', 2),
    ('Mixed_4b', '192:1x1', '96:1x1 208:3x3', '16:1x1 48:3x3', 'max:3x3 64:1x1'),
    ('Mixed_4c', '160:1x1', '112:1x1 224:3x3', '24:1x1 64:3x3', 'max:3x3 64:1x1'),
    ('Mixed_4d', '128:1x1', '128:1x1 256:3x3', '24:1x1 64:3x3', 'max:3x3 64:1x1'),
    ('Mixed_4e', '112:1x1', '144:1x1 288:3x3', '32:1x1 64:3x3', 'max:3x3 64:1x1'),
    ('Mixed_4f', '256:1x1', '160:1x1 320:3x3', '32:1x1 128:3x3', 'max:3x3 128:1x1'),
    ('MaxPool_5a_2x2', 2),
    ('Mixed_5b', '256:1x1', '160:1x1 320:3x3', '32:1x1 128:3x3=Conv2d_0a_3x3', 'max:3x3 128:1x1'),
    ('Mixed_5c', '384:1x1', '192:1x1 384:3x3', '48:1x1 128:3x3', 'max:3x3 128:1x1'),
]


def _v2(name, first, second, third, last, pool='avg'):
    return (name, '%d:1x1' % first, '%d:1x1~0.09 %d:3x3' % second, '%d:1x1~0.09 %d:3x3 %d:3x3' % (third + third[1:]),
            '%s:3x3 %d:1x1~0.1' % (pool, last))


V2 = [
    _v2('Mixed_3b', 64, (64, 64), (64, 96), 32),
    _v2('Mixed_3c', 64, (64, 96), (64, 96), 64),
    ('Mixed_4a', '128:1x1~0.09 160:3x3/2', '64:1x1~0.09 96:3x3 96:3x3/2', 'max:3x3/2'),
    _v2('Mixed_4b', 224, (64, 96), (96, 128), 128),
    _v2('Mixed_4c', 192, (96, 128), (96, 128), 128),
    _v2('Mixed_4d', 160, (128, 160), (128, 160), 96),
    _v2('Mixed_4e', 96, (128, 192), (160, 192), 96),
    ('Mixed_5a', '128:1x1~0.09 192:3x3/2', '192:1x1~0.09 256:3x3 256:3x3/2', 'max:3x3/2'),
    _v2('Mixed_5b', 352, (192, 320), (160, 224), 128),
    _v2('Mixed_5c', 352, (192, 320), (192, 224), 128, 'max'),
]


def _v3(name, depth):
    return (name, '192:1x1', '%d:1x1 %d:1x7 192:7x1' % (depth, depth),
            '%d:1x1 %d:7x1 %d:1x7 %d:7x1 192:1x7' % (depth, depth, depth, depth), 'avg:3x3 192:1x1')


V3 = [
    ('Mixed_5b', '64:1x1', '48:1x1 64:5x5', '64:1x1 96:3x3 96:3x3', 'avg:3x3 32:1x1'),
    ('Mixed_5c', '64:1x1', '48:1x1=Conv2d_0b_1x1 64:5x5=Conv_1_0c_5x5', '64:1x1 96:3x3 96:3x3', 'avg:3x3 64:1x1'),
    ('Mixed_5d', '64:1x1', '48:1x1 64:5x5', '64:1x1 96:3x3 96:3x3', 'avg:3x3 64:1x1'),
    ('Mixed_6a', '384:3x3/2v=Conv2d_1a_1x1', '64:1x1 96:3x3 96:3x3/2v=Conv2d_1a_1x1', 'max:3x3/2v'),
    _v3('Mixed_6b', 128),
    _v3('Mixed_6c', 160),
    _v3('Mixed_6d', 160),
    _v3('Mixed_6e', 192),
    ('Mixed_7a', '192:1x1 320:3x3/2v', '192:1x1 192:1x7 192:7x1 192:3x3/2v', 'max:3x3/2v'),
    ('Mixed_7b', '320:1x1', '384:1x1 384:1x3|3x1=Conv2d_0b_1x3|Conv2d_0b_3x1',
     '448:1x1 384:3x3 384:1x3|3x1=Conv2d_0c_1x3|Conv2d_0d_3x1', 'avg:3x3 192:1x1'),
    ('Mixed_7c', '320:1x1', '384:1x1 384:1x3|3x1=Conv2d_0b_1x3|Conv2d_0c_3x1',
     '448:1x1 384:3x3 384:1x3|3x1=Conv2d_0c_1x3|Conv2d_0d_3x1', 'avg:3x3 192:1x1'),
]


def trunc_normal(stddev):
    return tf.truncated_normal_initializer(0.0, stddev)


def _layer(net, word, place, depth):
    word, _, named = word.partition('=')
    word, _, deviation = word.partition('~')
    what, _, form = word.partition(':')
    given = {}
    if form.endswith('v'):
        form, given['padding'] = form[:-1], 'VALID'
    form, _, stride = form.partition('/')
    if stride:
        given['stride'] = int(stride)
    if deviation:
        given['weights_initializer'] = trunc_normal(float(deviation))
    letter = '1a' if stride else '0' + 'abcdef'[place]
    forms, names = form.split('|'), named.split('|')
    outputs = []
    for form, name in zip(forms, names):
        window = [int(extent) for extent in form.split('x')]
        if what in ('max', 'avg'):
            pool, kind = (slim.max_pool2d, 'MaxPool') if what == 'max' else (slim.avg_pool2d, 'AvgPool')
            outputs.append(pool(net, window, scope='%s_%s_%s' % (kind, letter, form), **given))
        else:
            outputs.append(slim.conv2d(net, depth(int(what)), window, scope=name or 'Conv2d_%s_%s' % (letter, form), **given))
    return outputs[0] if len(outputs) == 1 else tf.concat(outputs, 3)


def _block(net, branches, depth):
    outputs = []
    for number, branch in enumerate(branches):
        with tf.variable_scope('Branch_%d' % number):
            output = net
            for place, word in enumerate(branch.split()):
                output = _layer(output, word, place, depth)
        outputs.append(output)
    return tf.concat(outputs, 3)


class _Points(object):
    """The outputs by their names, up to the one that is wanted."""

    def __init__(self, last):
        self.all, self._last, self.done = {}, last, False

    def add(self, name, net):
        self.all[name] = net
        self.done = name == self._last
        return net


def _through(net, points, table, depth):
    for entry in table:
        if points.done:
            break
        name = entry[0]
        if entry[1] == 2:
            window = int(name[-1])
            net = points.add(name, slim.max_pool2d(net, [window, window], stride=2, scope=name))
            continue
        with tf.variable_scope(name):
            net = _block(net, entry[1:], depth)
        points.add(name, net)
    return net


def _stem(net, points, layers):
    for name, layer in layers:
        if points.done:
            break
        net = points.add(name, layer(net, name))
    return net


def _ended(net, points):
    if not points.done:
        raise ValueError('Unknown final endpoint %s' % points._last)
    return net, points.all


def _depth(multiplier, least):
    if multiplier <= 0:
        raise ValueError('depth_multiplier is not greater than zero.')
    return lambda d: max(int(d * multiplier), least)


def _conv(depth, window, **given):
    return lambda net, name: slim.conv2d(net, depth, [window, window], scope=name, **given)


def _pool(net, name):
    return slim.max_pool2d(net, [3, 3], stride=2, scope=name)


def inception_v1_base(inputs, final_endpoint='Mixed_5c', scope='InceptionV1'):
    points = _Points(final_endpoint)
    with tf.variable_scope(scope, 'InceptionV1', [inputs]):
        with slim.arg_scope([slim.conv2d, slim.fully_connected], weights_initializer=trunc_normal(0.01)):
            with slim.arg_scope([slim.conv2d, slim.max_pool2d], stride=1, padding='SAME'):
                net = _stem(inputs, points, [
                    ('Conv2d_1a_7x7', _conv(64, 7, stride=2)), ('MaxPool_2a_3x3', _pool), ('Conv2d_2b_1x1', _conv(64, 1)),
                    ('Conv2d_2c_3x3', _conv(192, 3)), ('MaxPool_3a_3x3', _pool)])
                return _ended(_through(net, points, V1, lambda d: d), points)


def inception_v2_base(inputs, final_endpoint='Mixed_5c', min_depth=16, depth_multiplier=1.0, scope=None):
    points, depth = _Points(final_endpoint), _depth(depth_multiplier, min_depth)

    def first(net, name):
        return slim.separable_conv2d(net, depth(64), [7, 7], depth_multiplier=min(int(depth(64) / 3.0), 8), stride=2,
                                     weights_initializer=trunc_normal(1.0), scope=name)

    with tf.variable_scope(scope, 'InceptionV2', [inputs]):
        with slim.arg_scope([slim.conv2d, slim.max_pool2d, slim.avg_pool2d, slim.separable_conv2d], stride=1,
                            padding='SAME'):
            net = _stem(inputs, points, [
                ('Conv2d_1a_7x7', first), ('MaxPool_2a_3x3', _pool),
                ('Conv2d_2b_1x1', _conv(depth(64), 1, weights_initializer=trunc_normal(0.1))),
                ('Conv2d_2c_3x3', _conv(depth(192), 3)), ('MaxPool_3a_3x3', _pool)])
            return _ended(_through(net, points, V2, depth), points)


def inception_v3_base(inputs, final_endpoint='Mixed_7c', min_depth=16, depth_multiplier=1.0, scope=None):
    points, depth = _Points(final_endpoint), _depth(depth_multiplier, min_depth)
    with tf.variable_scope(scope, 'InceptionV3', [inputs]):
        with slim.arg_scope([slim.conv2d, slim.max_pool2d, slim.avg_pool2d], stride=1, padding='VALID'):
            net = _stem(inputs, points, [
                ('Conv2d_1a_3x3', _conv(depth(32), 3, stride=2)), ('Conv2d_2a_3x3', _conv(depth(32), 3)),
                ('Conv2d_2b_3x3', _conv(depth(64), 3, padding='SAME')), ('MaxPool_3a_3x3', _pool),
                ('Conv2d_3b_1x1', _conv(depth(80), 1)), ('Conv2d_4a_3x3', _conv(depth(192), 3)),
                ('MaxPool_5a_3x3', _pool)])
        with slim.arg_scope([slim.conv2d, slim.max_pool2d, slim.avg_pool2d], stride=1, padding='SAME'):
            return _ended(_through(net, points, V3, depth), points)


def _fitting(net, window):
    return [min(int(extent), window) for extent in net.get_shape()[1:3]]


def _logits(net, num_classes, spatial_squeeze, scope, **given):
    logits = slim.conv2d(net, num_classes, [1, 1], activation_fn=None, normalizer_fn=None, scope=scope, **given)
    return tf.squeeze(logits, [1, 2], name='SpatialSqueeze') if spatial_squeeze else logits


def _whole(name, base, logits, inputs, num_classes, is_training, prediction_fn, reuse, scope):
    with tf.variable_scope(scope, name, [inputs, num_classes], reuse=reuse) as around:
        with slim.arg_scope([slim.batch_norm, slim.dropout], is_training=is_training):
            net, end_points = base(around)
            result = logits(net, end_points)
            end_points['Logits'] = result
            end_points['Predictions'] = prediction_fn(result, scope='Predictions')
    return result, end_points


def inception_v1(inputs, num_classes=1000, is_training=True, dropout_keep_prob=0.8, prediction_fn=slim.softmax,
                 spatial_squeeze=True, reuse=None, scope='InceptionV1'):
    def logits(net, end_points):
        with tf.variable_scope('Logits'):
            net = slim.avg_pool2d(net, [7, 7], stride=1, scope='MaxPool_0a_7x7')
            net = slim.dropout(net, dropout_keep_prob, scope='Dropout_0b')
            return _logits(net, num_classes, spatial_squeeze, 'Conv2d_0c_1x1')
    return _whole('InceptionV1', lambda scope: inception_v1_base(inputs, scope=scope), logits, inputs, num_classes,
                  is_training, prediction_fn, reuse, scope)


def _pooled(net, end_points, window, keep, num_classes, spatial_squeeze):
    with tf.variable_scope('Logits'):
        window = _fitting(net, window)
        net = slim.avg_pool2d(net, window, padding='VALID', scope='AvgPool_1a_%dx%d' % tuple(window))
        net = slim.dropout(net, keep_prob=keep, scope='Dropout_1b')
        end_points['PreLogits'] = net
        return _logits(net, num_classes, spatial_squeeze, 'Conv2d_1c_1x1')


def inception_v2(inputs, num_classes=1000, is_training=True, dropout_keep_prob=0.8, min_depth=16, depth_multiplier=1.0,
                 prediction_fn=slim.softmax, spatial_squeeze=True, reuse=None, scope='InceptionV2'):
    def logits(net, end_points):
        return _pooled(net, end_points, 7, dropout_keep_prob, num_classes, spatial_squeeze)

    def base(scope):
        return inception_v2_base(inputs, scope=scope, min_depth=min_depth, depth_multiplier=depth_multiplier)
    return _whole('InceptionV2', base, logits, inputs, num_classes, is_training, prediction_fn, reuse, scope)


def inception_v3(inputs, num_classes=1000, is_training=True, dropout_keep_prob=0.8, min_depth=16, depth_multiplier=1.0,
                 prediction_fn=slim.softmax, spatial_squeeze=True, reuse=None, create_aux_logits=True, scope='InceptionV3'):
    depth = _depth(depth_multiplier, min_depth)

    def aside(end_points):
        with slim.arg_scope([slim.conv2d, slim.max_pool2d, slim.avg_pool2d], stride=1, padding='SAME'):
            with tf.variable_scope('AuxLogits'):
                net = slim.avg_pool2d(end_points['Mixed_6e'], [5, 5], stride=3, padding='VALID', scope='AvgPool_1a_5x5')
                net = slim.conv2d(net, depth(128), [1, 1], scope='Conv2d_1b_1x1')
                window = _fitting(net, 5)
                net = slim.conv2d(net, depth(768), window, weights_initializer=trunc_normal(0.01), padding='VALID',
                                  scope='Conv2d_2a_%dx%d' % tuple(window))
                end_points['AuxLogits'] = _logits(net, num_classes, spatial_squeeze, 'Conv2d_2b_1x1',
                                                  weights_initializer=trunc_normal(0.001))

    def logits(net, end_points):
        if create_aux_logits and num_classes:
            aside(end_points)
        return _pooled(net, end_points, 8, dropout_keep_prob, num_classes, spatial_squeeze)

    def base(scope):
        return inception_v3_base(inputs, scope=scope, min_depth=min_depth, depth_multiplier=depth_multiplier)
    return _whole('InceptionV3', base, logits, inputs, num_classes, is_training, prediction_fn, reuse, scope)


def _arg_scope(weight_decay, collection, decay, epsilon, updates, normalised, fused=None):
    norm = {'decay': decay, 'epsilon': epsilon, 'updates_collections': updates,
            'variables_collections': {'beta': None, 'gamma': None, 'moving_mean': [collection],
                                      'moving_variance': [collection]}}
    if fused is not None:
        norm['fused'] = fused
    with slim.arg_scope([slim.conv2d, slim.fully_connected], weights_regularizer=slim.l2_regularizer(weight_decay)):
        with slim.arg_scope([slim.conv2d], weights_initializer=slim.variance_scaling_initializer(),
                            activation_fn=tf.nn.relu, normalizer_fn=slim.batch_norm if normalised else None,
                            normalizer_params=norm if normalised else {}) as scope:
            return scope


def inception_v1_arg_scope(weight_decay=0.00004, use_batch_norm=True, batch_norm_var_collection='moving_vars'):
    return _arg_scope(weight_decay, batch_norm_var_collection, 0.9997, 0.001, tf.GraphKeys.UPDATE_OPS, use_batch_norm)


def inception_v2_arg_scope(weight_decay=0.00004, batch_norm_var_collection='moving_vars'):
    return _arg_scope(weight_decay, batch_norm_var_collection, 0.9997, 0.001, tf.GraphKeys.UPDATE_OPS, True)


def inception_v3_arg_scope(weight_decay=0.00004, batch_norm_var_collection='moving_vars', batch_norm_decay=0.9997,
                           batch_norm_epsilon=0.001, updates_collections=tf.GraphKeys.UPDATE_OPS,
                           use_fused_batchnorm=True):
    return _arg_scope(weight_decay, batch_norm_var_collection, batch_norm_decay, batch_norm_epsilon, updates_collections,
                      True, use_fused_batchnorm)


inception_v1.default_image_size = inception_v2.default_image_size = 224
inception_v3.default_image_size = 299
