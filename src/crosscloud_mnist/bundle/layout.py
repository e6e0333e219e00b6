"""The bundle as a folder: an MLflow model with everything that verifies it.

MLmodel, python_env.yaml, ...    MLflow's own; the flavor is python_function, from code
artifacts/model.onnx             the graph: uint8 images to probabilities
artifacts/model.keras            the same model for further training
artifacts/golden.npz             the golden set: images, labels and the expected probabilities
artifacts/test_predictions.npz   the predictions on the test set, to compare models by
artifacts/examples.npz           images of the test set, for the report
artifacts/contract.json          the contract: image shape, classes, preprocessing
artifacts/card.json              lineage and metrics
model.sig                        the signature over all other files
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import yaml

from crosscloud_mnist.bundle.contents import (
    Examples,
    Golden,
    LabelledPredictions,
    ModelCard,
    TestPredictions,
)
from crosscloud_mnist.contract import Contract, parse_contract
from crosscloud_mnist.errors import BundleError, VerificationError

MLMODEL = "MLmodel"  # MLflow's description of the model
ADDED_BY_MLFLOW = "registered_model_meta"  # a file, on download; the only one that is not signed
ARTIFACTS = {
    "onnx": "model.onnx",
    "keras": "model.keras",
    "golden": "golden.npz",
    "test_predictions": "test_predictions.npz",
    "examples": "examples.npz",
    "contract": "contract.json",
    "card": "card.json",
}


@dataclass(frozen=True)
class Bundle:
    """A bundle on disk.

    Attributes:
        folder: The bundle's folder.
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

    def test_predictions(self) -> TestPredictions:
        """Read the predictions on the test set."""
        with np.load(self._artifact("test_predictions"), allow_pickle=False) as arrays:
            return TestPredictions(str(arrays["test_set"]), arrays["labels"], arrays["predicted"])

    def examples(self) -> Examples | None:
        """Read the images for the report; ``None`` where the bundle has none."""
        path = self._artifact("examples")
        if not path.is_file():
            return None
        with np.load(path, allow_pickle=False) as arrays:
            samples, mistakes = (
                LabelledPredictions(
                    *(arrays[f"{part}_{name}"] for name in ("images", "labels", "probabilities"))
                )
                for part in ("samples", "mistakes")
            )
        return Examples(samples, mistakes)

    def signature(self) -> Mapping[str, object]:
        """Read MLflow's model signature: the inputs and outputs that MLflow checks."""
        from mlflow.models import Model

        signature = Model.load(str(self.folder)).signature
        return signature.to_dict() if signature else {}

    def has_signature_of(self, other: Bundle) -> bool:
        """Return whether MLflow checks the same inputs and outputs of both.

        Where the texts are the same, MLflow, which takes a second to import, need not read them;
        two versions of MLflow may write the same signature in two ways.
        """
        return (
            self._written_signature() == other._written_signature()
            or self.signature() == other.signature()
        )

    def contract(self) -> Contract:
        """Read the contract: what the model takes and returns.

        Raises:
            BundleError: It is not valid.
        """
        path = self._artifact("contract")
        try:
            return parse_contract(json.loads(path.read_text()))
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise BundleError(
                f"{path} is no valid contract ({type(error).__name__}: {error}), expected what "
                "training writes; train again"
            ) from error

    def card(self) -> ModelCard:
        """Read the lineage and the metrics."""
        return cast("ModelCard", json.loads(self._artifact("card").read_text()))

    def _written_signature(self) -> object:
        return yaml.safe_load((self.folder / MLMODEL).read_text()).get("signature")

    def _artifact(self, name: str) -> Path:
        return self.folder / "artifacts" / ARTIFACTS[name]


def digest_of(folder: Path, hashes: Mapping[str, str] | None = None) -> str:
    """Return the SHA-256, hexadecimal, over every file's path and content, in path order.

    Args:
        folder: The bundle's.
        hashes: The SHA-256 of files by their path, as ``Verifier.verify`` returned them; the
            others are read.

    Raises:
        VerificationError: Something in the folder is not a plain file.
    """
    lines = [
        f"{(hashes or {}).get(name) or _hash(path)}  {name}\n"
        for name, path in list_files(folder).items()
        if name != ADDED_BY_MLFLOW
    ]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def list_files(folder: Path) -> dict[str, Path]:
    """Return the files of a bundle by their path in its folder, in path order.

    Raises:
        VerificationError: Something in the folder is not a plain file.
    """
    files = {}
    for path in sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix()):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise VerificationError(
                f"{name} is not a plain file, expected only those in a bundle; discard this copy"
            )
        if path.is_file():
            files[name] = path
    return files


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
