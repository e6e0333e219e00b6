"""A watchdog: a Spark job in which no epoch ends for too long is cancelled.

A rank whose peer is hung waits in a collective operation, and Spark sees no failure in either.
TensorFlow's coordination service ends most such waits; this ends the others.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from crosscloud_mnist.adapters.spark.job_tag import tag_jobs
from crosscloud_mnist.errors import WorkerLostError
from crosscloud_mnist.training import epoch_records

if TYPE_CHECKING:
    from pyspark import SparkContext

_POLL_SECONDS = 1.0
_MIN_STARTUP_SECONDS = 300.0  # imports, tracing and the first epoch


@contextmanager
def cancel_on_stall(
    spark: SparkContext, checkpoint_dirs: Sequence[str], epoch_timeout_seconds: float
) -> Iterator[None]:
    """Cancel this thread's Spark jobs when no new epoch record appears for too long.

    Args:
        spark: The context that the jobs run in.
        checkpoint_dirs: Where the epoch records appear.
        epoch_timeout_seconds: Seconds that an epoch may take. The first epoch, with startup, may
            take five minutes in any case.

    Raises:
        WorkerLostError: The jobs were cancelled.
    """
    has_ended, is_stalled = threading.Event(), threading.Event()
    timeout_seconds = max(epoch_timeout_seconds, _MIN_STARTUP_SECONDS)

    def watch(tag: str) -> None:
        nonlocal timeout_seconds
        records, changed_at = _count_records(checkpoint_dirs), time.monotonic()
        while not has_ended.wait(_POLL_SECONDS):
            previous, records = records, _count_records(checkpoint_dirs)
            if records != previous:
                changed_at, timeout_seconds = time.monotonic(), epoch_timeout_seconds
            elif time.monotonic() - changed_at > timeout_seconds:
                is_stalled.set()
                spark.cancelJobsWithTag(tag)
                return

    with tag_jobs(spark) as tag:
        watchdog = threading.Thread(target=watch, args=(tag,), name="watchdog", daemon=True)
        watchdog.start()
        try:
            yield
        except Exception as error:
            if not is_stalled.is_set():
                raise
            raise WorkerLostError(
                f"no epoch ended in {timeout_seconds:.0f} s, expected one; see the executors' "
                "logs, or set a larger epoch_timeout_seconds in the globals"
            ) from error
        finally:
            has_ended.set()
            watchdog.join()


def _count_records(checkpoint_dirs: Sequence[str]) -> int:
    return sum(epoch_records.count(folder) for folder in checkpoint_dirs)
