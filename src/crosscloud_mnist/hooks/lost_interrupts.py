"""Ctrl-C and SIGTERM end a run even where a library loses the exception.

A signal handler runs between any two instructions of the main thread. What it raises is lost in a
destructor, in the callback of a weak reference (the import system has one for each module) and
below C code that clears errors (https://docs.python.org/3/reference/datamodel.html#object.__del__);
the command would go on, and change production. So the signal is recorded, and raised again before
the next node.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

_received = threading.Event()


def interrupt(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001
    """Handle a signal: record it, and raise.

    Raises:
        KeyboardInterrupt: Always.
    """
    _received.set()
    raise KeyboardInterrupt


@contextlib.contextmanager
def recorded_interrupts() -> Iterator[None]:
    """Record Ctrl-C, unless the caller handles it: its handler stays, as does Jupyter's."""
    forget_interrupt()
    is_main_thread = threading.current_thread() is threading.main_thread()
    if not is_main_thread or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def raise_lost_interrupt() -> None:
    """Raise again what was received and lost.

    Raises:
        KeyboardInterrupt: A signal was received, and the run goes on.
    """
    if _received.is_set():
        forget_interrupt()
        raise KeyboardInterrupt


def forget_interrupt() -> None:
    """Start anew: what was received has ended a run."""
    _received.clear()
