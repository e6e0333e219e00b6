"""The request log: one line of JSON for each request on the standard error, without pixels."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from datetime import datetime

import msgspec

_FLUSH_INTERVAL_SECONDS = 0.1  # a write for each line would cost as much as the HTTP parser
_encode_lines = msgspec.json.Encoder().encode_lines


class RequestLogEntry(msgspec.Struct, frozen=True):
    """One request.

    Attributes:
        time: When it was answered, in UTC.
        request_id: As in the response's header.
        method: HTTP method.
        route: Path of the route.
        status: HTTP status.
        milliseconds: Duration.
        model_version: The version served.
    """

    time: datetime
    request_id: str
    method: str
    route: str
    status: int
    milliseconds: float
    model_version: str


class RequestLog:
    """Buffers lines; writes them ten times a second and at shutdown."""

    def __init__(self) -> None:
        self._entries: list[RequestLogEntry] = []

    def append(self, entry: RequestLogEntry) -> None:
        """Add a line; called in the event loop."""
        if not self._entries:
            asyncio.get_running_loop().call_later(_FLUSH_INTERVAL_SECONDS, self.flush)
        self._entries.append(entry)

    def flush(self) -> None:
        """Write the buffered lines; they are lost where the disk is full."""
        entries, self._entries = self._entries, []
        if entries:
            with contextlib.suppress(OSError):
                sys.stderr.buffer.write(_encode_lines(entries))
                sys.stderr.buffer.flush()
