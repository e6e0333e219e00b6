"""Training that survives a lost worker: it runs again from its last checkpoints."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from crosscloud_mnist.adapters.spark.cancel_on_signal import cancel_on_signal
from crosscloud_mnist.adapters.spark.cancel_on_stall import cancel_on_stall
from crosscloud_mnist.adapters.spark.job_errors import translate_job_errors
from crosscloud_mnist.adapters.spark.session import SparkCluster
from crosscloud_mnist.errors import WorkerLostError
from crosscloud_mnist.training import checkpoint
from crosscloud_mnist.training.job import TrainingJob

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_T = TypeVar("_T")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RetryPolicy:
    """When an attempt counts as lost, and how many there are.

    Attributes:
        max_attempts: Attempts, the first one included.
        epoch_timeout_seconds: Seconds that an epoch may take.
    """

    max_attempts: int
    epoch_timeout_seconds: float


def run_with_retries(
    run: Callable[[Sequence[TrainingJob]], _T],
    jobs: Sequence[TrainingJob],
    cluster: SparkCluster,
    spark: SparkSession,
    policy: RetryPolicy,
) -> _T:
    """Return ``run(jobs)``; after a lost worker, run again from the jobs' last checkpoints.

    Spark does not retry a barrier stage that ends in a result, so the whole stage runs again.

    Args:
        run: Starts one barrier stage that trains the jobs.
        jobs: What to train.
        cluster: Whose slots must be free before another attempt.
        spark: The session that the stage runs in.
        policy: When an attempt counts as lost, and how many there are.

    Raises:
        WorkerLostError: A worker was lost in the last attempt, too.
        CrosscloudError: Training failed for another reason: there is no second attempt.
    """
    for attempt in itertools.count(1):
        try:
            return _run_once(run, jobs, spark, policy.epoch_timeout_seconds)
        except WorkerLostError as error:
            if attempt >= policy.max_attempts:
                raise
            jobs = [_resume(job) for job in jobs]
            epochs = ", ".join(str(job.initial_epoch) for job in jobs)
            logger.warning(
                "%s; attempt %d of %d resumes after epoch %s",
                error,
                attempt + 1,
                policy.max_attempts,
                epochs,
            )
            cluster.await_slots(spark)
    raise AssertionError  # unreachable: the loop has no end


def _run_once(
    run: Callable[[Sequence[TrainingJob]], _T],
    jobs: Sequence[TrainingJob],
    spark: SparkSession,
    epoch_timeout_seconds: float,
) -> _T:
    checkpoint_dirs = [job.checkpoint_dir for job in jobs]
    with (
        cancel_on_signal(spark.sparkContext),
        cancel_on_stall(spark.sparkContext, checkpoint_dirs, epoch_timeout_seconds),
        translate_job_errors(),
    ):
        return run(jobs)


def _resume(job: TrainingJob) -> TrainingJob:
    return replace(job, initial_epoch=checkpoint.last_epoch(job.checkpoint_dir))
