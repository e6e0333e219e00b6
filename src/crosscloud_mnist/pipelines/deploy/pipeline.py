"""The order of ``deploy``."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crosscloud_mnist.pipelines.deploy.nodes import deploy
from crosscloud_mnist.promotion import resolve_alias


def create_pipeline(expected: str | None = None) -> Pipeline:
    """Return ``deploy``: an alias in; a running endpoint out.

    Args:
        expected: A dataset of the same run that names the version of the alias
            (``registered_model``, ``rollback_result``): nothing else is deployed.
    """
    return Pipeline(
        [
            Node(
                resolve_alias,
                [
                    "serving_registry",
                    "params:production",
                    *([expected] if expected else []),
                ],
                "serving_version",
                name="resolve_alias",
            ),
            Node(
                deploy,
                ["serving_registry", "endpoint", "verifier", "serving_version"],
                "deployment",
                name="deploy",
                tags="production",
            ),
        ],
        tags="deploy",
    )
