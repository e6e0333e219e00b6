"""A Databricks workspace: MLflow tracking, and the Unity Catalog model registry."""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crosscloud_mnist.adapters.databricks.workspace import (
    UNITY_CATALOG,
    access,
    connect,
    translate_errors,
)
from crosscloud_mnist.adapters.mlflow.registry import MlflowRegistry
from crosscloud_mnist.adapters.mlflow.versions import (
    DIGEST,
    ensure_registered,
    find_by_digest,
    to_model_version,
)
from crosscloud_mnist.errors import ConfigurationError, RegistryError
from crosscloud_mnist.ports import LoggedModel, ModelVersion

if TYPE_CHECKING:
    from mlflow import MlflowClient

_TRACKING = "databricks"
_VERSION = re.compile(r"models:/([^/@]+)/(\d+)")


class UnityCatalogRegistry(MlflowRegistry):
    """One workspace, in a process that holds its credentials alone.

    Args:
        uri: ``databricks-uc``; or ``databricks``, the deprecated workspace registry, which is read
            from and never written to.
        experiment: Absolute path in the workspace, ``/Shared/...``.
        workspace_id: The id that must be reached before anything is written, if it is known.
    """

    def __init__(self, *, uri: str, experiment: str, workspace_id: str | None = None) -> None:
        super().__init__(uri=uri, experiment=experiment)
        self._workspace_id = workspace_id
        self._reached: str | None = None

    @staticmethod
    def access(
        options: Mapping[str, Any], credentials: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """Return what a process of its own is given: see ``isolation.ProcessProxy``."""
        uri, workspace_id, variables = access(options["uri"], credentials)
        return {**options, "uri": uri, "workspace_id": workspace_id}, variables

    def workspace(self) -> str:
        """Return the address and id of the workspace that was really reached.

        Raises:
            RegistryError: It does not answer, refuses the token, or is not the one expected.
        """
        if self._reached is None:
            _, self._reached = connect(self._workspace_id, RegistryError)
        return self._reached

    def logged_model(self, uri: str) -> LoggedModel:
        """Look up a logged model, or a version of the registry (``models:/name/1``).

        Raises:
            RegistryError: There is none of that URI, it is not complete, or carries no digest.
        """
        version = _VERSION.fullmatch(uri)
        if version is None:
            return super().logged_model(uri)
        with self._answering() as client:
            known = client.get_model_version(*version.groups())
        digest = known.tags.get(DIGEST)
        if digest is None or known.status != "READY":
            raise RegistryError(
                f"{uri} in {self.workspace()} is not a whole bundle (status {known.status}, "
                f"{DIGEST} {digest}), expected one that was promoted; name a logged model"
            )
        return LoggedModel(uri, digest, known.run_id or "", dict(known.tags))

    def has_logged_model(self, uri: str) -> bool:
        """Whether this workspace knows the logged model: see ``logged_models``."""
        return _VERSION.fullmatch(uri) is None and super().has_logged_model(uri)

    def download_logged(self, uri: str, folder: Path) -> None:
        """Write the model's files into ``folder``, which must not exist."""
        if _VERSION.fullmatch(uri) is None:
            super().download_logged(uri, folder)
            return
        with self._answering():
            self._download(uri, folder)

    def find_version(self, name: str, digest: str) -> ModelVersion | None:
        """Return the lowest complete version that carries the digest, if there is one."""
        with self._writing() as client:
            found = client.search_model_versions(f"name = '{name}'")
            # Unity Catalog's search returns no tags.
            versions = [client.get_model_version(name, each.version) for each in found]
        return find_by_digest(versions, digest)

    def create_version(
        self, name: str, folder: Path, *, digest: str, tags: Mapping[str, str], description: str
    ) -> ModelVersion:
        """Upload ``folder``, register it as a new version of ``name``, and finalize it."""
        with self._writing() as client:
            ensure_registered(client, name)
            version = client.create_model_version(
                name,
                source=str(folder),
                tags={**tags, DIGEST: digest},
                description=description,
            )
        return to_model_version(version)

    def download_version(self, version: ModelVersion, folder: Path) -> None:
        """Write the version's files into ``folder``, which must not exist."""
        with self._writing():
            self._download(f"models:/{version.name}/{version.version}", folder)

    def set_alias(self, version: ModelVersion, alias: str) -> None:
        """Let the alias point to the version."""
        with self._writing():
            super().set_alias(version, alias)

    def get_version_by_alias(self, name: str, alias: str) -> ModelVersion | None:
        """Return the version that the alias points to at this moment, if any."""
        with self._writing():
            return super().get_version_by_alias(name, alias)

    def delete_orphans(self, name: str, digest: str, orphan_ttl_seconds: float) -> None:
        """Remove the digest's versions whose upload was not finished: see ``ports.Registry``."""
        before = (time.time() - orphan_ttl_seconds) * 1000
        with self._writing() as client:
            for each in client.search_model_versions(f"name = '{name}'"):
                if each.status == "READY" or each.creation_timestamp > before:
                    continue
                version = client.get_model_version(name, each.version)
                if version.tags.get(DIGEST) == digest:
                    client.delete_model_version(name, each.version)

    def _actor(self) -> str:
        client, _ = connect(self._workspace_id, RegistryError)
        return client.current_user.me().user_name or "unknown"

    def _download(self, location: str, folder: Path) -> None:
        from mlflow.artifacts import download_artifacts

        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as staging:
            places = {"tracking_uri": _TRACKING, "registry_uri": self._uri}
            shutil.move(download_artifacts(location, dst_path=staging, **places), folder)

    @contextmanager
    def _writing(self) -> Iterator[MlflowClient]:
        """Give a client of a registry that is written to."""
        if self._uri != UNITY_CATALOG:
            raise ConfigurationError(
                f"the target is {self._uri}, the deprecated workspace registry, which has no "
                "aliases and cannot be served across clouds; expected Unity Catalog: set target "
                "and serve_from to databricks-uc, or databricks-uc://scope:prefix"
            )
        with self._answering() as client:
            yield client

    @contextmanager
    def _client_of_workspace(self) -> Iterator[MlflowClient]:
        import mlflow
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        mlflow.set_tracking_uri(_TRACKING)
        mlflow.set_registry_uri(self._uri)
        with translate_errors(self._uri, self._workspace_id, RegistryError, MlflowException):
            yield MlflowClient(tracking_uri=_TRACKING, registry_uri=self._uri)
