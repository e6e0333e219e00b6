"""Checks of the compute: the session, its settings, its slots, and the storage from an executor."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from crosscloud_mnist.adapters.spark.existing_session import (
    check_training_settings,
    name_access_mode,
)
from crosscloud_mnist.adapters.spark.job_errors import translate_job_errors
from crosscloud_mnist.adapters.spark.libraries import check_driver_libraries
from crosscloud_mnist.adapters.spark.preflight import check_slots
from crosscloud_mnist.adapters.spark.session import SparkCluster
from crosscloud_mnist.errors import ConfigurationError
from crosscloud_mnist.isolation.check_runner import NotApplicableError, Step, run_steps
from crosscloud_mnist.ports import Check, is_training
from crosscloud_mnist.storage.probe import (
    EXPECTED,
    check_required,
    describe_optional,
    probe,
    shared_file,
)

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_AREA = "compute"
_RUNTIME = "DATABRICKS_RUNTIME_VERSION"
_MIN_RUNTIME = 18
# Not documented: read by many diagnostic tools, and absent on serverless compute.
_ACCESS_MODE = "spark.databricks.clusterUsageTags.dataSecurityMode"
_DEDICATED = ("SINGLE_USER", "DATA_SECURITY_MODE_DEDICATED")
_SLOT_MEMORY_BYTES = 1_300_000_000


class SparkChecks:
    """Checks what training and batch scoring need of Spark: see ``ports.Checker``.

    Args:
        master: Spark's master URL; ``None`` takes the existing session (Databricks).
        slots: Barrier tasks that train at once.
        use_gpu: Whether each of them gets a GPU.
        storage: The storage folder, which every executor must see.
    """

    def __init__(self, *, master: str | None, slots: int, use_gpu: bool, storage: str) -> None:
        self._cluster = SparkCluster(master, slots, use_gpu)
        self._slots, self._storage = slots, storage

    def check(self, earlier: Sequence[Check]) -> list[Check]:
        """Return the checks of the compute; the session ends afterwards if it was created here."""
        with ExitStack() as stack:
            steps = self._steps(stack, is_training=is_training(earlier))
            return run_steps(_AREA, steps, earlier)

    def _steps(self, stack: ExitStack, *, is_training: bool) -> list[Step]:
        opened: list[SparkSession] = []
        results: dict[str, str] = {}

        def open_session() -> str:
            spark = stack.enter_context(self._cluster.session(on_driver=False))
            opened.append(spark)
            return f"Spark {spark.version} on {spark.sparkContext.master}"

        return [
            Step(
                "libraries of the driver",
                "the wheel with its extra train",
                _check_driver_libraries,
                is_required=is_training,
            ),
            Step("runtime", f"Databricks Runtime {_MIN_RUNTIME} or later", _check_runtime),
            Step("session", "a classic Spark session", open_session, timeout_seconds=60),
            Step(
                "access mode",
                "Dedicated access mode",
                lambda: _check_access_mode(opened[0]),
                requires=["session"],
            ),
            Step(
                "settings",
                "the settings that barrier tasks with TensorFlow need",
                lambda: _check_settings(opened[0]),
                requires=["session"],
                is_required=is_training,
            ),
            Step(
                "slots",
                f"{self._slots} tasks at once",
                lambda: self._check_slots(opened[0]),
                requires=["session"],
                timeout_seconds=90,
            ),
            Step(
                "libraries of the executors",
                f"a barrier job of {self._slots} tasks with the driver's libraries, and memory",
                lambda: self._check_libraries(opened[0]),
                requires=["slots", "libraries of the driver"],
                is_required=is_training,
                timeout_seconds=60,
            ),
            Step(
                "storage from an executor",
                EXPECTED,
                lambda: self._probe_storage(opened[0], results),
                requires=["slots", "libraries of the executors", "storage: driver"],
                timeout_seconds=60,
            ),
            Step(
                "storage from an executor, optional",
                "not needed",
                lambda: describe_optional(results),
                requires=["storage from an executor"],
                is_required=False,
            ),
        ]

    def _check_slots(self, spark: SparkSession) -> str:
        with name_access_mode():
            self._cluster.await_slots(spark)
        return f"{self._slots} tasks at once"

    def _check_libraries(self, spark: SparkSession) -> str:
        with translate_job_errors():
            cores = check_slots(spark.sparkContext, self._slots, _SLOT_MEMORY_BYTES)
        return f"{self._slots} barrier tasks with {cores} cores each and the driver's libraries"

    def _probe_storage(self, spark: SparkSession, results: dict[str, str]) -> str:
        def run(paths: Iterable[str]) -> Iterator[dict[str, str]]:
            return map(probe, paths)

        with translate_job_errors(), shared_file(self._storage) as shared:
            (found,) = spark.sparkContext.parallelize([shared], 1).mapPartitions(run).collect()
        results.update(found)
        return check_required(self._storage, results)


def _check_driver_libraries() -> str:
    check_driver_libraries()
    return "the libraries of training"


def _check_runtime() -> str:
    version = os.environ.get(_RUNTIME)
    if not version:
        raise NotApplicableError("not on Databricks")
    major = version.partition(".")[0]
    if major.isdigit() and int(major) < _MIN_RUNTIME:
        raise ConfigurationError(
            f"Databricks Runtime {version}, expected {_MIN_RUNTIME} LTS ML or later; change the "
            "cluster's runtime"
        )
    return f"Databricks Runtime {version}"


def _check_access_mode(spark: SparkSession) -> str:
    if not os.environ.get(_RUNTIME):
        raise NotApplicableError("not on Databricks")
    mode = spark.sparkContext.getConf().get(_ACCESS_MODE, "")
    if not mode:
        raise NotApplicableError(f"unknown: the session has no {_ACCESS_MODE}")
    if mode not in _DEDICATED:
        raise ConfigurationError(
            f"the cluster has access mode {mode}, expected {_DEDICATED[0]} (Dedicated): barrier "
            "tasks are RDDs; change the cluster's access mode"
        )
    return f"{mode} (Dedicated)"


def _check_settings(spark: SparkSession) -> str:
    check_training_settings(spark)
    return "no worker reuse, no dynamic allocation, no encryption between executors"
