"""A workspace that is an MLflow store or server."""

from __future__ import annotations

from crosscloud_mnist.adapters.mlflow.clients import MlflowClients
from crosscloud_mnist.adapters.mlflow.credentials import process_config
from crosscloud_mnist.adapters.mlflow.experiments import Experiments
from crosscloud_mnist.adapters.mlflow.ledger import MlflowLedger
from crosscloud_mnist.adapters.mlflow.logged_models import MlflowLoggedModels
from crosscloud_mnist.adapters.mlflow.mlflow_versions import MlflowVersions
from crosscloud_mnist.adapters.mlflow.reports import MlflowReports
from crosscloud_mnist.adapters.mlflow.workspace_registry import WorkspaceRegistry


class MlflowRegistry(WorkspaceRegistry):
    """One MLflow store or server: tracking and model registry. See ``ports.Registry``.

    Args:
        uri: ``sqlite:///...`` or the server's address, without user and password.
        experiment: The experiment of runs and logged models; it is created if it does not exist.
    """

    process_config = staticmethod(process_config)

    def __init__(self, *, uri: str, experiment: str) -> None:
        clients = MlflowClients(uri)
        experiments = Experiments(clients.artifact_location)
        super().__init__(
            clients,
            MlflowLoggedModels(clients),
            MlflowVersions(clients, experiments, experiment),
            MlflowLedger(clients, experiments, experiment),
            MlflowReports(clients, experiments, experiment),
        )
