"""A Databricks workspace: MLflow tracking, and the Unity Catalog model registry."""

from __future__ import annotations

from collections.abc import Mapping

from crosscloud_mnist.adapters.databricks.access import resolve_access
from crosscloud_mnist.adapters.databricks.clients import WorkspaceClients
from crosscloud_mnist.adapters.databricks.logged_models import DatabricksLoggedModels
from crosscloud_mnist.adapters.databricks.versions import UnityCatalogVersions
from crosscloud_mnist.adapters.mlflow.experiments import Experiments
from crosscloud_mnist.adapters.mlflow.ledger import MlflowLedger
from crosscloud_mnist.adapters.mlflow.reports import MlflowReports
from crosscloud_mnist.adapters.mlflow.workspace_registry import WorkspaceRegistry
from crosscloud_mnist.isolation.process_config import ProcessConfig


class UnityCatalogRegistry(WorkspaceRegistry):
    """One workspace, in a process that has only its credentials. See ``ports.Registry``.

    Args:
        uri: ``databricks-uc``; or ``databricks``, the deprecated workspace registry, which is only
            read from.
        experiment: Absolute path in the workspace, ``/Shared/...``.
        workspace_id: The id that must be reached before anything is written, if it is known.
    """

    def __init__(self, *, uri: str, experiment: str, workspace_id: str | None = None) -> None:
        clients = WorkspaceClients(uri, workspace_id)
        experiments = Experiments(clients.artifact_location)
        super().__init__(
            clients,
            DatabricksLoggedModels(clients),
            UnityCatalogVersions(clients),
            MlflowLedger(clients, experiments, experiment),
            MlflowReports(clients, experiments, experiment),
        )

    @staticmethod
    def process_config(
        options: Mapping[str, object], credentials: Mapping[str, object]
    ) -> ProcessConfig:
        """Return what the registry's process is given: see ``ProcessConfig``."""
        access = resolve_access(str(options["uri"]), credentials)
        resolved = {**options, "uri": access.uri, "workspace_id": access.workspace_id}
        return access.process_config(resolved)
