"""What ``report`` prints when its results are saved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from crosscloud_mnist.pipelines.report.nodes import PublishedReport


def _format_report(report: PublishedReport) -> Iterator[str]:
    yield (
        f"Report of {report['name']} {report['version']}: 08_reporting/releases/{report['file']} "
        f"of the storage, logged as {report['run']}"
    )


FORMATTERS: Mapping[str, Callable[[Any], Iterator[str]]] = {"published_report": _format_report}
