"""Runs training in this process, or as Spark tasks through MirroredStrategyRunner."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, get_args

from crosscloud_mnist.adapters.spark.epoch_follower import follow_jobs
from crosscloud_mnist.adapters.spark.existing_session import (
    check_training_settings,
    name_access_mode,
)
from crosscloud_mnist.adapters.spark.job_errors import translate_job_errors
from crosscloud_mnist.adapters.spark.libraries import check_driver_libraries
from crosscloud_mnist.adapters.spark.preflight import check_slots
from crosscloud_mnist.adapters.spark.retries import RetryPolicy, run_with_retries
from crosscloud_mnist.adapters.spark.session import SparkCluster
from crosscloud_mnist.adapters.spark.task_environment import (
    Train,
    TrainInEnvironment,
    build_task_variables,
)
from crosscloud_mnist.errors import ConfigurationError
from crosscloud_mnist.ports import Mode
from crosscloud_mnist.training.distributed.gpu import train_on_gpu
from crosscloud_mnist.training.distributed.independent import train_independently
from crosscloud_mnist.training.job import TrainingJob
from crosscloud_mnist.training.result import EpochMetrics, TrainingResult
from crosscloud_mnist.training.tensorflow_startup import start_tensorflow

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from spark_tensorflow_distributor import MirroredStrategyRunner


class SparkLauncher:
    """Runs the training function in one of the four modes.

    Args:
        master: Spark's master URL; ``None`` takes the existing session (Databricks).
        slots: Barrier tasks of ``distributed`` and ``custom``, one training process each.
        conf: More Spark settings, for a session that is created here.
        use_gpu: Whether each slot trains on a GPU that Spark assigns to it.
        max_attempts: How often training runs, the first time included: after a lost slot it
            resumes from its last checkpoint.
        epoch_timeout_seconds: Seconds that an epoch may take; then the attempt counts as lost.
        slot_memory_bytes: Memory that a slot takes outside the executor's heap.
    """

    def __init__(
        self,
        *,
        master: str | None,
        slots: int,
        conf: Mapping[str, str] | None = None,
        use_gpu: bool = False,
        max_attempts: int = 3,
        epoch_timeout_seconds: float = 600,
        slot_memory_bytes: int = 1_300_000_000,
    ) -> None:
        self._cluster = SparkCluster(master, slots, use_gpu, conf or {})
        self._retry_policy = RetryPolicy(max_attempts, epoch_timeout_seconds)
        self._slots = slots
        self._use_gpu = use_gpu
        self._slot_memory_bytes = slot_memory_bytes

    def launch(
        self,
        train: Train,
        job: TrainingJob,
        mode: Mode,
        on_epoch: Callable[[EpochMetrics], None],
    ) -> TrainingResult:
        """Run ``train(job)`` on every slot and return rank 0's result: see ``ports.Launcher``.

        Raises:
            ConfigurationError: There is no such mode, no Spark session, too few slots, or a slot
                that cannot train.
            TrainingError: Training failed, was interrupted, or lost a slot in every attempt.
        """
        if mode not in get_args(Mode):
            raise ConfigurationError(
                f"train_distributed.mode is {mode!r}, expected {', '.join(get_args(Mode))}; set "
                "one of them"
            )
        check_driver_libraries()
        with follow_jobs([job], lambda _, metrics: on_epoch(metrics)):
            if mode == "single":
                return self._wrap_for_this_process(train)(job)
            if mode == "local":
                return self._train_on_driver(train, job)
            job = replace(job, create_strategy=mode == "custom")
            with self._slots_session(train) as (spark, task):
                return run_with_retries(
                    partial(self._train_together, task, mode),
                    [job],
                    self._cluster,
                    spark,
                    self._retry_policy,
                )

    def launch_independent(
        self,
        train: Train,
        jobs: Sequence[TrainingJob],
        on_epoch: Callable[[int, EpochMetrics], None],
    ) -> tuple[TrainingResult, ...]:
        """Train each job on a slot of its own, at most as many at once as there are slots.

        See ``ports.Launcher``.

        Raises:
            ConfigurationError: As ``launch``.
            TrainingError: As ``launch``.
        """
        check_driver_libraries()
        jobs = [replace(job, create_strategy=True) for job in jobs]
        results: list[TrainingResult] = []
        with follow_jobs(jobs, on_epoch), self._slots_session(train) as (spark, task):
            for start in range(0, len(jobs), self._slots):
                results += run_with_retries(
                    partial(self._train_independently, task),
                    jobs[start : start + self._slots],
                    self._cluster,
                    spark,
                    self._retry_policy,
                )
        return tuple(results)

    def _train_on_driver(self, train: Train, job: TrainingJob) -> TrainingResult:
        with self._cluster.session(on_driver=True):
            result: TrainingResult = self._runner("local", 1).run(
                partial(self._wrap_for_this_process(train), job)
            )
        return result

    def _train_together(
        self, task: Train, mode: Mode, jobs: Sequence[TrainingJob]
    ) -> TrainingResult:
        (job,) = jobs
        result: TrainingResult = self._runner(mode, self._slots).run(partial(task, job))
        return result

    def _train_independently(
        self, task: Train, jobs: Sequence[TrainingJob]
    ) -> tuple[TrainingResult, ...]:
        results: tuple[TrainingResult, ...] = self._runner("custom", len(jobs)).run(
            partial(train_independently, task, jobs)
        )
        return results

    def _runner(self, mode: Mode, slots: int) -> MirroredStrategyRunner:
        from spark_tensorflow_distributor import MirroredStrategyRunner

        logging.getLogger("MirroredStrategyRunner").addFilter(_is_error)
        return MirroredStrategyRunner(
            num_slots=slots,
            local_mode=mode == "local",
            use_gpu=self._use_gpu,
            use_custom_strategy=mode == "custom",
        )

    def _wrap_for_assigned_device(self, train: Train) -> Train:
        return partial(train_on_gpu, train) if self._use_gpu else train

    def _wrap_for_this_process(self, train: Train) -> Train:
        if not self._use_gpu:
            start_tensorflow(hide_gpus=True)
        return self._wrap_for_assigned_device(train)

    @contextmanager
    def _slots_session(self, train: Train) -> Iterator[tuple[SparkSession, Train]]:
        """Yield a session whose slots are there and can train, and what its tasks run."""
        with self._cluster.session(on_driver=False) as spark:
            with name_access_mode():
                check_training_settings(spark)
                self._cluster.await_slots(spark)
            with translate_job_errors():
                cores = check_slots(spark.sparkContext, self._slots, self._slot_memory_bytes)
            yield (
                spark,
                TrainInEnvironment(
                    self._wrap_for_assigned_device(train), build_task_variables(cores)
                ),
            )


def _is_error(record: logging.LogRecord) -> bool:
    # The runner sets INFO for itself; its one warning is that mode local trains on the driver.
    return record.levelno >= logging.ERROR
