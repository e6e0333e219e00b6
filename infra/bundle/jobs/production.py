"""Release, rollback, batch scoring, monitoring, doctor: each on a single node of staging or gcp."""

from __future__ import annotations

from databricks.bundles.jobs import Job

from jobs.task import HALF_HOUR, cluster, doctor_job, kedro_job, kedro_task, schedule

_HOUR = 3600


def jobs(environment: str) -> dict[str, Job]:
    """Return the jobs that release and serve, by name."""
    node = cluster("node_type_small")
    batch_score = kedro_job(
        "batch_score",
        [
            kedro_task(
                "batch_score",
                environment,
                params={"images": "{{job.parameters.images}}"},
                retries=2,  # a second run continues where the first one stopped
                timeout_seconds=2 * _HOUR,
            )
        ],
        node,
        parameters={"images": "${var.storage}/01_raw/images"},
        environment=environment,
    )
    batch_score.schedule = schedule("0 0 2 * * ?")
    monitor = kedro_job(
        "monitor",
        [
            kedro_task(
                "monitor",
                environment,
                params={
                    "monitor.require_minimum_images": "{{job.parameters.require_minimum_images}}"
                },
                retries=1,
                timeout_seconds=HALF_HOUR,
            )
        ],
        node,
        parameters={"require_minimum_images": "true"},  # false after a release: few have called yet
        environment=environment,
    )
    monitor.schedule = schedule("0 30 * * * ?")
    return {
        "release": kedro_job(
            "release",
            [
                kedro_task(
                    "register_remote",
                    environment,
                    params={"register_remote.model": "{{job.parameters.model}}"},
                    retries=1,  # every write is idempotent by the bundle's digest
                    timeout_seconds=_HOUR,
                ),
                kedro_task(
                    "deploy",
                    environment,
                    after=["register_remote"],
                    retries=1,
                    timeout_seconds=_HOUR,
                ),
                kedro_task("smoke_test", environment, after=["deploy"], timeout_seconds=HALF_HOUR),
                kedro_task(
                    "report",
                    environment,
                    after=["smoke_test"],
                    retries=1,  # a second report replaces the first
                    timeout_seconds=HALF_HOUR,
                ),
            ],
            node,
            parameters={"model": ""},  # the URI that train printed, models:/m-...
            environment=environment,
        ),
        "rollback": kedro_job(
            "rollback",
            [
                kedro_task(
                    "rollback",
                    environment,
                    params={"rollback.reason": "{{job.parameters.reason}}"},
                    timeout_seconds=_HOUR,
                )
            ],
            node,
            parameters={"reason": ""},
            environment=environment,
        ),
        "batch_score": batch_score,
        "monitor": monitor,
        "doctor": doctor_job(node, environment),
    }
