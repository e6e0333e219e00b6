"""Nodes of ``rollback``."""

from __future__ import annotations

import tempfile
from pathlib import Path

from crosscloud_mnist.bundle import CROSS_HOST_TOLERANCE, Verifier, check_golden
from crosscloud_mnist.errors import ConfigurationError, RegistryError
from crosscloud_mnist.pipelines.rollback.parameters import RollbackParameters
from crosscloud_mnist.pipelines.rollback.records import PlannedRollback, RollbackResult
from crosscloud_mnist.ports import LedgerEntry, Registry
from crosscloud_mnist.promotion import ProductionModel, fetch_verified, history, record_and_move


def find_previous(
    registry: Registry, production: ProductionModel, parameters: RollbackParameters
) -> PlannedRollback:
    """Find the version in production, and the good one before it.

    A version that the ledger does not say to be good, because somebody moved the alias to it, comes
    after all good ones.

    Raises:
        ConfigurationError: No reason was given.
        RegistryError: The ledger has no good version before it.
    """
    if not parameters.reason.strip():
        raise ConfigurationError(
            "rollback has no reason, expected why production is changed; add --params "
            'rollback.reason="what is wrong with the version that is served"'
        )
    current = registry.get_version_by_alias(production.name, production.alias)
    versions = history.good_versions(registry.ledger(production.name), production.alias)
    if current is not None:
        if current.version in versions:
            del versions[versions.index(current.version) :]
        for number in reversed(versions):
            restored = registry.get_version(production.name, number)
            if restored is not None:
                return PlannedRollback(current, restored)
    raise RegistryError(
        f"the ledger of {registry.workspace()} has no version of {production.name} before "
        f"{current.version if current else 'the first'}, expected one to go back to; promote a "
        "good model with kedro run --pipelines register_remote"
    )


def restore(
    *,
    registry: Registry,
    verifier: Verifier,
    planned: PlannedRollback,
    production: ProductionModel,
    parameters: RollbackParameters,
) -> RollbackResult:
    """Verify the previous version, and move the alias back to it.

    Raises:
        VerificationError: It is not the bundle that was signed, or its predictions differ from
            the recorded ones; the alias has not moved.
    """
    current, restored = planned.current, planned.restored
    with tempfile.TemporaryDirectory() as folder:
        bundle = fetch_verified(registry, restored, verifier, Path(folder) / "bundle")
        check_golden(bundle, CROSS_HOST_TOLERANCE)
    entry = LedgerEntry(
        action=history.ROLLED_BACK,
        name=restored.name,
        alias=production.alias,
        version=restored.version,
        digest=restored.digest,
        previous_version=current.version,
        reason=parameters.reason,
    )
    record_and_move(registry, restored, entry)
    return {
        "name": restored.name,
        "alias": production.alias,
        "version": restored.version,
        "digest": restored.digest,
        "workspace": registry.workspace(),
        "previous_version": current.version,
        "reason": parameters.reason,
    }
