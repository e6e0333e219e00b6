"""Nodes of ``ingest_on_spark``."""

from __future__ import annotations

from crosscloud_mnist.pipelines.ingest_on_spark.parameters import IngestOnSparkParameters
from crosscloud_mnist.ports import DistributedIngestor
from crosscloud_mnist.storage.data_card import DataCard


def ingest(ingestor: DistributedIngestor, parameters: IngestOnSparkParameters) -> DataCard:
    """Let the executors verify the parts and write the shards; return the data card.

    Raises:
        IdxError: A part is no pair of IDX files of digits.
    """
    return ingestor.ingest(parameters.folder, parameters.validation_fraction, parameters.seed)
