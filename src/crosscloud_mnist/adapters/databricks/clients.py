"""MLflow clients of one Databricks workspace, which is verified before the first request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from crosscloud_mnist.adapters.databricks.refusals import name_owner
from crosscloud_mnist.adapters.databricks.workspace import UNITY_CATALOG, connect, translate_errors
from crosscloud_mnist.adapters.mlflow.run_url import databricks_run_url
from crosscloud_mnist.errors import ConfigurationError, RegistryError

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient
    from mlflow import MlflowClient


class WorkspaceClients:
    """Clients of this process's workspace: see ``adapters.mlflow.clients.ClientProvider``.

    Args:
        uri: ``databricks-uc``; or ``databricks``, the deprecated workspace registry, which is only
            read from.
        workspace_id: The id that must be reached before anything is written, if it is known.
    """

    def __init__(self, uri: str, workspace_id: str | None) -> None:
        self.tracking_uri, self.registry_uri = "databricks", uri
        self.artifact_location: str | None = None
        self._workspace_id = workspace_id
        self._reached: str | None = None

    def workspace(self) -> str:
        """Return the address and id of the workspace that was really reached.

        Raises:
            RegistryError: It does not respond, rejects the token, or is not the expected one.
        """
        if self._reached is None:
            _, self._reached = connect(self._workspace_id, RegistryError)
        return self._reached

    def registry_id(self) -> str:
        """Return the id of the metastore, or the workspace of the deprecated registry."""
        if self.registry_uri != UNITY_CATALOG:
            return self.workspace()
        client, _ = connect(self._workspace_id, RegistryError)
        with translate_errors("its metastore", self._workspace_id, RegistryError):
            return str(client.metastores.current().metastore_id)

    def user(self) -> str:
        """Return the name of the user or service principal of the credentials."""
        return self.sdk().current_user.me().user_name or "unknown"

    def run_url(self, experiment_id: str, run_id: str) -> str:
        """Return the address of a run: see ``ClientProvider``."""
        return databricks_run_url(self.sdk().config.host, experiment_id, run_id)

    @contextmanager
    def client(self) -> Iterator[MlflowClient]:
        """Open a client: see ``ClientProvider``."""
        import mlflow
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        self.workspace()
        mlflow.set_tracking_uri(self.tracking_uri)
        mlflow.set_registry_uri(self.registry_uri)
        with translate_errors(
            self.registry_uri, self._workspace_id, RegistryError, MlflowException
        ):
            yield MlflowClient(tracking_uri=self.tracking_uri, registry_uri=self.registry_uri)

    def sdk(self) -> WorkspaceClient:
        """Return a client of the Databricks SDK, for what MLflow's client does not offer."""
        client, _ = connect(self._workspace_id, RegistryError)
        return client

    @contextmanager
    def registry_client(self, changes: str | None = None) -> Iterator[MlflowClient]:
        """Open a client of Unity Catalog: see ``ClientProvider``.

        Raises:
            RegistryError: Also where the change is refused, with the owner's name.
        """
        if self.registry_uri != UNITY_CATALOG:
            raise ConfigurationError(
                f"the target is {self.registry_uri}, the deprecated workspace registry, which has "
                "no aliases and cannot be served across clouds; expected Unity Catalog: set target "
                "and serve_from to databricks-uc, or databricks-uc://scope:prefix"
            )
        with self.client() as client, name_owner(self, changes):
            yield client
