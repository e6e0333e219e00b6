"""Training, on the case's GPU cluster and its CPU twin: azure."""

from __future__ import annotations

from databricks.bundles.core import Variable
from databricks.bundles.jobs import Job

from jobs.task import cluster, doctor_job, kedro_job, kedro_task

_TWO_HOURS = 7200
_EXTRAS = ("train", "databricks")


def jobs(environment: str) -> dict[str, Job]:
    """Return the jobs that train, and the one that checks what they need, by name."""
    workers: Variable[int] = Variable(path="var.workers", type=int)
    train = kedro_task(
        "train",
        environment,
        params={"train_distributed.recipe": "{{job.parameters.recipe}}"},
        timeout_seconds=_TWO_HOURS,
        extras=_EXTRAS,
    )
    on_cpu = cluster("node_type", workers=workers, trains=True)
    return {
        "train": kedro_job(
            "train",
            [train],
            on_cpu,
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
        "doctor": doctor_job(on_cpu, environment, extras=_EXTRAS),
    }
