"""The registered model that versions belong to."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from crosscloud_mnist.adapters.mlflow.base_versions import get_or_none

if TYPE_CHECKING:
    from mlflow import MlflowClient

_EXISTS = ("RESOURCE_ALREADY_EXISTS", "ALREADY_EXISTS")


def ensure_registered(client: MlflowClient, name: str, absent_codes: Collection[str]) -> None:
    """Create the registered model if it does not exist.

    It is looked up first: creating one needs a permission that an identity which only adds versions
    does not have, such as ``CREATE MODEL`` in Unity Catalog.

    Args:
        client: Of the registry.
        name: The registered model.
        absent_codes: MLflow's error codes that mean that it does not exist.
    """
    from mlflow.exceptions import MlflowException

    if get_or_none(lambda: client.get_registered_model(name), absent_codes) is not None:
        return
    try:
        client.create_registered_model(
            name,
            description="Images to the probabilities of their classes: see contract.json.",
        )
    except MlflowException as error:
        if error.error_code not in _EXISTS:
            raise
