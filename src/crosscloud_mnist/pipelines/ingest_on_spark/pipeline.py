"""The node of ``ingest_on_spark`` and its data."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crosscloud_mnist.pipelines.ingest_on_spark.nodes import ingest


def create_pipeline() -> Pipeline:
    """Return ``ingest_on_spark``: a folder of parts in; shards, which the executors write, out."""
    return Pipeline(
        [Node(ingest, ["ingestor", "params:ingest_on_spark"], "data_card", name="ingest")],
        tags="ingest",
    )
