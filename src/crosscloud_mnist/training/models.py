"""The architectures: raw pixels in, logits out, with the scaling inside.

None has batch normalization: the statistics of a batch would depend on how it is split over the
slots, and one slot and several would not train the same model.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from crosscloud_mnist.storage.image_format import CLASS_COUNT, IMAGE_SIDE
from crosscloud_mnist.training.config import ModelName

if TYPE_CHECKING:
    import keras


def build(name: ModelName, seed: int) -> keras.Model:
    """Return an untrained model.

    Args:
        name: ``baseline``, the CNN of the certification case with its 267,338 parameters;
            ``compact``, small and fast; or ``best``, for accuracy.
        seed: Of the initial weights.

    Returns:
        A model that takes pixels [n, 28, 28], 0 to 255 of any dtype, light digit on dark
        background, and returns logits [n, 10], float32. Its weights are float32; the global dtype
        policy decides what it computes in.
    """
    import keras

    keras.utils.set_random_seed(seed)
    pixels = keras.Input((IMAGE_SIDE, IMAGE_SIDE), name="images")
    # Scaled first: ONNX Runtime multiplies over a last axis of 1 at a hundredth of its speed.
    scaled = keras.layers.Rescaling(1 / 255)(pixels)
    images = keras.layers.Reshape((IMAGE_SIDE, IMAGE_SIDE, 1))(scaled)
    logits = keras.layers.Dense(CLASS_COUNT, dtype="float32", name="logits")(_BODIES[name](images))
    return keras.Model(pixels, logits, name=name)


def _baseline(images: keras.KerasTensor) -> keras.KerasTensor:
    from keras.layers import Conv2D, Dense, Flatten, MaxPooling2D

    for _ in range(3):
        images = Conv2D(32, 3, activation="relu")(images)
    return Dense(64, activation="relu")(Flatten()(MaxPooling2D()(images)))


def _compact(images: keras.KerasTensor) -> keras.KerasTensor:
    from keras.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D

    images = Conv2D(16, 5, activation="relu")(images)
    images = MaxPooling2D()(images)
    images = Conv2D(32, 3, activation="relu")(images)
    images = MaxPooling2D()(images)
    images = Conv2D(64, 3, activation="relu")(images)
    images = Dropout(0.2)(Flatten()(images))
    return Dropout(0.2)(Dense(128, activation="relu")(images))


def _best(images: keras.KerasTensor) -> keras.KerasTensor:
    from keras.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D

    # he_normal keeps the signal's size through the layers.
    conv = partial(Conv2D, kernel_size=3, activation="relu", kernel_initializer="he_normal")
    images = conv(32)(conv(32)(images))
    images = Dropout(0.1)(MaxPooling2D()(images))
    images = conv(64)(conv(64, padding="same")(images))
    images = Dropout(0.1)(MaxPooling2D()(images))
    images = conv(128)(images)
    images = Dropout(0.35)(Flatten()(images))
    return Dropout(0.35)(Dense(128, activation="relu")(images))


_BODIES: dict[ModelName, Callable[[keras.KerasTensor], keras.KerasTensor]] = {
    "baseline": _baseline,
    "compact": _compact,
    "best": _best,
}
