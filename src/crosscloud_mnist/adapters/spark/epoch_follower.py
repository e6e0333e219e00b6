"""How the driver follows training that blocks it: one small file for each epoch."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from crosscloud_mnist.training import epoch_records
from crosscloud_mnist.training.result import EpochMetrics

_POLL_SECONDS = 0.5


@contextmanager
def follow_epochs(
    folder: str, epochs: int, on_epoch: Callable[[EpochMetrics], None]
) -> Iterator[None]:
    """Call ``on_epoch`` for each record that appears, in order, each once, while the block runs.

    Args:
        folder: Where rank 0 writes its epoch records; those of an earlier training are removed
            first.
        epochs: How many there will be.
        on_epoch: Called in a thread of its own. What it raises is raised again when the block
            has ended.
    """
    epoch_records.clear(folder)
    ended = threading.Event()
    failures: list[BaseException] = []

    def follow() -> None:
        number = 1
        while number <= epochs:
            last_look = ended.is_set()
            metrics = epoch_records.read(folder, number)
            if metrics:
                try:
                    on_epoch(metrics)
                except Exception as failure:  # noqa: BLE001  it is raised again by the caller
                    failures.append(failure)
                    return
                number += 1
            elif last_look:
                return
            else:
                ended.wait(_POLL_SECONDS)

    follower = threading.Thread(target=follow, name="epochs", daemon=True)
    follower.start()
    try:
        yield
    finally:
        ended.set()
        follower.join()
    if failures:
        raise failures[0]
