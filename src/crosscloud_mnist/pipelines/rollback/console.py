"""What ``rollback`` prints when its results are saved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from crosscloud_mnist.pipelines.rollback.records import RollbackResult


def _format_rollback_result(result: RollbackResult) -> Iterator[str]:
    yield (
        f"Rolled back: {result['name']} {result['previous_version']} to {result['version']} in "
        f"{result['workspace']}, because {result['reason']}"
    )


FORMATTERS: Mapping[str, Callable[[Any], Iterator[str]]] = {
    "rollback_result": _format_rollback_result
}
