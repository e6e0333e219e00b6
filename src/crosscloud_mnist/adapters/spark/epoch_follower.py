"""How the driver follows training that blocks it: one small file for each epoch."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from crosscloud_mnist.training.result import EpochMetrics

_POLL_SECONDS = 0.5


@contextmanager
def follow_epochs(
    folder: str, epochs: int, on_epoch: Callable[[EpochMetrics], None]
) -> Iterator[None]:
    """Call ``on_epoch`` for each record that appears, in order, each once, while the block runs.

    Args:
        folder: Where rank 0 writes ``epoch-0001.json`` and on; what is left of an earlier
            training is removed first.
        epochs: How many there will be.
        on_epoch: Called in a thread of its own. What it raises is raised again when the block
            has ended.
    """
    records = Path(folder)
    for old in records.glob("epoch-*.json"):
        old.unlink()
    ended = threading.Event()
    failures: list[BaseException] = []

    def follow() -> None:
        number = 1
        while number <= epochs:
            last_look = ended.is_set()
            record = records / f"epoch-{number:04d}.json"
            if record.is_file():
                try:
                    on_epoch(EpochMetrics(**json.loads(record.read_bytes())))
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
