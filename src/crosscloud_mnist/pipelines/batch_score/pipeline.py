"""The order of ``batch_score``."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crosscloud_mnist.pipelines.batch_score.nodes import assert_scored, score
from crosscloud_mnist.promotion import resolve_alias


def create_pipeline() -> Pipeline:
    """Return ``batch_score``: an alias and images in; predictions on storage and a report out."""
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
                    "params:batch_score",
                ],
                "batch_report",
                name="score",
            ),
            Node(assert_scored, "batch_report", None, name="assert_scored"),
        ],
        tags="score",
    )
