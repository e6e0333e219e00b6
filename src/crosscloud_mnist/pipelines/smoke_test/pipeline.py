"""The order of ``smoke_test``."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crosscloud_mnist.pipelines.smoke_test.nodes import (
    ask,
    describe,
    disguise,
    fetch_golden,
    judge,
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
                describe,
                ["endpoint", *([after] if after else [])],
                "live_deployment",
                name="describe_endpoint",
            ),
            Node(
                fetch_golden,
                ["serving_registry", "verifier", "live_deployment"],
                "golden_set",
                name="fetch_golden_set",
            ),
            Node(disguise, "golden_set", "golden_pictures", name="disguise_golden_set"),
            Node(
                ask,
                ["endpoint", "golden_pictures", "live_deployment"],
                "golden_answers",
                name="ask_golden_pictures",
            ),
            Node(
                ask,
                ["endpoint", "pictures", "live_deployment"],
                "picture_answers",
                name="ask_pictures",
            ),
            Node(
                report,
                ["live_deployment", "golden_answers", "picture_answers"],
                "smoke_test_report",
                name="report",
            ),
            Node(judge, "smoke_test_report", None, name="judge"),
        ]
    )
