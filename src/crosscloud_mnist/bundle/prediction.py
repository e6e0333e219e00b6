"""What the graph of a bundle predicts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.bundle.layout import Bundle


def predict(bundle: Bundle, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the probabilities [n, classes] of images [n, height, width], uint8."""
    import onnxruntime

    session = onnxruntime.InferenceSession(bundle.onnx, providers=["CPUExecutionProvider"])
    probabilities: NDArray[np.float32] = session.run(["probabilities"], {"images": images})[0]
    return probabilities
