"""What the processor could do at best: its matmul peak, and the operations that an image takes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

_SIDE = 2048
_SECONDS = 4.0


def matmul_peak(dtype: str) -> float:
    """Return the best rate of large matrix products in TensorFlow, FLOP/s."""
    import tensorflow as tf

    left, right = (tf.cast(tf.random.normal((_SIDE, _SIDE)), dtype) for _ in range(2))
    product = tf.function(tf.matmul)
    product(left, right)
    best, until = 0.0, time.monotonic() + _SECONDS
    while time.monotonic() < until:
        start = time.perf_counter()
        product(left, right)
        best = max(best, 2 * _SIDE**3 / (time.perf_counter() - start))
    return best


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
