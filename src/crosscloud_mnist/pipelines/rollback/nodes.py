"""Nodes of ``rollback``."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from crosscloud_mnist.bundle import CROSS_HOST_TOLERANCE, Verifier, check_golden
from crosscloud_mnist.errors import ConfigurationError, RegistryError
from crosscloud_mnist.pipelines.rollback.parameters import RollbackParameters
from crosscloud_mnist.ports import LedgerEntry, ModelVersion, Registry
from crosscloud_mnist.promotion import ProductionModel, fetch_verified, record_and_move


def find_previous(
    registry: Registry, production: ProductionModel, parameters: RollbackParameters
) -> tuple[ModelVersion, ModelVersion]:
    """Return the version in production, and the good one before it.

    Raises:
        ConfigurationError: There is no reason.
        RegistryError: The ledger knows no version before.
    """
    if not parameters.reason.strip():
        raise ConfigurationError(
            "rollback has no reason, expected why production is changed; add --params "
            'rollback.reason="what is wrong with the version that is served"'
        )
    current = registry.get_version_by_alias(production.name, production.alias)
    held = _held(registry.ledger(production.name), production.alias)
    if current is not None and current.version in held:
        before = held[: held.index(current.version)]
        for number in reversed(before):
            previous = registry.get_version(production.name, number)
            if previous is not None:
                return current, previous
    raise RegistryError(
        f"the ledger of {registry.workspace()} knows no version of {production.name} before "
        f"{current.version if current else 'the first'}, expected one to go back to; promote a "
        "good model with kedro run --pipelines register_remote"
    )


def restore(
    *,
    registry: Registry,
    verifier: Verifier,
    current: ModelVersion,
    previous: ModelVersion,
    production: ProductionModel,
    parameters: RollbackParameters,
) -> dict[str, Any]:
    """Verify the previous version, and move the alias back to it.

    Returns:
        What was done: ``name``, ``alias``, ``version``, ``before``, ``reason``, ``workspace``.

    Raises:
        VerificationError: It is not the bundle that was signed, or answers otherwise than it did;
            the alias has not moved.
    """
    with tempfile.TemporaryDirectory() as work:
        bundle = fetch_verified(registry, previous, verifier, Path(work) / "bundle")
        check_golden(bundle, CROSS_HOST_TOLERANCE)
    entry = LedgerEntry(
        action="rolled back",
        name=previous.name,
        alias=production.alias,
        version=previous.version,
        digest=previous.digest,
        previous_version=current.version,
        reason=parameters.reason,
    )
    record_and_move(registry, previous, entry)
    return {
        "name": previous.name,
        "alias": production.alias,
        "version": previous.version,
        "previous_version": current.version,
        "reason": parameters.reason,
        "workspace": registry.workspace(),
    }


def _held(history: Sequence[LedgerEntry], alias: str) -> list[str]:
    """Return the good versions that production held, oldest first.

    A version that was rolled back from is none, until it is promoted again.
    """
    held: list[str] = []
    for entry in history:
        if entry.alias != alias or entry.action == "refused" or not entry.completed:
            continue
        if entry.version in held:
            del held[held.index(entry.version) :]
        held.append(entry.version)
    return held
