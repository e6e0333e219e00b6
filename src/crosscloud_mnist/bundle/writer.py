"""Writing a bundle: checked against Keras' answers, signed, and complete or not written."""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import numpy as np
import yaml

from crosscloud_mnist.bundle.contents import BundleContents
from crosscloud_mnist.bundle.golden import SAME_HOST_TOLERANCE, check_golden
from crosscloud_mnist.bundle.layout import ARTIFACTS, MLMODEL, Bundle, digest_of
from crosscloud_mnist.bundle.requirements import pin_requirements
from crosscloud_mnist.bundle.signing import SIGNATURE, Signer
from crosscloud_mnist.contract import INPUT
from crosscloud_mnist.errors import BundleError, VerificationError
from crosscloud_mnist.storage import folders

_FLOAT32 = np.dtype(np.float32)
_PYTHON_MODEL = Path(__file__).with_name("python_model.py")  # copied into the bundle, not imported


def write(contents: BundleContents, folder: Path, signer: Signer) -> Bundle:
    """Write and sign the bundle; it replaces what the folder held.

    The bundle is built on local disk and then copied. Its signature is the marker: it is written
    last, so that a folder with a signature is a complete bundle.

    Raises:
        BundleError: The ONNX graph does not answer as Keras did, by more than 1e-5, or the
            installed distributions contradict each other.
        ConfigurationError: There is no key to sign with.
    """
    with tempfile.TemporaryDirectory() as work:
        new = Path(work) / "new"
        _save(contents, Path(work) / "artifacts", new)
        try:
            check_golden(Bundle(new, ""), SAME_HOST_TOLERANCE)
        except VerificationError as error:
            raise BundleError(f"the ONNX export is not the Keras model: {error}") from error
        signer.sign(new)
        folders.replace(new, folder, marker=SIGNATURE)
        return Bundle(folder, digest_of(new))


def _save(contents: BundleContents, artifacts: Path, folder: Path) -> None:
    """Have MLflow write its model folder; it copies the artifacts into it."""
    import mlflow.pyfunc
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    contract = contents.contract
    _write_artifacts(contents, artifacts)
    with _ignore_advice("mlflow"):
        mlflow.pyfunc.save_model(
            path=folder,
            python_model=str(_PYTHON_MODEL),
            artifacts={
                name: str(artifacts / file)
                for name, file in ARTIFACTS.items()
                if (artifacts / file).exists()
            },
            signature=ModelSignature(
                inputs=Schema([TensorSpec(_FLOAT32, (-1, *contract.image_shape), INPUT)]),
                outputs=Schema([TensorSpec(_FLOAT32, (-1, contract.class_count))]),
            ),
            pip_requirements=pin_requirements(),
        )
    shutil.rmtree(artifacts)
    _remove_local_paths(folder)
    _remove_unpinned_tools(folder)


def _write_artifacts(contents: BundleContents, folder: Path) -> None:
    folder.mkdir()
    (folder / ARTIFACTS["onnx"]).write_bytes(contents.onnx)
    (folder / ARTIFACTS["keras"]).write_bytes(contents.keras)
    golden = contents.golden
    np.savez(
        folder / ARTIFACTS["golden"],
        images=golden.images,
        labels=golden.labels,
        expected=golden.expected,
    )
    predictions = contents.test_predictions
    np.savez(
        folder / ARTIFACTS["test_predictions"],
        test_set=np.str_(predictions.test_set),
        labels=predictions.labels,
        predicted=predictions.predicted,
    )
    if contents.examples:
        parts = asdict(contents.examples).items()
        arrays = {f"{part}_{name}": array for part, row in parts for name, array in row.items()}
        np.savez(folder / ARTIFACTS["examples"], **arrays)
    for name, content in (("contract", contents.contract.to_record()), ("card", contents.card)):
        (folder / ARTIFACTS[name]).write_text(json.dumps(content, indent=2, sort_keys=True))


def _remove_local_paths(folder: Path) -> None:
    """Replace the training machine's paths in MLflow's description by paths in the bundle."""
    from mlflow.models import Model

    model = Model.load(str(folder))
    flavor = model.flavors["python_function"]
    flavor["model_code_path"] = Path(flavor["model_code_path"]).name
    for artifact in flavor["artifacts"].values():
        artifact["uri"] = artifact["path"]
    model.save(str(folder / MLMODEL))


def _remove_unpinned_tools(folder: Path) -> None:
    """Keep those of pip, setuptools and wheel that MLflow could pin; every pin has a wheel."""
    path = folder / "python_env.yaml"
    environment = yaml.safe_load(path.read_text())
    tools = [tool for tool in environment["build_dependencies"] if "==" in tool]
    path.write_text(yaml.safe_dump(environment | {"build_dependencies": tools}, sort_keys=False))


@contextmanager
def _ignore_advice(logger_name: str) -> Iterator[None]:
    """Keep the library's advice on signatures out of the log: ours is explicit, and tested."""
    logger = logging.getLogger(logger_name)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(action="ignore", category=UserWarning):
            yield
    finally:
        logger.setLevel(level)
