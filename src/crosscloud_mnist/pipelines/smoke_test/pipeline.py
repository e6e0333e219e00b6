"""The pipeline ``smoke_test``."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crosscloud_mnist.pipelines.smoke_test.nodes import (
    check_endpoints,
    fetch_golden_set,
    predict_golden_images,
    predict_images,
    render_variants,
)
from crosscloud_mnist.pipelines.smoke_test.report import assert_passed, build_report


def create_pipeline(after: str | None = None) -> Pipeline:
    """Return ``smoke_test``: from images to predictions, a report and a verdict.

    Args:
        after: A dataset that must exist before the endpoints are checked, such as the deployment of
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
                fetch_golden_set,
                ["serving_registry", "verifier", "statuses"],
                ["golden_set", "served_contract"],
                name="fetch_golden_set",
            ),
            Node(
                render_variants,
                ["golden_set", "served_contract"],
                "golden_images",
                name="render_variants",
            ),
            Node(
                predict_golden_images,
                ["endpoints", "golden_images", "statuses", "served_contract"],
                "golden_predictions",
                name="predict_golden_images",
            ),
            Node(
                predict_images,
                ["endpoints", "images", "statuses", "served_contract", "params:smoke_test"],
                "image_predictions",
                name="predict_images",
            ),
            Node(
                build_report,
                ["statuses", "golden_predictions", "image_predictions"],
                "smoke_test_report",
                name="build_report",
            ),
            Node(assert_passed, "smoke_test_report", None, name="assert_passed"),
        ],
        tags="smoke_test",
    )
