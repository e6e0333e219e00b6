"""A Spark trace becomes one of this package's errors, in one line."""

from __future__ import annotations

import re

import pytest
from pyspark.errors import PySparkException

from crosscloud_mnist.adapters.spark.job_errors import translate_job_errors
from crosscloud_mnist.errors import (
    ConfigurationError,
    CrosscloudError,
    DataError,
    IdxError,
    TrainingError,
    WorkerLostError,
)

TRACE = (
    "Job aborted due to stage failure:\nTraceback (most recent call last):\n  File x\n{}\n\tat y"
)


def translate(line):
    with pytest.raises(CrosscloudError) as raised, translate_job_errors():
        raise PySparkException(TRACE.format(line))
    assert "\n" not in str(raised.value)
    return raised.value


@pytest.mark.parametrize("error_class", [ConfigurationError, IdxError, TrainingError])
def test_an_error_of_this_package_keeps_its_class_and_message(error_class):
    error = translate(f"crosscloud_mnist.errors.{error_class.__name__}: a, expected b; do c")
    assert type(error) is error_class
    assert str(error) == "a, expected b; do c"


@pytest.mark.parametrize(
    "line",
    [
        "ExecutorLostFailure (executor 1 exited)",
        "tensorflow.python.framework.errors_impl.UnavailableError: Socket closed",
        "java.io.EOFException: null",
    ],
)
def test_a_worker_that_is_gone_may_be_tried_again(line):
    assert type(translate(line)) is WorkerLostError


@pytest.mark.parametrize(
    "line",
    [
        "[FAILED_READ_FILE.CANNOT_READ_FILE_FOOTER] Encountered error while reading file "
        "file:/a%20b/c.parquet. Could not read footer. Please ensure that the file is",
        "[FAILED_READ_FILE.NO_HINT] Encountered error while reading file file:/a%20b/c.parquet. "
        " SQLSTATE: KD001",
    ],
)
def test_a_file_that_spark_cannot_read_is_named(line):
    error = translate(f"org.apache.spark.SparkException: {line}")
    assert type(error) is DataError
    assert str(error).startswith("file:/a%20b/c.parquet cannot be read, expected a complete file")


def test_a_connection_that_is_lost_while_a_file_is_read_is_no_fault_of_the_file():
    line = "[FAILED_READ_FILE.NO_HINT] Encountered error while reading file abfss://a/b.parquet. "
    error = translate(f"{line}\nCaused by: java.net.SocketException: Connection reset")
    assert type(error) is WorkerLostError


def test_any_other_error_is_named():
    error = translate("ValueError: shapes differ")
    assert type(error) is TrainingError
    assert "a Spark task failed (ValueError: shapes differ)" in str(error)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "[PYTHON_VERSION_MISMATCH] Python in worker has different version: 3.10 than that in "
            "driver: 3.11, PySpark cannot run with different minor versions.",
            "the executors run Python 3.10, expected 3.11 as the driver; set PYSPARK_PYTHON",
        ),
        (
            'java.io.IOException: Cannot run program "/nowhere/python": error=2, No such file',
            "the executors cannot start /nowhere/python, expected a Python; correct PYSPARK_PYTHON",
        ),
        (
            "Error from python worker:\n  Traceback (most recent call last):\n    File x\n"
            "  TypeError: 'type' object is not subscriptable",
            r"does not start \(TypeError: 'type' object is not subscriptable\), expected",
        ),
        (
            "ModuleNotFoundError: No module named 'crosscloud_mnist'",
            "has no module crosscloud_mnist, expected the driver's libraries; install the wheel",
        ),
    ],
)
def test_a_python_that_cannot_run_the_tasks_is_named(line, message):
    error = translate(line)
    assert type(error) is ConfigurationError
    assert re.search(message, str(error))
