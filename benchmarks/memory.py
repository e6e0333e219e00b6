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
    is_counted: Callable[[psutil.Process], bool] = _every_process, *, seconds: float = 0.02
) -> Iterator[list[int]]:
    """Sample the resident bytes of this process and its children until the end of the block.

    Args:
        is_counted: Whether a process counts; asked at each sample.
        seconds: From one sample to the next: each costs some milliseconds of a core.

    Yields:
        The samples so far: bytes, of all counted processes together.
    """
    own = psutil.Process()
    samples: list[int] = []
    stopped = threading.Event()

    def sample() -> None:
        while not stopped.wait(seconds):
            total = 0
            for process in [own, *own.children(recursive=True)]:
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
