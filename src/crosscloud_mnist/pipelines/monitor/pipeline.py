"""The order of ``monitor``."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crosscloud_mnist.pipelines.deploy.nodes import resolve
from crosscloud_mnist.pipelines.monitor.figures import draw_drift
from crosscloud_mnist.pipelines.monitor.nodes import fetch_profile, judge, measure


def create_pipeline() -> Pipeline:
    """Return ``monitor``: an inference log in; a report, a figure and a verdict out."""
    return Pipeline(
        [
            Node(
                resolve,
                ["serving_registry", "params:monitor.name", "params:monitor.alias"],
                "monitored_version",
                name="resolve_alias",
            ),
            Node(
                fetch_profile,
                ["serving_registry", "verifier", "monitored_version"],
                "profile",
                name="fetch_profile",
            ),
            Node(
                measure,
                [
                    "inference_log",
                    "profile",
                    "monitored_version",
                    "params:monitor.threshold",
                    "params:monitor.minimum_pictures",
                ],
                "monitor_report",
                name="measure_drift",
            ),
            Node(draw_drift, "monitor_report", ["drift_figure", "drawn_report"], name="draw_drift"),
            Node(judge, "drawn_report", None, name="judge_drift"),
        ]
    )
