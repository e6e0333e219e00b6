"""What ``monitor`` prints when its results are saved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from crosscloud_mnist.pipelines.monitor.report import MonitorReport


def _format_report(report: MonitorReport) -> Iterator[str]:
    if not report["conclusive"]:
        yield f"Monitor of {report['log']['images']:,} images: too few for a verdict"
        return
    yield f"{'statistic':14}  {'PSI':>7}  {'limit':>5}"
    for row in report["inputs"] + report["predictions"]:
        verdict = "  DRIFTED" if row["drifted"] else ""
        yield f"{row['statistic']:14}  {row['psi']:7.3f}  {row['limit']:5.2f}{verdict}"
    verdict = "no drift" if report["passed"] else "DRIFT"
    yield f"Monitor of {report['log']['images']:,} images: {verdict}"


FORMATTERS: Mapping[str, Callable[[Any], Iterator[str]]] = {"monitor_report": _format_report}
