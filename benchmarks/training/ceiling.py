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
    """Return how many images a second training would take if it were nothing but convolutions.

    Every one of them, forward and backward, runs alone, on all threads, again and again on the
    same tensors, in the batch that suits it best of a few: a training step that runs them one
    after another is slower than that.
    """
    import keras
    import tensorflow as tf

    def drawn(*shape: int) -> tf.Tensor:
        return tf.cast(tf.random.normal(shape), dtype)

    total, first = 0.0, True
    for layer in model.layers:
        if not isinstance(layer, keras.layers.Conv2D):
            continue
        kernel, how = layer.kernel.shape, {"strides": 1, "padding": layer.padding.upper()}
        best: dict[str, float] = {}
        for batch in _BATCHES:
            images, filters = drawn(batch, *layer.input.shape[1:]), drawn(*kernel)
            gradient = drawn(batch, *layer.output.shape[1:])
            to_input = partial(tf.nn.conv2d_transpose, output_shape=images.shape, **how)
            passes = {
                "forward": (partial(tf.nn.conv2d, **how), images, filters),
                "weights": (partial(_to_weights, shape=kernel, **how), images, gradient),
                "input": (to_input, gradient, filters),
            }
            if first:
                del passes["input"]
            for name, (of, *tensors) in passes.items():
                seconds = _fastest(_SECONDS_EACH, of, *tensors) / batch
                best[name] = min(best.get(name, seconds), seconds)
        total += sum(best.values())
        first = False
    return 1 / total


def _to_weights(
    images: tf.Tensor, gradient: tf.Tensor, shape: Any, strides: int, padding: str
) -> tf.Tensor:
    import tensorflow as tf

    return tf.compat.v1.nn.conv2d_backprop_filter(
        images, shape, gradient, [1, strides, strides, 1], padding
    )


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
