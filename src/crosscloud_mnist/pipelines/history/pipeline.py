"""The order of ``history``."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crosscloud_mnist.pipelines.history.nodes import read_ledger


def create_pipeline(after: str | None = None) -> Pipeline:
    """Return ``history``: the ledger in; a report out.

    Args:
        after: A dataset that must exist before the ledger is read.
    """
    return Pipeline(
        [
            Node(
                read_ledger,
                ["serving_registry", "params:production", *([after] if after else [])],
                "ledger",
                name="read_ledger",
            )
        ],
        tags="history",
    )
