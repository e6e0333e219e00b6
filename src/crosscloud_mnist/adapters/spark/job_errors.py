"""Turns a failed Spark job into one line out of its trace."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

from crosscloud_mnist.errors import (
    ConfigurationError,
    CrosscloudError,
    DataError,
    IdxError,
    TrainingError,
    WorkerLostError,
)

logger = logging.getLogger(__name__)

_MULTILINE = re.MULTILINE | re.DOTALL

# What a surviving rank, or Spark, reports of a worker that is gone; and the runner's port race: it
# frees its port before TensorFlow binds it.
_WORKER_LOST = re.compile(
    r"Python worker exited|ExecutorLost|[Ee]xecutor .*(lost|exited)|Worker lost|EOFException"
    r"|(Unavailable|Aborted|Cancelled|DeadlineExceeded)Error|Connection (reset|refused)"
    r"|Socket closed|[Aa]ddress already in use|Could not start gRPC server"
)
# The executors' Python, which PYSPARK_PYTHON names, cannot run the tasks.
_WRONG_PYTHON = (
    (
        re.compile(r"worker has different version: ([\d.]+) than that in driver: ([\d.]+)"),
        "the executors run Python {0}, expected {1} as the driver; set PYSPARK_PYTHON to that "
        "version, or unset it",
    ),
    (
        re.compile(r'Cannot run program "([^"]+)"'),
        "the executors cannot start {0}, expected a Python; correct PYSPARK_PYTHON, or unset it",
    ),
    (
        re.compile(r"Error from python worker:.*?^\s*(\w+(?:Error|Exception): [^\n]+)", _MULTILINE),
        "the executors' Python does not start ({0}), expected the driver's version of Python; "
        "correct PYSPARK_PYTHON, or unset it",
    ),
    (
        re.compile(r"^\s*ModuleNotFoundError: No module named '([\w.]+)'", _MULTILINE),
        "the executors' Python has no module {0}, expected the driver's libraries; install the "
        "wheel there, or set PYSPARK_PYTHON to the Python that has it",
    ),
)
# A broken file of a table, found when its schema is read, or in a task.
_UNREADABLE_FILE = re.compile(
    r"\[FAILED_READ_FILE\.\w+\] .*? reading file (.+?)\.(?:\s|$)", re.MULTILINE
)
_LOST_CONNECTION = re.compile(r"Connection (reset|refused)|timed out|Socket closed")
_RAISED = re.compile(r"^(?:[\w.]+\.)?(\w+(?:Error|Exception)): (.+)$", re.MULTILINE)
_MAX_REASON_CHARACTERS = 300


@contextmanager
def translate_job_errors() -> Iterator[None]:
    """Raise one of this package's errors in place of Spark's.

    Raises:
        CrosscloudError: A task raised it.
        ConfigurationError: The executors' Python cannot run the tasks.
        DataError: Spark cannot read a file of a table.
        WorkerLostError: A worker, an executor or a connection is gone.
        TrainingError: Anything else.
    """
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    try:
        yield
    except Py4JJavaError as error:
        raise _translate(str(error.java_exception)) from error
    except PySparkException as error:  # PySpark's own form of a Py4JJavaError
        raise _translate(str(error)) from error


def _translate(trace: str) -> CrosscloudError:
    logger.debug("Spark job failed: %s", trace)
    raised: list[tuple[str, str]] = _RAISED.findall(trace)
    for error_class in (ConfigurationError, IdxError, TrainingError):
        messages = [message for name, message in raised if name == error_class.__name__]
        if messages:
            return error_class(messages[-1])
    for cause, message in _WRONG_PYTHON:
        if match := cause.search(trace):
            return ConfigurationError(message.format(*match.groups()))
    if (match := _UNREADABLE_FILE.search(trace)) and not _LOST_CONNECTION.search(trace):
        return DataError(f"{match[1]} cannot be read, expected a complete file; write it again")
    first_line = next((line.strip() for line in trace.splitlines() if line.strip()), "no reason")
    reason = f"{raised[-1][0]}: {raised[-1][1]}" if raised else first_line
    error_class = WorkerLostError if _WORKER_LOST.search(trace) else TrainingError
    return error_class(
        f"a Spark task failed ({reason[:_MAX_REASON_CHARACTERS]}), expected every task to end by "
        "itself; see the executors' logs, and run again"
    )
