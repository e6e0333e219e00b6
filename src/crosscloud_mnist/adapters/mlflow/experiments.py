"""The experiments of one workspace, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow import MlflowClient


class Experiments:
    """Finds experiments, and creates those that do not exist.

    Args:
        artifact_location: Where a new experiment keeps its files; ``None`` is the server's default.
    """

    def __init__(self, artifact_location: str | None) -> None:
        self._artifact_location = artifact_location
        self._ids: dict[str, str] = {}

    def get_id(self, client: MlflowClient, name: str) -> str:
        """Return the experiment's id."""
        if name not in self._ids:
            experiment = client.get_experiment_by_name(name)
            self._ids[name] = (
                str(experiment.experiment_id) if experiment else self._create(client, name)
            )
        return self._ids[name]

    def _create(self, client: MlflowClient, name: str) -> str:
        from mlflow.exceptions import MlflowException

        try:
            return str(client.create_experiment(name, artifact_location=self._artifact_location))
        except MlflowException as error:
            existing = client.get_experiment_by_name(name)  # another process was faster
            if error.error_code != "RESOURCE_ALREADY_EXISTS" or existing is None:
                raise
            return str(existing.experiment_id)
