"""No training hangs: where no epoch ends for too long, its Spark job is cancelled.

A rank whose peer has stopped, and not died, waits in a collective operation for ever; Spark sees
nothing wrong with either.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from crosscloud_mnist.errors import WorkerLost

if TYPE_CHECKING:
    from pyspark import SparkContext

_POLL_SECONDS = 1.0


@contextmanager
def watched(spark: SparkContext, folders: Sequence[str], patience: float) -> Iterator[None]:
    """Cancel this thread's Spark job when no new record of an epoch appears for too long.

    Args:
        spark: The context that the job runs in.
        folders: Where the records appear.
        patience: Seconds that an epoch, or starting up before the first, may take.

    Raises:
        WorkerLost: The job was cancelled.
    """
    group = f"training-{uuid.uuid4().hex}"
    ended, stalled = threading.Event(), threading.Event()

    def watch() -> None:
        records, since = _records(folders), time.monotonic()
        while not ended.wait(_POLL_SECONDS):
            if records != (records := _records(folders)):
                since = time.monotonic()
            elif time.monotonic() - since > patience:
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
        raise WorkerLost(
            f"no epoch ended in {patience:.0f} s, expected one; see the executors' logs, or set "
            "a longer patience in the globals"
        ) from error
    finally:
        ended.set()
        watcher.join()


def _records(folders: Sequence[str]) -> int:
    return sum(len(list(Path(folder).glob("epoch-*.json"))) for folder in folders)
