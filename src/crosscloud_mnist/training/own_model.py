"""A model of the user's own: a function that conf names by its dotted path.

``create(image_shape, class_count)`` returns a ``keras.Model``. It takes images [n, height, width,
channels] of values 0 to 1, one channel if they are gray, and returns logits [n, class_count]: there
is no softmax in it. Every slot calls the function, so its module must be installed on every worker,
or stand in the project's folder ``src``, from which the wheel is built.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from crosscloud_mnist.dotted_path import load_function
from crosscloud_mnist.errors import ConfigurationError

if TYPE_CHECKING:
    import keras

_SETTING = "train_distributed.settings.model"


def apply_own_model(path: str, images: keras.KerasTensor, class_count: int) -> keras.KerasTensor:
    """Return the logits [n, class_count], float32, of the model that the function creates.

    Args:
        path: Dotted path of the function.
        images: [n, height, width, channels], 0 to 1.
        class_count: How many classes there are.

    Raises:
        ConfigurationError: There is no such function, it fails, or it returns something else than
            a model of these images and classes; or the model uses batch normalization.
    """
    import keras

    create = load_function(path, _SETTING)
    try:
        model = create(tuple(images.shape[1:]), class_count)
        logits = model(images)
    except Exception as error:  # a function of the user's fails in any way
        raise _invalid(
            path, f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        ) from error
    if not isinstance(model, keras.Model):
        raise _invalid(path, f"it returned {type(model).__name__}")
    if tuple(logits.shape[1:]) != (class_count,):
        raise _invalid(path, f"its output has the shape {tuple(logits.shape)}")
    if any(_is_batch_normalization(layer) for layer in _list_layers(model)):
        # The statistics of a batch depend on how it is split over the slots: decision 2.
        raise _invalid(path, "it uses batch normalization; use LayerNormalization instead")
    return keras.layers.Activation("linear", dtype="float32", name="logits")(logits)


def _list_layers(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """Yield the layers of a model, and of the models in it."""
    for layer in model.layers:
        yield layer
        if hasattr(layer, "layers"):
            yield from _list_layers(layer)


def _is_batch_normalization(layer: keras.layers.Layer) -> bool:
    import keras

    return isinstance(layer, keras.layers.BatchNormalization) and layer.trainable


def _invalid(path: str, found: str) -> ConfigurationError:
    return ConfigurationError(
        f"{_SETTING} is {path}, which creates no model that can be trained ({found}), expected a "
        "keras.Model of images [n, height, width, channels] that returns logits [n, classes]; "
        "correct that function"
    )
