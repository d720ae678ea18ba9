"""Writes the cases of the package stn beside this file with TensorFlow: every pixel by the weights of all rows and all columns, in
double precision; gradients by automatic differentiation."""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow as tf
from safetensors.numpy import save_file

HERE = os.path.dirname(os.path.abspath(__file__))
numbers = np.random.RandomState(5)


def rand(*shape):
    return numbers.uniform(-1, 1, shape)


def case(name, text, function, inputs):
    inputs = [tf.constant(x, tf.float64) for x in inputs]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        y = function(*inputs)
    dy = tf.constant(rand(*y.shape), tf.float64)
    tensors = {f"in.{i}": x for i, x in enumerate(inputs)}
    tensors.update({f"din.{i}": dx for i, dx in enumerate(tape.gradient(y, inputs, dy))})
    tensors.update({"out.0": y, "dout.0": dy})
    folder = os.path.join(HERE, name)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "def.lua"), "w") as file:
        file.write(f"require 'stn'\nreturn {text}\n")
    save_file({key: np.ascontiguousarray(np.asarray(value), np.float32) for key, value in tensors.items()},
              os.path.join(folder, "data.safetensors"))


def grid(theta, height, width):
    rows, columns = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    places = np.stack([rows, columns, np.ones_like(rows)], 2)
    return tf.einsum("nij,hwj->nhwi", theta, tf.constant(places))


def sampled(images, places):
    def weights(place, extent):
        apart = (place + 1) * (extent - 1) / 2
        return tf.nn.relu(1 - tf.abs(apart[..., None] - np.arange(extent, dtype=np.float64)))
    _, high, wide, _ = images.shape
    return tf.einsum("nhwy,nhwx,nyxd->nhwd", weights(places[..., 0], high), weights(places[..., 1], wide), images)


def turned(p):
    cosine, sine = tf.cos(p[:, 0]), tf.sin(p[:, 0])
    first = tf.stack([tf.stack([cosine, -sine], 1), tf.stack([sine, cosine], 1)], 1) * p[:, 1, None, None]
    return tf.concat([first, tf.matmul(first, p[:, 2:, None])], 2)


case("stn_grid", "nn.AffineGridGeneratorBHWD(4, 3)", lambda theta: grid(theta, 4, 3), [rand(2, 2, 3)])
case("stn_sampler", "nn.BilinearSamplerBHWD()", sampled, [rand(2, 5, 4, 3), 1.3 * rand(2, 3, 4, 2)])
case("stn_matrices", "nn.AffineTransformMatrixGenerator(true, true, true)", turned, [rand(3, 4)])
