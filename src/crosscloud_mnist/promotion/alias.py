"""An alias: which version it points to, by the ledger, and how it moves."""

from __future__ import annotations

from typing import TypedDict

from crosscloud_mnist.errors import PromotionRejectedError, RegistryError
from crosscloud_mnist.ports import LedgerEntry, ModelVersion, Registry
from crosscloud_mnist.promotion import history
from crosscloud_mnist.promotion.production import ProductionModel


class AliasTarget(TypedDict):
    """Where a run moved the alias, as ``registered_model`` and ``rollback_result`` record it.

    Attributes:
        name: The registered model.
        alias: The alias that points to the version.
        version: The version's number.
        digest: SHA-256 of its bundle, hexadecimal.
        workspace: The workspace whose registry holds it.
    """

    name: str
    alias: str
    version: str
    digest: str
    workspace: str


def resolve_alias(
    registry: Registry, production: ProductionModel, expected: AliasTarget | None = None
) -> ModelVersion:
    """Return the version that the alias points to, once the ledger says that it was promoted.

    Args:
        registry: The workspace that serves.
        production: The registered model and the alias.
        expected: Where the same run moved the alias, if it did.

    Raises:
        PromotionRejectedError: The ledger does not say that the version was promoted, or rolled
            back to: somebody moved the alias.
        RegistryError: No version has the alias, or it is not the expected one.
        VerificationError: The ledger was changed.
    """
    version = registry.get_version_by_alias(production.name, production.alias)
    if version is None:
        raise RegistryError(
            f"{production.name} has no version with the alias {production.alias} in "
            f"{registry.workspace()}, expected one; run kedro run --pipelines register_remote"
        )
    found = version.name, version.version, version.digest
    if expected and found != (expected["name"], expected["version"], expected["digest"]):
        raise RegistryError(
            f"the alias {production.alias} points to {version.name} {version.version} in "
            f"{registry.workspace()}, expected {expected['name']} {expected['version']}, to which "
            f"this run moved it in {expected['workspace']}; nothing is deployed: set serve_from to "
            "the target, or see who moved the alias with kedro run --pipelines history"
        )
    ledger = registry.ledger(version.name)
    if objection := history.find_objection(ledger, production.alias, version):
        raise PromotionRejectedError(
            f"the alias {production.alias} points to {version.name} {version.version} in "
            f"{registry.workspace()}, but {objection}; expected a version that was promoted or "
            "rolled back to: promote one with kedro run --pipelines register_remote, or go back "
            "with kedro run --pipelines rollback"
        )
    return version


def find_champion(registry: Registry, production: ProductionModel) -> ModelVersion | None:
    """Return the last good version by the ledger that still exists, wherever the alias points.

    A registry may report a version that an identity may not read as one that does not exist. So
    there is no champion only where the ledger has none either.

    Raises:
        RegistryError: The ledger has good versions, but none of them can be read.
        VerificationError: The ledger was changed.
    """
    ledger = registry.ledger(production.name)
    numbers = history.good_versions(ledger, production.alias)
    versions = (registry.get_version(production.name, number) for number in reversed(numbers))
    champion = next((version for version in versions if version is not None), None)
    remaining = [each for each in numbers if not history.is_removed(ledger, production.alias, each)]
    if champion is None and remaining:
        raise RegistryError(
            f"the ledger of {registry.workspace()} has version {remaining[-1]} of "
            f"{production.name} as the {production.alias}, but no version can be read, expected to "
            "read it: grant this identity what docs/permissions.md lists; if the versions were "
            "deleted, set production.name to a new registered model"
        )
    return champion


def record_and_move(registry: Registry, version: ModelVersion, entry: LedgerEntry) -> None:
    """Record why, move the alias, and mark the entry as completed.

    Where an interrupted run has moved the alias already, its entry is completed and no other one
    is written.
    """
    if entry.previous_version == version.version:
        ledger = registry.ledger(version.name)
        moves = history.moves(ledger, entry.alias)
        last = history.last_entry(ledger, entry.alias, version.version)
        if moves and moves[-1] == last:
            if not last.completed:
                registry.complete_entry(last)
            return
    recorded = registry.append_entry(entry)
    registry.set_alias(version, entry.alias)
    registry.complete_entry(recorded)
