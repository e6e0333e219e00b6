"""One small file per epoch: rank 0 writes it, the driver reads it while training runs."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from crosscloud_mnist.storage import atomic
from crosscloud_mnist.training.result import EpochMetrics

_PATTERN = "epoch-*.json"


def write(folder: str, metrics: EpochMetrics) -> None:
    """Write the record of an epoch atomically.

    Raises:
        OSError: The storage is full or absent.
    """
    atomic.write_bytes(_path(folder, metrics.epoch), json.dumps(asdict(metrics)).encode())


def read(folder: str, epoch: int) -> EpochMetrics | None:
    """Return the record of an epoch, or ``None`` where it has not ended."""
    try:
        return EpochMetrics(**json.loads(atomic.read_bytes(_path(folder, epoch))))
    except (FileNotFoundError, json.JSONDecodeError):  # the latter while it is written in place
        return None


def count(folder: str) -> int:
    """Return how many epochs have a record."""
    return len(atomic.find(Path(folder), _PATTERN))


def clear(folder: str) -> None:
    """Remove the records of an earlier training."""
    atomic.remove(Path(folder), _PATTERN)


def _path(folder: str, epoch: int) -> Path:
    return Path(folder) / f"epoch-{epoch:04d}.json"
