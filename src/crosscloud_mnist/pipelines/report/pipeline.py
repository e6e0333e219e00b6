"""The order of ``report``."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crosscloud_mnist.pipelines.report.evidence import find_reported_version, gather_evidence
from crosscloud_mnist.pipelines.report.figures import draw_figures
from crosscloud_mnist.pipelines.report.nodes import name_page, publish_report
from crosscloud_mnist.pipelines.report.page import render_page

_VERSION = "reported_version"


def create_pipeline() -> Pipeline:
    """Return ``report``: a version in production and its smoke test in; one page out."""
    return Pipeline(
        [
            Node(
                find_reported_version,
                ["serving_registry", "params:production", "smoke_test_report"],
                _VERSION,
                name="find_reported_version",
            ),
            Node(
                gather_evidence,
                ["serving_registry", "verifier", _VERSION, "params:production"],
                "evidence",
                name="gather_evidence",
            ),
            Node(draw_figures, "evidence", "report_figures", name="draw_figures"),
            Node(
                render_page,
                ["evidence", "smoke_test_report", "report_figures", "params:report"],
                "report_page",
                name="render_page",
            ),
            Node(name_page, [_VERSION, "report_page"], "report_pages", name="name_page"),
            Node(
                publish_report,
                ["serving_registry", _VERSION, "report_page"],
                "published_report",
                name="publish_report",
                tags="production",
            ),
        ],
        tags="report",
    )
