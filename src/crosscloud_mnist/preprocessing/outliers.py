"""A small network that tells whether the model's input is a digit at all.

A classifier of digits gives a letter or a face a digit, too, often with a high probability. This
network of 59,000 weights was trained on MNIST's training images and on drawings of other things;
``rehearsal/outlier_training.py`` does that again. The threshold is the value below which one in
10,000 held-out training images lies.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from crosscloud_mnist.errors import ImageError

WEIGHTS = Path(__file__).with_name("outliers.npz")
_STRIDE = 2

Weights = Mapping[str, NDArray[np.float32]]


def check_digit(image: NDArray[np.uint8]) -> None:
    """Check that the image is a digit.

    Args:
        image: [28, 28], uint8, light digit on dark background, as ``center_digit`` returns it.

    Raises:
        ImageError: It is not like any digit.
    """
    weights = _load()
    if digit_logit(image, weights) < weights["threshold"]:
        raise ImageError(
            "shows something that is not like a digit; send an image with one digit, and nothing "
            "else that stands out"
        )


def digit_logit(image: NDArray[np.uint8], weights: Weights) -> float:
    """Return the logit of the probability that the image is a digit.

    Args:
        image: [28, 28], uint8.
        weights: Two convolutions and two dense layers: ``kernel1``, ``bias1``, and so on.
    """
    values = image[..., None].astype(np.float32) / np.float32(255)
    for layer in ("1", "2"):
        values = _convolve(values, weights["kernel" + layer]) + weights["bias" + layer]
        values = np.maximum(values, 0)
    hidden = np.maximum(values.ravel() @ weights["kernel3"] + weights["bias3"], 0)
    return float((hidden @ weights["kernel4"] + weights["bias4"])[0])


def _convolve(values: NDArray[np.float32], kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    """Convolve with a stride of 2, without padding.

    Args:
        values: [height, width, channels].
        kernel: [rows, columns, channels, filters].
    """
    rows, columns, channels, filters = kernel.shape
    windows = sliding_window_view(values, (rows, columns), axis=(0, 1))[::_STRIDE, ::_STRIDE]
    patches = windows.transpose(0, 1, 3, 4, 2).reshape(-1, rows * columns * channels)
    result = patches @ kernel.reshape(-1, filters)
    return np.asarray(result.reshape(*windows.shape[:2], filters))


@lru_cache(maxsize=1)
def _load() -> Weights:
    with np.load(WEIGHTS, allow_pickle=False) as arrays:
        return {name: arrays[name].astype(np.float32) for name in arrays.files}
