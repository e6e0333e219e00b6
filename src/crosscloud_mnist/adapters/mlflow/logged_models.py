"""The models that runs logged on one tracking server."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from crosscloud_mnist.adapters.mlflow.artifacts import download, upload
from crosscloud_mnist.adapters.mlflow.base_versions import DIGEST
from crosscloud_mnist.errors import ConfigurationError, RegistryError
from crosscloud_mnist.ports import LoggedModel

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel as MlflowLoggedModel
    from mlflow.entities import Run

    from crosscloud_mnist.adapters.mlflow.clients import ClientProvider

_URI = "models:/"


class MlflowLoggedModels:
    """The logged models of one workspace: see ``ports.LoggedModels``.

    Args:
        clients: The workspace.
    """

    def __init__(self, clients: ClientProvider) -> None:
        self._clients = clients

    def has_logged_model(self, uri: str) -> bool:
        """Whether this workspace logged the model: see ``ports.LoggedModels``."""
        from mlflow.exceptions import MlflowException

        with self._clients.client() as client:
            try:
                client.get_logged_model(_model_id(uri))
            except MlflowException as error:
                if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                    return False
                if error.error_code != "PERMISSION_DENIED":
                    raise
        return True

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
        with self._clients.client() as client:
            run = client.get_run(run_id)
            model = create_logged_model(
                client,
                self._clients,
                folder,
                run,
                tags={**tags, DIGEST: digest},
                params=params,
            )
        return _URI + str(model.model_id)

    def logged_model(self, uri: str) -> LoggedModel:
        """Look up a logged model: see ``ports.LoggedModels``."""
        with self._clients.client() as client:
            model = client.get_logged_model(_model_id(uri))
        digest = model.tags.get(DIGEST)
        if digest is None or model.status != "READY":
            raise RegistryError(
                f"{uri} in {self._clients.workspace()} is not a complete bundle (status "
                f"{model.status}, {DIGEST} {digest}), expected one that train logged; train again"
            )
        return LoggedModel(uri, digest, model.source_run_id or "", dict(model.tags))

    def download_logged(self, uri: str, folder: Path) -> None:
        """Write the model's files into ``folder``, which must not exist."""
        with self._clients.client() as client:
            location = client.get_logged_model(_model_id(uri)).artifact_location
            download(location, folder, self._clients)


def create_logged_model(
    client: MlflowClient,
    clients: ClientProvider,
    folder: Path,
    run: Run,
    *,
    tags: Mapping[str, str],
    params: Mapping[str, str],
) -> MlflowLoggedModel:
    """Log the folder as a model of the run; it is ``READY`` only when its last file is uploaded."""
    model = client.create_logged_model(
        run.info.experiment_id,
        name="mnist_cnn",
        source_run_id=run.info.run_id,
        tags=dict(tags),
        params=dict(params),
    )
    upload(folder, model.artifact_location, clients)
    client.finalize_logged_model(model.model_id, "READY")
    return model


def _model_id(uri: str) -> str:
    if not uri.startswith(_URI + "m-"):
        raise ConfigurationError(
            f"register_remote.model is {uri!r}, expected a logged model's URI, models:/m-..., as "
            "train printed it; add --params register_remote.model=models:/m-..."
        )
    return uri.removeprefix(_URI)
