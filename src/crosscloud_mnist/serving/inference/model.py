"""The bundle's ONNX graph, opened for serving and verified on the golden set."""

from __future__ import annotations

import json
import timeit
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.bundle import CROSS_HOST_TOLERANCE, Bundle, digest_of
from crosscloud_mnist.errors import EndpointError
from crosscloud_mnist.serving.http.payload import ImageDecoder

_MAX_INLINE_SECONDS = 0.001
_MAX_BATCH = 64  # bounds the memory that ONNX Runtime takes and keeps for activations


class ServedModel:
    """The graph of a bundle in an ONNX Runtime session.

    Attributes:
        name: The registered model.
        version: Its version.
        digest: SHA-256 of the bundle, hexadecimal.
        card: The bundle's model card.
        contract: What the model takes and returns.
        decode: Returns the images of a request's body: see ``ImageDecoder``.
        max_inline_batch: How many images take about a millisecond; ``verify`` measures it.

    Args:
        folder: The bundle.
        name: The registered model.
        version: Its version.

    Raises:
        EndpointError: The graph cannot be opened.
        BundleError: The contract is not valid.
    """

    def __init__(self, folder: Path, name: str, version: str) -> None:
        import onnxruntime

        bundle = Bundle(folder, digest_of(folder))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # requests run in parallel, not one over all cores
        try:
            self._session = onnxruntime.InferenceSession(
                bundle.onnx, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime's exceptions have no common base
            raise EndpointError(
                f"the graph of {name} {version} cannot be opened ({type(error).__name__}), "
                "expected the ONNX file that training wrote; deploy another version"
            ) from error
        self._golden = bundle.golden()
        self.max_inline_batch = 1
        self.name, self.version, self.digest = name, version, bundle.digest
        self.card = bundle.card()
        self.contract = bundle.contract()
        self.decode = ImageDecoder(self.contract.image_shape).decode

    def predict(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the probabilities [n, classes], float32, of uint8 ``[n, *image_shape]``."""
        if len(images) <= _MAX_BATCH:
            return self._run(images)
        starts = range(0, len(images), _MAX_BATCH)
        return np.concatenate([self._run(images[start : start + _MAX_BATCH]) for start in starts])

    def verify(self) -> None:
        """Predict the golden set, decoded from JSON as a request is, and time the model.

        Raises:
            EndpointError: A prediction differs from the recorded one.
        """
        golden = self._golden
        body = json.dumps({"instances": golden.images.tolist()}).encode()
        probabilities = self.predict(self.decode(body))
        wrong = int((probabilities.argmax(axis=1) != golden.labels).sum())
        difference = float(np.abs(probabilities - golden.expected).max(initial=0))
        if wrong or not difference <= CROSS_HOST_TOLERANCE:
            raise EndpointError(
                f"{self.name} {self.version} predicts {wrong} of {len(golden.labels)} golden "
                f"images wrong (probabilities differ by up to {difference:.2g}), expected none "
                f"and at most {CROSS_HOST_TOLERANCE:.0g}; deploy another version"
            )
        self.max_inline_batch = self._measure_max_inline_batch(golden.images)

    def _run(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        probabilities: NDArray[np.float32] = self._session.run(
            ["probabilities"], {"images": images}
        )[0]
        return probabilities

    def _measure_max_inline_batch(self, images: NDArray[np.uint8]) -> int:
        seconds = min(timeit.repeat(lambda: self.predict(images), number=1, repeat=5))
        seconds_per_image = seconds / len(images)
        return max(1, min(_MAX_BATCH, int(_MAX_INLINE_SECONDS / seconds_per_image)))
