"""No training hangs: where no epoch ends for too long, its Spark job is cancelled.

A rank whose peer has stopped, and not died, waits in a collective operation; Spark sees nothing
wrong with either. TensorFlow's coordination service ends most such waits, and this the others.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from crosscloud_mnist.errors import WorkerLostError
from crosscloud_mnist.training import epoch_records

if TYPE_CHECKING:
    from pyspark import SparkContext

_POLL_SECONDS = 1.0
_STARTING_SECONDS = 300.0  # imports, tracing and the first epoch may take that, whatever is asked


@contextmanager
def cancel_on_stall(
    spark: SparkContext, folders: Sequence[str], epoch_timeout_seconds: float
) -> Iterator[None]:
    """Cancel this thread's Spark job when no new record of an epoch appears for too long.

    Args:
        spark: The context that the job runs in.
        folders: Where the records appear.
        epoch_timeout_seconds: Seconds that an epoch may take; the first one, with
            starting up, five minutes at least.

    Raises:
        WorkerLostError: The job was cancelled.
    """
    group = f"training-{uuid.uuid4().hex}"
    ended, stalled = threading.Event(), threading.Event()
    limit = max(epoch_timeout_seconds, _STARTING_SECONDS)

    def watch() -> None:
        nonlocal limit
        records, since = _records(folders), time.monotonic()
        while not ended.wait(_POLL_SECONDS):
            if records != (records := _records(folders)):
                since, limit = time.monotonic(), epoch_timeout_seconds
            elif time.monotonic() - since > limit:
                stalled.set()
                spark.cancelJobGroup(group)
                return

    spark.setJobGroup(group, "training", interruptOnCancel=True)
    watcher = threading.Thread(target=watch, name="watchdog", daemon=True)
    watcher.start()
    try:
        yield
    except Exception as error:
        if not stalled.is_set():
            raise
        raise WorkerLostError(
            f"no epoch ended in {limit:.0f} s, expected one; see the executors' logs, or set "
            "a longer epoch_timeout_seconds in the globals"
        ) from error
    finally:
        ended.set()
        watcher.join()


def _records(folders: Sequence[str]) -> int:
    return sum(epoch_records.count(folder) for folder in folders)
