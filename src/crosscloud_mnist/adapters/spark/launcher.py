"""Where training runs: in this process, or as Spark tasks through MirroredStrategyRunner."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from crosscloud_mnist.adapters.spark.cancel_on_signal import cancel_on_signal
from crosscloud_mnist.adapters.spark.cancel_on_stall import cancel_on_stall
from crosscloud_mnist.adapters.spark.epoch_follower import follow_epochs
from crosscloud_mnist.adapters.spark.job_errors import translate_job_errors
from crosscloud_mnist.adapters.spark.preflight import check_slots
from crosscloud_mnist.adapters.spark.session import SparkCluster
from crosscloud_mnist.errors import ConfigurationError, TrainingError, WorkerLostError
from crosscloud_mnist.ports import Mode
from crosscloud_mnist.training import checkpoint
from crosscloud_mnist.training.distributed.gpu import train_on_gpu
from crosscloud_mnist.training.distributed.independent import train_independently
from crosscloud_mnist.training.job import TrainingJob
from crosscloud_mnist.training.result import EpochMetrics, TrainingResult

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_T = TypeVar("_T")

logger = logging.getLogger(__name__)


class SparkLauncher:
    """Runs the training function in one of the four modes.

    Args:
        master: Spark's master URL; ``None`` takes the session that is there (Databricks).
        slots: Barrier tasks of ``distributed`` and ``custom``, one training process each.
        conf: More Spark settings, for a session that is made here.
        use_gpu: Whether each slot trains on a GPU that Spark assigns to it.
        attempts: How often training goes on from its last checkpoint after a slot was lost,
            the first time included.
        epoch_timeout_seconds: Seconds that an epoch may take; after them the attempt counts as lost.
        slot_memory: Bytes that a slot takes outside the executor's heap.
    """

    def __init__(
        self,
        *,
        master: str | None,
        slots: int,
        conf: Mapping[str, str] | None = None,
        use_gpu: bool = False,
        attempts: int = 3,
        epoch_timeout_seconds: float = 600,
        slot_memory: int = 1_300_000_000,
    ) -> None:
        self._cluster = SparkCluster(master, slots, use_gpu, conf or {})
        self._slots = slots
        self._use_gpu = use_gpu
        self._attempts = attempts
        self._epoch_timeout_seconds = epoch_timeout_seconds
        self._slot_memory = slot_memory

    def launch(
        self,
        train: Callable[[TrainingJob], TrainingResult],
        job: TrainingJob,
        mode: Mode,
        on_epoch: Callable[[EpochMetrics], None],
    ) -> TrainingResult:
        """Run ``train(job)`` on every slot and return rank 0's result: see ``ports.Launcher``.

        Raises:
            ConfigurationError: There is no such mode, no Spark session, too few slots, or a slot
                that cannot train.
            TrainingError: Training failed, was interrupted, or a slot was lost more often than
                the attempts allow.
        """
        if mode not in ("single", "local", "distributed", "custom"):
            raise ConfigurationError(
                f"train_distributed.mode is {mode!r}, expected single, local, distributed or custom"
            )
        train = self._placed(train)
        with _followed([job], lambda _, epoch: on_epoch(epoch)):
            if mode == "single":
                return train(job)
            with self._session(mode) as spark:

                def attempt(jobs: Sequence[TrainingJob]) -> TrainingResult:
                    own = replace(jobs[0], create_strategy=mode == "custom")
                    return self._run(mode, self._slots, partial(train, own))

                if mode == "local":
                    return attempt([job])
                return self._run_with_retries(spark, [job], attempt)

    def launch_independent(
        self,
        train: Callable[[TrainingJob], TrainingResult],
        jobs: Sequence[TrainingJob],
        on_epoch: Callable[[int, EpochMetrics], None],
    ) -> tuple[TrainingResult, ...]:
        """Run each job on a slot of its own, as many at once as there are slots.

        See ``ports.Launcher``.

        Raises:
            ConfigurationError: As ``launch``.
            TrainingError: As ``launch``.
        """
        train = self._placed(train)
        results: list[TrainingResult] = []
        with _followed(jobs, on_epoch), self._session("custom") as spark:
            for start in range(0, len(jobs), self._slots):
                wave = [
                    replace(job, create_strategy=True) for job in jobs[start : start + self._slots]
                ]

                def attempt(jobs: Sequence[TrainingJob]) -> tuple[TrainingResult, ...]:
                    return self._run("custom", len(jobs), partial(train_independently, train, jobs))

                results += self._run_with_retries(spark, wave, attempt)
        return tuple(results)

    def _placed(
        self, train: Callable[[TrainingJob], TrainingResult]
    ) -> Callable[[TrainingJob], TrainingResult]:
        return partial(train_on_gpu, train) if self._use_gpu else train

    @contextmanager
    def _session(self, mode: Mode) -> Iterator[SparkSession]:
        on_driver = mode == "local"
        with self._cluster.session(on_driver=on_driver) as spark:
            if not on_driver:
                self._cluster.await_slots(spark)
                with translate_job_errors():
                    check_slots(spark.sparkContext, self._slots, self._slot_memory)
            yield spark

    def _run_with_retries(
        self,
        spark: SparkSession,
        jobs: Sequence[TrainingJob],
        attempt: Callable[[Sequence[TrainingJob]], _T],
    ) -> _T:
        """Train; where a slot is lost, go on from the last epochs that were finished."""
        folders = [job.checkpoint_dir for job in jobs]
        number = 1
        while True:
            try:
                with (
                    cancel_on_signal(spark.sparkContext),
                    cancel_on_stall(spark.sparkContext, folders, self._epoch_timeout_seconds),
                    translate_job_errors(),
                ):
                    return attempt(jobs)
            except WorkerLostError as lost:
                if number == self._attempts:
                    raise
                number += 1
                jobs = [
                    replace(job, initial_epoch=checkpoint.last(job.checkpoint_dir)) for job in jobs
                ]
                logger.warning(
                    "%s; attempt %d of %d goes on after epoch %s",
                    lost,
                    number,
                    self._attempts,
                    ", ".join(str(job.initial_epoch) for job in jobs),
                )
                self._cluster.await_slots(spark)

    def _run(self, mode: Mode, slots: int, function: Callable[[], _T]) -> _T:
        from spark_tensorflow_distributor import MirroredStrategyRunner

        local = mode == "local"
        runner = MirroredStrategyRunner(
            num_slots=1 if local else slots,
            local_mode=local,
            use_gpu=self._use_gpu,
            use_custom_strategy=mode == "custom",
        )
        result: _T = runner.run(function)
        return result


@contextmanager
def _followed(
    jobs: Sequence[TrainingJob], on_epoch: Callable[[int, EpochMetrics], None]
) -> Iterator[None]:
    """Follow the epochs of all jobs from their beginning, whatever an earlier training left."""
    with ExitStack() as stack:
        for index, job in enumerate(jobs):
            checkpoint.clear(job.checkpoint_dir)
            stack.enter_context(
                follow_epochs(job.checkpoint_dir, job.epochs, partial(on_epoch, index))
            )
        try:
            yield
        except KeyboardInterrupt:
            raise TrainingError(
                "training was interrupted, expected it to go on to the end; nothing was "
                "registered: run again"
            ) from None
