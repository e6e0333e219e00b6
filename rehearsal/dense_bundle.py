"""Contents of a bundle whose graph needs no training: one dense layer with fixed weights."""

from __future__ import annotations

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from crosscloud_mnist.bundle import BundleContents, Golden, ModelCard, TestPredictions
from rehearsal.mnist_contract import mnist_contract


def dense_contents(
    images: NDArray[np.uint8], test_predictions: TestPredictions, card: ModelCard
) -> BundleContents:
    """Return the contents; the golden labels are what the graph predicts for the images."""
    onnx = _graph()
    session = onnxruntime.InferenceSession(onnx)
    (expected,) = session.run(["probabilities"], {"images": images})
    labels = expected.argmax(axis=1).astype(np.uint8)
    golden = Golden(images, labels, expected)
    return BundleContents(onnx, b"a Keras model", golden, test_predictions, mnist_contract(), card)


def _graph() -> bytes:
    weights = np.random.default_rng(0).normal(0, 0.001, (784, 10)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["images"], ["pixels"], to=TensorProto.FLOAT),
            helper.make_node("Flatten", ["pixels"], ["flat"]),
            helper.make_node("MatMul", ["flat", "weights"], ["logits"]),
            helper.make_node("Softmax", ["logits"], ["probabilities"]),
        ],
        "dense",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["n", 28, 28])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 10])],
        [numpy_helper.from_array(weights, "weights")],
    )
    opset = [helper.make_opsetid("", 17)]
    content: bytes = helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()
    return content
