"""The Spark session that a cluster provides: found, and checked for what training needs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from crosscloud_mnist.adapters.spark.session_settings import WORKER_REUSE
from crosscloud_mnist.errors import ConfigurationError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Set by Spark or Databricks in a process that it starts: the session is theirs.
_MANAGED_DRIVER = ("PYSPARK_GATEWAY_PORT", "DATABRICKS_RUNTIME_VERSION")
_MUST_BE_FALSE = (  # the setting, Spark's default, and why
    (WORKER_REUSE, "true", "TensorFlow sets up its collective operations once in a process"),
    ("spark.dynamicAllocation.enabled", "false", "barrier tasks need fixed executors"),
    ("spark.ssl.enabled", "false", "MirroredStrategyRunner does not encrypt what it sends"),
)
_USE_DEDICATED = (
    "expected a classic one: training needs RDD barrier tasks; use a cluster with Dedicated access "
    "mode"
)


def find_existing_session() -> SparkSession | None:
    """Return the session of this thread, or the one of this process, or ``None``.

    Raises:
        ConfigurationError: It is a session of Spark Connect.
    """
    from pyspark import SparkContext
    from pyspark.sql import SparkSession
    from pyspark.sql.utils import is_remote

    uses_connect = is_remote() or bool(os.environ.get("SPARK_REMOTE"))
    session = None if uses_connect else SparkSession.getActiveSession()
    # A session belongs to a thread; its context, of which PySpark has no public query, does not.
    has_context = SparkContext._active_spark_context is not None
    is_managed = any(name in os.environ for name in _MANAGED_DRIVER)
    if session is None and not uses_connect and (has_context or is_managed):
        session = SparkSession.builder.getOrCreate()
    if uses_connect or "connect" in type(session).__module__.split("."):
        raise ConfigurationError(
            "the Spark session is one of Spark Connect (serverless, Standard access mode or "
            f"Databricks Connect), {_USE_DEDICATED}"
        )
    return session


def check_training_settings(spark: SparkSession) -> None:
    """Check the settings of an existing session that no task can change for itself.

    Raises:
        ConfigurationError: Barrier tasks with TensorFlow cannot run on this session.
    """
    conf = spark.sparkContext.getConf()
    for name, default, reason in _MUST_BE_FALSE:
        found = conf.get(name, default)
        if found.lower() != "false":
            raise ConfigurationError(
                f"the Spark session has {name}={found}, expected false: {reason}; set it in the "
                "cluster's Spark config"
            )


@contextmanager
def name_access_mode() -> Iterator[None]:
    """Name the access mode of a cluster whose session allows only a list of Spark's methods.

    Such a session has ``sparkContext``, but ``maxNumConcurrentTasks`` and others are refused:
    https://github.com/joblib/joblib-spark/issues/26.

    Raises:
        ConfigurationError: The cluster refused a method.
    """
    from py4j.protocol import Py4JError

    try:
        yield
    except Py4JError as error:
        if "Py4JSecurityException" not in str(error):
            raise
        raise ConfigurationError(
            "the Spark session refuses methods that are not on its list (Standard access mode, or "
            f"table access control), {_USE_DEDICATED}"
        ) from error
