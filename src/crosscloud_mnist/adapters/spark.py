"""Where training runs: in this process, or as Spark tasks through MirroredStrategyRunner."""

from __future__ import annotations

import logging
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from crosscloud_mnist.adapters.epochs import following
from crosscloud_mnist.adapters.versions import check_versions
from crosscloud_mnist.errors import (
    ConfigurationError,
    CrosscloudError,
    TrainingError,
    WorkerLost,
)
from crosscloud_mnist.ports import Mode
from crosscloud_mnist.training import checkpoint
from crosscloud_mnist.training.plan import Epoch, Outcome, Plan

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

logger = logging.getLogger(__name__)

# What a surviving rank, or Spark, says of one that went away; and the runner's port race: it frees
# its port before TensorFlow binds it.
_LOST = re.compile(
    r"Python worker exited|ExecutorLost|[Ee]xecutor .*(lost|exited)|Worker lost|EOFException"
    r"|(Unavailable|Aborted|Cancelled|DeadlineExceeded)Error|Connection (reset|refused)"
    r"|Socket closed|[Aa]ddress already in use"
)
_SLOTS_SECONDS = 60.0  # executors of a cluster that was just started take a while to register


class Launcher:
    """Runs the training function in one of the four modes.

    Args:
        master: Spark's master URL; ``None`` takes the session that is there (Databricks).
        slots: Barrier tasks of ``distributed`` and ``custom``, one training process each.
        conf: More Spark settings, for a session that is made here.
        use_gpu: Whether each slot trains on the GPUs that Spark assigns to it.
        attempts: How often training goes on from its last checkpoint after a slot was lost,
            the first time included.
    """

    def __init__(
        self,
        *,
        master: str | None,
        slots: int,
        conf: Mapping[str, str] | None = None,
        use_gpu: bool = False,
        attempts: int = 3,
    ) -> None:
        self._master = master
        self._slots = slots
        self._conf = conf or {}
        self._use_gpu = use_gpu
        self._attempts = attempts

    def launch(
        self,
        train: Callable[[Plan], Outcome],
        plan: Plan,
        mode: Mode,
        on_epoch: Callable[[Epoch], None],
    ) -> Outcome:
        """Run ``train(plan)`` on every slot and return rank 0's outcome: see ``ports.Launcher``.

        Raises:
            ConfigurationError: There is no such mode, no Spark session, or too few slots.
            TrainingError: Training failed, was interrupted, or a slot was lost more often than
                the attempts allow.
        """
        if mode not in ("single", "local", "distributed", "custom"):
            raise ConfigurationError(
                f"train_distributed.mode is {mode!r}, expected single, local, distributed or custom"
            )
        checkpoint.clear(plan.records)
        try:
            with following(plan.records, plan.epochs, on_epoch):
                if mode == "single":
                    return train(plan)
                with self._session() as spark:
                    if mode != "local":
                        self._await_slots(spark)
                        check_versions(spark.sparkContext, self._slots)
                    return self._persist(spark, train, plan, mode)
        except KeyboardInterrupt:
            raise TrainingError(
                "training was interrupted, expected it to go on to the end; nothing was "
                "registered: run again"
            ) from None

    def _persist(
        self, spark: SparkSession, train: Callable[[Plan], Outcome], plan: Plan, mode: Mode
    ) -> Outcome:
        """Train; where a slot is lost, go on from the last epoch that was finished."""
        for attempt in range(1, self._attempts):
            try:
                return self._run(train, plan, mode)
            except WorkerLost as lost:
                plan = replace(plan, done=checkpoint.last(plan.records))
                logger.warning(
                    "%s; attempt %d of %d goes on after epoch %d",
                    lost,
                    attempt + 1,
                    self._attempts,
                    plan.done,
                )
                self._await_slots(spark)
        return self._run(train, plan, mode)

    def _run(self, train: Callable[[Plan], Outcome], plan: Plan, mode: Mode) -> Outcome:
        from py4j.protocol import Py4JJavaError
        from spark_tensorflow_distributor import MirroredStrategyRunner

        local, custom = mode == "local", mode == "custom"
        runner = MirroredStrategyRunner(
            num_slots=1 if local else self._slots,
            local_mode=local,
            use_gpu=self._use_gpu,
            use_custom_strategy=custom,
        )
        try:
            outcome: Outcome = runner.run(train, plan=replace(plan, own_strategy=custom))
        except Py4JJavaError as error:
            raise _in_one_line(str(error.java_exception)) from error
        return outcome

    @contextmanager
    def _session(self) -> Iterator[SparkSession]:
        from pyspark.sql import SparkSession

        session = SparkSession.getActiveSession()
        if session is not None:
            yield session
            return
        if self._master is None:
            raise ConfigurationError(
                "there is no Spark session and no spark_master, expected one of them; run on a "
                "cluster, or set spark_master in the globals of the environment"
            )
        session = self._started()
        try:
            yield session
        finally:
            session.stop()

    def _started(self) -> SparkSession:
        from pyspark.sql import SparkSession

        threads = str(max(1, (os.cpu_count() or 1) // self._slots))
        settings = {
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",  # the epochs are shown
            "spark.log.level": "ERROR",
            # TensorFlow's collective operations can be set up once in a process.
            "spark.python.worker.reuse": "false",
            "spark.executorEnv.TF_CPP_MIN_LOG_LEVEL": "2",
            # TensorFlow reads these two; slots of one machine share its cores.
            "spark.executorEnv.TF_NUM_INTRAOP_THREADS": threads,
            "spark.executorEnv.TF_NUM_INTEROP_THREADS": "1",
            **(self._on_this_machine() if str(self._master).startswith("local") else {}),
            **self._conf,
        }
        builder = SparkSession.builder.master(str(self._master)).appName("crosscloud-mnist")
        for name, value in settings.items():
            builder = builder.config(name, value)
        return builder.getOrCreate()

    @staticmethod
    def _on_this_machine() -> dict[str, str]:
        """Keep Spark on loopback, and its Python workers in this environment."""
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        return {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}

    def _await_slots(self, spark: SparkSession) -> None:
        """Refuse in a minute what Spark would try for ten, tasks that find no slot."""
        scala = spark.sparkContext._jsc.sc()  # PySpark has no public call for it
        profile = scala.resourceProfileManager().defaultResourceProfile()
        until = time.monotonic() + _SLOTS_SECONDS
        while (found := scala.maxNumConcurrentTasks(profile)) < self._slots:
            if str(spark.sparkContext.master).startswith("local") or time.monotonic() > until:
                raise ConfigurationError(
                    f"Spark has {found} slots, expected {self._slots}: every barrier task must "
                    "run at once; set fewer slots in the globals, or give the cluster more workers"
                )
            time.sleep(1)


def _in_one_line(trace: str) -> CrosscloudError:
    """Return the reason that stands in the trace of a lost Spark job."""
    raised = re.findall(r"^(?:[\w.]+\.)?(\w+(?:Error|Exception)): (.+)$", trace, re.MULTILINE)
    for error in (ConfigurationError, TrainingError):
        ours = [message for name, message in raised if name == error.__name__]
        if ours:
            return error(ours[-1])
    lines = [line.strip() for line in trace.splitlines() if line.strip()]
    reason = f"{raised[-1][0]}: {raised[-1][1]}" if raised else lines[0]
    lost = WorkerLost if _LOST.search(trace) else TrainingError
    return lost(
        f"a Spark task was lost ({reason[:300]}), expected every slot to train to the end; see the "
        "executor's log, and run again"
    )
