"""The order of ``rollback``."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crosscloud_mnist.pipelines.rollback.nodes import find_previous, restore

_PRODUCTION, _REASON = "params:production", "params:rollback"


def create_pipeline() -> Pipeline:
    """Return ``rollback``: a reason in; the alias back where it was."""
    return Pipeline(
        [
            Node(
                find_previous,
                ["serving_registry", _PRODUCTION, _REASON],
                ["version_in_production", "version_before"],
                name="find_previous",
            ),
            Node(
                restore,
                {
                    "registry": "serving_registry",
                    "verifier": "verifier",
                    "current": "version_in_production",
                    "previous": "version_before",
                    "production": _PRODUCTION,
                    "parameters": _REASON,
                },
                "rollback_result",
                name="restore",
            ),
        ]
    )
