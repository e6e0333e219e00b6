"""Trained weights as files: a float32 Keras model, and an ONNX graph that takes raw pixels."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.contract import INPUT, OUTPUT, Contract
from crosscloud_mnist.training.models import build
from crosscloud_mnist.training.tensorflow_startup import start_tensorflow

if TYPE_CHECKING:
    import keras

_OPSET = 17
_BATCH_SIZE = 500


class LayerSummary(TypedDict):
    """One layer of a model.

    Attributes:
        name: Its name.
        kind: Its class in Keras.
        output_shape: Of its output; ``None`` for the batch.
        parameters: How many weights it has.
    """

    name: str
    kind: str
    output_shape: list[int | None]
    parameters: int


class ModelSummary(TypedDict):
    """The layers of a model: ``model_summary.json``.

    Attributes:
        parameters: How many weights it has.
        layers: In order.
    """

    parameters: int
    layers: list[LayerSummary]


def rebuild(name: str, contract: Contract, weights: Sequence[NDArray[np.float32]]) -> keras.Model:
    """Return the model in float32, with probabilities as its output, whatever it was trained in.

    Args:
        name: The architecture: see ``models.build``.
        contract: What the model takes and returns.
        weights: In Keras' order, as training returned them.

    Returns:
        A model that takes pixels ``[n, *image_shape]``, 0 to 255, and returns probabilities
        [n, classes], float32.
    """
    start_tensorflow(hide_gpus=False)
    import keras

    logits = build(name, contract, seed=0)
    logits.set_weights(list(weights))
    probabilities = keras.layers.Softmax(name=OUTPUT)(logits.output)
    return keras.Model(logits.input, probabilities, name=logits.name)


def predict(model: keras.Model, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the probabilities [n, classes], float32, that Keras computes for images."""
    parts = [
        np.asarray(model(images[start : start + _BATCH_SIZE].astype(np.float32), training=False))
        for start in range(0, len(images), _BATCH_SIZE)
    ]
    return np.concatenate(parts)


def keras_bytes(model: keras.Model) -> bytes:
    """Return the model as a ``.keras`` file, for further training."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        return path.read_bytes()


def onnx_bytes(model: keras.Model) -> bytes:
    """Return the model as an ONNX file: the cast and the scaling are part of the graph.

    Its input is ``images``, uint8 ``[n, *image_shape]``; its output ``probabilities``, float32
    [n, classes].
    """
    import tensorflow as tf
    import tf2onnx

    fixed = _with_fixed_shapes(model)

    images = tf.TensorSpec(model.input.shape, tf.uint8, name=INPUT)

    @tf.function(input_signature=[images])
    def predict_probabilities(images: tf.Tensor) -> dict[str, tf.Tensor]:
        return {OUTPUT: fixed(tf.cast(images, tf.float32), training=False)}

    graph, _ = tf2onnx.convert.from_function(
        predict_probabilities, input_signature=[images], opset=_OPSET
    )
    return graph.SerializeToString()  # type: ignore[no-any-return]


def _with_fixed_shapes(model: keras.Model) -> keras.Model:
    """Replace Flatten: it asks for the batch's size, which takes ONNX seven nodes to compute."""
    import keras

    def replace_flatten(layer: keras.layers.Layer) -> keras.layers.Layer:
        if not isinstance(layer, keras.layers.Flatten):
            return layer
        size = math.prod(layer.input.shape[1:])
        return keras.layers.Lambda(lambda values: keras.ops.reshape(values, (-1, size)))

    return keras.models.clone_model(model, clone_function=replace_flatten)


def summarize(model: keras.Model) -> ModelSummary:
    """Return the layers with their shapes and parameter counts."""
    layers = [
        LayerSummary(
            name=layer.name,
            kind=type(layer).__name__,
            output_shape=list(layer.output.shape),
            parameters=layer.count_params(),
        )
        for layer in model.layers
    ]
    return {"parameters": model.count_params(), "layers": layers}
