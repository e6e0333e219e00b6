"""What ``smoke_test`` prints when its results are saved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from crosscloud_mnist.promotion.smoke_test_report import ImageRow, SmokeTestReport


def _format_report(report: SmokeTestReport) -> Iterator[str]:
    rows = report["golden"] + report["images"]
    width = max((len(row["file"]) for row in rows), default=0)
    yield f"{'image':{width}}  expected  predicted  probability"
    for row in rows:
        yield _format_row(row, width)
    for endpoint in report["endpoints"]:
        state = f"version {endpoint['model_version']}" if endpoint["healthy"] else "DOWN"
        yield f"{endpoint['cloud']}: {state}"
    yield f"Smoke test of {report['endpoint']}: {'passed' if report['passed'] else 'FAILED'}"


def _format_row(row: ImageRow, width: int) -> str:
    start = f"{row['file']:{width}}  {row['expected_class'] or '-':>8}"
    if row["error"]:
        return f"{start}  {row['error']}"
    verdict = "" if row["expected"] in (None, row["predicted"]) else "  WRONG"
    verdict += "  unsure" if row["unsure"] else ""
    return f"{start}  {row['predicted_class']:>9}  {row['probability']:>11.4f}{verdict}"


FORMATTERS: Mapping[str, Callable[[Any], Iterator[str]]] = {"smoke_test_report": _format_report}
