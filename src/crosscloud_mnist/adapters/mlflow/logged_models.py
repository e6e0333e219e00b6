"""One MLflow store or server, and the models that runs logged there."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from crosscloud_mnist.adapters.mlflow.artifacts import download, upload
from crosscloud_mnist.adapters.mlflow.credentials import access
from crosscloud_mnist.adapters.mlflow.versions import DIGEST
from crosscloud_mnist.errors import ConfigurationError, RegistryError
from crosscloud_mnist.ports import LoggedModel
from crosscloud_mnist.reachability import check_reachable

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel as MlflowLoggedModel
    from mlflow.entities import Run

_URI = "models:/"


class LoggedModels:
    """What a workspace logs: the tracking half of ``ports.Registry``.

    Its credentials are those of the process that it is in: see ``isolation.py``.

    Args:
        uri: ``sqlite:///...`` or the server's address, without user and password.
        experiment: The experiment that runs and logged models belong to; made where it is missing.
    """

    def __init__(self, *, uri: str, experiment: str) -> None:
        self._uri = uri
        self._experiment = experiment
        self._answered = False
        self._artifacts: str | None = None
        self._experiments: dict[str, str] = {}
        if uri.startswith("sqlite:///"):
            store = Path(uri.removeprefix("sqlite:///")).parent
            store.mkdir(parents=True, exist_ok=True)
            self._artifacts = (store / "artifacts").as_posix()

    access = staticmethod(access)

    def workspace(self) -> str:
        """Return the store's address, once it answered there.

        Raises:
            RegistryError: It does not answer, or refuses the credentials.
        """
        if not self._answered:
            check_reachable(self._uri, "an MLflow server", RegistryError)
            with self._client_of_workspace() as client:
                client.search_experiments(max_results=1)
            self._answered = True
        return self._uri

    def has_logged_model(self, uri: str) -> bool:
        """Whether this workspace knows the logged model.

        Its number is random, so whoever knows it is the workspace that logged it, under whatever
        name it was reached. One that may not be seen is known all the same.
        """
        from mlflow.exceptions import MlflowException

        with self._answering() as client:
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
        with self._answering() as client:
            run = client.get_run(run_id)
            model = self._log(client, folder, run, {**tags, DIGEST: digest}, params)
        return _URI + str(model.model_id)

    def logged_model(self, uri: str) -> LoggedModel:
        """Look up a logged model.

        Raises:
            RegistryError: There is none of that URI, it is not complete, or carries no digest.
        """
        with self._answering() as client:
            model = client.get_logged_model(_model_id(uri))
        digest = model.tags.get(DIGEST)
        if digest is None or model.status != "READY":
            raise RegistryError(
                f"{uri} in {self.workspace()} is not a whole bundle (status {model.status}, "
                f"{DIGEST} {digest}), expected one that train logged; train again"
            )
        return LoggedModel(uri, digest, model.source_run_id or "", dict(model.tags))

    def download_logged(self, uri: str, folder: Path) -> None:
        """Write the logged model's files into ``folder``, which must not exist."""
        with self._answering() as client:
            self._download(client.get_logged_model(_model_id(uri)).artifact_location, folder)

    @contextmanager
    def _answering(self) -> Iterator[MlflowClient]:
        """Give a client of the workspace, which is known to answer."""
        self.workspace()
        with self._client_of_workspace() as client:
            yield client

    @contextmanager
    def _client_of_workspace(self) -> Iterator[MlflowClient]:
        """Give a client of this workspace alone; what it answers badly is said in one line."""
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
        from requests import RequestException

        try:
            yield MlflowClient(tracking_uri=self._uri, registry_uri=self._uri)
        except (MlflowException, RequestException) as error:
            reason = " ".join(str(error).split())[:300]
            raise RegistryError(
                f"{self._uri} answered: {reason}; check the names and the credentials, and that "
                "the workspace is the one that you mean"
            ) from error

    def _experiment_id(self, client: MlflowClient, name: str) -> str:
        if name not in self._experiments:
            experiment = client.get_experiment_by_name(name)
            self._experiments[name] = (
                str(experiment.experiment_id) if experiment else self._new_experiment(client, name)
            )
        return self._experiments[name]

    def _new_experiment(self, client: MlflowClient, name: str) -> str:
        from mlflow.exceptions import MlflowException

        try:
            return str(client.create_experiment(name, artifact_location=self._artifacts))
        except MlflowException as error:
            found = client.get_experiment_by_name(name)  # whoever was first has made it
            if error.error_code != "RESOURCE_ALREADY_EXISTS" or found is None:
                raise
            return str(found.experiment_id)

    def _log(
        self,
        client: MlflowClient,
        folder: Path,
        run: Run,
        tags: Mapping[str, str],
        params: Mapping[str, str],
    ) -> MlflowLoggedModel:
        """Log the folder as a model; it counts only when its last file is there."""
        model = client.create_logged_model(
            run.info.experiment_id,
            name="mnist_cnn",
            source_run_id=run.info.run_id,
            tags=dict(tags),
            params=dict(params),
        )
        upload(folder, model.artifact_location, self._uri)
        client.finalize_logged_model(model.model_id, "READY")
        return model

    def _download(self, location: str, folder: Path) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as staging:
            shutil.move(download(location, Path(staging), self._uri), folder)


def _model_id(uri: str) -> str:
    if not uri.startswith(_URI + "m-"):
        raise ConfigurationError(
            f"register_remote.model is {uri!r}, expected a logged model's URI, models:/m-..., as "
            "train printed it"
        )
    return uri.removeprefix(_URI)
