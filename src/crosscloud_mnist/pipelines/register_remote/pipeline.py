"""The order of ``register_remote``."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crosscloud_mnist.pipelines.register_remote.nodes import (
    check_gates,
    crown,
    examine,
    publish,
    require_gates,
)


def create_pipeline() -> Pipeline:
    """Return ``register_remote``: a logged model's URI in; a registered version out."""
    return Pipeline(
        [
            Node(
                examine,
                ["source_registry", "target_registry", "verifier", "model_uri"],
                "candidate",
                name="examine_candidate",
            ),
            Node(
                check_gates,
                ["candidate", "params:register_remote.minimum_accuracy"],
                "promotion_gates",
                name="check_gates",
            ),
            Node(require_gates, "promotion_gates", "gates_passed", name="require_gates"),
            Node(
                publish,
                [
                    "source_registry",
                    "target_registry",
                    "verifier",
                    "candidate",
                    "params:register_remote.name",
                    "gates_passed",
                ],
                ["published_version", "newly_published"],
                name="publish",
            ),
            Node(
                crown,
                [
                    "target_registry",
                    "verifier",
                    "published_version",
                    "newly_published",
                    "params:register_remote.alias",
                ],
                "registered_model",
                name="verify_copy_and_move_alias",
            ),
        ]
    )
