"""A workspace that is an MLflow store or server."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from crosscloud_mnist.adapters.mlflow import ledger, orphans
from crosscloud_mnist.adapters.mlflow.logged_models import LoggedModels
from crosscloud_mnist.adapters.mlflow.versions import (
    DIGEST,
    ensure_registered,
    find_by_digest,
    get_or_none,
    to_model_version,
)
from crosscloud_mnist.ports import LedgerEntry, ModelVersion

if TYPE_CHECKING:
    from mlflow import MlflowClient


class MlflowRegistry(LoggedModels):
    """One MLflow store or server: tracking and model registry.

    Args: as ``LoggedModels``.
    """

    def find_version(self, name: str, digest: str) -> ModelVersion | None:
        """Return the lowest complete version that carries the digest, if there is one."""
        with self._answering() as client:
            versions = client.search_model_versions(f"name = '{name}'")
        return find_by_digest(versions, digest)

    def create_version(
        self, name: str, folder: Path, *, digest: str, tags: Mapping[str, str], description: str
    ) -> ModelVersion:
        """Upload ``folder`` and register it as a new version of ``name``."""
        with self._answering() as client:
            ensure_registered(client, name)
            mine = {DIGEST: digest, orphans.PROMOTED_AS: name}
            experiment_id = self._experiment_id(client, self._experiment)
            run = client.create_run(experiment_id, run_name="register_remote", tags=mine)
            model = self._log(client, folder, run, {**tags, **mine}, {})
            version = client.create_model_version(
                name,
                source=model.artifact_location,
                run_id=run.info.run_id,
                model_id=model.model_id,
                tags={**tags, DIGEST: digest},
                description=description,
            )
            client.set_terminated(run.info.run_id)
        return to_model_version(version)

    def delete_orphans(self, name: str, digest: str, orphan_ttl_seconds: float) -> None:
        """Remove what interrupted promotions left behind: see ``ports.Registry``."""
        with self._answering() as client:
            experiment_id = self._experiment_id(client, self._experiment)
            orphans.delete_orphans(client, experiment_id, name, digest, orphan_ttl_seconds)

    def get_version(self, name: str, number: str) -> ModelVersion | None:
        """Return the version of that number, if there is one."""
        with self._answering() as client, get_or_none():
            return to_model_version(client.get_model_version(name, number))
        return None

    def delete_version(self, version: ModelVersion) -> None:
        """Remove a version that this run made, with its files."""
        with self._answering() as client:
            run_id = client.get_model_version(version.name, version.version).run_id
            client.delete_model_version(version.name, version.version)
            if run_id:
                orphans.remove(client, version.name, run_id)

    def tag_version(self, version: ModelVersion, tags: Mapping[str, str]) -> None:
        """Set tags on the version."""
        with self._answering() as client:
            for name, value in tags.items():
                client.set_model_version_tag(version.name, version.version, name, value)

    def download_version(self, version: ModelVersion, folder: Path) -> None:
        """Write the version's files into ``folder``, which must not exist."""
        with self._answering() as client:
            location = client.get_model_version_download_uri(version.name, version.version)
            self._download(location, folder)

    def set_alias(self, version: ModelVersion, alias: str) -> None:
        """Let the alias point to the version."""
        with self._answering() as client:
            client.set_registered_model_alias(version.name, alias, version.version)

    def get_version_by_alias(self, name: str, alias: str) -> ModelVersion | None:
        """Return the version that the alias points to at this moment, if any."""
        with self._answering() as client, get_or_none():
            return to_model_version(client.get_model_version_by_alias(name, alias))
        return None

    def append_entry(self, entry: LedgerEntry) -> LedgerEntry:
        """Append to the ledger: see ``ledger.py``."""
        with self._answering() as client:
            known = replace(entry, actor=self._actor())
            return ledger.append_entry(client, self._ledger(client), known)

    def complete_entry(self, entry: LedgerEntry) -> None:
        """Note in the ledger that it was done."""
        with self._answering() as client:
            ledger.complete_entry(client, self._ledger(client), entry)

    def ledger(self, name: str) -> list[LedgerEntry]:
        """Return the model's history, oldest first."""
        with self._answering() as client:
            return ledger.read(client, self._ledger(client), name)

    def _actor(self) -> str:
        try:
            return os.environ.get("MLFLOW_TRACKING_USERNAME") or getpass.getuser()
        except (KeyError, OSError):  # a container's user may have no name
            return f"uid {os.getuid()}"

    def _ledger(self, client: MlflowClient) -> str:
        return self._experiment_id(client, f"{self._experiment}-ledger")
