"""The order of ``ingest_on_spark``."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crosscloud_mnist.pipelines.ingest_on_spark.nodes import deal


def create_pipeline() -> Pipeline:
    """Return ``ingest_on_spark``: a folder of parts in; shards, which the executors write, out."""
    return Pipeline(
        [
            Node(
                deal,
                [
                    "ingestor",
                    "params:ingest_on_spark.folder",
                    "params:ingest_on_spark.validation_fraction",
                    "params:ingest_on_spark.seed",
                ],
                "data_card",
                name="deal",
            )
        ]
    )
