"""The architectures: raw pixels in, logits out, with the scaling inside.

None has batch normalization: the statistics of a batch would depend on how it is split over the
slots, and one slot and several would not train the same model.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from crosscloud_mnist.contract import INPUT, Contract, format_shape
from crosscloud_mnist.errors import ConfigurationError
from crosscloud_mnist.training.own_model import apply_own_model

if TYPE_CHECKING:
    import keras


def build(name: str, contract: Contract, seed: int) -> keras.Model:
    """Return an untrained model.

    Args:
        name: ``baseline``, the CNN of the certification case with its 267,338 parameters on MNIST;
            ``compact``, small and fast; ``best``, for accuracy; or the dotted path of a function
            that creates a model: see ``own_model``.
        contract: The shape of an image, and the classes.
        seed: Of the initial weights.

    Returns:
        A model that takes pixels ``[n, *image_shape]``, 0 to 255 of any dtype, and returns logits
        [n, classes], float32. Its weights are float32; the global dtype policy decides what it
        computes in.

    Raises:
        ConfigurationError: The images are too small for the model, or a function cannot be found or
            creates no such model.
    """
    import keras

    keras.utils.set_random_seed(seed)
    pixels = keras.Input(contract.image_shape, name=INPUT)
    # Scaled first: ONNX Runtime multiplies over a last axis of 1 at a hundredth of its speed.
    images = keras.layers.Rescaling(1 / 255)(pixels)
    if not contract.is_colour:
        images = keras.layers.Reshape((*contract.image_shape, 1))(images)
    if name in _BODIES:
        features = _apply_body(name, images, contract)
        dense = keras.layers.Dense(contract.class_count, dtype="float32", name="logits")
        logits = dense(features)
    else:
        logits = apply_own_model(name, images, contract.class_count)
    return keras.Model(pixels, logits, name=name.rpartition(".")[2])


def _apply_body(name: str, images: keras.KerasTensor, contract: Contract) -> keras.KerasTensor:
    try:
        return _BODIES[name](images)
    except ValueError as error:  # Keras': a convolution's output would have no pixels
        raise ConfigurationError(
            f"the model {name} does not fit images of {format_shape(contract.image_shape)}, "
            "expected larger ones; set train_distributed.settings.model to baseline, or to the "
            "dotted path of a function"
        ) from error


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
    images = Conv2D(32, 3, activation="relu")(images)
    images = Dropout(0.2)(Flatten()(images))
    return Dropout(0.2)(Dense(64, activation="relu")(images))


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


_BODIES: dict[str, Callable[[keras.KerasTensor], keras.KerasTensor]] = {
    "baseline": _baseline,
    "compact": _compact,
    "best": _best,
}
