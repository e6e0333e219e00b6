"""What a promotion leaves on an MLflow server that no version came of, and how it is removed.

A version and its files are known to belong together by their run: a server does not keep the logged
model's number with the version.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from crosscloud_mnist.adapters.mlflow.versions import DIGEST

if TYPE_CHECKING:
    from mlflow import MlflowClient

PROMOTED_AS = "promoted_as"  # tag of what a promotion made, and training never


def delete_orphans(
    client: MlflowClient, experiment_id: str, name: str, digest: str, orphan_ttl_seconds: float
) -> None:
    """Remove the digest's logged models that no version came of, and its open runs.

    What is younger than the lease is spared: somebody may be at work on it.
    """
    before = (time.time() - orphan_ttl_seconds) * 1000
    mine = f"tags.{DIGEST} = '{digest}' AND tags.{PROMOTED_AS} = '{name}'"
    models = client.search_logged_models([experiment_id], filter_string=mine)
    old_models = [model for model in models if model.creation_timestamp <= before]
    runs = client.search_runs([experiment_id], f"{mine} AND attributes.status = 'RUNNING'")
    old_runs = [run for run in runs if run.info.start_time <= before]
    if not (old_models or old_runs):
        return
    used = {version.run_id for version in client.search_model_versions(f"name = '{name}'")}
    for model in old_models:
        if model.source_run_id not in used:
            client.delete_logged_model(model.model_id)
    for run in old_runs:
        if run.info.run_id in used:  # only its end is missing
            client.set_terminated(run.info.run_id)
        else:
            client.delete_run(run.info.run_id)


def remove(client: MlflowClient, name: str, run_id: str) -> None:
    """Remove the logged model that a run promoted under the name, once its version is gone."""
    experiment_id = client.get_run(run_id).info.experiment_id
    mine = f"tags.{PROMOTED_AS} = '{name}'"
    for model in client.search_logged_models([experiment_id], filter_string=mine):
        if model.source_run_id == run_id:
            client.delete_logged_model(model.model_id)
