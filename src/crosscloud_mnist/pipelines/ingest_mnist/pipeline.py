"""The nodes of ``ingest_mnist`` and their data."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crosscloud_mnist.pipelines.ingest_mnist.nodes import (
    build_data_card,
    decode,
    draw_samples,
    profile_training,
    split,
)


def create_pipeline() -> Pipeline:
    """Return ``ingest_mnist``: published files in; shards, test set and data card out."""
    return Pipeline(
        [
            Node(
                decode,
                ["mnist", "params:contract"],
                ["published_training", "test_set", "data_origin"],
                name="decode",
            ),
            Node(
                split,
                ["published_training", "params:ingest_mnist"],
                ["training@arrays", "validation@arrays"],
                name="split",
            ),
            Node(
                build_data_card,
                [
                    "data_origin",
                    "training@arrays",
                    "validation@arrays",
                    "test_set",
                    "params:contract",
                ],
                "data_card",
                name="build_data_card",
            ),
            Node(
                profile_training,
                "training@arrays",
                "training_profile",
                name="profile_training",
            ),
            Node(
                draw_samples,
                ["training@arrays", "data_card", "params:contract"],
                "sample_grid",
                name="draw_samples",
            ),
        ],
        tags="ingest",
    )
