"""A Spark trace becomes one of this package's errors, in one line."""

from __future__ import annotations

import pytest
from pyspark.errors import PySparkException

from crosscloud_mnist.adapters.spark.job_errors import translate_job_errors
from crosscloud_mnist.errors import (
    ConfigurationError,
    CrosscloudError,
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


def test_any_other_error_is_named():
    error = translate("ValueError: shapes differ")
    assert type(error) is TrainingError
    assert "a Spark task failed (ValueError: shapes differ)" in str(error)
