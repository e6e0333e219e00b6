"""Where training runs: in this process, or as Spark tasks through MirroredStrategyRunner."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from crosscloud_mnist.adapters.cancelling import cancelling
from crosscloud_mnist.adapters.cluster import Cluster
from crosscloud_mnist.adapters.epochs import following
from crosscloud_mnist.adapters.lost import in_one_line
from crosscloud_mnist.adapters.preflight import check_slots
from crosscloud_mnist.adapters.watchdog import watched
from crosscloud_mnist.errors import ConfigurationError, TrainingError, WorkerLost
from crosscloud_mnist.ports import Mode
from crosscloud_mnist.training import checkpoint
from crosscloud_mnist.training.alone import train_alone
from crosscloud_mnist.training.gpu import train_on_gpu
from crosscloud_mnist.training.plan import Epoch, Outcome, Plan

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_T = TypeVar("_T")

logger = logging.getLogger(__name__)


class Launcher:
    """Runs the training function in one of the four modes.

    Args:
        master: Spark's master URL; ``None`` takes the session that is there (Databricks).
        slots: Barrier tasks of ``distributed`` and ``custom``, one training process each.
        conf: More Spark settings, for a session that is made here.
        use_gpu: Whether each slot trains on a GPU that Spark assigns to it.
        attempts: How often training goes on from its last checkpoint after a slot was lost,
            the first time included.
        patience: Seconds that an epoch may take; after them the attempt counts as lost.
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
        patience: float = 600,
        slot_memory: int = 1_300_000_000,
    ) -> None:
        self._cluster = Cluster(master, slots, use_gpu, conf or {})
        self._slots = slots
        self._use_gpu = use_gpu
        self._attempts = attempts
        self._patience = patience
        self._slot_memory = slot_memory

    def launch(
        self,
        train: Callable[[Plan], Outcome],
        plan: Plan,
        mode: Mode,
        on_epoch: Callable[[Epoch], None],
    ) -> Outcome:
        """Run ``train(plan)`` on every slot and return rank 0's outcome: see ``ports.Launcher``.

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
        with _followed([plan], lambda _, epoch: on_epoch(epoch)):
            if mode == "single":
                return train(plan)
            with self._session(mode) as spark:

                def attempt(plans: Sequence[Plan]) -> Outcome:
                    own = replace(plans[0], own_strategy=mode == "custom")
                    return self._run(mode, self._slots, partial(train, own))

                if mode == "local":
                    return attempt([plan])
                return self._persist(spark, [plan], attempt)

    def launch_each(
        self,
        train: Callable[[Plan], Outcome],
        plans: Sequence[Plan],
        on_epoch: Callable[[int, Epoch], None],
    ) -> tuple[Outcome, ...]:
        """Run each plan on a slot of its own, as many at once as there are slots.

        See ``ports.Launcher``.

        Raises:
            ConfigurationError: As ``launch``.
            TrainingError: As ``launch``.
        """
        train = self._placed(train)
        outcomes: list[Outcome] = []
        with _followed(plans, on_epoch), self._session("custom") as spark:
            for start in range(0, len(plans), self._slots):
                wave = [
                    replace(plan, own_strategy=True) for plan in plans[start : start + self._slots]
                ]

                def attempt(plans: Sequence[Plan]) -> tuple[Outcome, ...]:
                    return self._run("custom", len(plans), partial(train_alone, train, plans))

                outcomes += self._persist(spark, wave, attempt)
        return tuple(outcomes)

    def _placed(self, train: Callable[[Plan], Outcome]) -> Callable[[Plan], Outcome]:
        return partial(train_on_gpu, train) if self._use_gpu else train

    @contextmanager
    def _session(self, mode: Mode) -> Iterator[SparkSession]:
        on_driver = mode == "local"
        with self._cluster.session(on_driver=on_driver) as spark:
            if not on_driver:
                self._cluster.await_slots(spark)
                with in_one_line():
                    check_slots(spark.sparkContext, self._slots, self._slot_memory)
            yield spark

    def _persist(
        self, spark: SparkSession, plans: Sequence[Plan], attempt: Callable[[Sequence[Plan]], _T]
    ) -> _T:
        """Train; where a slot is lost, go on from the last epochs that were finished."""
        folders = [plan.records for plan in plans]
        number = 1
        while True:
            try:
                with (
                    cancelling(spark.sparkContext),
                    watched(spark.sparkContext, folders, self._patience),
                    in_one_line(),
                ):
                    return attempt(plans)
            except WorkerLost as lost:
                if number == self._attempts:
                    raise
                number += 1
                plans = [replace(plan, done=checkpoint.last(plan.records)) for plan in plans]
                logger.warning(
                    "%s; attempt %d of %d goes on after epoch %s",
                    lost,
                    number,
                    self._attempts,
                    ", ".join(str(plan.done) for plan in plans),
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
def _followed(plans: Sequence[Plan], on_epoch: Callable[[int, Epoch], None]) -> Iterator[None]:
    """Follow the epochs of all plans from their beginning, whatever an earlier training left."""
    with ExitStack() as stack:
        for index, plan in enumerate(plans):
            checkpoint.clear(plan.records)
            stack.enter_context(following(plan.records, plan.epochs, partial(on_epoch, index)))
        try:
            yield
        except KeyboardInterrupt:
            raise TrainingError(
                "training was interrupted, expected it to go on to the end; nothing was "
                "registered: run again"
            ) from None
