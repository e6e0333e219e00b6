"""What ``batch_score`` prints when its results are saved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from crosscloud_mnist.pipelines.batch_score.report import ScoringReport


def _format_report(report: ScoringReport) -> Iterator[str]:
    yield (
        f"Scored {report['images']:,} images ({report['errors']:,} unreadable) with "
        f"{report['model_name']} {report['model_version']}; predictions: {report['scores']}"
    )


FORMATTERS: Mapping[str, Callable[[Any], Iterator[str]]] = {"batch_report": _format_report}
