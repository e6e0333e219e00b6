"""Where a training that lost a worker goes on from: the whole state after an epoch."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.storage import atomic
from crosscloud_mnist.training.result import EpochMetrics

_KEPT = 2  # the newest, and the one that a new attempt may be reading


@dataclass(frozen=True)
class Checkpoint:
    """The state after an epoch.

    Attributes:
        history: The epochs so far.
        variables: Those of the model that is validated and taken, of the one that is trained where
            that is another, of the optimizer, and the best weights; each in Keras' order.
    """

    history: tuple[EpochMetrics, ...]
    variables: tuple[NDArray[Any], ...]


def save(folder: str, history: Sequence[EpochMetrics], variables: Sequence[NDArray[Any]]) -> None:
    """Write the checkpoint of ``history``'s last epoch, whole or not at all.

    Raises:
        OSError: The storage is full or not there.
    """
    stream = io.BytesIO()
    epochs = json.dumps([asdict(epoch) for epoch in history])
    np.savez(stream, *variables, history=np.array(epochs))
    atomic.write_bytes(_path(folder, len(history)), stream.getvalue())
    for old in _found(folder)[:-_KEPT]:
        old.unlink(missing_ok=True)


def load(folder: str, epoch: int) -> Checkpoint:
    """Read the checkpoint of that epoch.

    Raises:
        OSError: There is none.
    """
    with np.load(_path(folder, epoch)) as archive:
        history = tuple(EpochMetrics(**values) for values in json.loads(str(archive["history"])))
        count = len(archive.files) - 1
        return Checkpoint(history, tuple(archive[f"arr_{i}"] for i in range(count)))


def last(folder: str) -> int:
    """Return the last epoch that has a checkpoint, or 0."""
    found = _found(folder)
    return int(found[-1].stem.removeprefix("checkpoint-")) if found else 0


def clear(folder: str) -> None:
    """Remove what an earlier training left."""
    for old in _found(folder):
        old.unlink(missing_ok=True)


def _path(folder: str, epoch: int) -> Path:
    return Path(folder) / f"checkpoint-{epoch:04d}.npz"


def _found(folder: str) -> list[Path]:
    return sorted(Path(folder).glob("checkpoint-*.npz"))
