"""The resident memory of processes, sampled while something is measured."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psutil


def _every_process(_: psutil.Process) -> bool:
    return True


@contextmanager
def sample_memory(
    parent: psutil.Process,
    is_counted: Callable[[psutil.Process], bool] = _every_process,
    *,
    seconds: float,
) -> Iterator[list[int]]:
    """Sample the resident bytes of a process and its children until the end of the block.

    Args:
        parent: The process.
        is_counted: Whether a process counts; asked at each sample.
        seconds: From one sample to the next: each costs some milliseconds of a core.

    Yields:
        The samples so far: bytes, of all counted processes together.
    """
    samples: list[int] = []
    stopped = threading.Event()

    def sample() -> None:
        while not stopped.wait(seconds):
            total = 0
            with suppress(psutil.NoSuchProcess):  # the parent has ended
                for process in (parent, *parent.children(recursive=True)):
                    with suppress(psutil.Error):
                        if is_counted(process):
                            total += process.memory_info().rss
            samples.append(total)

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield samples
    finally:
        stopped.set()
        thread.join()
