"""A workspace that is an MLflow store or server, and the tracking run that Kedro opened."""

from __future__ import annotations

import logging
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from crosscloud_mnist.errors import ConfigurationError, RegistryError
from crosscloud_mnist.ports import LoggedModel, ModelVersion
from crosscloud_mnist.training.plan import Epoch

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion as MlflowVersion

_DIGEST = "bundle_digest"
_URI = "models:/"
_FIGURES = (
    "loss",
    "accuracy",
    "val_loss",
    "val_accuracy",
    "learning_rate",
    "seconds",
    "images_per_second",
)
# MLflow's own is four minutes before it says that a server is down.
_PATIENCE: Mapping[str, str] = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}
_CONNECT_SECONDS = 5
_PORTS = {"http": 80, "https": 443}
_LONGEST_DATASET_DIGEST = 36  # MLflow's limit; the whole digest is a tag

logger = logging.getLogger(__name__)


class Tracker:
    """The run that kedro-mlflow opened for the pipeline that is running.

    Args:
        run_id: Another run, inside that one.
    """

    def __init__(self, run_id: str | None = None) -> None:
        import mlflow

        self._client = mlflow.MlflowClient()
        if run_id is not None:
            self._run_id: str = run_id
            return
        run = mlflow.active_run()
        if run is None:
            raise ConfigurationError(
                "no MLflow run is open, expected the one that kedro-mlflow opens; take the "
                "pipeline out of tracking.disable_tracking.pipelines in mlflow.yml"
            )
        self._run_id = run.info.run_id

    @contextmanager
    def nested(self, name: str, settings: Mapping[str, object]) -> Iterator[Tracker]:
        """Open a run inside this one: see ``ports.Tracker``."""
        from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

        parent = self._client.get_run(self._run_id).info
        run = self._client.create_run(
            parent.experiment_id, tags={MLFLOW_PARENT_RUN_ID: parent.run_id}, run_name=name
        )
        status = "FAILED"
        try:
            for setting, value in settings.items():
                self._client.log_param(run.info.run_id, setting, value)
            yield Tracker(run.info.run_id)
            status = "FINISHED"
        finally:
            self._client.set_terminated(run.info.run_id, status)

    def epoch(self, record: Epoch) -> None:
        """Log the epoch's figures with its number as the step, and say how far training is."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self._client.log_batch(
            self._run_id,
            metrics=[Metric(name, getattr(record, name), now, record.number) for name in _FIGURES],
        )
        logger.info(
            "epoch %d/%d: loss %.4f, accuracy %.4f, validation accuracy %.4f, %.0f images/s, "
            "%.0f s left",
            record.number,
            record.of,
            record.loss,
            record.accuracy,
            record.val_accuracy,
            record.images_per_second,
            record.seconds * (record.of - record.number),
        )

    def tags(self, tags: Mapping[str, str]) -> None:
        """Set tags on the run."""
        for name, value in tags.items():
            self._client.set_tag(self._run_id, name, value)

    def dataset(self, name: str, digest: str, source: str) -> None:
        """Log the training data as an input of the run."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        dataset = Dataset(name, digest[:_LONGEST_DATASET_DIGEST], "code", source)
        context = InputTag("mlflow.data.context", "training")
        self._client.log_inputs(self._run_id, [DatasetInput(dataset, [context])])

    def run_id(self) -> str:
        """Return the run's identity."""
        return self._run_id

    def text(self, text: str, name: str) -> None:
        """Log a text artifact under the name."""
        self._client.log_text(self._run_id, text, name)


class Registry:
    """One MLflow store or server: tracking and model registry.

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
        if uri.startswith("sqlite:///"):
            store = Path(uri.removeprefix("sqlite:///")).parent
            store.mkdir(parents=True, exist_ok=True)
            self._artifacts = (store / "artifacts").as_posix()

    @staticmethod
    def access(
        options: Mapping[str, Any], credentials: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """Return what a process of its own is given: see ``isolation.Isolated``.

        A user and password in the address become the variables that MLflow takes: an address is
        shown, logged and recorded.
        """
        address = urlsplit(options["uri"])
        own = {"MLFLOW_TRACKING_USERNAME": address.username}
        own["MLFLOW_TRACKING_PASSWORD"] = address.password
        given = {**own, **credentials}
        variables = {name: str(value) for name, value in given.items() if value is not None}
        bare = address._replace(netloc=address.netloc.rpartition("@")[2]).geturl()
        uri = bare if address.netloc else options["uri"]
        return {**options, "uri": uri}, {**_PATIENCE, **variables}

    def workspace(self) -> str:
        """Return the store's address, once it answered there.

        Raises:
            RegistryError: It does not answer, or refuses the credentials.
        """
        if not self._answered:
            _check_connection(self._uri)
            with self._client_of_workspace() as client:
                client.search_experiments(max_results=1)
            self._answered = True
        return self._uri

    def holds(self, uri: str) -> bool:
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
            return _URI + self._upload(client, folder, run_id, {**tags, _DIGEST: digest}, params)

    def logged_model(self, uri: str) -> LoggedModel:
        """Look up a logged model.

        Raises:
            RegistryError: There is none of that URI, it is not complete, or carries no digest.
        """
        with self._answering() as client:
            model = client.get_logged_model(_model_id(uri))
        digest = model.tags.get(_DIGEST)
        if digest is None or model.status != "READY":
            raise RegistryError(
                f"{uri} in {self.workspace()} is not a whole bundle (status {model.status}, "
                f"{_DIGEST} {digest}), expected one that train logged; train again"
            )
        return LoggedModel(uri, digest, model.source_run_id or "", dict(model.tags))

    def download_logged(self, uri: str, folder: Path) -> None:
        """Write the logged model's files into ``folder``, which must not exist."""
        with self._answering() as client:
            self._download(client.get_logged_model(_model_id(uri)).artifact_location, folder)

    def find_version(self, name: str, digest: str) -> ModelVersion | None:
        """Return the lowest complete version that carries the digest, if there is one."""
        with self._answering() as client:
            versions = client.search_model_versions(f"name = '{name}'")
        same = [v for v in versions if v.tags.get(_DIGEST) == digest and v.status == "READY"]
        return _version(min(same, key=lambda v: int(v.version))) if same else None

    def create_version(
        self, name: str, folder: Path, *, digest: str, tags: Mapping[str, str], description: str
    ) -> ModelVersion:
        """Upload ``folder`` and register it as a new version of ``name``."""
        with self._answering() as client:
            _ensure_registered(client, name)
            run_id = self._new_run(client, "register_remote")
            tags = {**tags, _DIGEST: digest}
            model_id = self._upload(client, folder, run_id, tags, {})
            version = client.create_model_version(
                name,
                source=client.get_logged_model(model_id).artifact_location,
                run_id=run_id,
                model_id=model_id,
                tags=dict(tags),
                description=description,
            )
            client.set_terminated(run_id)
        return _version(version)

    def download_version(self, version: ModelVersion, folder: Path) -> None:
        """Write the version's files into ``folder``, which must not exist."""
        with self._answering() as client:
            location = client.get_model_version_download_uri(version.name, version.version)
            self._download(location, folder)

    def set_alias(self, version: ModelVersion, alias: str) -> None:
        """Let the alias point to the version."""
        with self._answering() as client:
            client.set_registered_model_alias(version.name, alias, version.version)

    def by_alias(self, name: str, alias: str) -> ModelVersion | None:
        """Return the version that the alias points to at this moment, if any."""
        from mlflow.exceptions import MlflowException

        with self._answering() as client:
            try:
                return _version(client.get_model_version_by_alias(name, alias))
            except MlflowException as error:
                if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                    return None
                raise

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

        try:
            yield MlflowClient(tracking_uri=self._uri, registry_uri=self._uri)
        except MlflowException as error:
            reason = " ".join(str(error).split())[:300]
            raise RegistryError(
                f"{self._uri} answered: {reason}; check the names, and that the workspace "
                "is the one that you mean"
            ) from error

    def _new_run(self, client: MlflowClient, name: str) -> str:
        experiment = client.get_experiment_by_name(self._experiment)
        experiment_id = (
            experiment.experiment_id
            if experiment
            else client.create_experiment(self._experiment, artifact_location=self._artifacts)
        )
        run_id: str = client.create_run(experiment_id, run_name=name).info.run_id
        return run_id

    @staticmethod
    def _upload(
        client: MlflowClient,
        folder: Path,
        run_id: str,
        tags: Mapping[str, str],
        params: Mapping[str, str],
    ) -> str:
        """Log the folder as a model; it counts only when its last file is there."""
        model = client.create_logged_model(
            client.get_run(run_id).info.experiment_id,
            name="mnist_cnn",
            source_run_id=run_id,
            tags=dict(tags),
            params=dict(params),
        )
        client.log_model_artifacts(model.model_id, str(folder))
        client.finalize_logged_model(model.model_id, "READY")
        model_id: str = model.model_id
        return model_id

    def _download(self, location: str, folder: Path) -> None:
        from mlflow.artifacts import download_artifacts

        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as staging:
            downloaded = download_artifacts(
                artifact_uri=location, dst_path=staging, tracking_uri=self._uri
            )
            shutil.move(downloaded, folder)


def _check_connection(uri: str) -> None:
    """Fail in seconds where nothing listens: retries are for a server that is there."""
    address = urlsplit(uri)
    if address.scheme not in _PORTS or getproxies().get(address.scheme):
        return
    host, port = address.hostname or "", address.port or _PORTS[address.scheme]
    try:
        socket.create_connection((host, port), timeout=_CONNECT_SECONDS).close()
    except OSError as error:
        raise RegistryError(
            f"{uri} does not answer ({error}), expected an MLflow server there; check the address "
            "and the network"
        ) from error


def _ensure_registered(client: MlflowClient, name: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(
            name, description="MNIST digits: pictures [n, 28, 28] of 0 to 255 to probabilities."
        )
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _model_id(uri: str) -> str:
    if not uri.startswith(_URI + "m-"):
        raise ConfigurationError(
            f"register_remote.model is {uri!r}, expected a logged model's URI, models:/m-..., as "
            "train printed it"
        )
    return uri.removeprefix(_URI)


def _version(version: MlflowVersion) -> ModelVersion:
    tags = dict(version.tags)
    return ModelVersion(version.name, str(version.version), tags.get(_DIGEST, ""), tags)
