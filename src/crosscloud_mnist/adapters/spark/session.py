"""The Spark session, existing or created here, and whether it has the slots."""

from __future__ import annotations

import logging
import signal
import threading
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from crosscloud_mnist.adapters.spark.driver_jvm import start_driver_jvm
from crosscloud_mnist.adapters.spark.environment import check_pyspark
from crosscloud_mnist.adapters.spark.existing_session import find_existing_session
from crosscloud_mnist.adapters.spark.session_settings import (
    TASK_GPUS,
    GpuRole,
    build_loopback_settings,
    build_training_settings,
)
from crosscloud_mnist.errors import ConfigurationError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Executors of a cluster that has just started take a while to register; a job cluster runs before
# all of its machines have started.
_MAX_WAIT_SECONDS = 60.0
_MAX_WAIT_EXISTING_SECONDS = 300.0
_MAX_REASON_CHARACTERS = 300

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SparkCluster:
    """Where Spark runs, and what a session of it must have.

    Attributes:
        master: Spark's master URL; ``None`` takes the existing session (Databricks).
        slots: Barrier tasks that run at once.
        use_gpu: Whether each of them gets a GPU.
        conf: More Spark settings, for a session that is created here.
    """

    master: str | None
    slots: int
    use_gpu: bool = False
    conf: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the slots.

        Raises:
            ConfigurationError: They are not a whole number from 1.
        """
        if not isinstance(self.slots, int) or self.slots < 1:
            raise ConfigurationError(
                f"slots is {self.slots!r}, expected a whole number from 1; correct it in the "
                "globals, or MNIST_SLOTS"
            )

    @contextmanager
    def session(self, *, on_driver: bool) -> Iterator[SparkSession]:
        """Yield a session, and stop it afterwards if it was created here.

        Args:
            on_driver: Whether training runs on the driver itself, and no task does.

        Raises:
            ConfigurationError: There is no session and no master, the session is one of Spark
                Connect, Spark does not start, or there are no GPUs to assign.
        """
        # PySpark 4.3 warns of pandas 3, of which no frame is used here.
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas")
        check_pyspark()
        session = find_existing_session()
        if session is not None:
            self._check_gpus(session)
            yield session
            return
        if self.master is None:
            raise ConfigurationError(
                "there is no Spark session and no spark_master, expected one of them; run on a "
                "cluster, or set spark_master in the globals of the environment"
            )
        if self.use_gpu and self._is_local() and not on_driver:
            raise ConfigurationError(
                f"use_gpu is set and spark_master is {self.master}, expected a cluster: Spark "
                "assigns no GPUs to tasks of a local master; set train_distributed.mode to "
                "single or local, or use_gpu to false in the globals"
            )
        session = self._create(on_driver=on_driver)
        try:
            yield session
        finally:
            session.stop()

    def await_slots(self, spark: SparkSession) -> None:
        """Wait for the slots: a minute, or five on a session that existed.

        Spark itself would wait ten before it fails. A cluster that scales by the tasks that wait
        does not grow meanwhile: no barrier task waits.

        Raises:
            ConfigurationError: The cluster cannot run that many tasks at once.
        """
        scala = spark.sparkContext._jsc.sc()  # PySpark has no public call for it
        profile = scala.resourceProfileManager().defaultResourceProfile()
        wait_seconds = _MAX_WAIT_SECONDS if self.master else _MAX_WAIT_EXISTING_SECONDS
        deadline = time.monotonic() + wait_seconds
        last_found = self.slots
        while (found := scala.maxNumConcurrentTasks(profile)) < self.slots:
            if self._is_local() or time.monotonic() > deadline:
                gpu = " with a GPU" if self.use_gpu else ""
                raise ConfigurationError(
                    f"Spark has {found} slots{gpu}, expected {self.slots}: every barrier task must "
                    "run at once; set fewer slots in the globals, or give the cluster a larger, "
                    "fixed number of workers"
                )
            if found != last_found:
                logger.info("Waiting for slots: %d of %d", found, self.slots)
            last_found = found
            time.sleep(1)

    def _is_local(self) -> bool:
        return str(self.master).startswith("local")

    def _check_gpus(self, session: SparkSession) -> None:
        if self.use_gpu and not session.sparkContext.getConf().contains(TASK_GPUS):
            raise ConfigurationError(
                f"use_gpu is set and the Spark session has no {TASK_GPUS}, expected 1; use a "
                "cluster of GPU machines, or set use_gpu to false in the globals"
            )

    def _create(self, *, on_driver: bool) -> SparkSession:
        from py4j.protocol import Py4JJavaError
        from pyspark.sql import SparkSession

        gpu_role: GpuRole = "driver" if on_driver else "executor"
        settings = {
            "spark.master": str(self.master),
            **build_training_settings(gpu_role if self.use_gpu else None),
            **(build_loopback_settings() if self._is_local() else {}),
            **self.conf,
        }
        builder = SparkSession.builder
        for name, value in settings.items():
            builder = builder.config(name, value)
        try:
            with _keep_interrupt_handler():
                # Settings that the JVM starts with stay set for every later session of this
                # process, so it gets only those that every session has.
                launch_settings = {"spark.master": str(self.master), **self.conf}
                start_driver_jvm(launch_settings, use_gpu=self.use_gpu)
                return builder.getOrCreate()
        except Py4JJavaError as error:
            reason = str(error.java_exception).splitlines()[0][:_MAX_REASON_CHARACTERS]
            raise ConfigurationError(
                f"Spark does not start on {self.master} ({reason}), expected a session; "
                "check spark_master, slots and use_gpu in the globals"
            ) from error


@contextmanager
def _keep_interrupt_handler() -> Iterator[None]:
    """Restore the handler of SIGINT: PySpark sets one that cancels the jobs of every user."""
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread() and handler is not None:
            signal.signal(signal.SIGINT, handler)
