"""Writing a bundle: checked against Keras' answers, signed, and whole or not there."""

from __future__ import annotations

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

from crosscloud_mnist.bundle.layout import (
    ARTIFACTS,
    SAME_HOST_TOLERANCE,
    Bundle,
    Golden,
    TestPredictions,
    check_golden,
    digest_of,
)
from crosscloud_mnist.bundle.signing import Signer
from crosscloud_mnist.errors import BundleError, VerificationError


@dataclass(frozen=True)
class BundleContents:
    """What a bundle is made of.

    Attributes:
        onnx: The graph: ``images`` uint8 [n, 28, 28] to ``probabilities`` float32 [n, 10].
        keras: The same model as a ``.keras`` file.
        golden: Images with their answers.
        answers: The digits named on the test set.
        contract: What a caller must do with an image.
        card: Lineage and figures, as JSON holds them.
    """

    onnx: bytes
    keras: bytes
    golden: Golden
    answers: TestPredictions
    contract: Mapping[str, Any]
    card: Mapping[str, Any]


def write(contents: BundleContents, folder: Path, signer: Signer) -> Bundle:
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
            check_golden(bundle, SAME_HOST_TOLERANCE)
        except VerificationError as error:
            raise BundleError(f"the ONNX export is not the Keras model: {error}") from error
        signer.sign(new)
        if folder.exists():
            folder.rename(Path(work) / "old")
        new.rename(folder)
    return Bundle(folder, digest_of(folder))


def _save(contents: BundleContents, work: Path, folder: Path) -> None:
    """Let MLflow write its model folder, from files that it copies."""
    import mlflow.pyfunc
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    golden = contents.golden
    parts = work / "parts"
    parts.mkdir()
    (parts / ARTIFACTS["onnx"]).write_bytes(contents.onnx)
    (parts / ARTIFACTS["keras"]).write_bytes(contents.keras)
    np.savez(
        parts / ARTIFACTS["golden"],
        images=golden.images,
        labels=golden.labels,
        expected=golden.expected,
    )
    answers = contents.answers
    np.savez(
        parts / ARTIFACTS["answers"],
        test_set=np.str_(answers.test_set),
        labels=answers.labels,
        predicted=answers.predicted,
    )
    for name in ("contract", "card"):
        text = json.dumps(getattr(contents, name), indent=2, sort_keys=True)
        (parts / ARTIFACTS[name]).write_text(text)
    with _quiet("mlflow"):
        mlflow.pyfunc.save_model(
            path=folder,
            python_model=_python_model(),
            artifacts={name: str(parts / file) for name, file in ARTIFACTS.items()},
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
    spec = find_spec("crosscloud_mnist.bundle.python_model")
    if spec is None or spec.origin is None:
        raise BundleError(
            "crosscloud_mnist.bundle.python_model is missing, expected it in the installed "
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
