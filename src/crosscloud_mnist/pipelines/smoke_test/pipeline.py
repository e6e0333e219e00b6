"""The order of ``smoke_test``."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crosscloud_mnist.pipelines.smoke_test.nodes import (
    ask,
    disguise,
    fetch_golden,
    judge,
    look,
    report,
)


def create_pipeline(after: str | None = None) -> Pipeline:
    """Return ``smoke_test``: pictures in; answers and a report out.

    Args:
        after: A datum that must be there before the endpoint is asked, such as the deployment of
            the same run.
    """
    return Pipeline(
        [
            Node(
                look,
                ["endpoints", *([after] if after else [])],
                "standings",
                name="look_at_endpoints",
            ),
            Node(
                fetch_golden,
                ["serving_registry", "verifier", "standings"],
                "golden_set",
                name="fetch_golden_set",
            ),
            Node(disguise, "golden_set", "golden_pictures", name="disguise_golden_set"),
            Node(
                ask,
                ["endpoints", "golden_pictures", "standings"],
                "golden_answers",
                name="ask_golden_pictures",
            ),
            Node(
                ask,
                ["endpoints", "pictures", "standings"],
                "picture_answers",
                name="ask_pictures",
            ),
            Node(
                report,
                ["standings", "golden_answers", "picture_answers"],
                "smoke_test_report",
                name="report",
            ),
            Node(judge, "smoke_test_report", None, name="judge"),
        ]
    )
