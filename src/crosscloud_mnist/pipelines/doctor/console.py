"""What ``doctor`` prints when its results are saved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from crosscloud_mnist.pipelines.doctor.nodes import DoctorReport
from crosscloud_mnist.ports import Status

_MARKS: Mapping[Status, str] = {
    "passed": "ok",
    "failed": "FAILED",
    "waiting": "waiting",
    "information": "-",
}
_INDENT = " " * 9


def _format_report(report: DoctorReport) -> Iterator[str]:
    titles = [f"{row['area']}: {row['name']}" for row in report["checks"]]
    width = max(map(len, titles), default=0)
    yield f"{'':9}{'checked':{width}}  found"
    for title, row in zip(titles, report["checks"], strict=True):
        yield f"{_MARKS[row['status']]:9}{title:{width}}  {row['found']}"
        if row["status"] == "failed":
            yield f"{_INDENT}  expected: {row['expected']}"
            yield f"{_INDENT}  to do: {row['remedy']}"
    yield f"{len(titles)} checked, {report['failed']} failed"


FORMATTERS: Mapping[str, Callable[[Any], Iterator[str]]] = {"doctor_report": _format_report}
