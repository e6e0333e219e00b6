"""What an interrupted promotion leaves on an MLflow server, and how it is removed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow import MlflowClient

PROMOTED_AS = "promoted_as"  # tag of what a promotion made, and training never


def clean(
    client: MlflowClient, experiment_id: str, name: str, digest: str, lease_seconds: float
) -> None:
    """Remove the digest's runs that are open and logged models that no version came of.

    What is younger than the lease is spared: somebody may be at work on it.
    """
    before = (time.time() - lease_seconds) * 1000
    mine = f"tags.bundle_digest = '{digest}' AND tags.{PROMOTED_AS} = '{name}'"
    versions = client.search_model_versions(f"name = '{name}'")
    used = {each for version in versions for each in (version.model_id, version.run_id)}
    for model in client.search_logged_models([experiment_id], filter_string=mine):
        if model.model_id not in used and model.creation_timestamp <= before:
            client.delete_logged_model(model.model_id)
    for run in client.search_runs([experiment_id], f"{mine} AND attributes.status = 'RUNNING'"):
        if run.info.start_time > before:
            continue
        if run.info.run_id in used:  # only its end is missing
            client.set_terminated(run.info.run_id)
        else:
            client.delete_run(run.info.run_id)
