"""The order of ``register_remote``."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crosscloud_mnist.pipelines.register_remote.nodes import (
    check_gates,
    fetch_candidate,
    move_alias,
    publish,
    verify_copy,
)

_SETTINGS = "params:register_remote"


def create_pipeline() -> Pipeline:
    """Return ``register_remote``: a logged model's URI in; a registered version out."""
    return Pipeline(
        [
            Node(
                fetch_candidate,
                {
                    "source": "source_registry",
                    "target": "target_registry",
                    "verifier": "verifier",
                    "model_uri": "model_uri",
                    "settings": _SETTINGS,
                },
                "candidate",
                name="fetch_candidate",
            ),
            Node(
                check_gates,
                ["target_registry", "verifier", "candidate", _SETTINGS],
                "candidate_gates",
                name="check_gates",
            ),
            Node(
                publish,
                # The gates come first: the figures are known before anything is written.
                {
                    "target": "target_registry",
                    "candidate": "candidate",
                    "name": "params:register_remote.name",
                    "orphan_ttl_seconds": "params:register_remote.orphan_ttl_seconds",
                    "_gates": "candidate_gates",
                },
                ["published_version", "newly_published"],
                name="publish",
            ),
            Node(
                verify_copy,
                ["target_registry", "verifier", "published_version", "candidate_gates"],
                "promotion_gates",
                name="verify_copy",
            ),
            Node(
                move_alias,
                {
                    "target": "target_registry",
                    "version": "published_version",
                    "created": "newly_published",
                    "candidate": "candidate",
                    "gates": "promotion_gates",
                    "settings": _SETTINGS,
                },
                "registered_model",
                name="move_alias",
            ),
        ]
    )
