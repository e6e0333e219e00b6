"""Versions in Unity Catalog, which keeps their files itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from crosscloud_mnist.adapters.databricks.digest_note import add_digest
from crosscloud_mnist.adapters.databricks.transports import check_transport
from crosscloud_mnist.adapters.mlflow.artifacts import download
from crosscloud_mnist.adapters.mlflow.base_versions import (
    DIGEST,
    BaseVersions,
    find_by_digest,
    get_or_none,
    search_versions,
    to_model_version,
)
from crosscloud_mnist.adapters.mlflow.registered_models import ensure_registered
from crosscloud_mnist.errors import RegistryError
from crosscloud_mnist.ports import ModelVersion

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from crosscloud_mnist.adapters.databricks.clients import WorkspaceClients

# The service reports RESOURCE_DOES_NOT_EXIST for a model, a version and an alias, also where this
# identity may not see the model ("Routine or Model 'a.b.c' does not exist."). NOT_FOUND is the code
# of Unity Catalog's own API. So the promotion asks the ledger before it believes either.
_ABSENT = ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND")
_VISIBLE_WITHIN_SECONDS, _POLL_SECONDS = 30, 0.3


class UnityCatalogVersions(BaseVersions):
    """The registered versions of one workspace's Unity Catalog: see ``ports.Versions``.

    Reads may be older than the last write by about a second, so a write returns once reads show it.

    Args:
        clients: The workspace.
    """

    _clients: WorkspaceClients

    def __init__(self, clients: WorkspaceClients) -> None:
        super().__init__(clients, absent_version=_ABSENT, absent_alias=_ABSENT)

    def find_version(self, name: str, digest: str) -> ModelVersion | None:
        """Return the lowest complete version with the digest, if there is one."""
        with self._clients.registry_client() as client:
            # Unity Catalog's search returns no tags, and may list a version that was just deleted.
            found = [
                get_or_none(partial(client.get_model_version, name, each.version), _ABSENT)
                for each in search_versions(client, name)
            ]
        return find_by_digest((version for version in found if version is not None), digest)

    def create_version(
        self, name: str, folder: Path, *, digest: str, tags: Mapping[str, str], description: str
    ) -> ModelVersion:
        """Upload ``folder``, register it as a new version of ``name``, and finalize it."""
        with self._clients.registry_client(changes=name) as client:
            ensure_registered(client, name, _ABSENT)
            check_transport(self._clients.sdk(), name)
            version = client.create_model_version(
                name,
                source=str(folder),
                tags={**tags, DIGEST: digest},
                description=add_digest(description, digest),
            )
            _wait_until(
                lambda: _is_listed(client, name, str(version.version)),
                f"the new version {version.version} of {name}",
            )
        return to_model_version(version)

    def set_alias(self, version: ModelVersion, alias: str) -> None:
        """Point the alias to the version."""
        super().set_alias(version, alias)

        def is_visible() -> bool:
            found = self.get_version_by_alias(version.name, alias)
            return found is not None and found.version == version.version

        _wait_until(is_visible, f"{version.name} {version.version} as the {alias}")

    def delete_version(self, version: ModelVersion) -> None:
        """Remove a version that this run created, with its files."""
        with self._clients.registry_client(changes=version.name) as client:
            client.delete_model_version(version.name, version.version)

    def delete_orphans(self, name: str, digest: str, orphan_ttl_seconds: float) -> None:
        """Remove the digest's versions with an unfinished upload: see ``ports.Versions``."""
        newest_ms = (time.time() - orphan_ttl_seconds) * 1000
        with self._clients.registry_client(changes=name) as client:
            for each in search_versions(client, name):
                if each.status == "READY" or each.creation_timestamp > newest_ms:
                    continue
                version = client.get_model_version(name, each.version)
                if version.tags.get(DIGEST) == digest:
                    client.delete_model_version(name, each.version)

    def download_version(self, version: ModelVersion, folder: Path) -> None:
        """Write the version's files into ``folder``, which must not exist."""
        with self._clients.registry_client():
            check_transport(self._clients.sdk(), version.name)
            download(f"models:/{version.name}/{version.version}", folder, self._clients)


def _is_listed(client: MlflowClient, name: str, number: str) -> bool:
    return any(str(each.version) == number for each in search_versions(client, name))


def _wait_until(is_visible: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _VISIBLE_WITHIN_SECONDS
    while not is_visible():
        if time.monotonic() > deadline:
            raise RegistryError(
                f"the registry does not show {what} after {_VISIBLE_WITHIN_SECONDS} s, expected "
                "what was just written; run the same command again"
            )
        time.sleep(_POLL_SECONDS)
