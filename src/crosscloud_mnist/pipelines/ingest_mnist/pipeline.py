"""The order of ``ingest_mnist``."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crosscloud_mnist.pipelines.ingest_mnist.nodes import (
    decode,
    describe,
    draw_samples,
    profile_training,
    split,
)


def create_pipeline() -> Pipeline:
    """Return ``ingest_mnist``: published files in; shards, test set and data card out."""
    return Pipeline(
        [
            Node(decode, "mnist", ["published_training", "test_set", "data_origin"], name="decode"),
            Node(
                split,
                [
                    "published_training",
                    "params:ingest_mnist.validation_fraction",
                    "params:ingest_mnist.seed",
                ],
                ["training@arrays", "validation@arrays"],
                name="split",
            ),
            Node(
                describe,
                ["data_origin", "training@arrays", "validation@arrays", "test_set"],
                "data_card",
                name="describe",
            ),
            Node(
                profile_training,
                "training@arrays",
                "training_profile",
                name="profile_training",
            ),
            Node(
                draw_samples, ["training@arrays", "data_card"], "sample_grid", name="draw_samples"
            ),
        ]
    )
