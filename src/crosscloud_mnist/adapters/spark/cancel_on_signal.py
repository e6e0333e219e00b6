"""Ctrl-C and SIGTERM while the driver waits for a Spark job."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from crosscloud_mnist.adapters.spark.job_tag import tag_jobs

if TYPE_CHECKING:
    from pyspark import SparkContext

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def cancel_on_signal(spark: SparkContext) -> Iterator[None]:
    """Cancel this thread's jobs on a signal, and raise once they have ended.

    An error raised inside the waiting call, as PySpark's own handler does, breaks its connection
    to the JVM. So another thread cancels the jobs, and the call returns by itself. The previous
    signal handlers are restored at the end.

    Raises:
        KeyboardInterrupt: There was a signal; at once on the second one.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # Python delivers signals to the main thread only
        return
    is_cancelled = threading.Event()
    with tag_jobs(spark) as tag:

        def cancel(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
            if is_cancelled.is_set():
                raise KeyboardInterrupt
            is_cancelled.set()
            threading.Thread(
                target=spark.cancelJobsWithTag, args=(tag,), name="cancel-on-signal", daemon=True
            ).start()

        previous = [signal.signal(number, cancel) for number in _SIGNALS]
        try:
            yield
        except Exception as error:
            if is_cancelled.is_set():
                raise KeyboardInterrupt from error
            raise
        finally:
            for number, handler in zip(_SIGNALS, previous, strict=True):
                # None: a handler that was not set from Python and cannot be set from here.
                signal.signal(number, signal.SIG_DFL if handler is None else handler)
    if is_cancelled.is_set():
        raise KeyboardInterrupt
