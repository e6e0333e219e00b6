"""Candidates in a Databricks workspace: logged models, and versions that it can read.

A version may be of a catalog that Delta Sharing mounts: it is the provider's, and is read with the
credentials of this workspace.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from crosscloud_mnist.adapters.databricks.digest_note import read_digest
from crosscloud_mnist.adapters.databricks.transports import check_transport
from crosscloud_mnist.adapters.databricks.workspace import UNITY_CATALOG
from crosscloud_mnist.adapters.mlflow.artifacts import download
from crosscloud_mnist.adapters.mlflow.base_versions import DIGEST
from crosscloud_mnist.adapters.mlflow.logged_models import MlflowLoggedModels
from crosscloud_mnist.errors import RegistryError
from crosscloud_mnist.ports import LoggedModel, parse_version_uri

if TYPE_CHECKING:
    from crosscloud_mnist.adapters.databricks.clients import WorkspaceClients


class DatabricksLoggedModels:
    """Logged models, and versions by number or alias: see ``ports.LoggedModels``.

    Args:
        clients: The workspace.
    """

    def __init__(self, clients: WorkspaceClients) -> None:
        self._clients = clients
        self._logged = MlflowLoggedModels(clients)

    def has_logged_model(self, uri: str) -> bool:
        """Whether this workspace logged the model; a version's URI does not tell."""
        return parse_version_uri(uri) is None and self._logged.has_logged_model(uri)

    def log_model(
        self,
        folder: Path,
        *,
        run_id: str,
        digest: str,
        tags: Mapping[str, str],
        params: Mapping[str, str],
    ) -> str:
        """Log the bundle under the run and return its ``models:/m-...`` URI."""
        return self._logged.log_model(
            folder, run_id=run_id, digest=digest, tags=tags, params=params
        )

    def logged_model(self, uri: str) -> LoggedModel:
        """Look up a logged model or a version: see ``ports.LoggedModels``."""
        parsed = parse_version_uri(uri)
        if parsed is None:
            return self._logged.logged_model(uri)
        name, number = parsed.name, parsed.number
        with self._clients.client() as client:
            if number is None:
                number = client.get_model_version_by_alias(name, parsed.alias or "").version
            version = client.get_model_version(name, number)
        if version.status != "READY":
            raise RegistryError(
                f"{uri} in {self._clients.workspace()} is not complete (status {version.status}), "
                "expected READY; name another version with --params "
                f"register_remote.model=models:/{name}/..."
            )
        tags = dict(version.tags)
        digest = tags.get(DIGEST) or read_digest(version.description)
        return LoggedModel(f"models:/{name}/{number}", digest, version.run_id or "", tags)

    def download_logged(self, uri: str, folder: Path) -> None:
        """Write the model's files into ``folder``, which must not exist."""
        parsed = parse_version_uri(uri)
        if parsed is None:
            self._logged.download_logged(uri, folder)
            return
        with self._clients.client():
            if self._clients.registry_uri == UNITY_CATALOG:
                check_transport(self._clients.sdk(), parsed.name)
            download(uri, folder, self._clients)
