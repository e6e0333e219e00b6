"""What ``history`` prints when its results are saved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any


def _format_ledger(entries: Sequence[Mapping[str, str | bool]]) -> Iterator[str]:
    for entry in entries:
        note = "" if entry["completed"] else " (interrupted)"
        yield (
            f"{entry['timestamp']}  {entry['actor']}  {entry['action']} {entry['version']} "
            f"(before: {entry['previous_version'] or 'none'}){note}: {entry['reason']}"
        )


FORMATTERS: Mapping[str, Callable[[Any], Iterator[str]]] = {"ledger": _format_ledger}
