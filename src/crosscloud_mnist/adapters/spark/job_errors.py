"""Why a Spark job failed, in one line out of its trace."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from crosscloud_mnist.errors import (
    ConfigurationError,
    CrosscloudError,
    IdxError,
    TrainingError,
    WorkerLostError,
)

# What a surviving rank, or Spark, says of one that went away; and the runner's port race: it frees
# its port before TensorFlow binds it.
_LOST = re.compile(
    r"Python worker exited|ExecutorLost|[Ee]xecutor .*(lost|exited)|Worker lost|EOFException"
    r"|(Unavailable|Aborted|Cancelled|DeadlineExceeded)Error|Connection (reset|refused)"
    r"|Socket closed|[Aa]ddress already in use|Could not start gRPC server"
)


@contextmanager
def translate_job_errors() -> Iterator[None]:
    """Turn a lost Spark job into one of this package's errors.

    Raises:
        CrosscloudError: What a task raised of this package's own.
        WorkerLostError: A worker, an executor or a connection went away.
        TrainingError: Anything else.
    """
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    try:
        yield
    except Py4JJavaError as error:
        raise _reason(str(error.java_exception)) from error
    except PySparkException as error:  # what PySpark has made of one
        raise _reason(str(error)) from error


def _reason(trace: str) -> CrosscloudError:
    raised = re.findall(r"^(?:[\w.]+\.)?(\w+(?:Error|Exception)): (.+)$", trace, re.MULTILINE)
    for error in (ConfigurationError, IdxError, TrainingError):
        ours = [message for name, message in raised if name == error.__name__]
        if ours:
            return error(ours[-1])
    lines = [line.strip() for line in trace.splitlines() if line.strip()]
    reason = f"{raised[-1][0]}: {raised[-1][1]}" if raised else lines[0]
    lost = WorkerLostError if _LOST.search(trace) else TrainingError
    return lost(
        f"a Spark task was lost ({reason[:300]}), expected every slot to train to the end; see the "
        "executor's log, and run again"
    )
