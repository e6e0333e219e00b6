"""The order of ``batch_score``."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crosscloud_mnist.pipelines.batch_score.nodes import score
from crosscloud_mnist.promotion import resolve_alias


def create_pipeline() -> Pipeline:
    """Return ``batch_score``: an alias and images in; answers on storage and a report out."""
    return Pipeline(
        [
            Node(
                resolve_alias,
                ["serving_registry", "params:production"],
                "scoring_version",
                name="resolve_alias",
            ),
            Node(
                score,
                [
                    "serving_registry",
                    "scorer",
                    "verifier",
                    "scoring_version",
                    "params:batch_score.images",
                    "params:batch_score.scores",
                    "params:batch_score.images_per_chunk",
                ],
                "batch_report",
                name="score",
            ),
        ]
    )
