"""Nodes of ``deploy``."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from crosscloud_mnist.bundle import Verifier
from crosscloud_mnist.errors import RegistryError
from crosscloud_mnist.ports import Endpoint, ModelVersion, Registry
from crosscloud_mnist.promotion import fetch_verified


def resolve(registry: Registry, name: str, alias: str, _after: Any = None) -> ModelVersion:
    """Return the version that the alias points to at this moment.

    Raises:
        RegistryError: No version carries the alias.
    """
    version = registry.by_alias(name, alias)
    if version is None:
        raise RegistryError(
            f"{name} has no version with the alias {alias} in {registry.workspace()}, expected "
            "one to serve; run kedro run --pipeline register_remote"
        )
    return version


def deploy(
    registry: Registry, endpoint: Endpoint, verifier: Verifier, version: ModelVersion
) -> dict[str, str]:
    """Verify the version's bundle and serve it.

    Returns:
        The deployment: ``endpoint``, ``name``, ``model_version`` and ``digest``.

    Raises:
        VerificationError: The registry's copy is not the one that was signed and recorded.
        EndpointError: The endpoint did not become ready, or answered wrongly.
    """
    with tempfile.TemporaryDirectory() as folder:
        bundle = fetch_verified(registry, version, verifier, Path(folder) / "bundle")
        return asdict(endpoint.deploy(version, bundle.folder))
