"""The order of ``rollback``."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crosscloud_mnist.pipelines.rollback.nodes import find_previous, restore

_PRODUCTION, _PARAMETERS = "params:production", "params:rollback"


def create_pipeline() -> Pipeline:
    """Return ``rollback``: a reason in; the alias back on the good version before."""
    return Pipeline(
        [
            Node(
                find_previous,
                ["serving_registry", _PRODUCTION, _PARAMETERS],
                "planned_rollback",
                name="find_previous",
            ),
            Node(
                restore,
                {
                    "registry": "serving_registry",
                    "verifier": "verifier",
                    "planned": "planned_rollback",
                    "production": _PRODUCTION,
                    "parameters": _PARAMETERS,
                },
                "rollback_result",
                name="restore",
                tags="production",
            ),
        ],
        tags="rollback",
    )
