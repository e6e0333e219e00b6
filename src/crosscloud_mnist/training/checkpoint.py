"""The complete state of a training after an epoch, from which a later attempt resumes."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.storage import atomic
from crosscloud_mnist.training import epoch_records
from crosscloud_mnist.training.result import EpochMetrics

_PATTERN = "checkpoint-*.npz"
_MAX_KEPT = 2  # the newest, and the one that a new attempt may be reading
Variable = NDArray[np.generic]


@dataclass(frozen=True)
class Checkpoint:
    """The state after an epoch.

    Attributes:
        history: The epochs so far.
        variables: Those of the exported model, of the trained model where that is another one, of
            the optimizer, and the best weights; each in Keras' order.
    """

    history: tuple[EpochMetrics, ...]
    variables: tuple[Variable, ...]


def save(folder: str, history: Sequence[EpochMetrics], variables: Sequence[Variable]) -> None:
    """Write the checkpoint of ``history``'s last epoch atomically, and remove the oldest.

    Raises:
        OSError: The storage is full or absent.
    """
    stream = io.BytesIO()
    epochs = json.dumps([asdict(epoch) for epoch in history])
    np.savez(stream, *variables, history=np.array(epochs))
    atomic.write_bytes(_path(folder, len(history)), stream.getvalue())
    for old in _find(folder)[:-_MAX_KEPT]:
        old.unlink(missing_ok=True)


def load(folder: str, epoch: int) -> Checkpoint:
    """Read the checkpoint of that epoch.

    Raises:
        OSError: There is no complete one.
    """
    content = atomic.read_bytes(_path(folder, epoch))
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        history = tuple(EpochMetrics(**values) for values in json.loads(str(archive["history"])))
        count = len(archive.files) - 1
        return Checkpoint(history, tuple(archive[f"arr_{i}"] for i in range(count)))


def last_epoch(folder: str) -> int:
    """Return the last epoch that has a complete checkpoint, or 0."""
    paths = _find(folder)
    return int(paths[-1].stem.removeprefix("checkpoint-")) if paths else 0


def clear(folder: str) -> None:
    """Remove the checkpoints of an earlier training."""
    atomic.remove(Path(folder), _PATTERN)


def remove_folder(folder: str) -> None:
    """Remove the checkpoints and epoch records of a training that has ended, and its folder."""
    clear(folder)
    epoch_records.clear(folder)
    with contextlib.suppress(OSError):  # it is absent, or has files of somebody else
        Path(folder).rmdir()


def _path(folder: str, epoch: int) -> Path:
    return Path(folder) / f"checkpoint-{epoch:04d}.npz"


def _find(folder: str) -> list[Path]:
    return atomic.find(Path(folder), _PATTERN)
