"""Candidates in a Databricks workspace: logged models, and versions of its registry."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from crosscloud_mnist.adapters.mlflow.artifacts import download
from crosscloud_mnist.adapters.mlflow.base_versions import DIGEST
from crosscloud_mnist.adapters.mlflow.logged_models import MlflowLoggedModels
from crosscloud_mnist.errors import RegistryError
from crosscloud_mnist.ports import LoggedModel

if TYPE_CHECKING:
    from crosscloud_mnist.adapters.mlflow.clients import ClientProvider

_VERSION_URI = re.compile(r"models:/([^/@]+)/(\d+)")


class DatabricksLoggedModels:
    """Logged models, and versions by ``models:/name/1``: see ``ports.LoggedModels``.

    Args:
        clients: The workspace.
    """

    def __init__(self, clients: ClientProvider) -> None:
        self._clients = clients
        self._logged = MlflowLoggedModels(clients)

    def has_logged_model(self, uri: str) -> bool:
        """Whether this workspace logged the model; a version's URI does not tell."""
        return _VERSION_URI.fullmatch(uri) is None and self._logged.has_logged_model(uri)

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
        """Look up a logged model or a version.

        Raises:
            RegistryError: There is none of that URI, it is not complete, or it has no digest.
        """
        match = _VERSION_URI.fullmatch(uri)
        if match is None:
            return self._logged.logged_model(uri)
        with self._clients.client() as client:
            version = client.get_model_version(*match.groups())
        digest = version.tags.get(DIGEST)
        if digest is None or version.status != "READY":
            raise RegistryError(
                f"{uri} in {self._clients.workspace()} is not a complete bundle (status "
                f"{version.status}, {DIGEST} {digest}), expected one that was promoted; name a "
                "logged model with --params register_remote.model=models:/m-..."
            )
        return LoggedModel(uri, digest, version.run_id or "", dict(version.tags))

    def download_logged(self, uri: str, folder: Path) -> None:
        """Write the model's files into ``folder``, which must not exist."""
        if _VERSION_URI.fullmatch(uri) is None:
            self._logged.download_logged(uri, folder)
            return
        with self._clients.client():
            download(uri, folder, self._clients)
