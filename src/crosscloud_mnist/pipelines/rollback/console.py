"""What ``rollback`` prints when its results are saved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any


def _format_rollback_result(result: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"Rolled back: {result['name']} {result['previous_version']} to {result['version']} in "
        f"{result['workspace']}, because {result['reason']}"
    )


FORMATTERS: Mapping[str, Callable[[Any], Iterator[str]]] = {
    "rollback_result": _format_rollback_result
}
