"""Ctrl-C and SIGTERM while a Spark job is waited for."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark import SparkContext

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def cancel_on_signal(spark: SparkContext) -> Iterator[None]:
    """Cancel the context's jobs on a signal, and raise once they have ended.

    An error raised within the call that waits, as PySpark's own handler does, breaks its connection
    to the JVM; so the jobs are cancelled from another thread, and the call returns by itself.

    Raises:
        KeyboardInterrupt: There was a signal; at once at the second one.
    """
    asked = threading.Event()

    def cancel(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()
        threading.Thread(target=spark.cancelAllJobs, name="cancelling", daemon=True).start()

    if threading.current_thread() is not threading.main_thread():
        yield  # signals are the main thread's
        return
    before = [signal.signal(number, cancel) for number in _SIGNALS]
    try:
        yield
    except Exception as error:
        if asked.is_set():
            raise KeyboardInterrupt from error
        raise
    finally:
        for number, handler in zip(_SIGNALS, before, strict=True):
            signal.signal(number, handler)
    if asked.is_set():
        raise KeyboardInterrupt
