"""Versions of a registered model as any MLflow registry has them, and those of the ports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from crosscloud_mnist.ports import ModelVersion

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion as MlflowVersion

DIGEST = "bundle_digest"


def to_model_version(version: MlflowVersion) -> ModelVersion:
    """Return MLflow's version as the ports know one; its digest is ``""`` where it has none."""
    tags = dict(version.tags)
    return ModelVersion(version.name, str(version.version), tags.get(DIGEST, ""), tags)


def find_by_digest(versions: Iterable[MlflowVersion], digest: str) -> ModelVersion | None:
    """Return the lowest complete version that carries the digest, if there is one."""
    same = [each for each in versions if each.tags.get(DIGEST) == digest and each.status == "READY"]
    return to_model_version(min(same, key=lambda each: int(each.version))) if same else None


def ensure_registered(client: MlflowClient, name: str) -> None:
    """Make the registered model where there is none of that name."""
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(
            name, description="MNIST digits: images [n, 28, 28] of 0 to 255 to probabilities."
        )
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


@contextmanager
def get_or_none() -> Iterator[None]:
    """Leave the block where the server says that there is no such thing."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise
