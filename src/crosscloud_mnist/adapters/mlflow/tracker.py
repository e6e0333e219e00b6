"""The tracking run that Kedro opened."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from crosscloud_mnist.errors import ConfigurationError
from crosscloud_mnist.training.result import EpochMetrics

_FIGURES = (
    "loss",
    "accuracy",
    "val_loss",
    "val_accuracy",
    "learning_rate",
    "seconds",
    "images_per_second",
)
_MAX_DATASET_DIGEST = 36  # MLflow's limit; the whole digest is a tag

logger = logging.getLogger(__name__)


class MlflowTracker:
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
    def nested(self, name: str, settings: Mapping[str, object]) -> Iterator[MlflowTracker]:
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
            yield MlflowTracker(run.info.run_id)
            status = "FINISHED"
        finally:
            self._client.set_terminated(run.info.run_id, status)

    def log_epoch(self, record: EpochMetrics) -> None:
        """Log the epoch's figures with its number as the step, and say how far training is."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self._client.log_batch(
            self._run_id,
            metrics=[Metric(name, getattr(record, name), now, record.epoch) for name in _FIGURES],
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
        """Return the run's identity."""
        return self._run_id

    def log_text(self, text: str, name: str) -> None:
        """Log a text artifact under the name."""
        self._client.log_text(self._run_id, text, name)
