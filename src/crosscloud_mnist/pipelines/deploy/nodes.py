"""Nodes of ``deploy``."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path

from crosscloud_mnist.bundle import Verifier
from crosscloud_mnist.ports import Endpoint, ModelVersion, Registry
from crosscloud_mnist.promotion import fetch_verified


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
