# tf.image as far as networks use it: other sizes, crops, mirrors and single colours, as compositions of tf's functions.


class ResizeMethod(object):
    BILINEAR = 0
    NEAREST_NEIGHBOR = 1
    BICUBIC = 2
    AREA = 3


def _single(x):
    # Rounded as to float32, in which TensorFlow counts places.
    c = x * 536870913.0
    return c - (c - x)


def _extents(size):
    if hasattr(size, 'get_shape'):
        size = tf.unstack(size)
    return [int(extent) for extent in size]


def _scale(extent, wanted, align_corners):
    if align_corners and wanted > 1:
        return _single((extent - 1) / float(wanted - 1))
    return _single(extent / float(wanted))


def _weights(values, axis):
    shape = [1, 1, 1, 1]
    shape[axis] = len(values)
    return tf.constant(values, shape=shape, dtype=tf.float32)


def _nearest(x, axis, wanted, align_corners):
    extent = int(x.get_shape()[axis])
    scale = _scale(extent, wanted, align_corners)
    places = [int(_single(i * scale) + (0.5 if align_corners else 0.0)) for i in range(wanted)]
    return tf.gather(x, [min(place, extent - 1) for place in places], axis=axis)


def _linear(x, axis, wanted, align_corners):
    extent = int(x.get_shape()[axis])
    scale = _scale(extent, wanted, align_corners)
    return _blended(x, axis, [_single(i * scale) for i in range(wanted)])


def _centred(x, axis, wanted, align_corners):
    # Pixels lie at their middles.
    extent = int(x.get_shape()[axis])
    scale = _scale(extent, wanted, False)
    return _blended(x, axis, [max(_single(_single((i + 0.5) * scale) - 0.5), 0.0) for i in range(wanted)])


def _blended(x, axis, places):
    extent = int(x.get_shape()[axis])
    low = [int(place) for place in places]
    rest = [place - below for place, below in zip(places, low)]
    first = tf.gather(x, [min(place, extent - 1) for place in low], axis=axis)
    if not any(rest):
        return first
    second = tf.gather(x, [min(place + 1, extent - 1) for place in low], axis=axis)
    return first + (second - first) * _weights(rest, axis)


def _cubic(x, axis, wanted, align_corners):
    # Keys 1981 with a = -0.75, the distances in steps of 1/1024.
    extent = int(x.get_shape()[axis])
    scale = _scale(extent, wanted, align_corners)

    def near(d):
        return (1.25 * d - 2.25) * d * d + 1.0

    def far(d):
        d = d + 1.0
        return ((-0.75 * d + 3.75) * d - 6.0) * d + 3.0

    low, distances = [], []
    for i in range(wanted):
        place = _single(i * scale)
        low.append(int(place))
        steps = (place - int(place)) * 1024.0
        whole = int(steps)
        if steps - whole > 0.5 or (steps - whole == 0.5 and whole % 2):
            whole += 1
        distances.append(whole / 1024.0)
    kernels = [[far(d) for d in distances], [near(d) for d in distances], [near(1.0 - d) for d in distances],
               [far(1.0 - d) for d in distances]]
    result = None
    for offset, kernel in zip([-1, 0, 1, 2], kernels):
        places = [min(max(place + offset, 0), extent - 1) for place in low]
        part = tf.gather(x, places, axis=axis) * _weights(kernel, axis)
        result = part if result is None else result + part
    return result


def _resized(images, size, align_corners, along):
    high, wide = _extents(size)
    if high < 1 or wide < 1:
        raise ValueError('an image cannot be %d x %d' % (high, wide))
    return along(along(images, 2, wide, align_corners), 1, high, align_corners)


def resize_bilinear(images, size, align_corners=False, name=None, half_pixel_centers=False):
    if half_pixel_centers and align_corners:
        raise ValueError('If half_pixel_centers is True, align_corners must be False.')
    return _resized(images, size, align_corners, _centred if half_pixel_centers else _linear)


def resize_nearest_neighbor(images, size, align_corners=False, name=None):
    return _resized(images, size, align_corners, _nearest)


def resize_bicubic(images, size, align_corners=False, name=None):
    return _resized(images, size, align_corners, _cubic)


def resize_images(images, size, method=ResizeMethod.BILINEAR, align_corners=False):
    ways = {0: resize_bilinear, 1: resize_nearest_neighbor, 2: resize_bicubic, 'bilinear': resize_bilinear,
            'nearest': resize_nearest_neighbor, 'bicubic': resize_bicubic}
    ways[3] = ways['area'] = lambda images, size, align_corners: tf.image.resize_area(images, size, align_corners)
    if method not in ways:
        raise ValueError('`method` %r is not known to cortado: BILINEAR, NEAREST_NEIGHBOR, BICUBIC or AREA' % (method,))
    if len(images.get_shape()) == 3:
        return tf.squeeze(ways[method](tf.expand_dims(images, 0), size, align_corners), [0])
    return ways[method](images, size, align_corners)


resize = resize_images


def _rows(image):
    rank = len(image.get_shape())
    if rank not in (3, 4):
        raise ValueError('an image or a batch of images is needed, not %d axes' % rank)
    return rank - 3


def flip_left_right(image):
    return tf.reverse(image, [_rows(image) + 1])


def flip_up_down(image):
    return tf.reverse(image, [_rows(image)])


def transpose_image(image):
    return tf.transpose(image, [1, 0, 2] if _rows(image) == 0 else [0, 2, 1, 3])


def crop_to_bounding_box(image, offset_height, offset_width, target_height, target_width):
    first = _rows(image)
    begin, size = [0] * (first + 3), [int(extent) for extent in image.get_shape()]
    begin[first:first + 2] = [offset_height, offset_width]
    size[first:first + 2] = [target_height, target_width]
    return tf.slice(image, begin, size)


def pad_to_bounding_box(image, offset_height, offset_width, target_height, target_width):
    first = _rows(image)
    high, wide = [int(extent) for extent in image.get_shape()[first:first + 2]]
    pads = [[offset_height, target_height - offset_height - high], [offset_width, target_width - offset_width - wide]]
    return tf.pad(image, [[0, 0]] * first + pads + [[0, 0]])


def resize_image_with_crop_or_pad(image, target_height, target_width):
    first = _rows(image)
    high, wide = [int(extent) for extent in image.get_shape()[first:first + 2]]
    more, wider = target_height - high, target_width - wide
    image = crop_to_bounding_box(image, max(-more // 2, 0), max(-wider // 2, 0), min(target_height, high),
                                 min(target_width, wide))
    return pad_to_bounding_box(image, max(more // 2, 0), max(wider // 2, 0), target_height, target_width)


def central_crop(image, central_fraction):
    if not 0.0 < central_fraction <= 1.0:
        raise ValueError('`central_fraction` must be above 0 and at most 1')
    first = _rows(image)
    high, wide = [int(extent) for extent in image.get_shape()[first:first + 2]]
    top, left = int((high - high * central_fraction) / 2.0), int((wide - wide * central_fraction) / 2.0)
    return crop_to_bounding_box(image, top, left, high - 2 * top, wide - 2 * left)


def rgb_to_grayscale(images, name=None):
    return tf.reduce_sum(images * tf.constant([0.2989, 0.5870, 0.1140]), -1, keep_dims=True)


def grayscale_to_rgb(images, name=None):
    return tf.concat([images, images, images], -1)


def per_image_standardization(image):
    axes = [-3, -2, -1]
    mean, variance = tf.nn.moments(image, [axis % len(image.get_shape()) for axis in axes], keep_dims=True)
    count = 1.0
    for axis in axes:
        count *= int(image.get_shape()[axis])
    return (image - mean) / tf.maximum(tf.sqrt(variance), 1.0 / count ** 0.5)


def total_variation(images, name=None):
    first = _rows(images)
    high, wide = [int(extent) for extent in images.get_shape()[first:first + 2]]

    def steps(axis, n):
        before, after = [0] * (first + 3), [0] * (first + 3)
        size = [int(extent) for extent in images.get_shape()]
        size[axis], after[axis] = n - 1, 1
        return tf.abs(tf.slice(images, after, size) - tf.slice(images, before, size))

    axes = [first, first + 1, first + 2]
    return tf.reduce_sum(steps(first, high), axes) + tf.reduce_sum(steps(first + 1, wide), axes)


def adjust_brightness(image, delta):
    return image + delta


def adjust_contrast(images, contrast_factor):
    first = _rows(images)
    mean = tf.reduce_mean(images, [first, first + 1], keep_dims=True)
    return (images - mean) * contrast_factor + mean


def adjust_gamma(image, gamma=1, gain=1):
    return gain * tf.pow(image, float(gamma))


def image_gradients(image):
    # What the next pixel has more, downwards and to the right; 0 at the end.
    below, right = image[:, 1:] - image[:, :-1], image[:, :, 1:] - image[:, :, :-1]
    return (tf.pad(below, [[0, 0], [0, 1], [0, 0], [0, 0]]), tf.pad(right, [[0, 0], [0, 0], [0, 1], [0, 0]]))


def sobel_edges(image):
    n, high, wide, channels = [int(extent) for extent in image.get_shape()]
    down = [[-1.0, -2.0, -1.0], [0.0, 0.0, 0.0], [1.0, 2.0, 1.0]]
    along = [[row[i] for row in down] for i in range(3)]
    filters = tf.constant([[[[down[i][j], along[i][j]]] * channels for j in range(3)] for i in range(3)])
    around = tf.pad(image, [[0, 0], [1, 1], [1, 1], [0, 0]], mode='REFLECT')
    edges = tf.nn.depthwise_conv2d(around, filters, [1, 1, 1, 1], 'VALID')
    return tf.reshape(edges, [n, high, wide, channels, 2])


def psnr(a, b, max_val, name=None):
    error = tf.reduce_mean(tf.squared_difference(a, b), [-3, -2, -1])
    return (20.0 * tf.log(float(max_val)) - 10.0 * tf.log(error)) / tf.log(10.0)


def crop_and_resize(image, boxes, box_ind, crop_size, method='bilinear', extrapolation_value=0, name=None):
    if method != 'bilinear':
        raise ValueError('`method` %s is not known to cortado, only bilinear' % method)
    n, high, wide, channels = [int(extent) for extent in image.get_shape()]
    boxes = [[float(number) for number in box] for box in boxes]
    crops = []
    for (y0, x0, y1, x1), number in zip(boxes, box_ind):
        rows, inside_rows = _between(y0, y1, high, int(crop_size[0]))
        columns, inside_columns = _between(x0, x1, wide, int(crop_size[1]))
        whole = tf.transpose(image[int(number)], [2, 0, 1])
        left = tf.tile(tf.expand_dims(tf.constant(rows), 0), [channels, 1, 1])
        right = tf.tile(tf.expand_dims(tf.constant(columns), 0), [channels, 1, 1])
        crop = tf.matmul(tf.matmul(left, whole), right, transpose_b=True)
        outside = [[[0.0 if r and c else float(extrapolation_value)] for c in inside_columns] for r in inside_rows]
        crops.append(tf.transpose(crop, [1, 2, 0]) + tf.constant(outside))
    return tf.stack(crops)


def _between(first, last, extent, count):
    # The weights of the pixels along an axis for each place of a crop, and which places lie inside of the image.
    weights, inside = [], []
    for i in range(count):
        share = i / float(count - 1) if count > 1 else 0.5
        place = (first + share * (last - first)) * (extent - 1)
        there = 0 <= place <= extent - 1
        below = int(place) if there else 0
        part = place - below
        row = [0.0] * extent
        if there:
            row[below] += 1.0 - part
            row[min(below + 1, extent - 1)] += part
        weights.append(row)
        inside.append(there)
    return weights, inside


def extract_image_patches(images, ksizes=None, strides=None, rates=None, padding=None, name=None, sizes=None):
    return tf.extract_image_patches(images, sizes if ksizes is None else ksizes, strides, rates, padding)


def extract_patches(images, sizes, strides, rates, padding, name=None):
    return tf.extract_image_patches(images, sizes, strides, rates, padding)


from tensorflow.colours import *
