"""Clients of one workspace: the only place where it is reached and its errors are translated."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Protocol

from crosscloud_mnist.adapters.mlflow.run_url import run_url
from crosscloud_mnist.errors import RegistryError
from crosscloud_mnist.reachability import check_reachable
from crosscloud_mnist.redaction import select_secrets, summarize
from crosscloud_mnist.storage.sqlite_store import database_path, ensure_sqlite_store

if TYPE_CHECKING:
    from mlflow import MlflowClient


class ClientProvider(Protocol):
    """Opens clients of one workspace, whose credentials are those of the current process.

    Attributes:
        tracking_uri: Of its tracking server.
        registry_uri: Of its model registry.
        artifact_location: Where new experiments keep their files; ``None`` is the server's default.
    """

    @property
    def tracking_uri(self) -> str: ...  # noqa: D102
    @property
    def registry_uri(self) -> str: ...  # noqa: D102
    @property
    def artifact_location(self) -> str | None: ...  # noqa: D102

    def workspace(self) -> str:
        """Return the workspace's address, once it was reached.

        Raises:
            RegistryError: It does not respond, rejects the credentials, or is not the expected one.
        """

    def registry_id(self) -> str:
        """Return what identifies the model registry, which workspaces may share."""

    def user(self) -> str:
        """Return the user's name, as the workspace knows it."""

    def run_url(self, experiment_id: str, run_id: str) -> str:
        """Return the address of a run in MLflow's pages."""

    def client(self) -> AbstractContextManager[MlflowClient]:
        """Open a client; what fails in the block is raised as a ``RegistryError`` of one line."""

    def registry_client(self, changes: str | None = None) -> AbstractContextManager[MlflowClient]:
        """Open a client of the model registry.

        Args:
            changes: The registered model that the block changes, if it does: where that is refused,
                the message names the model and what is needed.

        Raises:
            ConfigurationError: Versions cannot be registered there.
        """


class MlflowClients:
    """Clients of an MLflow store or server.

    Args:
        uri: ``sqlite:///...`` or the server's address, without user and password.
    """

    def __init__(self, uri: str) -> None:
        self.tracking_uri = self.registry_uri = uri
        self.artifact_location: str | None = None
        self._is_reached = False
        if database := database_path(uri):
            self.artifact_location = (database.absolute().parent / "artifacts").as_uri()

    def workspace(self) -> str:
        """Return the address: see ``ClientProvider``."""
        if not self._is_reached:
            ensure_sqlite_store(self.tracking_uri)
            check_reachable(self.tracking_uri, "an MLflow server", RegistryError)
            with self._translated_client() as client:
                client.search_experiments(max_results=1)
            self._is_reached = True
        return self.tracking_uri

    def registry_id(self) -> str:
        """Return the address: the store holds its own registry."""
        return self.workspace()

    def user(self) -> str:
        """Return the user of the credentials, or of this machine."""
        try:
            return os.environ.get("MLFLOW_TRACKING_USERNAME") or getpass.getuser()
        except (KeyError, OSError):  # a container's user may have no name
            return f"uid {os.getuid()}"

    def run_url(self, experiment_id: str, run_id: str) -> str:
        """Return the address of a run: see ``ClientProvider``."""
        return run_url(self.tracking_uri, experiment_id, run_id)

    @contextmanager
    def client(self) -> Iterator[MlflowClient]:
        """Open a client: see ``ClientProvider``."""
        self.workspace()
        with self._translated_client() as client:
            yield client

    @contextmanager
    def registry_client(self, changes: str | None = None) -> Iterator[MlflowClient]:  # noqa: ARG002
        """Open a client: see ``ClientProvider``. A server's own messages name what is refused."""
        with self.client() as client:
            yield client

    @contextmanager
    def _translated_client(self) -> Iterator[MlflowClient]:
        from mlflow import MlflowClient

        try:
            yield MlflowClient(tracking_uri=self.tracking_uri, registry_uri=self.registry_uri)
        except _request_errors() as error:
            reason = summarize(str(error), select_secrets(os.environ))
            raise RegistryError(
                f"a request to {self.tracking_uri} failed: {reason}; check the address, the names "
                "and the credentials"
            ) from error


def _request_errors() -> tuple[type[Exception], ...]:
    """Return what a client raises; of SQLAlchemy only where MLflow uses it, for a database."""
    from mlflow.exceptions import MlflowException
    from requests import RequestException

    database_errors = sys.modules.get("sqlalchemy.exc")
    return (
        MlflowException,
        RequestException,
        *([database_errors.SQLAlchemyError] if database_errors else []),
    )
