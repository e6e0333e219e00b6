"""What ``train_distributed`` prints when its results are saved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from crosscloud_mnist.training.result import WorkerReportEntry


def _format_worker_reports(reports: Sequence[WorkerReportEntry]) -> Iterator[str]:
    for report in reports:
        yield (
            f"Rank {report['rank']}: shards {', '.join(map(str, report['shards']))}, "
            f"{report['images']:,} images, weights {report['weights_sha256'][:12]}"
        )


def _format_model_uri(uri: str) -> Iterator[str]:
    yield f"Logged model: {uri}"


FORMATTERS: Mapping[str, Callable[[Any], Iterator[str]]] = {
    "worker_reports": _format_worker_reports,
    "model_uri": _format_model_uri,
}
