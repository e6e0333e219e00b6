"""An alias: which version it points to, and how it moves once the ledger has recorded why."""

from __future__ import annotations

from typing import Any

from crosscloud_mnist.errors import RegistryError
from crosscloud_mnist.ports import LedgerEntry, ModelVersion, Registry
from crosscloud_mnist.promotion.production import ProductionModel


def resolve_alias(
    registry: Registry, production: ProductionModel, _after: Any = None
) -> ModelVersion:
    """Return the version that the alias points to at this moment.

    Raises:
        RegistryError: No version carries the alias.
    """
    version = registry.get_version_by_alias(production.name, production.alias)
    if version is None:
        raise RegistryError(
            f"{production.name} has no version with the alias {production.alias} in "
            f"{registry.workspace()}, expected one to serve; run kedro run --pipelines register_remote"
        )
    return version


def record_and_move(registry: Registry, version: ModelVersion, entry: LedgerEntry) -> None:
    """Record why, move the alias, and note that it was done: a rerun ends what was interrupted."""
    if entry.previous_version == version.version:
        history = registry.ledger(version.name)
        moves = [each for each in history if each.action != "refused" and each.alias == entry.alias]
        if moves and moves[-1].version == version.version:
            if not moves[-1].completed:
                registry.complete_entry(moves[-1])
            return
    recorded = registry.append_entry(entry)
    registry.set_alias(version, entry.alias)
    registry.complete_entry(recorded)
