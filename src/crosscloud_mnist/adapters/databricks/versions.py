"""Versions in Unity Catalog, which keeps their files itself."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from crosscloud_mnist.adapters.databricks.digest_note import add_digest
from crosscloud_mnist.adapters.mlflow.artifacts import download
from crosscloud_mnist.adapters.mlflow.base_versions import (
    DIGEST,
    BaseVersions,
    ensure_registered,
    find_by_digest,
    to_model_version,
)
from crosscloud_mnist.ports import ModelVersion

if TYPE_CHECKING:
    from crosscloud_mnist.adapters.mlflow.clients import ClientProvider

_ABSENT = ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND")


class UnityCatalogVersions(BaseVersions):
    """The registered versions of one workspace's Unity Catalog: see ``ports.Versions``.

    Args:
        clients: The workspace.
    """

    def __init__(self, clients: ClientProvider) -> None:
        super().__init__(clients, absent_version=_ABSENT, absent_alias=_ABSENT)

    def find_version(self, name: str, digest: str) -> ModelVersion | None:
        """Return the lowest complete version with the digest, if there is one."""
        with self._clients.registry_client() as client:
            found = client.search_model_versions(f"name = '{name}'")
            # Unity Catalog's search returns no tags.
            versions = [client.get_model_version(name, each.version) for each in found]
        return find_by_digest(versions, digest)

    def create_version(
        self, name: str, folder: Path, *, digest: str, tags: Mapping[str, str], description: str
    ) -> ModelVersion:
        """Upload ``folder``, register it as a new version of ``name``, and finalize it."""
        with self._clients.registry_client() as client:
            ensure_registered(client, name)
            version = client.create_model_version(
                name,
                source=str(folder),
                tags={**tags, DIGEST: digest},
                description=add_digest(description, digest),
            )
        return to_model_version(version)

    def delete_version(self, version: ModelVersion) -> None:
        """Remove a version that this run created, with its files."""
        with self._clients.registry_client() as client:
            client.delete_model_version(version.name, version.version)

    def delete_orphans(self, name: str, digest: str, orphan_ttl_seconds: float) -> None:
        """Remove the digest's versions with an unfinished upload: see ``ports.Versions``."""
        newest_ms = (time.time() - orphan_ttl_seconds) * 1000
        with self._clients.registry_client() as client:
            for each in client.search_model_versions(f"name = '{name}'"):
                if each.status == "READY" or each.creation_timestamp > newest_ms:
                    continue
                version = client.get_model_version(name, each.version)
                if version.tags.get(DIGEST) == digest:
                    client.delete_model_version(name, each.version)

    def download_version(self, version: ModelVersion, folder: Path) -> None:
        """Write the version's files into ``folder``, which must not exist."""
        with self._clients.registry_client():
            download(f"models:/{version.name}/{version.version}", folder, self._clients)
