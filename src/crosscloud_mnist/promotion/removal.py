"""Removal of a version that cannot be verified: forged, half-made, or with files missing."""

from __future__ import annotations

import tempfile
from pathlib import Path

from crosscloud_mnist.bundle import Verifier
from crosscloud_mnist.errors import PromotionRejectedError, RegistryError, VerificationError
from crosscloud_mnist.ports import LedgerEntry, ModelVersion, Registry
from crosscloud_mnist.promotion import history, tags
from crosscloud_mnist.promotion.production import ProductionModel
from crosscloud_mnist.promotion.verify import verify_bundle


def remove_unverifiable(
    registry: Registry, verifier: Verifier, production: ProductionModel, number: str
) -> None:
    """Remove the version and record it in the ledger.

    Args:
        registry: The workspace that holds it.
        verifier: Holds the public key.
        production: The registered model and its alias.
        number: The version's number.

    Raises:
        PromotionRejectedError: The version can be verified.
        RegistryError: The version does not exist.
    """
    version = registry.get_version(production.name, number)
    if version is None:
        raise RegistryError(
            f"{production.name} has no version {number} in {registry.workspace()}, expected the "
            "one to remove; check register_remote.remove_version"
        )
    reason = _find_fault(registry, verifier, version)
    if reason is None:
        raise PromotionRejectedError(
            f"{production.name} {number} in {registry.workspace()} is the signed bundle, expected "
            "one that cannot be verified; it stays: to take a good version out of production, use "
            "kedro run --pipelines rollback"
        )
    current = registry.get_version_by_alias(production.name, production.alias)
    recorded = registry.append_entry(
        LedgerEntry(
            action=history.REMOVED,
            name=version.name,
            alias=production.alias,
            version=version.version,
            digest=version.digest,
            previous_version=current.version if current else "",
            reason=tags.shorten(reason),
        )
    )
    registry.delete_version(version)
    registry.complete_entry(recorded)


def _find_fault(registry: Registry, verifier: Verifier, version: ModelVersion) -> str | None:
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "bundle"
        try:
            registry.download_version(version, bundle)
            verify_bundle(bundle, verifier, version.digest)
        except (RegistryError, VerificationError) as error:
            return str(error)
    return None
