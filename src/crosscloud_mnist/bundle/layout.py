"""The bundle as a folder: an MLflow model with what proves it right inside.

MLmodel, python_env.yaml, ...    MLflow's own; the flavor is python_function, from code
artifacts/model.onnx             what is served: uint8 [n, 28, 28] to probabilities [n, 10]
artifacts/model.keras            what is trained further
artifacts/golden.npz             images, labels and the answers that Keras gave
artifacts/answers.npz            the digits named on the test set, to compare models by
artifacts/contract.json          what a caller must do with an image
artifacts/card.json              where the model comes from, and its figures
model.sig                        the signature over all other files
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.errors import VerificationError

CONTRACT: Mapping[str, Any] = {
    "input": "images",
    "shape": [-1, 28, 28],
    "values": "whole numbers 0 to 255",
    "polarity": "light ink on dark ground",
    "placement": "ink in a box of 20 x 20, centred by mass",
    "output": "probabilities",
    "classes": list(range(10)),
}
ADDED_BY_MLFLOW = "registered_model_meta"  # on download; the one file that nothing vouches for
SAME_HOST_TOLERANCE = 1e-5  # of probabilities, between Keras and ONNX Runtime on one machine
CROSS_HOST_TOLERANCE = 1e-4  # on another one, whose processor rounds otherwise
ARTIFACTS = {
    "onnx": "model.onnx",
    "keras": "model.keras",
    "golden": "golden.npz",
    "answers": "answers.npz",
    "contract": "contract.json",
    "card": "card.json",
}


@dataclass(frozen=True)
class Golden:
    """Images with the right answers.

    Attributes:
        images: [n, 28, 28], uint8, light ink on dark ground.
        labels: [n], uint8.
        expected: [n, 10], float32: the probabilities that Keras gave.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    expected: NDArray[np.float32]


@dataclass(frozen=True)
class TestPredictions:
    """What the model answered on the test set: two models are compared without the images.

    Attributes:
        test_set: SHA-256 over the test images and labels, hexadecimal.
        labels: [n], uint8.
        predicted: [n], uint8.
    """

    test_set: str
    labels: NDArray[np.uint8]
    predicted: NDArray[np.uint8]


@dataclass(frozen=True)
class Bundle:
    """A bundle on disk.

    Attributes:
        folder: Where it stands.
        digest: SHA-256 over its files' names and contents, hexadecimal.
    """

    folder: Path
    digest: str

    @property
    def onnx(self) -> Path:
        """The graph's file."""
        return self._artifact("onnx")

    def golden(self) -> Golden:
        """Read the golden set."""
        with np.load(self._artifact("golden"), allow_pickle=False) as arrays:
            return Golden(arrays["images"], arrays["labels"], arrays["expected"])

    def answers(self) -> TestPredictions:
        """Read the answers on the test set."""
        with np.load(self._artifact("answers"), allow_pickle=False) as arrays:
            return TestPredictions(str(arrays["test_set"]), arrays["labels"], arrays["predicted"])

    def signature(self) -> dict[str, Any]:
        """Read the inputs and outputs that MLflow checks, as its description holds them."""
        from mlflow.models import Model

        signature = Model.load(str(self.folder)).signature
        return signature.to_dict() if signature else {}

    def contract(self) -> dict[str, Any]:
        """Read the preprocessing contract."""
        return self._json("contract")

    def card(self) -> dict[str, Any]:
        """Read the lineage and the figures."""
        return self._json("card")

    def _artifact(self, name: str) -> Path:
        return self.folder / "artifacts" / ARTIFACTS[name]

    def _json(self, name: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self._artifact(name).read_text())
        return content


def digest_of(folder: Path, hashes: Mapping[str, str] | None = None) -> str:
    """Return the SHA-256, hexadecimal, over every file's path and content, in path order.

    Args:
        folder: The bundle's.
        hashes: The SHA-256 of files by their path, as ``Verifier.verify`` returned them; the
            others are read.

    Raises:
        VerificationError: Something in the folder is not a plain file.
    """
    lines = []
    for path in sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix()):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise VerificationError(
                f"{name} is not a plain file, expected only those in a bundle; discard this copy"
            )
        if path.is_file() and name != ADDED_BY_MLFLOW:
            lines.append(f"{(hashes or {}).get(name) or _hash(path)}  {name}\n")
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def golden_difference(bundle: Bundle) -> float:
    """Run the graph on the golden set: the largest difference from the expected probabilities."""
    import onnxruntime

    golden = bundle.golden()
    session = onnxruntime.InferenceSession(bundle.onnx, providers=["CPUExecutionProvider"])
    (answers,) = session.run(["probabilities"], {"images": golden.images})
    return float(np.abs(answers - golden.expected).max(initial=0))


def check_golden(bundle: Bundle, parity: float) -> float:
    """Return ``golden_difference``.

    Raises:
        VerificationError: It is above the parity.
    """
    difference = golden_difference(bundle)
    if not difference <= parity:  # a NaN is refused as well
        raise VerificationError(
            f"the model's answers to its golden set differ by up to {difference:.2g}, expected at "
            f"most {parity:.0g}; train again, with the versions of the lock"
        )
    return difference
