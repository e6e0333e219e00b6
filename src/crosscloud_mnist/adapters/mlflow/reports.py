"""The reports of versions: each is a run of the workspace's experiment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crosscloud_mnist.ports import ModelVersion

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from crosscloud_mnist.adapters.mlflow.clients import ClientProvider
    from crosscloud_mnist.adapters.mlflow.experiments import Experiments

_REPORT_OF = "report_of"  # tag of the run: the version and the digest of its bundle
_FILE = "report.html"


class MlflowReports:
    """The reports of one workspace: see ``ports.Reports``.

    Args:
        clients: The workspace.
        experiments: Of that workspace.
        experiment: The name of the experiment that the runs belong to.
    """

    def __init__(self, clients: ClientProvider, experiments: Experiments, experiment: str) -> None:
        self._clients, self._experiments, self._experiment = clients, experiments, experiment
        # Of the reports that this process wrote: a search on Databricks may not list them yet.
        self._run_ids: dict[str, str] = {}

    def log_report(self, version: ModelVersion, page: str) -> str:
        """Log the page in the run of the version's report: see ``ports.Reports``."""
        with self._clients.client() as client:
            experiment_id = self._experiments.get_id(client, self._experiment)
            report_of = f"{version.name} {version.version} {version.digest}"
            run_id = self._run_ids.get(report_of) or _find_or_create_run(
                client, experiment_id, report_of
            )
            self._run_ids[report_of] = run_id
            client.log_text(run_id, page, _FILE)
            client.set_terminated(run_id)
        return self._clients.run_url(experiment_id, run_id)


def _find_or_create_run(client: MlflowClient, experiment_id: str, report_of: str) -> str:
    """Return the run of the version's report, so that a second report replaces the first."""
    runs = client.search_runs([experiment_id], f"tags.{_REPORT_OF} = '{report_of}'", max_results=1)
    if runs:
        return str(runs[0].info.run_id)
    run = client.create_run(experiment_id, run_name="report", tags={_REPORT_OF: report_of})
    return str(run.info.run_id)
