"""A workspace: its logged models, its registered versions and its ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class LoggedModel:
    """A candidate: a bundle that a run logged, or that is a version of a registered model.

    Attributes:
        uri: ``models:/m-...``, as ``train`` printed it, or ``models:/name/1``; never with an alias,
            which can move.
        digest: SHA-256 of the bundle, hexadecimal, recorded when it was logged; ``""`` where the
            workspace shows none, as a share may do.
        run_id: The training run; ``""`` where the workspace does not know it.
        tags: What was recorded with it (``git_commit``, ``dataset``, ``dataset_digest``, ...).
    """

    uri: str
    digest: str
    run_id: str
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelVersion:
    """A version in a model registry.

    Attributes:
        name: The registered model (``mnist_cnn``; three levels in Unity Catalog).
        version: The number that the registration returned, never "latest".
        digest: SHA-256 of its bundle, hexadecimal.
        tags: The version's tags, with the lineage.
    """

    name: str
    version: str
    digest: str
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LedgerEntry:
    """A change of production, or a rejection: written before it is done, never changed after.

    Attributes:
        action: ``promoted``, ``rejected`` or ``rolled back``.
        name: The registered model.
        alias: The alias that moved, or would have.
        version: The version it moved to, or would have.
        digest: SHA-256 of that version's bundle, hexadecimal.
        previous_version: The version that the alias pointed to, if any.
        reason: Why: the gates' notes, or the reason that the person who rolled back gave.
        gate_results: The gates with their figures, as JSON.
        actor: The user, as the workspace names them.
        timestamp: When, ISO 8601 in UTC.
        previous_hash: ``hash`` of the entry before, so that removing one is detected; after two
            entries that were written at once, both hashes, separated by a blank.
        hash: SHA-256 over all of the above, hexadecimal.
        completed: Whether it was done; an entry that is not was interrupted.
    """

    action: str
    name: str
    alias: str
    version: str
    digest: str
    previous_version: str = ""
    reason: str = ""
    gate_results: str = ""
    actor: str = ""
    timestamp: str = ""
    previous_hash: str = ""
    hash: str = ""
    completed: bool = False


class LoggedModels(Protocol):
    """The models that runs logged in one workspace."""

    def has_logged_model(self, uri: str) -> bool:
        """Whether the workspace is the one that logged the model, whatever its address.

        The id in the URI is random, so no other workspace has it. A model that exists but may not
        be read counts.
        """

    def log_model(
        self,
        folder: Path,
        *,
        run_id: str,
        digest: str,
        tags: Mapping[str, str],
        params: Mapping[str, str],
    ) -> str:
        """Log the bundle in ``folder`` under the run and return its ``models:/m-...`` URI."""

    def logged_model(self, uri: str) -> LoggedModel:
        """Look up a logged model, or a version by its number or its alias.

        Raises:
            RegistryError: There is none of that URI, or it is not complete.
        """

    def download_logged(self, uri: str, folder: Path) -> None:
        """Write the logged model's files into ``folder``, which must not exist."""


class Versions(Protocol):
    """The registered models of one workspace."""

    def delete_orphans(self, name: str, digest: str, orphan_ttl_seconds: float) -> None:
        """Remove what interrupted promotions of that digest left behind.

        That is runs, logged models and versions that were never completed. Younger ones are kept:
        another promotion may be in progress.
        """

    def get_version(self, name: str, number: str) -> ModelVersion | None:
        """Return the version of that number, if there is one."""

    def delete_version(self, version: ModelVersion) -> None:
        """Remove a version that this run created, with its files."""

    def tag_version(self, version: ModelVersion, tags: Mapping[str, str]) -> None:
        """Set tags on the version."""

    def find_version(self, name: str, digest: str) -> ModelVersion | None:
        """Return the lowest complete version with the digest, if there is one."""

    def create_version(
        self, name: str, folder: Path, *, digest: str, tags: Mapping[str, str], description: str
    ) -> ModelVersion:
        """Upload ``folder`` and register it as a new version of ``name``."""

    def download_version(self, version: ModelVersion, folder: Path) -> None:
        """Write the version's files into ``folder``, which must not exist."""

    def set_alias(self, version: ModelVersion, alias: str) -> None:
        """Point the alias to the version."""

    def get_version_by_alias(self, name: str, alias: str) -> ModelVersion | None:
        """Return the version that the alias points to at this moment, if any.

        Raises:
            RegistryError: The workspace fails the request, or the version may not be read.
        """


class Ledger(Protocol):
    """The history of production in one workspace: entries are appended, never changed."""

    def append_entry(self, entry: LedgerEntry) -> LedgerEntry:
        """Append to the ledger, and return the entry with actor, timestamp and hashes.

        Raises:
            VerificationError: The ledger was changed.
        """

    def complete_entry(self, entry: LedgerEntry) -> None:
        """Record that what the entry says was done."""

    def ledger(self, name: str) -> list[LedgerEntry]:
        """Return the model's history, oldest first.

        Raises:
            VerificationError: The ledger was changed.
        """


class Reports(Protocol):
    """The reports of versions, kept in one workspace."""

    def log_report(self, version: ModelVersion, page: str) -> str:
        """Keep the version's report in a run of the workspace, in place of an earlier one.

        Args:
            version: The version.
            page: HTML.

        Returns:
            The address of the run in MLflow's pages.
        """


class Registry(LoggedModels, Versions, Ledger, Reports, Protocol):
    """One workspace: its tracking server and its model registry."""

    def workspace(self) -> str:
        """Return the workspace that a write would really reach, for lineage and logs."""

    def registry_id(self) -> str:
        """Return what identifies the model registry: several workspaces may share one."""
