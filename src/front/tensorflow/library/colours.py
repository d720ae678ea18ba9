# Colours of images, and how like each other two images are (tf.image).


def _channels(image):
    if int(image.get_shape()[-1]) != 3:
        raise ValueError('images of 3 channels are needed, not of %d' % int(image.get_shape()[-1]))
    return tf.unstack(image, axis=-1)


def rgb_to_hsv(images, name=None):
    red, green, blue = _channels(images)
    value = tf.maximum(tf.maximum(red, green), blue)
    span = value - tf.minimum(tf.minimum(red, green), blue)
    zeros, ones = tf.zeros_like(value), tf.ones_like(value)
    saturation = tf.where(value > 0.0, span / tf.where(value > 0.0, value, ones), zeros)
    sixth = 1.0 / (6.0 * tf.where(span > 0.0, span, ones))
    hue = tf.where(tf.equal(red, value), (green - blue) * sixth,
                   tf.where(tf.equal(green, value), (blue - red) * sixth + 2.0 / 6.0, (red - green) * sixth + 4.0 / 6.0))
    hue = tf.where(span > 0.0, hue, zeros)
    return tf.stack([tf.where(hue < 0.0, hue + 1.0, hue), saturation, value], -1)


def hsv_to_rgb(images, name=None):
    hue, saturation, value = _channels(images)
    place = hue * 6.0
    shares = [tf.abs(place - 3.0) - 1.0, 2.0 - tf.abs(place - 2.0), 2.0 - tf.abs(place - 4.0)]
    pure = [tf.clip_by_value(share, 0.0, 1.0) for share in shares]
    # It has no gradient in TensorFlow, and neither have the functions that end with it.
    return tf.stop_gradient(tf.stack([((1.0 - saturation) + saturation * share) * value for share in pure], -1))


def adjust_saturation(image, saturation_factor, name=None):
    hue, saturation, value = _channels(rgb_to_hsv(image))
    saturation = tf.clip_by_value(saturation * saturation_factor, 0.0, 1.0)
    return hsv_to_rgb(tf.stack([hue, saturation, value], -1))


def adjust_hue(image, delta, name=None):
    hue, saturation, value = _channels(rgb_to_hsv(image))
    hue = tf.mod(hue + (delta + 1.0), 1.0)
    return hsv_to_rgb(tf.stack([hue, saturation, value], -1))


def _mixed(images, kernel):
    return tf.tensordot(images, tf.constant(kernel), [[len(images.get_shape()) - 1], [0]])


def rgb_to_yuv(images):
    return _mixed(images, [[0.299, -0.14714119, 0.61497538], [0.587, -0.28886916, -0.51496512],
                           [0.114, 0.43601035, -0.10001026]])


def yuv_to_rgb(images):
    return _mixed(images, [[1.0, 1.0, 1.0], [0.0, -0.394642334, 2.03206185], [1.13988303, -0.58062185, 0.0]])


def rgb_to_yiq(images):
    return _mixed(images, [[0.299, 0.59590059, 0.2115], [0.587, -0.27455667, -0.52273617],
                           [0.114, -0.32134392, 0.31119955]])


def yiq_to_rgb(images):
    return _mixed(images, [[1.0, 1.0, 1.0], [0.95598634, -0.27201283, -1.10674021], [0.6208248, -0.64720424, 1.70423049]])


_LARGEST = {'uint8': 255, 'int8': 127, 'uint16': 65535, 'int16': 32767}


def convert_image_dtype(image, dtype, saturate=False, name=None):
    image = tf.convert_to_tensor(image)
    if image.dtype.is_floating and dtype.name in _LARGEST:
        return tf.cast(image * (_LARGEST[dtype.name] + 0.5), dtype)
    if image.dtype != dtype:
        raise ValueError('convert_image_dtype from %r to %r is not known to cortado: images are float32' %
                         (image.dtype, dtype))
    return tf.identity(image)


def _statistics(img1, img2, max_val, filter_size, filter_sigma, k1, k2):
    channels = int(img1.get_shape()[-1])
    high, wide = [int(extent) for extent in img1.get_shape()[1:3]]
    if min(high, wide) < filter_size:
        raise ValueError('ssim needs images of %d x %d pixels or more, not %d x %d' % (filter_size, filter_size, high, wide))
    places = [(i - (filter_size - 1) / 2.0) ** 2 / (-2.0 * filter_sigma ** 2) for i in range(filter_size)]
    flat = tf.nn.softmax(tf.constant([[a + b for a in places for b in places]]))
    window = tf.tile(tf.reshape(flat, [filter_size, filter_size, 1, 1]), [1, 1, channels, 1])

    def blurred(x):
        return tf.nn.depthwise_conv2d(x, window, [1, 1, 1, 1], 'VALID')

    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    means = [blurred(img1), blurred(img2)]
    products, squares = means[0] * means[1] * 2.0, tf.square(means[0]) + tf.square(means[1])
    luminance = (products + c1) / (squares + c1)
    contrast = (blurred(img1 * img2) * 2.0 - products + c2) / (blurred(tf.square(img1) + tf.square(img2)) - squares + c2)
    return tf.reduce_mean(luminance * contrast, [1, 2]), tf.reduce_mean(contrast, [1, 2])


def ssim(img1, img2, max_val, filter_size=11, filter_sigma=1.5, k1=0.01, k2=0.03):
    # Wang et al. 2004.
    return tf.reduce_mean(_statistics(img1, img2, max_val, filter_size, filter_sigma, k1, k2)[0], [-1])


def ssim_multiscale(img1, img2, max_val, power_factors=(0.0448, 0.2856, 0.3001, 0.2363, 0.1333), filter_size=11,
                    filter_sigma=1.5, k1=0.01, k2=0.03):
    parts = []
    for number, power in enumerate(power_factors):
        if number:
            img1, img2 = [tf.nn.avg_pool(image, [1, 2, 2, 1], [1, 2, 2, 1], 'VALID') for image in (img1, img2)]
        whole, contrast = _statistics(img1, img2, max_val, filter_size, filter_sigma, k1, k2)
        last = number == len(power_factors) - 1
        parts.append(tf.pow(tf.nn.relu(whole if last else contrast), power))
    result = parts[0]
    for part in parts[1:]:
        result = result * part
    return tf.reduce_mean(result, [-1])


def rot90(image, k=1, name=None):
    first = len(image.get_shape()) - 3
    turned = [1, 0, 2] if first == 0 else [0, 2, 1, 3]
    if k % 4 == 1:
        return tf.transpose(tf.reverse(image, [first + 1]), turned)
    if k % 4 == 2:
        return tf.reverse(image, [first, first + 1])
    if k % 4 == 3:
        return tf.reverse(tf.transpose(image, turned), [first + 1])
    return tf.identity(image)


def transpose(image, name=None):
    return tf.image.transpose_image(image)


def resize_with_crop_or_pad(image, target_height, target_width):
    return tf.image.resize_image_with_crop_or_pad(image, target_height, target_width)


def resize_image_with_pad(image, target_height, target_width, method=0, align_corners=False):
    # The largest size of the same proportions, with black around it.
    high, wide = [int(extent) for extent in image.get_shape()[-3:-1]]
    ratio = max(wide / float(target_width), high / float(target_height))
    size = [int(high / ratio), int(wide / ratio)]
    image = tf.image.resize_images(image, size, method, align_corners)
    return tf.image.pad_to_bounding_box(image, (target_height - size[0]) // 2, (target_width - size[1]) // 2, target_height,
                                        target_width)


def resize_area(images, size, align_corners=False, name=None):
    # The mean of what each new pixel covers; it has no gradient in TensorFlow.
    result = tf.stop_gradient(images)
    for axis, new in zip((1, 2), [int(extent) for extent in size]):
        old = int(images.get_shape()[axis])
        scale = (old - 1) / float(new - 1) if align_corners and new > 1 else old / float(new)
        rows = []
        for i in range(new):
            first, last = i * scale, (i + 1) * scale
            rows.append([max(min(last, j + 1) - max(first, j), 0.0) / scale for j in range(old)])
        weights = tf.constant(rows)
        moved = tf.tensordot(result, weights, [[axis], [1]])
        result = tf.transpose(moved, [0, 3, 1, 2] if axis == 1 else [0, 1, 3, 2])
    return result


def _maybe(image, changed):
    # One choice for each image of a batch.
    first = len(image.get_shape()) - 3
    shape = image.get_shape().as_list()[:first] + [1, 1, 1]
    chosen = tf.to_float(tf.less(tf.random_uniform(shape, 0.0, 1.0), 0.5))
    return chosen * changed + (1.0 - chosen) * image


def random_flip_left_right(image, seed=None):
    return _maybe(image, tf.image.flip_left_right(image))


def random_flip_up_down(image, seed=None):
    return _maybe(image, tf.image.flip_up_down(image))


def random_brightness(image, max_delta, seed=None):
    if max_delta < 0:
        raise ValueError('max_delta must be non-negative.')
    return tf.image.adjust_brightness(image, tf.random_uniform([], -max_delta, max_delta))


def _between(lower, upper):
    if upper <= lower:
        raise ValueError('upper must be > lower.')
    if lower < 0:
        raise ValueError('lower must be non-negative.')
    return tf.random_uniform([], lower, upper)


def random_contrast(image, lower, upper, seed=None):
    return tf.image.adjust_contrast(image, _between(lower, upper))


def random_saturation(image, lower, upper, seed=None):
    return adjust_saturation(image, _between(lower, upper))


def random_hue(image, max_delta, seed=None):
    if not 0 <= max_delta <= 0.5:
        raise ValueError('max_delta must be from 0 to 0.5.')
    return adjust_hue(image, tf.random_uniform([], -max_delta, max_delta))
