"""What the processor could do at best: its matmul peak, and the convolutions alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

_SIDE = 2048
_SECONDS = 4.0
_BATCHES = (64, 256, 1024)
_SECONDS_EACH = 0.7


def matmul_peak(dtype: str) -> float:
    """Return the best rate of large matrix products in TensorFlow, FLOP/s."""
    import tensorflow as tf

    left, right = (tf.cast(tf.random.normal((_SIDE, _SIDE)), dtype) for _ in range(2))
    return 2 * _SIDE**3 / _fastest(_SECONDS, tf.matmul, left, right)


def training_flop(model: keras.Model) -> int:
    """Return the multiplications and additions that one image takes in training.

    Counted are convolutions and dense layers, once forward and twice backward: for the weights and
    for the input, which the first layer has no need of.
    """
    import keras

    total, first = 0, True
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            _, height, width, _ = layer.output.shape
            forward = 2 * height * width * int(layer.kernel.shape.num_elements())
        elif isinstance(layer, keras.layers.Dense):
            forward = 2 * int(layer.kernel.shape.num_elements())
        else:
            continue
        total += forward * (2 if first else 3)
        first = False
    return total


def convolutions_alone(model: keras.Model, dtype: str) -> float:
    """Return the seconds that one image's convolutions take in training, and nothing else does.

    Every one of them, forward and backward, runs alone and again and again on the same tensors, in
    the batch that suits it best: no step that is built of TensorFlow's kernels can be faster.
    """
    import keras
    import tensorflow as tf

    def drawn(*shape: int) -> tf.Tensor:
        return tf.cast(tf.random.normal(shape), dtype)

    total, first = 0.0, True
    for layer in model.layers:
        if not isinstance(layer, keras.layers.Conv2D):
            continue
        kernel, given, gives = layer.kernel.shape, layer.input.shape[1:], layer.output.shape[1:]
        best: dict[str, float] = {}
        for batch in _BATCHES:
            images, gradient = drawn(batch, *given), drawn(batch, *gives)
            filters = drawn(*kernel)
            passes = {
                "forward": (_forward, images, filters),
                "weights": (partial(_to_weights, kernel), images, gradient),
                "input": (partial(_to_input, images.shape), filters, gradient),
            }
            if first:
                del passes["input"]
            for name, (of, *tensors) in passes.items():
                seconds = _fastest(_SECONDS_EACH, of, *tensors) / batch
                best[name] = min(best.get(name, seconds), seconds)
        total += sum(best.values())
        first = False
    return total


def _forward(images: tf.Tensor, filters: tf.Tensor) -> tf.Tensor:
    import tensorflow as tf

    return tf.nn.conv2d(images, filters, strides=1, padding="VALID")


def _to_weights(shape: Any, images: tf.Tensor, gradient: tf.Tensor) -> tf.Tensor:
    import tensorflow as tf

    return tf.compat.v1.nn.conv2d_backprop_filter(
        images, shape, gradient, strides=[1, 1, 1, 1], padding="VALID"
    )


def _to_input(shape: Any, filters: tf.Tensor, gradient: tf.Tensor) -> tf.Tensor:
    import tensorflow as tf

    return tf.nn.conv2d_transpose(gradient, filters, shape, strides=1, padding="VALID")


def _fastest(seconds: float, of: Callable[..., Any], *tensors: Any) -> float:
    """Return the shortest time that the operation took in so many seconds."""
    import tensorflow as tf

    run = tf.function(of)
    run(*tensors)
    best, until = float("inf"), time.monotonic() + seconds
    while time.monotonic() < until:
        start = time.perf_counter()
        run(*tensors)
        best = min(best, time.perf_counter() - start)
    return best
