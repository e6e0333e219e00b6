"""The request log: a line of JSON for each request on the standard error, and no pixels."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Mapping

import msgspec

_SECONDS = 0.1  # a write for each line would cost as much as the HTTP parser
_encode = msgspec.json.Encoder().encode


class RequestLog:
    """Lines that are written together, ten times a second and at the end."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []

    def add(self, line: Mapping[str, object]) -> None:
        """Write the line soon; called in the event loop."""
        if not self._lines:
            asyncio.get_running_loop().call_later(_SECONDS, self.flush)
        self._lines.append(_encode(line))

    def flush(self) -> None:
        """Write what waits; where the disk is full it is lost, and requests are answered."""
        lines, self._lines = self._lines, []
        if lines:
            with contextlib.suppress(OSError):
                sys.stderr.buffer.write(b"\n".join(lines) + b"\n")
                sys.stderr.buffer.flush()
