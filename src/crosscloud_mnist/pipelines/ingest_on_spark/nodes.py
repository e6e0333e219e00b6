"""Nodes of ``ingest_on_spark``."""

from __future__ import annotations

from typing import Any

from crosscloud_mnist.ports import DistributedIngestor


def deal(
    ingestor: DistributedIngestor, folder: str, validation_fraction: float, seed: int
) -> dict[str, Any]:
    """Let the executors check the parts and write the shards; return the data card.

    Raises:
        IdxError: A part is no pair of IDX files of digits.
    """
    return ingestor.ingest(folder, validation_fraction, seed)
