"""The Spark session: the one that is there, or one of our own, and whether it has the slots."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from crosscloud_mnist.errors import ConfigurationError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

DISCOVER_GPUS = Path(__file__).with_name("discover_gpus.sh")
_SLOTS_SECONDS = 60.0  # executors of a cluster that was just started take a while to register
_TASK_GPUS = "spark.task.resource.gpu.amount"


@dataclass(frozen=True)
class SparkCluster:
    """Where Spark is, and what is asked of it.

    Attributes:
        master: Spark's master URL; ``None`` takes the session that is there (Databricks).
        slots: Barrier tasks that run at once.
        use_gpu: Whether each of them gets a GPU.
        conf: More Spark settings, for a session that is made here.
    """

    master: str | None
    slots: int
    use_gpu: bool = False
    conf: Mapping[str, str] = field(default_factory=dict)

    @contextmanager
    def session(self, *, on_driver: bool) -> Iterator[SparkSession]:
        """Give a session, and stop it afterwards where it was made here.

        Args:
            on_driver: Whether training runs on the driver itself, and no task does.

        Raises:
            ConfigurationError: There is no session and no master; or there are no GPUs to assign.
        """
        from pyspark.sql import SparkSession

        session = SparkSession.getActiveSession()
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
                "assigns no GPUs to tasks on this machine alone; set train_distributed.mode to "
                "single or local, or use_gpu to false in the globals"
            )
        session = self._started(on_driver=on_driver)
        try:
            yield session
        finally:
            session.stop()

    def await_slots(self, spark: SparkSession) -> None:
        """Refuse in a minute what Spark would try for ten, tasks that find no slot.

        Raises:
            ConfigurationError: The cluster cannot run that many tasks at once.
        """
        scala = spark.sparkContext._jsc.sc()  # PySpark has no public call for it
        profile = scala.resourceProfileManager().defaultResourceProfile()
        until = time.monotonic() + _SLOTS_SECONDS
        while (found := scala.maxNumConcurrentTasks(profile)) < self.slots:
            if self._is_local() or time.monotonic() > until:
                gpu = " with a GPU" if self.use_gpu else ""
                raise ConfigurationError(
                    f"Spark has {found} slots{gpu}, expected {self.slots}: every barrier task must "
                    "run at once; set fewer slots in the globals, or give the cluster more workers"
                )
            time.sleep(1)

    def _is_local(self) -> bool:
        return str(self.master).startswith("local")

    def _check_gpus(self, session: SparkSession) -> None:
        if self.use_gpu and not session.sparkContext.getConf().contains(_TASK_GPUS):
            raise ConfigurationError(
                f"use_gpu is set and the Spark session has no {_TASK_GPUS}, expected 1; take a "
                "cluster of GPU machines, or set use_gpu to false in the globals"
            )

    def _started(self, *, on_driver: bool) -> SparkSession:
        from py4j.protocol import Py4JJavaError
        from pyspark.sql import SparkSession

        threads = str(max(1, (os.cpu_count() or 1) // self.slots))
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
            # As training.loop does, which comes too late: the runner has imported TensorFlow then.
            "spark.executorEnv.TF_ENABLE_ONEDNN_OPTS": "1",
            **(_loopback() if self._is_local() else {}),
            **(_gpus("driver" if on_driver else "executor") if self.use_gpu else {}),
            **self.conf,
        }
        builder = SparkSession.builder.master(str(self.master)).appName("crosscloud-mnist")
        for name, value in settings.items():
            builder = builder.config(name, value)
        try:
            return builder.getOrCreate()
        except Py4JJavaError as error:
            reason = str(error.java_exception).splitlines()[0]
            raise ConfigurationError(
                f"Spark does not start on {self.master} ({reason[:300]}), expected a session; "
                "check spark_master, slots and use_gpu in the globals"
            ) from error


def _loopback() -> dict[str, str]:
    """Keep Spark on loopback, and its Python workers in this environment."""
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    return {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}


def _gpus(of: str) -> dict[str, str]:
    """One GPU for each task: https://spark.apache.org/docs/latest/configuration.html, resources."""
    return {
        f"spark.{of}.resource.gpu.amount": "1",
        f"spark.{of}.resource.gpu.discoveryScript": str(DISCOVER_GPUS),
        **({_TASK_GPUS: "1"} if of == "executor" else {}),
    }
