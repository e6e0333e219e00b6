"""What every rank did, exchanged over Spark's barrier and verified by the driver."""

from __future__ import annotations

import json
from dataclasses import asdict

from crosscloud_mnist.errors import TrainingError
from crosscloud_mnist.training.distributed.collectives import gather
from crosscloud_mnist.training.early_stopping import is_finished
from crosscloud_mnist.training.job import TrainingJob
from crosscloud_mnist.training.result import TrainingResult, WorkerReport


def exchange_reports(report: WorkerReport) -> tuple[WorkerReport, ...]:
    """Return every rank's report, in rank order; outside a barrier task, only this one.

    The runner returns rank 0's value only, so the ranks exchange their reports before they end.
    """
    messages = [json.loads(message) for message in gather(json.dumps(asdict(report)))]
    reports = [WorkerReport(**{**each, "shards": tuple(each["shards"])}) for each in messages]
    return tuple(sorted(reports, key=lambda each: each.rank))


def verify_worker_reports(result: TrainingResult, job: TrainingJob) -> None:
    """Reject a result whose worker reports do not agree.

    Raises:
        TrainingError: The ranks' weights differ, a shard was read twice or by none, there are not
            as many epochs as the job wants, or the images do not add up to them.
    """
    reports, config = result.worker_reports, job.config
    if len({report.weights_sha256 for report in reports}) != 1:
        hashes = ", ".join(f"rank {each.rank} {each.weights_sha256[:12]}" for each in reports)
        raise TrainingError(
            f"the ranks ended with different weights ({hashes}), expected equal ones; the model "
            "is discarded: run again, and check that all workers have the same versions"
        )
    read = sorted(shard for report in reports for shard in report.shards)
    if read != list(range(len(job.train))):
        raise TrainingError(
            f"the ranks read the shards {read}, expected each of {len(job.train)} once; the "
            "model is discarded: run again"
        )
    if not is_finished(config, result.history):
        raise TrainingError(
            f"training ended after {len(result.history)} of {config.epochs} epochs, expected "
            "it to go on; the model is discarded: run again"
        )
    seen = sum(report.images for report in reports)
    expected = len(result.history) * config.steps_per_epoch * config.global_batch_size
    if seen != expected:
        raise TrainingError(
            f"the ranks saw {seen} training images, expected {expected}; the model is "
            "discarded: run again"
        )
