"""The pipeline ``monitor``."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crosscloud_mnist.pipelines.monitor.figures import draw_drift
from crosscloud_mnist.pipelines.monitor.nodes import (
    assert_passed,
    fetch_profile,
    measure_drift,
    read_log,
)
from crosscloud_mnist.promotion import resolve_alias


def create_pipeline() -> Pipeline:
    """Return ``monitor``: from an inference log to a report, a figure and a verdict."""
    return Pipeline(
        [
            Node(
                resolve_alias,
                ["serving_registry", "params:production"],
                "monitored_version",
                name="resolve_alias",
            ),
            Node(
                fetch_profile,
                ["serving_registry", "verifier", "monitored_version"],
                ["profile", "monitored_contract"],
                name="fetch_profile",
            ),
            Node(
                read_log,
                ["inference_log", "monitored_version", "monitored_contract"],
                "logged_predictions",
                name="read_log",
            ),
            Node(
                measure_drift,
                ["logged_predictions", "profile", "monitored_version", "params:monitor"],
                "monitor_report",
                name="measure_drift",
            ),
            Node(
                draw_drift,
                ["monitor_report", "monitored_contract"],
                ["drift_figure", "drawn_report"],
                name="draw_drift",
            ),
            Node(assert_passed, "drawn_report", None, name="assert_passed"),
        ],
        tags="monitor",
    )
