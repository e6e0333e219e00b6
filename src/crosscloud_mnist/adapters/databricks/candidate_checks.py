"""Checks of a version that is to be promoted, such as one of a catalog that Delta Sharing mounts.

The documentation does not say what a share shows of a version: only the workspace can tell.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from crosscloud_mnist.adapters.databricks.clients import WorkspaceClients
from crosscloud_mnist.adapters.databricks.logged_models import DatabricksLoggedModels
from crosscloud_mnist.errors import RegistryError
from crosscloud_mnist.isolation.check_runner import Step
from crosscloud_mnist.ports import parse_version_uri

_FILE = "MLmodel"


class CandidateChecks:
    """Checks that a version, and its files, can be read.

    Args:
        clients: The workspace that it is read from.
        model_uri: The candidate; only a version, ``models:/name/1`` or ``models:/name@alias``, is
            checked.
    """

    def __init__(self, clients: WorkspaceClients, model_uri: str | None) -> None:
        self._clients, self._uri = clients, model_uri or ""
        self._models = DatabricksLoggedModels(clients)

    def steps(self) -> Iterator[Step]:
        """Yield the steps; they need the check ``sign-in``."""
        if parse_version_uri(self._uri) is None:
            return
        yield Step("candidate", "a complete version with its digest", self._check, ["sign-in"])
        yield Step("candidate's files", f"{_FILE} among them", self._check_files, ["candidate"])

    def _check(self) -> str:
        model = self._models.logged_model(self._uri)
        if not model.digest:
            raise RegistryError(
                f"{model.uri} shows no digest, expected its tag or its description to; name it "
                "with --params register_remote.digest=..."
            )
        place = "its tags" if model.tags else "its description"
        return f"{model.uri}, with the digest {model.digest[:12]} in {place}"

    def _check_files(self) -> str:
        from mlflow.artifacts import list_artifacts

        uri = self._models.logged_model(self._uri).uri
        with self._clients.client():
            names = [PurePosixPath(file.path).name for file in list_artifacts(artifact_uri=uri)]
        if _FILE not in names:
            raise RegistryError(
                f"{uri} has {', '.join(names) or 'no files'}, expected {_FILE} among them; ask the "
                "provider whether the share has the version's files"
            )
        return f"{len(names)} files and folders"
