"""The order of ``doctor``."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crosscloud_mnist.pipelines.doctor.nodes import assert_passed, diagnose


def create_pipeline() -> Pipeline:
    """Return ``doctor``: the checkers in; a report out, and a verdict."""
    return Pipeline(
        [
            Node(diagnose, "checkers", "doctor_report", name="diagnose"),
            Node(assert_passed, "doctor_report", None, name="assert_passed"),
        ],
        tags="doctor",
    )
