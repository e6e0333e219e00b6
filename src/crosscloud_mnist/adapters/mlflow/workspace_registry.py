"""A workspace's registry, composed of its logged models, its versions and its ledger."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from crosscloud_mnist.ports import (
    Ledger,
    LedgerEntry,
    LoggedModel,
    LoggedModels,
    ModelVersion,
    Reports,
    Versions,
)

if TYPE_CHECKING:
    from crosscloud_mnist.adapters.mlflow.clients import ClientProvider


class WorkspaceRegistry:
    """Hands each request of ``ports.Registry`` on to the part that answers it.

    Args:
        clients: The workspace.
        logged_models: Its logged models.
        versions: Its registered versions.
        ledger: Its ledger.
        reports: Its reports.
    """

    @staticmethod
    def preload() -> None:
        """Import what the first call needs, which takes seconds: while none waits for it."""
        import mlflow  # noqa: F401

    def __init__(
        self,
        clients: ClientProvider,
        logged_models: LoggedModels,
        versions: Versions,
        ledger: Ledger,
        reports: Reports,
    ) -> None:
        self._clients = clients
        self._logged_models, self._versions, self._ledger = logged_models, versions, ledger
        self._reports = reports

    def workspace(self) -> str:
        """Return the workspace that is really reached: see ``ports.Registry``."""
        return self._clients.workspace()

    def registry_id(self) -> str:
        """Return what identifies the model registry: see ``ports.Registry``."""
        return self._clients.registry_id()

    def has_logged_model(self, uri: str) -> bool:
        """See ``ports.LoggedModels``."""
        return self._logged_models.has_logged_model(uri)

    def log_model(
        self,
        folder: Path,
        *,
        run_id: str,
        digest: str,
        tags: Mapping[str, str],
        params: Mapping[str, str],
    ) -> str:
        """See ``ports.LoggedModels``."""
        return self._logged_models.log_model(
            folder, run_id=run_id, digest=digest, tags=tags, params=params
        )

    def logged_model(self, uri: str) -> LoggedModel:
        """See ``ports.LoggedModels``."""
        return self._logged_models.logged_model(uri)

    def download_logged(self, uri: str, folder: Path) -> None:
        """See ``ports.LoggedModels``."""
        self._logged_models.download_logged(uri, folder)

    def delete_orphans(self, name: str, digest: str, orphan_ttl_seconds: float) -> None:
        """See ``ports.Versions``."""
        self._versions.delete_orphans(name, digest, orphan_ttl_seconds)

    def get_version(self, name: str, number: str) -> ModelVersion | None:
        """See ``ports.Versions``."""
        return self._versions.get_version(name, number)

    def delete_version(self, version: ModelVersion) -> None:
        """See ``ports.Versions``."""
        self._versions.delete_version(version)

    def tag_version(self, version: ModelVersion, tags: Mapping[str, str]) -> None:
        """See ``ports.Versions``."""
        self._versions.tag_version(version, tags)

    def find_version(self, name: str, digest: str) -> ModelVersion | None:
        """See ``ports.Versions``."""
        return self._versions.find_version(name, digest)

    def create_version(
        self, name: str, folder: Path, *, digest: str, tags: Mapping[str, str], description: str
    ) -> ModelVersion:
        """See ``ports.Versions``."""
        return self._versions.create_version(
            name, folder, digest=digest, tags=tags, description=description
        )

    def download_version(self, version: ModelVersion, folder: Path) -> None:
        """See ``ports.Versions``."""
        self._versions.download_version(version, folder)

    def set_alias(self, version: ModelVersion, alias: str) -> None:
        """See ``ports.Versions``."""
        self._versions.set_alias(version, alias)

    def get_version_by_alias(self, name: str, alias: str) -> ModelVersion | None:
        """See ``ports.Versions``."""
        return self._versions.get_version_by_alias(name, alias)

    def append_entry(self, entry: LedgerEntry) -> LedgerEntry:
        """See ``ports.Ledger``."""
        return self._ledger.append_entry(entry)

    def complete_entry(self, entry: LedgerEntry) -> None:
        """See ``ports.Ledger``."""
        self._ledger.complete_entry(entry)

    def ledger(self, name: str) -> list[LedgerEntry]:
        """See ``ports.Ledger``."""
        return self._ledger.ledger(name)

    def log_report(self, version: ModelVersion, page: str) -> str:
        """See ``ports.Reports``."""
        return self._reports.log_report(version, page)
