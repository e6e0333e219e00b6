"""Nodes of ``deploy``."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TypedDict

from crosscloud_mnist.bundle import Verifier
from crosscloud_mnist.ports import Endpoint, ModelVersion, Registry
from crosscloud_mnist.promotion import fetch_verified


class DeploymentRecord(TypedDict):
    """``deployment.json``: see ``ports.Deployment``."""

    endpoint: str
    name: str
    model_version: str
    digest: str


def deploy(
    registry: Registry, endpoint: Endpoint, verifier: Verifier, version: ModelVersion
) -> DeploymentRecord:
    """Verify the version's bundle and serve it.

    Raises:
        VerificationError: The registry's copy is not the one that was signed and recorded.
        EndpointError: The endpoint did not become ready, or its predictions were wrong.
    """
    with tempfile.TemporaryDirectory() as folder:
        bundle = fetch_verified(registry, version, verifier, Path(folder) / "bundle")
        deployment = endpoint.deploy(version, bundle.folder)
    return {
        "endpoint": deployment.endpoint,
        "name": deployment.name,
        "model_version": deployment.model_version,
        "digest": deployment.digest,
    }
