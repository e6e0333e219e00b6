"""The tracking run that kedro-mlflow opened."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from crosscloud_mnist.adapters.mlflow.run_url import databricks_run_url, run_url
from crosscloud_mnist.errors import ConfigurationError
from crosscloud_mnist.training.result import EpochMetrics

_METRICS = (
    "loss",
    "accuracy",
    "val_loss",
    "val_accuracy",
    "learning_rate",
    "seconds",
    "images_per_second",
)
_MAX_DATASET_DIGEST = 36  # MLflow's limit; the complete digest is a tag

logger = logging.getLogger(__name__)


class MlflowTracker:
    """The run that kedro-mlflow opened for the current pipeline: see ``ports.Tracker``.

    Args:
        run_id: Another run, nested in that one.

    Raises:
        ConfigurationError: No run is open.
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
                "no MLflow run is open, expected the one that kedro-mlflow opens; remove the "
                "pipeline from tracking.disable_tracking.pipelines in conf/base/mlflow.yml"
            )
        self._run_id = run.info.run_id

    @contextmanager
    def nested(self, name: str, settings: Mapping[str, object]) -> Iterator[MlflowTracker]:
        """Open a run nested in this one: see ``ports.Tracker``."""
        from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

        parent = self._client.get_run(self._run_id).info
        run = self._client.create_run(
            parent.experiment_id, tags={MLFLOW_PARENT_RUN_ID: parent.run_id}, run_name=name
        )
        status = "FAILED"
        try:
            for setting, value in settings.items():
                self._client.log_param(run.info.run_id, setting, value)
            yield MlflowTracker(run.info.run_id)
            status = "FINISHED"
        finally:
            self._client.set_terminated(run.info.run_id, status)

    def log_epoch(self, record: EpochMetrics) -> None:
        """Log the epoch's metrics, and the progress to the console: see ``ports.Tracker``."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self._client.log_batch(
            self._run_id,
            metrics=[Metric(name, getattr(record, name), now, record.epoch) for name in _METRICS],
        )
        logger.info(
            "epoch %d/%d: loss %.4f, accuracy %.4f, validation accuracy %.4f, %.0f images/s, "
            "%.0f s left",
            record.epoch,
            record.total_epochs,
            record.loss,
            record.accuracy,
            record.val_accuracy,
            record.images_per_second,
            record.seconds * (record.total_epochs - record.epoch),
        )

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Set tags on the run."""
        for name, value in tags.items():
            self._client.set_tag(self._run_id, name, value)

    def log_dataset(self, name: str, digest: str, source: str) -> None:
        """Log the training data as an input of the run."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        dataset = Dataset(name, digest[:_MAX_DATASET_DIGEST], "code", source)
        context = InputTag("mlflow.data.context", "training")
        self._client.log_inputs(self._run_id, [DatasetInput(dataset, [context])])

    def run_id(self) -> str:
        """Return the run's id."""
        return self._run_id

    def run_url(self) -> str:
        """Return the run's address in MLflow's pages."""
        import mlflow
        from mlflow.utils import databricks_utils

        uri = mlflow.get_tracking_uri()
        experiment_id = self._client.get_run(self._run_id).info.experiment_id
        if not uri.startswith("databricks"):
            return run_url(uri, experiment_id, self._run_id)
        utils: Any = databricks_utils  # its functions have no annotations
        host = utils.get_workspace_url() or utils.get_databricks_host_creds(uri).host
        return databricks_run_url(host, experiment_id, self._run_id)

    def log_params(self, params: Mapping[str, object]) -> None:
        """Log the run's parameters by name."""
        from mlflow.entities import Param

        self._client.log_batch(
            self._run_id, params=[Param(name, str(value)) for name, value in params.items()]
        )
