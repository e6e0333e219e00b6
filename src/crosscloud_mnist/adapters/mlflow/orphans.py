"""What interrupted promotions leave on an MLflow server, and how it is removed.

An orphan is a run or a logged model of a promotion that has no version. A version and its logged
model have the same run; MLflow does not store the logged model's id with the version.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from crosscloud_mnist.adapters.mlflow.base_versions import DIGEST, search_versions
from crosscloud_mnist.adapters.mlflow.pages import read_pages

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel, Run

PROMOTED_AS = "promoted_as"  # tag of runs and logged models that a promotion created


def delete_orphans(
    client: MlflowClient, experiment_id: str, name: str, digest: str, orphan_ttl_seconds: float
) -> None:
    """Remove the digest's logged models without a version, and its open runs.

    Args:
        client: Of the server.
        experiment_id: The experiment of the promotions.
        name: The registered model.
        digest: Of the bundle.
        orphan_ttl_seconds: Younger ones are kept: another promotion may be in progress.
    """
    newest_ms = (time.time() - orphan_ttl_seconds) * 1000
    of_promotion = f"tags.{DIGEST} = '{digest}' AND tags.{PROMOTED_AS} = '{name}'"
    models = _search_logged_models(client, experiment_id, of_promotion)
    old_models = [model for model in models if model.creation_timestamp <= newest_ms]
    runs = _search_runs(client, experiment_id, f"{of_promotion} AND attributes.status = 'RUNNING'")
    old_runs = [run for run in runs if run.info.start_time <= newest_ms]
    if not (old_models or old_runs):
        return
    used_runs = {version.run_id for version in search_versions(client, name)}
    for model in old_models:
        if model.source_run_id not in used_runs:
            client.delete_logged_model(model.model_id)
    for run in old_runs:
        if run.info.run_id in used_runs:  # the promotion stopped before it ended its run
            client.set_terminated(run.info.run_id)
        else:
            client.delete_run(run.info.run_id)


def delete_copy(client: MlflowClient, name: str, run_id: str) -> None:
    """Remove the logged model that the run promoted under the name; its version is deleted."""
    experiment_id = client.get_run(run_id).info.experiment_id
    of_promotion = f"tags.{PROMOTED_AS} = '{name}'"
    for model in _search_logged_models(client, experiment_id, of_promotion):
        if model.source_run_id == run_id:
            client.delete_logged_model(model.model_id)


def _search_logged_models(
    client: MlflowClient, experiment_id: str, filter_string: str
) -> list[LoggedModel]:
    return list(
        read_pages(
            lambda token: client.search_logged_models(
                [experiment_id], filter_string=filter_string, page_token=token
            )
        )
    )


def _search_runs(client: MlflowClient, experiment_id: str, filter_string: str) -> list[Run]:
    return list(
        read_pages(
            lambda token: client.search_runs([experiment_id], filter_string, page_token=token)
        )
    )
