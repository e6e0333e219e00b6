"""The order of ``deploy``."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crosscloud_mnist.pipelines.deploy.nodes import deploy
from crosscloud_mnist.promotion import resolve_alias


def create_pipeline(after: str | None = None) -> Pipeline:
    """Return ``deploy``: an alias in; a running endpoint out.

    Args:
        after: A datum that must be there before the alias is looked up, such as the registration
            of the same run.
    """
    return Pipeline(
        [
            Node(
                resolve_alias,
                [
                    "serving_registry",
                    "params:production",
                    *([after] if after else []),
                ],
                "serving_version",
                name="resolve_alias",
            ),
            Node(
                deploy,
                ["serving_registry", "endpoint", "verifier", "serving_version"],
                "deployment",
                name="deploy",
            ),
        ]
    )
