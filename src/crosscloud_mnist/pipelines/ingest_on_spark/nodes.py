"""Nodes of ``ingest_on_spark``."""

from __future__ import annotations

from crosscloud_mnist.ports import DistributedIngestor
from crosscloud_mnist.storage.data_card import DataCard


def deal(
    ingestor: DistributedIngestor, folder: str, validation_fraction: float, seed: int
) -> DataCard:
    """Let the executors check the parts and write the shards; return the data card.

    Raises:
        IdxError: A part is no pair of IDX files of digits.
    """
    return ingestor.ingest(folder, validation_fraction, seed)
