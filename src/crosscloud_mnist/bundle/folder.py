"""The bundle as a folder: an MLflow model with what proves it right inside.

MLmodel, python_env.yaml, ...    MLflow's own; the flavor is python_function, from code
artifacts/model.onnx             what is served: uint8 [n, 28, 28] to probabilities [n, 10]
artifacts/model.keras            what is trained further
artifacts/golden.npz             pictures, labels and the answers that Keras gave
artifacts/answers.npz            the digits named on the test set, to compare models by
artifacts/contract.json          what a caller must do with a picture
artifacts/card.json              where the model comes from, and its figures
model.sig                        the signature over all other files
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.bundle.signing import SIGNATURE, Signer
from crosscloud_mnist.errors import BundleError, VerificationError

CONTRACT: Mapping[str, Any] = {
    "input": "pictures",
    "shape": [-1, 28, 28],
    "values": "whole numbers 0 to 255",
    "polarity": "light ink on dark ground",
    "placement": "ink in a box of 20 x 20, centred by mass",
    "output": "probabilities",
    "classes": list(range(10)),
}
ADDED_BY_MLFLOW = "registered_model_meta"  # on download; the one file that nothing vouches for
PARITY = 1e-5  # of probabilities, between Keras and ONNX Runtime
_ARTIFACTS = {
    "onnx": "model.onnx",
    "keras": "model.keras",
    "golden": "golden.npz",
    "answers": "answers.npz",
    "contract": "contract.json",
    "card": "card.json",
}


@dataclass(frozen=True)
class Golden:
    """Pictures with the right answers.

    Attributes:
        pictures: [n, 28, 28], uint8, light ink on dark ground.
        labels: [n], uint8.
        expected: [n, 10], float32: the probabilities that Keras gave.
    """

    pictures: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    expected: NDArray[np.float32]


@dataclass(frozen=True)
class Answers:
    """What the model answered on the test set: two models are compared without the pictures.

    Attributes:
        test_set: SHA-256 over the test pictures and labels, hexadecimal.
        labels: [n], uint8.
        predicted: [n], uint8.
    """

    test_set: str
    labels: NDArray[np.uint8]
    predicted: NDArray[np.uint8]


@dataclass(frozen=True)
class Contents:
    """What a bundle is made of.

    Attributes:
        onnx: The graph: ``pictures`` uint8 [n, 28, 28] to ``probabilities`` float32 [n, 10].
        keras: The same model as a ``.keras`` file.
        golden: Pictures with their answers.
        answers: The digits named on the test set.
        contract: What a caller must do with a picture.
        card: Lineage and figures, as JSON holds them.
    """

    onnx: bytes
    keras: bytes
    golden: Golden
    answers: Answers
    contract: Mapping[str, Any]
    card: Mapping[str, Any]


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
            return Golden(arrays["pictures"], arrays["labels"], arrays["expected"])

    def answers(self) -> Answers:
        """Read the answers on the test set."""
        with np.load(self._artifact("answers"), allow_pickle=False) as arrays:
            return Answers(str(arrays["test_set"]), arrays["labels"], arrays["predicted"])

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
        return self.folder / "artifacts" / _ARTIFACTS[name]

    def _json(self, name: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self._artifact(name).read_text())
        return content


def write(contents: Contents, folder: Path, signer: Signer) -> Bundle:
    """Write and sign the bundle; it replaces what stood in the folder when it is whole.

    Raises:
        BundleError: The ONNX graph does not answer as Keras did, by more than 1e-5.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as work:
        new = Path(work) / "new"
        _save(contents, Path(work), new)
        bundle = Bundle(new, "")
        try:
            check_golden(bundle)
        except VerificationError as error:
            raise BundleError(f"the ONNX export is not the Keras model: {error}") from error
        signer.sign(new)
        if folder.exists():
            folder.rename(Path(work) / "old")
        new.rename(folder)
    return Bundle(folder, digest_of(folder))


def digest_of(folder: Path) -> str:
    """Return the SHA-256, hexadecimal, over every file's path and content, in path order.

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
            with path.open("rb") as file:
                lines.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {name}\n")
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def golden_difference(bundle: Bundle) -> float:
    """Run the graph on the golden set: the largest difference from the expected probabilities."""
    import onnxruntime

    golden = bundle.golden()
    session = onnxruntime.InferenceSession(bundle.onnx, providers=["CPUExecutionProvider"])
    (answers,) = session.run(["probabilities"], {"pictures": golden.pictures})
    return float(np.abs(answers - golden.expected).max(initial=0))


def check_golden(bundle: Bundle) -> float:
    """Return ``golden_difference``.

    Raises:
        VerificationError: It is above 1e-5.
    """
    difference = golden_difference(bundle)
    if not difference <= PARITY:  # a NaN is refused as well
        raise VerificationError(
            f"the model's answers to its golden set differ by up to {difference:.2g}, expected at "
            f"most {PARITY:.0g}; train again, with the versions of the lock"
        )
    return difference


def _save(contents: Contents, work: Path, folder: Path) -> None:
    """Let MLflow write its model folder, from files that it copies."""
    import mlflow.pyfunc
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    golden = contents.golden
    parts = work / "parts"
    parts.mkdir()
    (parts / _ARTIFACTS["onnx"]).write_bytes(contents.onnx)
    (parts / _ARTIFACTS["keras"]).write_bytes(contents.keras)
    np.savez(
        parts / _ARTIFACTS["golden"],
        pictures=golden.pictures,
        labels=golden.labels,
        expected=golden.expected,
    )
    answers = contents.answers
    np.savez(
        parts / _ARTIFACTS["answers"],
        test_set=np.str_(answers.test_set),
        labels=answers.labels,
        predicted=answers.predicted,
    )
    for name in ("contract", "card"):
        text = json.dumps(getattr(contents, name), indent=2, sort_keys=True)
        (parts / _ARTIFACTS[name]).write_text(text)
    with _quiet("mlflow"):
        mlflow.pyfunc.save_model(
            path=folder,
            python_model=_python_model(),
            artifacts={name: str(parts / file) for name, file in _ARTIFACTS.items()},
            signature=ModelSignature(
                inputs=Schema([TensorSpec(np.dtype(np.float32), (-1, 28, 28))]),
                outputs=Schema([TensorSpec(np.dtype(np.float32), (-1, 10))]),
            ),
            pip_requirements=[f"{name}=={version(name)}" for name in ("mlflow", "onnxruntime")],
        )
    shutil.rmtree(parts)
    _forget_paths(folder)


def _forget_paths(folder: Path) -> None:
    """Take out of MLflow's description where the files stood on the machine that trained."""
    from mlflow.models import Model

    model = Model.load(str(folder))
    flavor = model.flavors["python_function"]
    flavor["model_code_path"] = Path(flavor["model_code_path"]).name
    for artifact in flavor["artifacts"].values():
        artifact["uri"] = artifact["path"]
    model.save(str(folder / "MLmodel"))


def _python_model() -> str:
    """Return the path of the file that travels; it is copied, not imported."""
    spec = find_spec("crosscloud_mnist.serving.python_model")
    if spec is None or spec.origin is None:
        raise BundleError(
            "crosscloud_mnist.serving.python_model is missing, expected it in the installed "
            "package; install the wheel again"
        )
    return spec.origin


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Keep advice out of the log: the signature is written out here, and tested."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(action="ignore", category=UserWarning):
            yield
    finally:
        logger.setLevel(level)


__all__ = [
    "CONTRACT",
    "PARITY",
    "SIGNATURE",
    "Answers",
    "Bundle",
    "Contents",
    "Golden",
    "check_golden",
    "digest_of",
    "golden_difference",
    "write",
]
