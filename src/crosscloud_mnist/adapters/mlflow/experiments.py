"""The experiments of one workspace, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crosscloud_mnist.errors import RegistryError
from crosscloud_mnist.redaction import summarize

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment

_TAKEN = ("RESOURCE_ALREADY_EXISTS", "INVALID_PARAMETER_VALUE")  # by an experiment, or otherwise


class Experiments:
    """Finds experiments, and creates those that do not exist.

    Args:
        artifact_location: Where a new experiment keeps its files; ``None`` is the server's default.
    """

    def __init__(self, artifact_location: str | None) -> None:
        self._artifact_location = artifact_location
        self._ids: dict[str, str] = {}

    def get_id(self, client: MlflowClient, name: str) -> str:
        """Return the experiment's id.

        Raises:
            RegistryError: The experiment is deleted, or its name is taken by something else.
        """
        if name not in self._ids:
            experiment = client.get_experiment_by_name(name)
            self._ids[name] = (
                _get_active_id(experiment) if experiment else self._create(client, name)
            )
        return self._ids[name]

    def _create(self, client: MlflowClient, name: str) -> str:
        from mlflow.exceptions import MlflowException

        try:
            return str(client.create_experiment(name, artifact_location=self._artifact_location))
        except MlflowException as error:
            if error.error_code not in _TAKEN:
                raise
            existing = client.get_experiment_by_name(name)  # another process was faster
            if existing is None:
                raise RegistryError(
                    f"the experiment {name} cannot be created ({summarize(error.message)}), "
                    "expected a valid name that nothing else has, such as a notebook or a folder: "
                    "rename that, or set experiment in the globals of the environment"
                ) from error
            return _get_active_id(existing)


def _get_active_id(experiment: Experiment) -> str:
    if experiment.lifecycle_stage != "active":
        raise RegistryError(
            f"the experiment {experiment.name} (id {experiment.experiment_id}) is "
            f"{experiment.lifecycle_stage}, expected an active one: restore it with mlflow "
            f"experiments restore --experiment-id {experiment.experiment_id}, or set experiment in "
            "the globals of the environment"
        )
    return str(experiment.experiment_id)
