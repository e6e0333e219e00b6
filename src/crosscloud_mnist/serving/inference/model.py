"""The bundle, opened for serving and proved on its golden set."""

from __future__ import annotations

import json
import timeit
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.bundle import CROSS_HOST_TOLERANCE, Bundle, digest_of
from crosscloud_mnist.errors import EndpointError
from crosscloud_mnist.serving.http.payload import decode

_AT_ONCE_SECONDS = 0.001
_MAX_AT_ONCE = 64


class ServedModel:
    """The graph of a bundle in an ONNX Runtime session.

    Attributes:
        max_inline_batch: How many images take about a millisecond, in which others may wait.

    Args:
        folder: The bundle, verified by whoever put it there.
        name: The registered model.
        version: Its version.

    Raises:
        EndpointError: The graph cannot be opened.
    """

    def __init__(self, folder: Path, name: str, version: str) -> None:
        import onnxruntime

        bundle = Bundle(folder, digest_of(folder))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # requests run beside each other, not one over all cores
        try:
            self._session = onnxruntime.InferenceSession(
                bundle.onnx, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime's own have no common base
            raise EndpointError(
                f"the graph of {name} {version} cannot be opened ({type(error).__name__}), "
                "expected the ONNX file that training wrote; it is not served"
            ) from error
        self._golden = bundle.golden()
        self.max_inline_batch = 1
        self.name, self.version, self.digest = name, version, bundle.digest
        self.card = bundle.card()
        self.contract = bundle.contract()

    def predict(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the probabilities [n, 10], float32, of images [n, 28, 28], uint8."""
        answers: NDArray[np.float32] = self._session.run(["probabilities"], {"images": images})[0]
        return answers

    def prove(self) -> None:
        """Answer the golden set through the way that a request takes.

        Raises:
            EndpointError: An answer is not the recorded one.
        """
        golden = self._golden
        body = json.dumps({"instances": golden.images.tolist()}).encode()
        answers = self.predict(decode(body))
        wrong = int((answers.argmax(axis=1) != golden.labels).sum())
        difference = float(np.abs(answers - golden.expected).max(initial=0))
        if wrong or not difference <= CROSS_HOST_TOLERANCE:
            raise EndpointError(
                f"{self.name} {self.version} names {wrong} of {len(golden.labels)} golden images "
                f"wrong (answers differ by up to {difference:.2g}), expected none and at most "
                f"{CROSS_HOST_TOLERANCE:.0g}; it is not served"
            )
        seconds = min(timeit.repeat(lambda: self.predict(golden.images), number=1, repeat=5))
        each = seconds / len(golden.images)
        self.max_inline_batch = max(1, min(_MAX_AT_ONCE, int(_AT_ONCE_SECONDS / each)))
