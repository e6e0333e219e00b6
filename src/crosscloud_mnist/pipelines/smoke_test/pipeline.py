"""The order of ``smoke_test``."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crosscloud_mnist.pipelines.smoke_test.nodes import (
    assert_passed,
    check_endpoints,
    fetch_golden,
    predict_images,
    render_variants,
    report,
)


def create_pipeline(after: str | None = None) -> Pipeline:
    """Return ``smoke_test``: images in; answers and a report out.

    Args:
        after: A datum that must be there before the endpoint is asked, such as the deployment of
            the same run.
    """
    return Pipeline(
        [
            Node(
                check_endpoints,
                ["endpoints", *([after] if after else [])],
                "statuses",
                name="check_endpoints",
            ),
            Node(
                fetch_golden,
                ["serving_registry", "verifier", "statuses"],
                "golden_set",
                name="fetch_golden_set",
            ),
            Node(render_variants, "golden_set", "golden_images", name="render_variants"),
            Node(
                predict_images,
                ["endpoints", "golden_images", "statuses"],
                "golden_predictions",
                name="predict_golden_images",
            ),
            Node(
                predict_images,
                ["endpoints", "images", "statuses"],
                "image_predictions",
                name="predict_images",
            ),
            Node(
                report,
                ["statuses", "golden_predictions", "image_predictions"],
                "smoke_test_report",
                name="report",
            ),
            Node(assert_passed, "smoke_test_report", None, name="assert_passed"),
        ],
        tags="smoke_test",
    )
