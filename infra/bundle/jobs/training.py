"""Training, on the case's GPU cluster and its CPU twin: azure."""

from __future__ import annotations

from databricks.bundles.core import Variable
from databricks.bundles.jobs import Job

from jobs.task import cluster, kedro_job, kedro_task

_TWO_HOURS = 7200


def jobs(environment: str) -> dict[str, Job]:
    """Return the jobs that train, by name."""
    workers: Variable[int] = Variable(path="var.workers", type=int)
    train = kedro_task(
        "train",
        environment,
        params={"train_distributed.recipe": "{{job.parameters.recipe}}"},
        timeout_seconds=_TWO_HOURS,
        extras=["train", "databricks"],
    )
    return {
        "train": kedro_job(
            "train",
            [train],
            cluster("node_type", workers=workers, trains=True),
            parameters={"recipe": "best"},
            environment=environment,
        ),
        "train_gpu": kedro_job(
            "train on GPU",
            [train],
            cluster("node_type_gpu", workers=workers, gpu=True, trains=True),
            parameters={"recipe": "best"},
            environment=environment,
        ),
    }
